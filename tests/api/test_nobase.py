"""The nobase dialect over HTTP: every text, the envelope, the cookie, CORS."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.api.service import LOGGED_IN, SEND, Service, changed, head, running

from postroad.api.nobase import FAULTS, TEXTS
from postroad.errors import Code, StorageError
from postroad.operations.sending import NotSent, Sent
from postroad.tenancy.checks import Check, Refusal, Request

REGISTER, LOGIN, BIND = "/api/user/register", "/api/user/login", "/api/user/bind_mail"
DOORS = {"send": SEND, "register": REGISTER, "login": LOGIN, "bind_mail": BIND}

EXPOSED = "X-Postroad-Captured, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After"
ALL = b"appid=1&signature=s&mail=m&title=t&content=c&token=k&user=u&pass=p&nickname=n&qq=q&email=e"

SAID: dict[Check, tuple[Refusal, int, str]] = {
    refusal.check: (refusal, code, data)
    for refusal, code, data in [
        (Refusal(Check.REPEATED, "appid"), 204, "接口参数错误:appid重复"),
        (Refusal(Check.ILLEGAL, "title"), 204, "接口参数错误:title含有非法字符"),
        (Refusal(Check.MISSING, "appid"), 204, "接口参数错误:缺少appid"),
        (Refusal(Check.APP_UNKNOWN), 407, "应用配置不存在!"),
        (Refusal(Check.SIGNATURE), 402, "用户访问被限制:签名校验失败!"),
        (Refusal(Check.DEVELOPER_DISABLED), 404, "开发者账号已被禁用!"),
        (
            Refusal(Check.DEVELOPER_OVERDUE, overdue=timedelta(days=1, hours=2)),
            404,
            "开发者账号已逾期(1天),请缴费后重试!",
        ),
        (Refusal(Check.APP_UNDER_REVIEW), 404, "应用审核中!"),
        (Refusal(Check.APP_STOPPED), 404, "应用已停用!"),
        (Refusal(Check.TOKEN_MISSING), 204, "接口参数错误:令牌启用需传token!"),
        (Refusal(Check.LOGIN_MISSING), 204, "接口参数错误:令牌未启用需传user和pass!"),
        (Refusal(Check.BOTH_GIVEN), 204, "接口参数错误:token与user/pass不可同时传递!"),
        (Refusal(Check.TOKEN_INVALID), 401, "token无效或已过期!"),
        (Refusal(Check.ACCOUNT_DIGITS), 403, "账号格式错误!仅支持数字账号!"),
        (Refusal(Check.ACCOUNT_FORMAT), 403, "账号格式错误!仅支持字母和数字!"),
        (Refusal(Check.ACCOUNT_LENGTH, low=6, high=18), 405, "账号长度需在6-18字符之间"),
        (Refusal(Check.PASSWORD_FORMAT), 403, "密码格式错误!仅支持字母和数字!"),
        (Refusal(Check.USER_UNKNOWN), 404, "当前用户账号未注册!"),
        (Refusal(Check.PASSWORD_WRONG), 404, "用户账号密码错误!"),
        (Refusal(Check.USER_DISABLED), 404, "用户账号状态异常!"),
        (Refusal(Check.ADDRESS), 404, "邮箱格式错误!"),
        (Refusal(Check.NO_RELAY), 407, "邮箱服务器配置不存在!"),
        (Refusal(Check.TOO_LARGE), 204, "接口参数错误:请求体过大"),
        (Refusal(Check.OVER_LIMIT, seconds=7), 405, "请求频繁:请于7秒后再添加任务!"),
        (Refusal(Check.TOO_SOON, seconds=50), 405, "请求频繁:请于50秒后再添加任务!"),
        (Refusal(Check.ACCOUNT_TAKEN), 404, "该账号已被注册!"),
    ]
}


def test_every_check_has_its_text() -> None:
    assert set(SAID) == set(Check) == set(TEXTS)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("name", DOORS)
@pytest.mark.parametrize("check", Check)
def test_each_refusal_is_said_to_the_letter(
    service: Service, check: Check, name: str, method: str
) -> None:
    refusal, code, data = SAID[check]
    service.operations.outcomes[name] = refusal

    reply = service.post(DOORS[name]) if method == "POST" else service.get(DOORS[name])

    assert reply.status == 200
    assert reply.header("content-type") == "application/json; charset=utf-8"
    assert reply.code_and_data == (code, data)


def test_other_scripts_stand_in_the_answer_as_they_are(service: Service) -> None:
    reply = service.post(SEND)

    assert reply.body == '{"code":200,"msg":"success","data":"邮件发送成功"}'.encode()


@pytest.mark.parametrize(
    ("refusal", "data"),
    [
        (Refusal(Check.APP_STOPPED, prompt="休息到{明天}!"), "休息到{明天}!"),
        (Refusal(Check.TOO_SOON, seconds=0), "请求频繁:请于1秒后再添加任务!"),
        (Refusal(Check.MISSING, "nickname"), "接口参数错误:缺少nickname"),
        (
            Refusal(Check.DEVELOPER_OVERDUE, overdue=timedelta(minutes=30)),
            "开发者账号已逾期(30分钟),请缴费后重试!",
        ),
    ],
)
def test_what_an_app_or_a_request_brings_stands_in_the_text(
    service: Service, refusal: Refusal, data: str
) -> None:
    service.operations.outcomes["send"] = refusal

    reply = service.post(SEND)

    assert reply.code_and_data[1] == data


@pytest.mark.parametrize(
    ("outcome", "code", "data", "captured"),
    [
        (Sent("m1"), 200, "邮件发送成功", None),
        (Sent("m1", is_queued=True), 200, "邮件发送成功", None),
        (Sent("m1", is_captured=True), 200, "邮件发送成功", "1"),
        (NotSent("密码错误", Code.AUTH), 405, "邮件发送失败:密码错误", None),
        (NotSent("{}", Code.IN_DOUBT, in_doubt=True), 405, "邮件发送失败:{}", None),
    ],
)
def test_what_became_of_a_mail(
    service: Service, outcome: Any, code: int, data: str, captured: str | None
) -> None:
    service.operations.outcomes["send"] = outcome

    reply = service.post(SEND)

    assert reply.status == 200
    assert reply.code_and_data == (code, data)
    assert reply.header("x-postroad-captured") == captured


def test_registering_and_binding_have_their_texts(service: Service) -> None:
    registered, bound = service.post(REGISTER), service.post(BIND)

    assert registered.code_and_data == (200, "注册成功")
    assert bound.code_and_data == (200, "更新成功")


def test_a_login_brings_a_token_and_times_of_china(service: Service) -> None:
    reply = service.post(LOGIN)

    assert reply.code_and_data == (
        200,
        {
            "username": "13800138000",
            "nickname": "小明",
            "useremail": "未绑定",
            "createtime": "2026-02-01 04:00:01",
            "logintime": "2026-03-01 00:30:00",
            "token": "ab" * 32,
            "token_dead": int(LOGGED_IN.expires_at.timestamp()),
        },
    )


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("send", {"appid", "signature", "mail", "title", "content", "token", "user", "pass"}),
        ("register", {"appid", "signature", "user", "pass", "nickname", "qq", "email"}),
        ("login", {"appid", "user", "pass", "signature"}),
        ("bind_mail", {"appid", "mail", "signature", "token", "user", "pass"}),
    ],
)
@pytest.mark.parametrize("is_post", [True, False])
def test_each_door_hands_on_the_parameters_it_knows(
    service: Service, name: str, names: set[str], is_post: bool
) -> None:
    if is_post:
        service.post(DOORS[name], ALL)
    else:
        service.get(f"{DOORS[name]}?{ALL.decode()}")

    ((asked, request, _),) = service.operations.asked
    assert asked == name
    assert isinstance(request, Request)
    assert set(request.values) == names
    assert request.ip == "127.0.0.1"


def test_what_is_repeated_or_no_text_is_handed_on_by_name(service: Service) -> None:
    service.post(f"{SEND}?appid=1&title=a", b"appid=2&title=a&mail=%ff&content=+a%0d%0a")

    request = service.only_asked
    assert request.values == {"appid": "1", "title": "a", "content": " a\r\n"}
    assert request.repeated == ("appid",)
    assert request.undecodable == ("mail",)


@pytest.mark.parametrize("name", DOORS)
def test_a_storage_that_fails_asks_to_come_back(service: Service, name: str) -> None:
    service.operations.outcomes[name] = StorageError("disk full: /secret/path")

    reply = service.post(DOORS[name])

    assert reply.status == 200
    assert reply.code_and_data == (405, "请求频繁:请于10秒后再添加任务!")
    assert not service.crashes


@pytest.mark.parametrize("name", DOORS)
def test_a_defect_is_told_to_the_operator_and_not_to_the_caller(
    service: Service, name: str
) -> None:
    service.operations.outcomes[name] = RuntimeError("hunter2")

    reply = service.post(DOORS[name])

    assert reply.status == 500
    assert reply.code_and_data == (405, "服务器内部错误!")
    ((path, error),) = service.crashes
    assert path == DOORS[name]
    assert str(error) == "hunter2"


@pytest.mark.parametrize("path", DOORS.values())
@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "get", "FOO", "X" * 5_000])
def test_another_method_does_nothing(service: Service, path: str, method: str) -> None:
    reply = service.exchange(head(method, path))

    assert reply.status == 405
    assert reply.header("allow") == "GET, POST, OPTIONS"
    assert reply.code_and_data == (204, "接口参数错误:仅支持GET和POST请求")
    assert not service.operations.asked


def test_head_does_nothing(service: Service) -> None:
    with service.connect() as client:
        client.send(head("HEAD", f"{SEND}?{ALL.decode()}"))
        reply = client.reply(has_body=False)

    assert reply.status == 405
    assert not service.operations.asked


def test_a_method_hidden_in_a_parameter_or_field_is_not_looked_at(service: Service) -> None:
    reply = service.post(SEND, ALL + b"&_method=DELETE", None, "X-HTTP-Method-Override: DELETE")

    assert reply.code_and_data == (204, "接口参数错误:请求格式错误")  # it has no Content-Type

    reply = service.post(f"{SEND}?_method=DELETE", ALL)

    assert reply.code_and_data == (200, "邮件发送成功")


def test_the_get_door_can_be_shut() -> None:
    with running(changed(get_door=False)) as service:
        got, posted = service.get(SEND), service.post(SEND)

    assert got.status == 200
    assert got.code_and_data == (204, "接口参数错误:GET请求已关闭,请使用POST")
    assert posted.code_and_data == (200, "邮件发送成功")
    assert [name for name, _, _ in service.operations.asked] == ["send"]


# The session


def cookie_of(reply: Any) -> str:
    value: str = reply.header("set-cookie").partition(";")[0]
    return value


@pytest.mark.parametrize("path", DOORS.values())
def test_every_answer_gives_a_session(service: Service, path: str) -> None:
    replies = [
        service.post(path),
        service.get(path),
        service.post(path, b"x", "text/plain"),
        service.exchange(head("PUT", path)),
    ]

    assert all(cookie_of(reply).startswith("postroad_session=") for reply in replies)
    assert len({cookie_of(reply) for reply in replies}) == 4


def test_a_session_is_given_again_unchanged_and_known_by_its_digest(service: Service) -> None:
    first = service.post(SEND)
    again = service.post(SEND, b"", None, f"Cookie: a=b; {cookie_of(first)}")
    other = service.post(SEND)

    sessions = [session for _, _, session in service.operations.asked]
    assert first.header("set-cookie") == again.header("set-cookie")
    assert sessions[0] == sessions[1] != sessions[2]
    assert cookie_of(other) != cookie_of(first)
    assert sessions[0] not in cookie_of(first)


def test_a_forged_session_is_a_new_one(service: Service) -> None:
    forged = "postroad_session=AAAAAAAAAAAAAAAAAAAAAA.AAAA"

    reply = service.post(SEND, b"", None, f"Cookie: {forged}")

    assert cookie_of(reply) != forged


@pytest.mark.parametrize(
    ("options", "fields", "is_secure"),
    [
        ({}, ["X-Forwarded-Proto: https"], False),
        ({"is_tls": True}, [], True),
        ({"trusted_proxies": ("127.0.0.1",)}, ["X-Forwarded-Proto: https"], True),
        ({"trusted_proxies": ("127.0.0.1",)}, ["X-Forwarded-Proto: http"], False),
    ],
)
def test_the_cookie_of_tls_is_for_tls_only(
    options: dict[str, Any], fields: list[str], is_secure: bool
) -> None:
    with running(changed(**options)) as service:
        reply = service.post(SEND, b"", None, *fields)

    assert ("; Secure" in (reply.header("set-cookie") or "")) is is_secure


# The caller


@pytest.mark.parametrize(("proxies", "ip"), [((), "127.0.0.1"), (("127.0.0.0/8",), "203.0.113.7")])
def test_a_forwarded_address_counts_only_from_a_trusted_proxy(
    proxies: tuple[str, ...], ip: str
) -> None:
    with running(changed(trusted_proxies=proxies)) as service:
        service.post(SEND, b"", None, "X-Forwarded-For: 10.0.0.1", "X-Forwarded-For: 203.0.113.7")

    assert service.only_asked.ip == ip
    assert [access.ip for access in service.accesses] == [ip]


# Browsers


@pytest.mark.parametrize("path", DOORS.values())
def test_a_preflight_is_answered_for_any_origin(service: Service, path: str) -> None:
    reply = service.exchange(
        head("OPTIONS", path, "Origin: https://a.example", "Access-Control-Request-Method: POST")
    )

    assert reply.status == 204
    assert reply.header("access-control-allow-origin") == "*"
    assert reply.header("access-control-allow-methods") == "GET, POST"
    assert reply.header("access-control-allow-headers") == "Content-Type"
    assert reply.header("access-control-allow-credentials") is None
    assert not service.operations.asked


@pytest.mark.parametrize(
    ("origins", "origin", "allowed"),
    [
        (None, "https://a.example", "*"),
        (("*",), "https://a.example", "*"),
        (("https://a.example", "https://b.example"), "https://b.example", "https://b.example"),
        (("https://a.example",), "https://a.example.evil.example", None),
        (("https://a.example",), "http://a.example", None),
        (("https://a.example",), "null", None),
        ((), "https://a.example", None),
    ],
)
def test_an_app_says_whose_pages_may_read_its_answers(
    service: Service, origins: tuple[str, ...] | None, origin: str, allowed: str | None
) -> None:
    if origins is not None:
        service.health.origins["1234567890"] = origins

    reply = service.post(
        SEND, b"appid=1234567890", "application/x-www-form-urlencoded", f"Origin: {origin}"
    )

    assert reply.header("access-control-allow-origin") == allowed
    assert reply.header("access-control-allow-credentials") is None
    assert reply.header("access-control-expose-headers") == EXPOSED
    assert reply.header("vary") == "Origin"


def test_an_answer_outlives_origins_that_cannot_be_looked_up(service: Service) -> None:
    service.health.error = StorageError("full")

    reply = service.post(
        SEND, ALL, "application/x-www-form-urlencoded", "Origin: https://a.example"
    )

    assert reply.code_and_data == (200, "邮件发送成功")
    assert reply.header("access-control-allow-origin") is None


def test_pages_can_read_why_a_request_was_refused_before_any_check(service: Service) -> None:
    reply = service.post(SEND, b"x", "text/plain", "Origin: https://a.example")

    assert reply.header("access-control-allow-origin") == "*"
    assert reply.code_and_data == (204, "接口参数错误:请求格式错误")


def test_every_fault_has_words_of_the_dialect() -> None:
    assert {code for _, code, _ in FAULTS.values()} <= {204, 405}
    assert all(text for _, _, text in FAULTS.values())
