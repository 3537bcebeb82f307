"""The nobase and danbee doors of the real service: every row of their table, over HTTP."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from typing import Any, TypeVar
from urllib.parse import quote_from_bytes, quote_plus

import pytest
from tests.support.engines import Engine
from tests.support.programs import LOOPBACK
from tests.support.service import Service, serving

from postroad.operations.administration import apps, developers, relays, users
from postroad.operations.administration.desk import Desk
from postroad.simulators import hostile
from postroad.tenancy.audit import SYSTEM
from postroad.tenancy.keys import digest
from postroad.tenancy.passwords import password_form
from postroad.tenancy.records import App, User, UserToken
from postroad.wiring import Installation, installation

T = TypeVar("T")

SEND, BIND = "/api/mail/send", "/api/user/bind_mail"
LOGIN, REGISTER = "/api/user/login", "/api/user/register"
FORM, JSON = "application/x-www-form-urlencoded", "application/json"
ACCOUNT, PASSWORD = "13800138000", "UserPass123"
MAIL = {"mail": "bo@b.example", "title": "测试邮件标题", "content": "<h1>正文</h1>"}
SENT = (200, "邮件发送成功")
METHODS = ["GET", "POST"]

Said = tuple[int, str]


@dataclass(frozen=True)
class Reply:
    """An answer; `headers` have names in lower case."""

    status: int
    headers: dict[str, str]
    data: Any = field(repr=False)

    @property
    def said(self) -> Said:
        """The code and the data of the envelope, which is complete."""
        assert self.status == 200
        assert self.headers["content-type"] == "application/json; charset=utf-8"
        assert set(self.data) == {"code", "msg", "data"}
        assert self.data["msg"] == ("success" if self.data["code"] == 200 else "fail")
        return self.data["code"], self.data["data"]


class Caller:
    """A program that calls the doors on one connection, without a memory for cookies."""

    def __init__(self, service: Service) -> None:
        self._connection = HTTPConnection(LOOPBACK, service.port, timeout=30)

    def close(self) -> None:
        self._connection.close()

    def ask(self, path: str, values: dict[str, str], method: str = "POST", **headers: str) -> Reply:
        """Return the answer to values in a form, or in the query of a GET."""
        return self.send(path, encoded(values), method, **headers)

    def send(
        self, path: str, octets: bytes, method: str = "POST", kind: str = FORM, **headers: str
    ) -> Reply:
        """Return the answer to a body, or to a query as it is."""
        fields = {name.replace("_", "-"): text for name, text in headers.items()}
        if method == "GET":
            self._connection.request("GET", f"{path}?{octets.decode('ascii')}", headers=fields)
        else:
            self._connection.request(method, path, octets, {"Content-Type": kind, **fields})
        answer = self._connection.getresponse()
        body = answer.read()
        names = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, names, json.loads(body))


def encoded(values: dict[str, str] | dict[str, bytes]) -> bytes:
    """Return a form; octets may be anything."""
    pairs = (
        f"{name}={quote_from_bytes(value) if isinstance(value, bytes) else quote_plus(value)}"
        for name, value in values.items()
    )
    return "&".join(pairs).encode("ascii")


@dataclass(frozen=True)
class World:
    """A running service, what an operator can do to it, a relay, and one that refuses all."""

    service: Service
    caller: Caller
    relay_port: int
    refusing_port: int

    def administer(self, work: Callable[[Desk, Installation], Awaitable[T]]) -> T:
        """Do `work` as a command beside the server."""

        async def run() -> T:
            async with installation(self.service.settings()) as opened:
                return await work(opened.desk(SYSTEM), opened)

        return asyncio.run(run())

    def app(self, name: str, **fields: Any) -> App:
        """Return a new app, captured and without interval or limit unless `fields` say so."""
        given: Any = {"interval_s": 0, "per_recipient_hour": 0} | fields

        async def work(desk: Desk, _: Installation) -> App:
            return (await apps.create(desk, name, **given)).app

        return self.administer(work)

    def change(self, app: App, **fields: Any) -> None:
        self.administer(lambda desk, _: apps.update(desk, app.id, **fields))

    def user(self, app: App, account: str = ACCOUNT, **fields: Any) -> User:
        return self.administer(lambda desk, _: users.create(desk, app, account, PASSWORD, **fields))

    def change_user(self, app: App, account: str = ACCOUNT, **fields: Any) -> None:
        self.administer(lambda desk, _: users.update(desk, app, account, **fields))

    def relay(self, app: App, port: int, **fields: Any) -> None:
        given: Any = {"host": LOOPBACK, "port": port, "security": "none"} | fields
        self.administer(lambda desk, _: relays.create(desk, app, f"relay {port}", **given))

    def token(self, app: App, account: str = ACCOUNT) -> str:
        """Return the token of a new login."""
        reply = self.caller.ask(LOGIN, login(app, user=account))
        assert reply.data["code"] == 200, reply.data
        token: str = reply.data["data"]["token"]
        return token

    def count(self, table: str) -> int:
        """Return the rows of a table."""
        ((number,),) = self.service.rows(f"SELECT count(*) FROM {table}")
        return int(number)


def login(app: App, **changes: str) -> dict[str, str]:
    return signed(app) | {"user": ACCOUNT, "pass": PASSWORD} | changes


def signed(app: App) -> dict[str, str]:
    return {"appid": app.id, "signature": app.signature}


@pytest.fixture(scope="module")
def world(engine: Engine) -> Iterator[World]:
    with (
        hostile() as relay,
        hostile("550@rcpt") as refusing,
        engine.new() as place,
        serving(url=None if place.is_sqlite else place.url) as service,
        closing(Caller(service)) as caller,
    ):
        yield World(service, caller, relay.port, refusing.port)


# The table, in its order: each request also violates everything that is checked later


@pytest.mark.parametrize("method", METHODS)
def test_with_tokens_off_each_check_wins_over_all_later_ones(world: World, method: str) -> None:
    values: dict[str, str] = {"title": "a\0b"}
    yesterday = datetime.now(UTC) - timedelta(days=1, minutes=1)

    def said(**changes: str) -> Said:
        values.update(changes)
        return world.caller.ask(SEND, values, method).said

    async def owner(desk: Desk, _: Installation) -> str:
        developer = await developers.create(
            desk, f"owner {method}", state="disabled", paid_until=yesterday
        )
        return developer.id

    developer_id = world.administer(owner)
    app = world.app(
        f"tokens off {method}",
        tokens=False,
        developer=developer_id,
        state="under_review",
        mode="live",
        from_="shop@a.example",
        interval_s=60,
    )

    def change_owner(**fields: Any) -> None:
        world.administer(lambda desk, _: developers.update(desk, developer_id, **fields))

    twice = world.caller.send(SEND, b"title=&title=a%00b", method).said
    assert twice == (204, "接口参数错误:title重复")
    assert said() == (204, "接口参数错误:title含有非法字符")
    assert said(title=" \u3000") == (204, "接口参数错误:缺少appid")
    assert said(appid="1000000000") == (204, "接口参数错误:缺少signature")
    assert said(signature="0" * 32) == (204, "接口参数错误:缺少mail")
    assert said(mail="bo@") == (204, "接口参数错误:缺少title")
    assert said(title="title") == (204, "接口参数错误:缺少content")
    assert said(content="content") == (407, "应用配置不存在!")
    assert said(appid=app.id) == (402, "用户访问被限制:签名校验失败!")
    assert said(signature=app.signature) == (404, "开发者账号已被禁用!")
    change_owner(state="normal")
    assert said() == (404, "开发者账号已逾期(1天),请缴费后重试!")
    change_owner(paid_until=None)
    assert said() == (404, "应用审核中!")
    world.change(app, state="stopped")
    assert said() == (404, "应用已停用!")
    world.change(app, stop_prompt="系统维护中,请稍后!")
    assert said() == (404, "系统维护中,请稍后!")
    world.change(app, state="normal")
    assert said() == (204, "接口参数错误:令牌未启用需传user和pass!")
    assert said(user="user1") == (204, "接口参数错误:令牌未启用需传user和pass!")
    assert said(**{"pass": "пароль"}, token="x") == (
        *(204, "接口参数错误:token与user/pass不可同时传递!"),
    )
    del values["token"]
    assert said() == (403, "账号格式错误!仅支持数字账号!")
    assert said(user="１３８００１３８") == (403, "账号格式错误!仅支持数字账号!")
    assert said(user="13800") == (405, "账号长度需在6-18字符之间")
    world.change(app, account_min=11, account_max=12)
    assert said(user="1380013800") == (405, "账号长度需在11-12字符之间")
    assert said(user=ACCOUNT) == (403, "密码格式错误!仅支持字母和数字!")
    assert said(**{"pass": "Wrong123"}) == (404, "当前用户账号未注册!")
    world.user(app, state="disabled")
    assert said() == (404, "用户账号密码错误!")
    assert said(**{"pass": PASSWORD}) == (404, "用户账号状态异常!")
    world.change_user(app, state="normal")
    assert said() == (404, "邮箱格式错误!")
    assert said(mail="a+b.c@b.example") == (407, "邮箱服务器配置不存在!")
    world.relay(app, world.refusing_port, is_enabled=False)
    assert said() == (407, "邮箱服务器配置不存在!")
    world.administer(
        lambda desk, _: relays.update(desk, [app], f"relay {world.refusing_port}", is_enabled=True)
    )
    code, data = said()
    assert code == 405
    assert re.fullmatch(r"邮件发送失败:[^:]+\(550 [\d.]+\)", data)
    code, data = said()
    assert code == 405
    assert re.fullmatch(r"请求频繁:请于(60|5\d)秒后再添加任务!", data)
    world.change(app, interval_s=0)
    world.relay(app, world.relay_port)
    world.administer(
        lambda desk, _: relays.update(desk, [app], f"relay {world.refusing_port}", is_enabled=False)
    )
    assert said() == SENT


@pytest.mark.parametrize("method", METHODS)
def test_with_tokens_on_each_check_wins_over_all_later_ones(world: World, method: str) -> None:
    app = world.app(f"tokens on {method}", mode="live", from_="shop@a.example")
    old_token = secrets.token_hex(32)
    other = world.app(f"another's tokens {method}")
    user = world.user(app)
    world.user(other)
    values = signed(app) | MAIL | {"mail": "bo@"}

    def said(**changes: str) -> Said:
        values.update(changes)
        return world.caller.ask(SEND, values, method).said

    async def expired(_: Desk, opened: Installation) -> None:
        past = datetime.now(UTC) - timedelta(seconds=1)
        token = UserToken(digest(old_token), app.id, user.id, past, past)
        await opened.core.tenants.add_token(token, keep=10)

    world.administer(expired)
    token = world.token(app)

    assert said() == (204, "接口参数错误:令牌启用需传token!")
    assert said(user=ACCOUNT) == (204, "接口参数错误:令牌启用需传token!")
    assert said(token="x") == (204, "接口参数错误:token与user/pass不可同时传递!")
    del values["user"]
    assert said() == (401, "token无效或已过期!")
    assert said(token=old_token) == (401, "token无效或已过期!")
    assert said(token=world.token(other)) == (401, "token无效或已过期!")
    assert said(token=token.upper()) == (401, "token无效或已过期!")
    world.change_user(app, state="disabled")
    assert said(token=token) == (404, "用户账号状态异常!")
    world.change_user(app, state="normal")
    assert said() == (404, "邮箱格式错误!")
    assert said(mail=f"Bo <{MAIL['mail']}>") == (404, "邮箱格式错误!")
    assert said(mail=f"{MAIL['mail']},an@b.example") == (404, "邮箱格式错误!")
    assert said(mail=MAIL["mail"]) == (407, "邮箱服务器配置不存在!")
    world.relay(app, world.relay_port)
    assert said() == SENT
    world.change(app, mode="capture")
    reply = world.caller.ask(SEND, values, method)
    assert reply.said == SENT
    assert reply.headers["x-postroad-captured"] == "1"


@pytest.mark.parametrize(
    ("overdue", "text"),
    [
        (timedelta(seconds=20), "1分钟"),
        (timedelta(minutes=30, seconds=20), "30分钟"),
        (timedelta(minutes=59, seconds=20), "59分钟"),
        (timedelta(hours=1, seconds=20), "1时"),
        (timedelta(hours=23, minutes=59), "23时"),
        (timedelta(days=1, seconds=20), "1天"),
        (timedelta(days=2, seconds=20), "2天"),
        (timedelta(days=30, seconds=20), "30天"),
        (timedelta(days=31, seconds=20), "1月"),
        (timedelta(days=120, seconds=20), "4月"),
    ],
)
def test_an_overdue_developer_is_told_for_how_long(
    world: World, overdue: timedelta, text: str
) -> None:
    async def work(desk: Desk, _: Installation) -> App:
        paid_until = datetime.now(UTC) - overdue
        owner = await developers.create(desk, f"overdue {text}", paid_until=paid_until)
        return (await apps.create(desk, f"overdue {text}", developer=owner.id)).app

    app = world.administer(work)

    for path in (SEND, LOGIN, REGISTER, BIND):
        values = login(app) | MAIL | {"nickname": "n"}
        assert world.caller.ask(path, values).said == (
            *(404, f"开发者账号已逾期({text}),请缴费后重试!"),
        )


def test_who_waited_as_long_as_told_may_send(world: World) -> None:
    app = world.app("true seconds", interval_s=1)
    world.user(app)
    values = signed(app) | MAIL | {"token": world.token(app)}

    assert world.caller.ask(SEND, values).said == SENT
    code, data = world.caller.ask(SEND, values).said

    # With a busy machine the second may be over before the second request has come.
    assert (code, data) in {(405, "请求频繁:请于1秒后再添加任务!"), SENT}


def test_the_same_session_waits_whoever_sends(world: World) -> None:
    app = world.app("sessions", interval_s=3_600)
    tokens = []
    for account in ("10000001", "10000002", "10000003"):
        world.user(app, account)
        tokens.append(world.token(app, account))

    def ask(token: str, **headers: str) -> Reply:
        return world.caller.ask(SEND, signed(app) | MAIL | {"token": token}, **headers)

    first = ask(tokens[0])
    cookie = first.headers["set-cookie"].partition(";")[0]
    same_session = ask(tokens[1], Cookie=cookie)
    same_user = ask(tokens[0])
    neither = ask(tokens[1])

    assert first.said == neither.said == SENT
    for reply in (same_session, same_user):
        code, data = reply.said
        assert code == 405
        assert re.fullmatch(r"请求频繁:请于(3600|35\d\d)秒后再添加任务!", data)
    assert ask(tokens[2], Cookie=cookie).said[0] == 405
    world.change(app, window="session")
    assert ask(tokens[0]).said == SENT
    assert ask(tokens[2], Cookie=cookie).said[0] == 405


# Accounts


@pytest.mark.parametrize("method", METHODS)
def test_an_account_from_its_registration_to_its_first_mail(world: World, method: str) -> None:
    app = world.app(f"accounts {method}")
    began = datetime.now(UTC).replace(microsecond=0)

    def ask(path: str, **values: str) -> Any:
        return world.caller.ask(path, signed(app) | values, method).said

    assert ask(REGISTER, user="user123456", **{"pass": PASSWORD}, nickname="보라", qq="10001") == (
        *(200, "注册成功"),
    )
    assert ask(REGISTER, user="user123456", **{"pass": "Other1"}, nickname="n") == (
        *(404, "该账号已被注册!"),
    )
    code, first = ask(LOGIN, user="user123456", **{"pass": PASSWORD})
    assert code == 200
    assert ask(BIND, mail="bo@b.example", token=first["token"]) == (200, "更新成功")
    _, second = ask(LOGIN, user="user123456", **{"pass": PASSWORD})
    sent = ask(SEND, **MAIL, token=second["token"])

    assert set(first) == {
        *("username", "nickname", "useremail", "createtime", "logintime", "token", "token_dead"),
    }
    assert (first["username"], first["nickname"]) == ("user123456", "보라")
    assert (first["useremail"], second["useremail"]) == ("未绑定", "bo@b.example")
    for name in ("createtime", "logintime"):
        told = datetime.strptime(f"{first[name]} +0800", "%Y-%m-%d %H:%M:%S %z")
        assert began <= told <= datetime.now(UTC)
    assert re.fullmatch("[0-9a-f]{64}", first["token"])
    lives = first["token_dead"] - began.timestamp()
    assert (
        timedelta(days=7).total_seconds() <= lives <= timedelta(days=7, minutes=5).total_seconds()
    )
    assert first["token"] != second["token"]
    assert sent == SENT


def test_an_address_is_bound_by_password_where_tokens_are_off(world: World) -> None:
    app = world.app("binding", tokens=False)
    world.user(app)

    def bound(**changes: str) -> Said:
        return world.caller.ask(BIND, login(app, mail="bo@b.example") | changes).said

    assert bound() == (200, "更新成功")
    assert bound(mail="bo@") == (404, "邮箱格式错误!")
    assert bound(**{"pass": "Wrong123"}) == (404, "用户账号密码错误!")
    assert bound(user="13900139000") == (404, "当前用户账号未注册!")
    assert bound(user="user123456") == (403, "账号格式错误!仅支持数字账号!")
    assert bound(token="x") == (204, "接口参数错误:token与user/pass不可同时传递!")
    assert bound(mail="") == (204, "接口参数错误:缺少mail")
    assert world.service.rows("SELECT email FROM app_user WHERE app_id = ?", app.id) == [
        ("bo@b.example",)
    ]


def test_a_password_and_its_md5_are_one_both_ways(world: World) -> None:
    app = world.app("md5", tokens=False)
    md5 = password_form(PASSWORD)

    for account, registered in (
        ("10000001", PASSWORD),
        ("10000002", md5),
        ("10000003", md5.upper()),
    ):
        values = login(app, user=account, nickname="n") | {"pass": registered}
        assert world.caller.ask(REGISTER, values).said == (200, "注册成功")
        for given in (PASSWORD, md5, md5.upper()):
            proof = {"user": account, "pass": given}
            assert world.caller.ask(LOGIN, signed(app) | proof).data["code"] == 200
            assert world.caller.ask(SEND, signed(app) | MAIL | proof).said == SENT
        wrong = {"user": account, "pass": password_form("Other123")}
        assert world.caller.ask(LOGIN, signed(app) | wrong).said == (404, "用户账号密码错误!")


def test_the_ten_newest_tokens_of_a_user_live(world: World) -> None:
    app = world.app("tokens")
    world.user(app)
    tokens = [world.token(app) for _ in range(12)]

    said = [world.caller.ask(SEND, signed(app) | MAIL | {"token": each}).said for each in tokens]

    assert said == [(401, "token无效或已过期!")] * 2 + [SENT] * 10


def test_what_registration_and_login_refuse(world: World) -> None:
    app = world.app("refusals")
    world.user(app)
    good = login(app, user="user123456", nickname="n")

    def said(path: str, **changes: str) -> Said:
        return world.caller.ask(path, good | changes).said

    for path in (REGISTER, LOGIN):
        assert said(path, appid="1000000000") == (407, "应用配置不存在!")
        assert said(path, signature="f" * 32) == (402, "用户访问被限制:签名校验失败!")
        assert said(path, user="") == (204, "接口参数错误:缺少user")
        assert said(path, **{"pass": " "}) == (204, "接口参数错误:缺少pass")
        assert said(path, user="用户123456") == (403, "账号格式错误!仅支持字母和数字!")
        assert said(path, user="user1") == (405, "账号长度需在6-18字符之间")
        assert said(path, **{"pass": "se cret"}) == (403, "密码格式错误!仅支持字母和数字!")
    assert said(REGISTER, nickname="") == (204, "接口参数错误:缺少nickname")
    assert said(REGISTER, email="bo@") == (404, "邮箱格式错误!")
    assert said(LOGIN) == (404, "当前用户账号未注册!")
    assert said(LOGIN, user=ACCOUNT, **{"pass": "Wrong123"}) == (404, "用户账号密码错误!")
    world.change_user(app, state="disabled")
    assert said(LOGIN, user=ACCOUNT) == (404, "用户账号状态异常!")
    assert world.service.rows("SELECT count(*) FROM app_user WHERE app_id = ?", app.id) == [(1,)]


def test_many_who_register_one_account_at_once_are_one_user(world: World) -> None:
    app = world.app("race")
    values = login(app, nickname="n")

    async def ask() -> list[Said]:
        def one() -> Said:
            with closing(Caller(world.service)) as caller:
                return caller.ask(REGISTER, values).said

        return await asyncio.gather(*(asyncio.to_thread(one) for _ in range(8)))

    assert sorted(asyncio.run(ask())) == [(200, "注册成功")] + [(404, "该账号已被注册!")] * 7


# Injection through every parameter of every door

CONTROLS = {
    "CR LF": "\r\nBcc: x@c.example",
    "CR": "\rBcc: x@c.example",
    "LF": "\nBcc: x@c.example",
    "NUL": "\0",
    "VT": "\v",
    "ESC": "\x1b[2J",
    "DEL": "\x7f",
    "NEL": "\x85",
    "LS": "\u2028",
    "PS": "\u2029",
}
NOT_UTF8 = {"not UTF-8": b"\xff\xfe", "a surrogate": b"\xed\xa0\x80", "overlong": b"\xc0\x8a"}
NOBASE = {
    SEND: ("appid", "signature", "mail", "title", "content", "token", "user", "pass"),
    REGISTER: ("appid", "signature", "user", "pass", "nickname", "qq", "email"),
    LOGIN: ("appid", "user", "pass", "signature"),
    BIND: ("appid", "mail", "signature", "token", "user", "pass"),
}
DANBEE = {
    "/api/danbee/navermailsender": (
        *("user", "password", "fromUsername", "toEmail", "subject", "message"),
    ),
    "/api/danbee/gmailsender": (
        *("user", "password", "fromUsername", "toEmail", "subject", "message"),
    ),
    "/api/danbee/awssessender": ("fromEmail", "toEmail", "subject", "message"),
}


@dataclass(frozen=True)
class Target:
    """What is attacked: an app of each kind with what its doors want, and an API key."""

    world: World
    with_tokens: App
    with_logins: App
    token: str
    api_key: str

    def good(self, path: str, name: str) -> dict[str, str]:
        """Return a request that succeeds, with the parameter `name` among those it has."""
        if path in DANBEE:
            values = {
                "user": "danbee@gmail.com",
                "password": "abcdefghijklmnop",
                "fromUsername": "단비",
                "fromEmail": "shop@a.example",
                "toEmail": "bo@b.example",
                "subject": "안녕",
                "message": "<p>반가워요</p>",
            }
            return {each: values[each] for each in DANBEE[path]}
        if path == REGISTER:
            return login(self.with_tokens, nickname="n", qq="10001", email="bo@b.example")
        if path == LOGIN:
            return login(self.with_tokens)
        values = MAIL if path == SEND else {"mail": MAIL["mail"]}
        if name in ("user", "pass"):
            return login(self.with_logins) | values
        return signed(self.with_tokens) | values | {"token": self.token}

    def kept(self) -> tuple[Any, ...]:
        """Return what is stored of messages and users."""
        rows = self.world.service.rows
        return self.world.count("message"), rows("SELECT id, nickname, qq, email FROM app_user")


@pytest.fixture(scope="module")
def target(world: World) -> Target:
    async def work(desk: Desk, _: Installation) -> tuple[App, str]:
        made = await apps.create(desk, "attacked, tokens on", interval_s=0, per_recipient_hour=0)
        return made.app, made.secret

    with_tokens, api_key = world.administer(work)
    with_logins = world.app("attacked, tokens off", tokens=False)
    world.user(with_tokens)
    world.user(with_logins)
    return Target(world, with_tokens, with_logins, world.token(with_tokens), api_key)


def refusal_of(name: str) -> Said:
    """Return what is said of a parameter with an illegal character."""
    if name == "signature":
        return 402, "用户访问被限制:签名校验失败!"
    if name in ("mail", "email"):
        return 404, "邮箱格式错误!"
    return 204, f"接口参数错误:{name}含有非法字符"


@pytest.mark.parametrize(
    ("path", "name"), [(path, name) for path, names in NOBASE.items() for name in names]
)
def test_no_line_gets_in_through_a_parameter(target: Target, path: str, name: str) -> None:
    good, caller = target.good(path, name), target.world.caller
    before = target.kept()
    controls = {"NUL": "\0"} if name == "content" else CONTROLS

    for what, control in controls.items():
        for at in ("behind", "before", "within"):
            text = good[name]
            middle = len(text) // 2
            spoilt = {
                "behind": text + control,
                "before": control + text,
                "within": text[:middle] + control + text[middle:],
            }[at]
            values = good | {name: spoilt}
            for method in METHODS:
                assert caller.ask(path, values, method).said == refusal_of(name), (what, at)
            body = json.dumps(values).encode()
            assert caller.send(path, body, kind=JSON).said == refusal_of(name), (what, at)
    for what, octets in NOT_UTF8.items():
        spoilt_octets = encoded({**{k: v.encode() for k, v in good.items()}, name: octets})
        for method in METHODS:
            assert caller.send(path, spoilt_octets, method).said == refusal_of(name), what
    for odd in ("\ud800", ["a"], {"a": "b"}, True, False):
        body = json.dumps(good | {name: odd}).encode()
        assert caller.send(path, body, kind=JSON).said == refusal_of(name), odd

    assert target.kept() == before


@pytest.mark.parametrize(
    ("path", "name"), [(path, name) for path, names in NOBASE.items() for name in names]
)
def test_what_is_far_too_long_is_refused_or_not_sent(target: Target, path: str, name: str) -> None:
    good, caller = target.good(path, name), target.world.caller
    before = target.kept()

    for length in (10_000, 300_000):
        for as_json in (False, True):
            values = good | {name: "1" * length}
            body = json.dumps(values).encode() if as_json else encoded(values)
            code, data = caller.send(path, body, kind=JSON if as_json else FORM).said

            if name == "content" or (name == "title" and length < 100_000):
                assert (code, data) == SENT
            else:
                assert code in {204, 401, 402, 403, 404, 405, 407}
                assert len(data) < 200

    if name not in ("title", "content"):
        assert target.kept() == before


def test_a_long_title_is_captured_whole_and_a_content_may_hold_what_it_likes(
    target: Target,
) -> None:
    good, caller = target.good(SEND, "title"), target.world.caller
    title = "제목" * 100
    content = "".join(control for control in CONTROLS.values() if control != "\0")

    assert caller.ask(SEND, good | {"title": title}).said == SENT
    ((subject,),) = target.world.service.rows(
        "SELECT subject FROM message ORDER BY created_at DESC LIMIT 1"
    )
    assert subject == title
    code, data = caller.ask(SEND, good | {"content": content}).said

    assert (code, data) == SENT or (code == 405 and data.startswith("邮件发送失败:"))


@pytest.mark.parametrize(
    ("path", "name"), [(path, name) for path, names in DANBEE.items() for name in names]
)
def test_no_line_gets_in_through_a_field_of_danbee(target: Target, path: str, name: str) -> None:
    good, caller = target.good(path, name), target.world.caller
    before = target.kept()
    text = good[name]
    controls = {"NUL": "\0"} if name == "message" else CONTROLS
    if "gmail" in path and name == "password":  # white space is dropped, wherever it stands
        controls = {what: each for what, each in controls.items() if not each[0].isspace()}

    def refused(reply: Reply) -> bool:
        assert reply.status == 200
        assert set(reply.data) == {
            *("resultCode", "resultMessage", "apiResultCode", "apiResultMessage"),
            "apiResultMsgId",
        }
        return (reply.data["resultCode"], reply.data["apiResultMsgId"]) == ("fail", "")

    for what, control in controls.items():
        for spoilt in (f"{text}{control}", f"{control}{text}", f"{text[:2]}{control}{text[2:]}"):
            values = good | {name: spoilt}
            for method in METHODS:
                assert refused(caller.ask(path, values, method, X_API_Key=target.api_key)), what
            body = json.dumps(values).encode()
            assert refused(caller.send(path, body, kind=JSON, X_API_Key=target.api_key)), what
    for octets in NOT_UTF8.values():
        spoilt_octets = encoded({**{k: v.encode() for k, v in good.items()}, name: octets})
        assert refused(caller.send(path, spoilt_octets, X_API_Key=target.api_key))
    for odd in ("\ud800", ["a"], {"a": "b"}, True, None, ""):
        body = json.dumps(good | {name: odd}).encode()
        assert refused(caller.send(path, body, kind=JSON, X_API_Key=target.api_key)), odd

    assert target.kept() == before


@pytest.mark.parametrize("key", ["", "pr_wrong", "pr_wrong\u00e9", "한국어", "a" * 5_000])
@pytest.mark.parametrize("path", DANBEE)
def test_danbee_without_a_good_key_sends_nothing(target: Target, path: str, key: str) -> None:
    before, log = target.kept(), target.world.count("send_log")

    reply = target.world.caller.ask(path, target.good(path, "subject") | {"apikey": key})

    assert (reply.status, reply.data["resultCode"], reply.data["apiResultCode"]) == (
        *(200, "fail", "-1"),
    )
    assert (target.kept(), target.world.count("send_log")) == (before, log)


def test_the_good_requests_that_were_spoilt_do_succeed(target: Target) -> None:
    world = target.world
    before = world.count("message")

    for name in ("token", "user"):
        for method in METHODS:
            assert world.caller.ask(SEND, target.good(SEND, name), method).said == SENT
    for path in (LOGIN, BIND):
        assert world.caller.ask(path, target.good(path, "mail")).data["code"] == 200
    fresh = target.good(REGISTER, "user") | {"user": "fresh123456"}
    assert world.caller.ask(REGISTER, fresh).said == (200, "注册成功")
    for path in ("/api/danbee/navermailsender", "/api/danbee/gmailsender"):
        reply = world.caller.ask(path, target.good(path, "user"), X_API_Key=target.api_key)
        assert reply.data["resultCode"] == "success"
        assert reply.headers["x-postroad-captured"] == "1"

    assert world.count("message") == before + 6


def test_every_signed_request_is_in_the_send_log_and_no_other(world: World) -> None:
    app = world.app("logged")
    world.user(app)
    good = signed(app) | MAIL | {"token": world.token(app)}
    spoilt = [{"title": "a\nb"}, {"content": ""}, {"token": ""}, {"mail": "bo@"}, {}]
    unsigned = [{"signature": "0" * 32}, {"appid": "1000000000"}, {"signature": ""}]

    for changes in (*spoilt, *unsigned):
        world.caller.ask(SEND, good | changes)

    logged = world.service.rows(
        "SELECT status, reason, ip, recipient, title FROM send_log WHERE app_id = ? ORDER BY id",
        app.id,
    )
    assert [row[:2] for row in logged] == [
        ("refused", "illegal: title"),
        ("refused", "missing: content"),
        ("refused", "token_missing"),
        ("refused", "address"),
        ("captured", ""),
    ]
    assert {row[2] for row in logged} == {LOOPBACK}
    assert [row[4] for row in logged] == ["a\ufffdb", *[MAIL["title"]] * 4]


def test_ten_wrong_passwords_and_the_next_is_told_to_wait(world: World) -> None:
    app = world.app("guessed", tokens=False)
    world.user(app)

    async def failed_often(_: Desk, opened: Installation) -> None:
        keys = [f"account:{app.id}:{ACCOUNT}"]
        await opened.core.tenants.login_failed(keys * 19, datetime.now(UTC))

    world.administer(failed_often)

    for path in (LOGIN, SEND, BIND):
        for password in ("Wrong123", PASSWORD):
            code, data = world.caller.ask(path, login(app) | MAIL | {"pass": password}).said
            assert code == 405
            assert re.fullmatch(r"请求频繁:请于(512|5[01]\d|4\d\d)秒后再添加任务!", data)
