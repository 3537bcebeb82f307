"""What the danbee doors can ask: one mail through Naver, Gmail or Amazon SES."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from postroad import providers
from postroad.errors import AddressError, Code, PostroadError
from postroad.message import Address, Message, html_to_text, looks_like_html
from postroad.operations import wording
from postroad.operations.limiting import Limiting
from postroad.operations.ports import Facts, Mail
from postroad.operations.sending import Caller, NotSent, Sending, Sent, TooSoon, Way
from postroad.operations.wording import Wrong
from postroad.tenancy import keys
from postroad.tenancy.limits import Excess, Measure, Standing, tightest
from postroad.tenancy.policy import hindrance_of_developer, is_captured, matches
from postroad.tenancy.records import ApiKey, App, AppState, Scope
from postroad.tenancy.refusals import Check
from postroad.transport.relay import Relay

SenderName = Literal["naver", "gmail", "awsses"]

_ACCOUNT_FIELDS = ("user", "password", "fromUsername", "toEmail", "subject", "message")
FIELDS: Final[Mapping[SenderName, tuple[str, ...]]] = {
    "naver": _ACCOUNT_FIELDS,
    "gmail": _ACCOUNT_FIELDS,
    "awsses": ("fromEmail", "toEmail", "subject", "message"),
}

# The callers' names of what a message and a relay are made of.
_NAMES: Final = {
    "username": "user",
    "password": "password",
    "subject": "subject",
    "text": "message",
    "html": "message",
}

_SENT = "메일을 보냈습니다."
_BAD_KEY = "API 키가 올바르지 않습니다."
_MISSING = "필수 입력값이 없습니다: {}"
_MALFORMED = "입력값이 올바르지 않습니다: {}"
_NOT_ALLOWED = "이 앱은 지금 메일을 보낼 수 없습니다."
_NO_SES = "이 서비스의 운영자가 AWS SES를 설정하지 않았습니다."
_UNVERIFIED = "확인되지 않은 발신자입니다: {}"
_LATER = "요청이 너무 많습니다. {}초 후에 다시 시도하세요."
_EXCESSES = {
    Measure.SIZE: "메일이 너무 큽니다. 최대 {:,}바이트입니다.",
    Measure.RECIPIENTS: "받는 사람이 너무 많습니다. 최대 {:,}명입니다.",
    Measure.ATTACHMENTS: "첨부 파일이 너무 큽니다. 최대 {:,}바이트입니다.",
}


@dataclass(frozen=True, slots=True)
class SesSender:
    """The operator's Amazon SES: who may stand in From, and the way there.

    senders: verified addresses, and domains as "@b.example".
    shared:  the sender that always works, None for none.
    """

    relay: Relay
    senders: tuple[str, ...] = ()
    shared: Address | None = None


@dataclass(frozen=True, slots=True)
class DanbeeCall:
    """A request as the door read it.

    key:         the API key, "" for none.
    repeated, undecodable: names of parameters given twice, or not as UTF-8.
    """

    sender: SenderName
    values: Mapping[str, str] = field(repr=False)  # with a password
    repeated: tuple[str, ...] = ()
    undecodable: tuple[str, ...] = ()
    key: str = field(default="", repr=False)
    ip: str = ""


@dataclass(frozen=True, slots=True)
class DanbeeAnswer:
    """What the door answers.

    message:     in Korean, for people.
    code:        the stable number of the outcome.
    api_message: the sentence with the server's own words, "" when sent.
    standing:    how the caller stands to the tightest limit, None when none counts.
    """

    is_sent: bool
    code: int
    message: str
    api_message: str = ""
    message_id: str = ""
    is_captured: bool = False
    standing: Standing | None = None


class Danbee:
    """Sends with credentials that come with the request and are never stored.

    relay_of: returns the relay of a preset for a user name and a password.
    refused:  told of the door, the app ("" for none), the check and the caller's address.
    raises:   StorageError.
    """

    def __init__(
        self,
        facts: Facts,
        sending: Sending,
        mail: Mail,
        *,
        limiting: Limiting,
        clock: Callable[[], datetime],
        relay_of: Callable[[str, str, str], Relay],
        refused: Callable[[str, str, str, str], None],
        ses: SesSender | None,
    ) -> None:
        self._facts = facts
        self._sending = sending
        self._mail = mail
        self._limiting = limiting
        self._clock = clock
        self._relay_of = relay_of
        self._refused = refused
        self._ses = ses

    async def send(self, call: DanbeeCall) -> DanbeeAnswer:
        """Send one mail and return what became of it."""
        asked_at = self._clock()
        key, app = await self._key(call)
        values, door = call.values, f"danbee-{call.sender}"
        if key is None or app is None:
            self._refused(door, "", "key", call.ip)
            return _refused(_BAD_KEY)
        caller = Caller(
            door,
            call.ip,
            values.get("toEmail", ""),
            values.get("subject", ""),
            asked_at=asked_at,
            fields=_NAMES,
        )
        of_key = await self._limiting.key(key)
        if of_key is not None and of_key.is_over:
            self._refused(door, app.id, Check.OVER_LIMIT, call.ip)
            reason = f"{Check.OVER_LIMIT}: {of_key.kind}"
            await self._mail.log(caller.entry(app, self._clock(), "refused", reason))
            return _limited(of_key.seconds, of_key)
        if refusal := await self._refusal(app) or _fault(call):
            return await self._logged(app, caller, refusal)
        try:
            message, relay = self._composed(call)
        except _Refused as refused:
            return await self._logged(app, caller, str(refused), refused.detail)
        except PostroadError as error:
            refusal = _MALFORMED.format(wording.refused(error, _NAMES, "ko"))
            return await self._logged(app, caller, refusal, str(error))
        to = message.to[0]
        way = Way(is_captured=True) if is_captured(app, to) else Way(is_captured=False, relay=relay)
        sent = await self._sending.send(app, lambda: message, caller, way, lang="ko")
        if isinstance(sent, TooSoon | Excess):
            check = Check.OVER_LIMIT if isinstance(sent, TooSoon) else Check.TOO_LARGE
            self._refused(door, app.id, check, call.ip)
        return _answer(sent, of_key)

    async def _key(self, call: DanbeeCall) -> tuple[ApiKey | None, App | None]:
        """Return the key, when it may send from there, and its app."""
        key = await self._facts.api_key(keys.digest(call.key)) if call.key else None
        if key is None or key.app_id is None:
            return None, None
        if keys.may_use(key, Scope.SEND, call.ip, self._clock()):
            return None, None
        return key, await self._facts.app(key.app_id)

    async def _refusal(self, app: App) -> str | None:
        """Return why the app may not send at all."""
        developer = await self._facts.developer(app.developer_id) if app.developer_id else None
        if developer is not None and hindrance_of_developer(developer, self._clock()):
            return _NOT_ALLOWED
        if app.state is AppState.STOPPED and app.stop_prompt:
            return app.stop_prompt
        return None if app.state is AppState.NORMAL else _NOT_ALLOWED

    def _composed(self, call: DanbeeCall) -> tuple[Message, Relay]:
        """Return the message and the relay it leaves by.

        raises: MessageError, SettingsError, _Refused.
        """
        values = call.values
        if call.sender == "awsses":
            sender, relay = self._by_ses(values["fromEmail"])
        else:
            preset = providers.preset(call.sender)
            relay = self._relay_of(call.sender, values["user"], values["password"])
            account = preset.from_address_for(relay.username)
            sender = _named(_mailbox("user", account or ""), values["fromUsername"])
        to = _mailbox("toEmail", values["toEmail"])
        return _message(sender, to, values["subject"], values["message"]), relay

    def _by_ses(self, email: str) -> tuple[Address, Relay]:
        ses = self._ses
        if ses is None:
            raise _Refused(_NO_SES)
        try:
            sender = Address.parse(email)
        except AddressError as error:
            raise _wrong("fromEmail", Wrong.ADDRESS, error) from error
        is_shared = ses.shared is not None and ses.shared.identity == sender.identity
        if not is_shared and not any(matches(pattern, sender) for pattern in ses.senders):
            raise _Refused(_UNVERIFIED.format(sender.email))
        return sender, ses.relay

    async def _logged(
        self, app: App, caller: Caller, refusal: str, detail: str = ""
    ) -> DanbeeAnswer:
        self._refused(caller.door, app.id, "request", caller.ip)
        await self._mail.log(caller.entry(app, self._clock(), "refused", detail or refusal))
        return _refused(refusal)


class _Refused(Exception):  # noqa: N818 - it is an answer
    """The message cannot be sent so; what the caller is told.

    detail: for the send log, "" where that says everything.
    """

    def __init__(self, told: str, detail: str = "") -> None:
        super().__init__(told)
        self.detail = detail


def _wrong(name: str, wrong: Wrong, error: PostroadError) -> _Refused:
    return _Refused(_MALFORMED.format(wrong.of(name, "ko")), f"{name}: {error}")


def _mailbox(name: str, email: str) -> Address:
    try:
        return Address(email)
    except AddressError as error:
        raise _wrong(name, Wrong.ADDRESS, error) from error


def _named(address: Address, name: str) -> Address:
    try:
        return Address(address.email, name)
    except AddressError as error:
        raise _wrong("fromUsername", Wrong.OTHER, error) from error


def _fault(call: DanbeeCall) -> str | None:
    """Return what is wrong with the fields by themselves."""
    fields = FIELDS[call.sender]
    for name in fields:
        if name in call.repeated or name in call.undecodable:
            return _MALFORMED.format(name)
    for name in fields:
        if not call.values.get(name, "").strip():
            return _MISSING.format(name)
    return None


def _refused(message: str) -> DanbeeAnswer:
    return DanbeeAnswer(is_sent=False, code=Code.CONFIG, message=message, api_message=message)


def _limited(seconds: int, standing: Standing | None) -> DanbeeAnswer:
    message = _LATER.format(seconds)
    return DanbeeAnswer(
        is_sent=False,
        code=Code.TIMEOUT,
        message=message,
        api_message=message,
        standing=standing,
    )


def _answer(sent: Sent | NotSent | TooSoon | Excess, of_key: Standing | None) -> DanbeeAnswer:
    if isinstance(sent, TooSoon):
        return _limited(sent.seconds, sent.standing)
    if isinstance(sent, Excess):
        return _refused(_EXCESSES[sent.measure].format(sent.most))
    standing = tightest([each for each in (sent.standing, of_key) if each is not None])
    if isinstance(sent, Sent):
        return DanbeeAnswer(
            is_sent=True,
            code=Code.OK,
            message=_SENT,
            message_id=sent.message_id,
            is_captured=sent.is_captured,
            standing=standing,
        )
    return DanbeeAnswer(
        is_sent=False,
        code=sent.code,
        message=sent.reason,
        api_message=sent.error,
        message_id=sent.message_id,
        standing=standing,
    )


def _message(sender: Address, recipient: Address, subject: str, text: str) -> Message:
    """Return the message; text and HTML each get the other as their twin."""
    if looks_like_html(text):
        return Message(sender, recipient, subject, html_to_text(text) or subject, text)
    twin = html.escape(text).replace("\r\n", "\n").replace("\r", "\n").replace("\n", "<br>\n")
    return Message(sender, recipient, subject, text, f"<div>{twin}</div>")
