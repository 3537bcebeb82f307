"""The way of one message that may be sent: built, stored, carried, answered."""

from __future__ import annotations

import itertools
import math
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from postroad.delivery import messages, outcome
from postroad.delivery.messages import Claim, Intake, LogEntry, NewMessage, WindowStart
from postroad.delivery.states import State
from postroad.errors import Code, MessageError
from postroad.message import BuiltMessage, Message, build
from postroad.operations.identifiers import new_id
from postroad.operations.ports import Mail
from postroad.tenancy.records import App
from postroad.transport.relay import Relay
from postroad.worker.courier import Courier, Errand
from postroad.worker.loop import Leases

MAX_AGE: Final = timedelta(days=2)
_LOGGED_CHARACTERS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Sent:
    """The relay accepted it, or it was captured or queued as the app wants."""

    message_id: str
    is_captured: bool = False
    is_queued: bool = False


@dataclass(frozen=True, slots=True)
class NotSent:
    """It was not sent, or nobody can know.

    reason: in the language asked for, without anything that only the operator should see.
    error:  the sentence with the server's own words.
    """

    reason: str
    code: Code
    error: str = ""
    message_id: str = ""
    in_doubt: bool = False


@dataclass(frozen=True, slots=True)
class TooSoon:
    """A session window is shut for so many seconds more."""

    seconds: int


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asked, as the send log shows it."""

    door: str
    ip: str
    recipient: str
    title: str
    account: str = ""

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
    ) -> Sent | NotSent | TooSoon:
        """Return what became of a message within the app's time limit.

        compose: returns the message or raises MessageError, which the send log then tells.
        windows: keys of the session windows that it opens.
        lang:    of the reason when it is not sent; the app's by default.
        raises:  StorageError; the message is then not sent, or in doubt.
        """
        now = self._clock()
        try:
            new = self._new(app, compose(), caller.door, way, now)
        except MessageError as error:
            return await self._unbuildable(app, caller, windows, error, now)
        is_sync = new.state is State.SENDING
        intake = Intake(
            log=caller.entry(app, now, new.state.value, message_id=new.id),
            message=new,
            lease=self._leases.new() if is_sync else None,
            attempt_id=new_id() if is_sync else "",
            windows=self._starts(app, windows, now),
        )
        shut_until = await self._mail.accept(intake, now=now)
        if shut_until is not None:
            return _too_soon(shut_until, now)
        self._accepted(new)
        if not is_sync:
            self._wake()
            return Sent(new.message_id, way.is_captured, not way.is_captured)
        errand = Errand(
            _claim(new, intake),
            way.relay,
            app.in_doubt_policy,
            connections=way.connections,
            is_sync=True,
            limit_s=app.time_limit_s,
        )
        settlement = await self._courier.carry(errand)
        if settlement.code is Code.OK:
            return Sent(new.message_id)
        provider = way.relay.provider if way.relay else None
        return NotSent(
            outcome.reason_for_caller(settlement, provider, lang or app.language),
            settlement.code,
            settlement.error,
            new.message_id,
            settlement.code is Code.IN_DOUBT,
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
    ) -> NotSent | TooSoon:
        """The window starts all the same: whatever the send then does."""
        intake = Intake(
            log=caller.entry(app, now, "failed", str(error)),
            windows=self._starts(app, windows, now),
        )
        shut_until = await self._mail.accept(intake, now=now)
        if shut_until is not None:
            return _too_soon(shut_until, now)
        return NotSent(str(error), error.code, str(error))

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


def _too_soon(until: datetime, now: datetime) -> TooSoon:
    return TooSoon(max(math.ceil((until - now).total_seconds()), 1))


def _shown(text: str) -> str:
    """Return caller's text as the log keeps it: bounded, without control characters."""
    kept = text[:_LOGGED_CHARACTERS]
    if kept.isprintable():
        return kept
    return "".join(each if each.isprintable() else "\ufffd" for each in kept)
