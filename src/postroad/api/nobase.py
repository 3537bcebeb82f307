"""The nobase dialect: /api/mail/send and the accounts it needs, every text to the letter."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Final

from postroad.api.call import LATER_S, Answer, Call, Header, Headers, json_answer
from postroad.api.faults import BadRequest, Fault
from postroad.api.health import Health
from postroad.api.limits import limit_fields, retry_after
from postroad.api.parameters import Parameters, parameters_of
from postroad.api.session import Session, Sessions
from postroad.errors import StorageError
from postroad.operations.nobase import LoggedIn, Nobase
from postroad.operations.sending import NotSent
from postroad.tenancy.checks import Check, Refusal, Request
from postroad.tenancy.elapsed import elapsed

_CHINA = timezone(timedelta(hours=8))
_LATER = "请求频繁:请于{seconds}秒后再添加任务!"

SENT: Final = "邮件发送成功"
NOT_SENT: Final = "邮件发送失败:{reason}"
REGISTERED: Final = "注册成功"
BOUND: Final = "更新成功"
NO_ADDRESS: Final = "未绑定"
STOPPED: Final = "应用已停用!"

# What each check says, with the code of the envelope.
TEXTS: Final[dict[Check, tuple[int, str]]] = {
    Check.REPEATED: (204, "接口参数错误:{parameter}重复"),
    Check.ILLEGAL: (204, "接口参数错误:{parameter}含有非法字符"),
    Check.MISSING: (204, "接口参数错误:缺少{parameter}"),
    Check.APP_UNKNOWN: (407, "应用配置不存在!"),
    Check.SIGNATURE: (402, "用户访问被限制:签名校验失败!"),
    Check.DEVELOPER_DISABLED: (404, "开发者账号已被禁用!"),
    Check.DEVELOPER_OVERDUE: (404, "开发者账号已逾期({overdue}),请缴费后重试!"),
    Check.APP_UNDER_REVIEW: (404, "应用审核中!"),
    Check.APP_STOPPED: (404, "{prompt}"),
    Check.TOKEN_MISSING: (204, "接口参数错误:令牌启用需传token!"),
    Check.LOGIN_MISSING: (204, "接口参数错误:令牌未启用需传user和pass!"),
    Check.BOTH_GIVEN: (204, "接口参数错误:token与user/pass不可同时传递!"),
    Check.TOKEN_INVALID: (401, "token无效或已过期!"),
    Check.ACCOUNT_DIGITS: (403, "账号格式错误!仅支持数字账号!"),
    Check.ACCOUNT_FORMAT: (403, "账号格式错误!仅支持字母和数字!"),
    Check.ACCOUNT_LENGTH: (405, "账号长度需在{low}-{high}字符之间"),
    Check.PASSWORD_FORMAT: (403, "密码格式错误!仅支持字母和数字!"),
    Check.USER_UNKNOWN: (404, "当前用户账号未注册!"),
    Check.PASSWORD_WRONG: (404, "用户账号密码错误!"),
    Check.USER_DISABLED: (404, "用户账号状态异常!"),
    Check.ADDRESS: (404, "邮箱格式错误!"),
    Check.NO_RELAY: (407, "邮箱服务器配置不存在!"),
    Check.TOO_LARGE: (204, "接口参数错误:请求体过大"),
    Check.TOO_SOON: (405, _LATER),
    Check.OVER_LIMIT: (405, _LATER),
    Check.ACCOUNT_TAKEN: (404, "该账号已被注册!"),
}

# HTTP status, code and text of what never reaches the checks. Only what no client of the original
# could meet has another status than 200.
FAULTS: Final[dict[Fault, tuple[int, int, str]]] = {
    Fault.MALFORMED: (200, 204, "接口参数错误:请求格式错误"),
    Fault.TOO_MANY: (200, 204, "接口参数错误:参数过多"),
    Fault.TOO_LARGE: (200, 204, "接口参数错误:请求体过大"),
    Fault.FAR_TOO_LARGE: (413, 204, "接口参数错误:请求体过大"),
    Fault.TOO_SLOW: (408, 204, "接口参数错误:请求超时"),
    Fault.METHOD: (405, 204, "接口参数错误:仅支持GET和POST请求"),
    Fault.GET_SHUT: (200, 204, "接口参数错误:GET请求已关闭,请使用POST"),
    Fault.TOO_OFTEN: (200, 405, _LATER),
    Fault.BUSY: (200, 405, _LATER),
    Fault.STORAGE: (200, 405, _LATER),
    Fault.STOPPING: (503, 405, "服务正在停止,处理结果未知!"),
    Fault.CRASHED: (500, 405, "服务器内部错误!"),
}

_PREFLIGHT: tuple[Header, ...] = (
    (b"access-control-allow-origin", b"*"),  # it names no app whose origins could be looked up
    (b"access-control-allow-methods", b"GET, POST"),
    (b"access-control-allow-headers", b"Content-Type"),
    (b"access-control-max-age", b"600"),
)
_EXPOSE: Header = (
    b"access-control-expose-headers",
    b"X-Postroad-Captured, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After",
)
_ALLOW: Header = (b"allow", b"GET, POST, OPTIONS")
_CAPTURED: Header = (b"x-postroad-captured", b"1")

_Said = tuple[int, object, Headers]
"""The code and data of an answer, and further header fields."""


@dataclass(frozen=True, slots=True)
class NobaseDoors:
    """What the doors of this dialect share."""

    operations: Nobase
    health: Health
    sessions: Sessions
    get_door: bool = True


class _NobaseDoor(ABC):
    """A door of this dialect; `names` are the parameters it knows."""

    names: tuple[str, ...]

    def __init__(self, shared: NobaseDoors) -> None:
        self._shared = shared
        self._nobase = shared.operations

    async def answer(self, call: Call) -> Answer:
        """Return the answer to a request.

        raises: BadRequest, StorageError.
        """
        if call.method == "OPTIONS":
            return Answer(b"", status=204, headers=_PREFLIGHT)
        if call.method not in {"GET", "POST"}:
            raise BadRequest(Fault.METHOD)
        if call.method == "GET" and not self._shared.get_door:
            raise BadRequest(Fault.GET_SHUT)
        session = self._shared.sessions.of(call.all(b"cookie"))
        found = await parameters_of(call, self.names)
        request = Request(found.values, found.repeated, found.undecodable, call.ip)
        code, data, further = await self.ask(request, session.digest)
        headers = (self._cookie(session, call), *await self._cors(call, found), *further)
        return _envelope(code, data, headers=headers)

    @abstractmethod
    async def ask(self, request: Request, session: str) -> _Said:
        """Return the code and data that the operation's outcome has here, and header fields."""

    def refuse(self, fault: Fault, call: Call, seconds: int = LATER_S) -> Answer:
        """Return what the dialect says to a request that did not get that far."""
        status, code, text = FAULTS[fault]
        session = self._shared.sessions.of(call.all(b"cookie"))
        headers = [self._cookie(session, call)]
        if call.all(b"origin"):
            headers.append((b"access-control-allow-origin", b"*"))
        if fault is Fault.METHOD:
            headers.append(_ALLOW)
        if "{seconds}" in text:
            headers.append(retry_after(seconds))
        return _envelope(code, text.format(seconds=seconds), status=status, headers=tuple(headers))

    def _cookie(self, session: Session, call: Call) -> Header:
        return b"set-cookie", self._shared.sessions.cookie(session, is_secure=call.is_secure)

    async def _cors(self, call: Call, found: Parameters) -> tuple[Header, ...]:
        """Return the fields that let a browser's page read the answer; never with credentials."""
        origins = call.all(b"origin")
        if not origins:
            return ()
        try:
            allowed = await self._shared.health.cors_origins(found.values.get("appid", ""))
        except StorageError:
            return ()
        if "*" in allowed:
            allow: tuple[Header, ...] = ((b"access-control-allow-origin", b"*"),)
        elif len(origins) == 1 and origins[0] in allowed:
            allow = ((b"access-control-allow-origin", origins[0].encode("latin-1")),)
        else:
            allow = ()
        return (*allow, _EXPOSE, (b"vary", b"Origin"))


class SendDoor(_NobaseDoor):
    """/api/mail/send."""

    names = ("appid", "signature", "mail", "title", "content", "token", "user", "pass")

    async def ask(self, request: Request, session: str) -> _Said:
        """Send one mail."""
        outcome = await self._nobase.send(request, session)
        if isinstance(outcome, Refusal):
            return said(outcome)
        fields = limit_fields(outcome.standing)
        if isinstance(outcome, NotSent):
            return 405, NOT_SENT.format(reason=outcome.reason), fields
        return 200, SENT, (_CAPTURED, *fields) if outcome.is_captured else fields


class RegisterDoor(_NobaseDoor):
    """/api/user/register."""

    names = ("appid", "signature", "user", "pass", "nickname", "qq", "email")

    async def ask(self, request: Request, session: str) -> _Said:  # noqa: ARG002
        """Create a user."""
        outcome = await self._nobase.register(request)
        return said(outcome) if isinstance(outcome, Refusal) else (200, REGISTERED, ())


class LoginDoor(_NobaseDoor):
    """/api/user/login."""

    names = ("appid", "user", "pass", "signature")

    async def ask(self, request: Request, session: str) -> _Said:  # noqa: ARG002
        """Give a user a token."""
        outcome = await self._nobase.login(request)
        return said(outcome) if isinstance(outcome, Refusal) else (200, _login(outcome), ())


class BindMailDoor(_NobaseDoor):
    """/api/user/bind_mail."""

    names = ("appid", "mail", "signature", "token", "user", "pass")

    async def ask(self, request: Request, session: str) -> _Said:  # noqa: ARG002
        """Set a user's address."""
        outcome = await self._nobase.bind_mail(request)
        return said(outcome) if isinstance(outcome, Refusal) else (200, BOUND, ())


def said(refusal: Refusal) -> _Said:
    """Return the code and the text of a refusal, and when to come back."""
    code, template = TEXTS[refusal.check]
    text = template.format(
        parameter=refusal.parameter,
        seconds=max(1, refusal.seconds),
        prompt=refusal.prompt or STOPPED,
        overdue=elapsed(refusal.overdue),
        low=refusal.low,
        high=refusal.high,
    )
    fields = limit_fields(refusal.standing)
    if "{seconds}" in template:
        fields += (retry_after(max(1, refusal.seconds)),)
    return code, text, fields


def _login(outcome: LoggedIn) -> dict[str, str | int]:
    user = outcome.user
    return {
        "username": user.account,
        "nickname": user.nickname,
        "useremail": user.email or NO_ADDRESS,
        "createtime": _china(user.created_at),
        "logintime": _china(user.login_at) if user.login_at else "",
        "token": outcome.token,
        "token_dead": int(outcome.expires_at.timestamp()),
    }


def _china(moment: datetime) -> str:
    return moment.astimezone(_CHINA).strftime("%Y-%m-%d %H:%M:%S")


def _envelope(code: int, data: object, *, status: int = 200, headers: Headers = ()) -> Answer:
    word = "success" if code == 200 else "fail"
    return json_answer({"code": code, "msg": word, "data": data}, status=status, headers=headers)
