"""The way of one message that may be sent: built, stored, carried, answered."""

from __future__ import annotations

import itertools
import math
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from postroad.delivery import messages, outcome
from postroad.delivery.messages import Claim, Intake, LogEntry, NewMessage, WindowStart
from postroad.delivery.states import State
from postroad.errors import Code, MessageError
from postroad.message import BuiltMessage, Message, build
from postroad.operations import wording
from postroad.operations.identifiers import new_id
from postroad.operations.ports import Mail
from postroad.tenancy import limits
from postroad.tenancy.limits import Excess, Standing
from postroad.tenancy.records import App
from postroad.tenancy.refusals import Check
from postroad.transport.relay import Relay
from postroad.worker.courier import Courier, Errand
from postroad.worker.leases import Leases

MAX_AGE: Final = timedelta(days=2)
_LOGGED_CHARACTERS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Sent:
    """The relay accepted it, or it was captured or queued as the app wants.

    standing: how the app stands to the tightest of its limits, None when none counts.
    """

    message_id: str
    is_captured: bool = False
    is_queued: bool = False
    standing: Standing | None = None


@dataclass(frozen=True, slots=True)
class NotSent:
    """It was not sent, or nobody can know.

    reason: in the language asked for, without anything that only the operator should see.
    error:  the sentence with the server's own words.
    standing: as of `Sent`.
    """

    reason: str
    code: Code
    error: str = ""
    message_id: str = ""
    in_doubt: bool = False
    standing: Standing | None = None


@dataclass(frozen=True, slots=True)
class TooSoon:
    """A session window is shut for so many seconds more, or a limit is reached.

    standing: to the limit, None for a window.
    """

    seconds: int
    standing: Standing | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asked, as the send log shows it.

    asked_at: when; the app's time limit begins then. None: with the message.
    fields:   the door's names of a message's subject, text and html.
    """

    door: str
    ip: str
    recipient: str
    title: str
    account: str = ""
    asked_at: datetime | None = None
    fields: Mapping[str, str] = field(default_factory=dict)

    def entry(
        self,
        app: App,
        now: datetime,
        status: str,
        reason: str = "",
        message_id: str | None = None,
    ) -> LogEntry:
        """Return an entry of the send log; with a message it has the message's id."""
        return LogEntry(
            id=message_id or new_id(),
            app_id=app.id,
            at=now,
            door=self.door,
            ip=self.ip,
            recipient=_shown(self.recipient),
            title=_shown(self.title),
            status=status,
            reason=reason,
            account=self.account,
            message_id=message_id,
        )


@dataclass(frozen=True, slots=True)
class Way:
    """How a message leaves.

    relay:       None for captured mail.
    relay_id:    None when its credentials came with the request: it is then never tried again.
    """

    is_captured: bool
    relay: Relay | None = None
    relay_id: str | None = None
    connections: int = 10
    is_queued: bool = False


class Sending:
    """Stores a message before anything else happens to it, then sends it."""

    def __init__(
        self,
        mail: Mail,
        courier: Courier,
        leases: Leases,
        *,
        clock: Callable[[], datetime],
        wake: Callable[[], None],
        accepted: Callable[[NewMessage], None],
    ) -> None:
        self._mail = mail
        self._courier = courier
        self._leases = leases
        self._clock = clock
        self._wake = wake
        self._accepted = accepted
        # A boundary is one that nobody could guess; one secret does for all of this process.
        self._secret = secrets.token_hex(10)
        self._numbers = itertools.count(1)

    async def send(
        self,
        app: App,
        compose: Callable[[], Message],
        caller: Caller,
        way: Way,
        windows: tuple[str, ...] = (),
        lang: str | None = None,
        recipient_hour: int = 0,
    ) -> Sent | NotSent | TooSoon | Excess:
        """Return what became of a message within the app's time limit.

        compose: returns the message or raises MessageError, which the send log then tells.
        windows: keys of the session windows that it opens.
        lang:    of the reason when it is not sent; the app's by default.
        recipient_hour: messages to one recipient in an hour, where the app does not say.
        raises:  StorageError; the message is then not sent.
        """
        now = self._clock()
        try:
            message = compose()
            new = self._new(app, message, caller.door, way, now)
        except MessageError as error:
            return await self._unbuildable(app, caller, windows, error, now, lang)
        if excess := _excess(app, message, new):
            await self._mail.log(
                caller.entry(app, now, "refused", f"{Check.TOO_LARGE}: {excess.measure}")
            )
            return excess
        paths = new.envelope.forward_paths
        is_sync = new.state is State.SENDING
        intake = Intake(
            log=caller.entry(app, now, new.state.value, message_id=new.id),
            message=new,
            lease=self._leases.new() if is_sync else None,
            attempt_id=new_id() if is_sync else "",
            windows=self._starts(app, windows, now),
            limits=limits.of_message(app, paths, now, recipient_hour=recipient_hour),
        )
        standing = await self._mail.accept(intake, now=now)
        if isinstance(standing, datetime):
            return _too_soon(standing, now)
        if standing is not None and standing.is_over:
            return TooSoon(standing.seconds, standing)
        self._accepted(new)
        if not is_sync:
            self._wake()
            return Sent(new.message_id, way.is_captured, not way.is_captured, standing)
        errand = Errand(
            _claim(new, intake),
            way.relay,
            app.in_doubt_policy,
            connections=way.connections,
            is_sync=True,
            limit_s=app.time_limit_s,
            passed_s=self._passed_s(caller),
            relay_id=way.relay_id,
        )
        settlement = await self._courier.carry(errand)
        if settlement.code is Code.OK:
            return Sent(new.message_id, standing=standing)
        provider = way.relay.provider if way.relay else None
        return NotSent(
            outcome.reason_for_caller(settlement, provider, lang or app.language),
            settlement.code,
            settlement.error,
            new.message_id,
            settlement.code is Code.IN_DOUBT,
            standing,
        )

    def _new(self, app: App, message: Message, door: str, way: Way, now: datetime) -> NewMessage:
        identifier = new_id()
        built = build(
            message,
            date=now,
            message_id=f"<{identifier}@{message.from_.domain}>",
            boundary=f"{self._secret}{next(self._numbers):x}",
        )
        return NewMessage(
            id=identifier,
            app_id=app.id,
            door=door,
            message_id=built.message_id,
            from_=message.from_.text,
            recipients=tuple([address.email for address in built.recipients]),
            subject=message.subject,
            content=built.content,
            envelope=_envelope(built),
            state=_state(way),
            created_at=now,
            expires_at=now + MAX_AGE,
            relay_id=way.relay_id,
            is_kept_out_of_retry=way.relay is not None and way.relay_id is None,
        )

    async def _unbuildable(
        self,
        app: App,
        caller: Caller,
        windows: tuple[str, ...],
        error: MessageError,
        now: datetime,
        lang: str | None,
    ) -> NotSent | TooSoon:
        """The window starts all the same: whatever the send then does."""
        intake = Intake(
            log=caller.entry(app, now, "failed", str(error)),
            windows=self._starts(app, windows, now),
        )
        shut_until = await self._mail.accept(intake, now=now)
        if isinstance(shut_until, datetime):
            return _too_soon(shut_until, now)
        reason = wording.refused(error, caller.fields, lang or app.language)
        return NotSent(reason, error.code, reason)

    def _passed_s(self, caller: Caller) -> float:
        """Return how much of the app's time limit is over."""
        if caller.asked_at is None:
            return 0.0
        return max((self._clock() - caller.asked_at).total_seconds(), 0.0)

    def _starts(self, app: App, keys: tuple[str, ...], now: datetime) -> tuple[WindowStart, ...]:
        if not app.interval_s:
            return ()
        until = now + timedelta(seconds=app.interval_s)
        return tuple([WindowStart(key, until) for key in keys])


def _state(way: Way) -> State:
    if way.is_captured:
        return State.CAPTURED
    return State.QUEUED if way.is_queued else State.SENDING


def _envelope(built: BuiltMessage) -> messages.Envelope:
    return messages.Envelope(
        built.reverse_path, built.forward_paths, built.needs_smtputf8, built.is_transparent
    )


def _claim(new: NewMessage, intake: Intake) -> Claim:
    """Return what a claim of the stored message would: it was stored with the lease."""
    recipients = tuple(
        [
            messages.Recipient(position, address, path, new.state, new.created_at)
            for position, (address, path) in enumerate(
                zip(new.recipients, new.envelope.forward_paths, strict=True)
            )
            if position not in new.captured
        ]
    )
    stored = messages.StoredMessage(
        id=new.id,
        app_id=new.app_id,
        door=new.door,
        message_id=new.message_id,
        from_=new.from_,
        subject=new.subject,
        envelope=new.envelope,
        created_at=new.created_at,
        expires_at=new.expires_at,
        relay_id=new.relay_id,
        is_kept_out_of_retry=new.is_kept_out_of_retry,
        size_octets=len(new.content),
        attempts=1,
        due=None,
        recipients=recipients,
    )
    if intake.lease is None:
        raise TypeError("only a message with a lease can be carried")
    return Claim(stored, new.content, recipients, intake.lease, intake.attempt_id, 1)


def _excess(app: App, message: Message, new: NewMessage) -> Excess | None:
    return limits.excess(
        app,
        size=len(new.content),
        recipients=len(new.recipients),
        attachments=sum(len(each.content) for each in message.attachments),
    )


def _too_soon(until: datetime, now: datetime) -> TooSoon:
    return TooSoon(max(math.ceil((until - now).total_seconds()), 1))


def _shown(text: str) -> str:
    """Return caller's text as the log keeps it: bounded, without control characters."""
    kept = text[:_LOGGED_CHARACTERS]
    if kept.isprintable():
        return kept
    return "".join(each if each.isprintable() else "\ufffd" for each in kept)
