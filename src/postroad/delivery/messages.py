"""Messages, recipients, attempts and log entries as they are kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from postroad.delivery.states import State
from postroad.errors import Code, Reason
from postroad.tenancy.limits import Limit


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a relay is told: the paths, and what the content needs.

    reverse_path:  without "<" and ">"; "" is the null reverse-path.
    forward_paths: one for each recipient, in the order of the recipients.
    """

    reverse_path: str
    forward_paths: tuple[str, ...]
    needs_smtputf8: bool = False
    is_transparent: bool = False


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message that was built and is about to be stored.

    id:         UUIDv7 as text.
    door:       where it came in: "nobase", "danbee-naver", …
    message_id: the header field, with "<" and ">".
    from_:      the mailbox of the From field as `Name <a@b>`; `recipients` the bare addresses.
    state:      of every recipient: SENDING with a lease, QUEUED, or CAPTURED; `captured` names
                those positions of `recipients` that are captured while the others go.
    is_kept_out_of_retry: its credentials came with the request and are not stored: it is never
                tried again.
    """

    id: str
    app_id: str
    door: str
    message_id: str
    from_: str
    recipients: tuple[str, ...]
    subject: str
    content: bytes = field(repr=False)
    envelope: Envelope
    state: State
    created_at: datetime
    expires_at: datetime
    captured: frozenset[int] = frozenset()
    relay_id: str | None = None
    is_kept_out_of_retry: bool = False


@dataclass(frozen=True, slots=True)
class Lease:
    """A process's hold on a message; who lost it cannot settle."""

    token: str
    until: datetime


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One request in the send log.

    id:         that of its message, when it has one.
    status:     "sent", "captured", "queued", "sending", "failed", "in_doubt" or "refused"; of an
                entry with a message it follows the message.
    reason:     why it was refused or failed, as the caller read it; else "".
    account:    the user's, "" when none was proven.
    """

    id: str
    app_id: str
    at: datetime
    door: str
    ip: str
    recipient: str
    title: str
    status: str
    reason: str = ""
    account: str = ""
    message_id: str | None = None


@dataclass(frozen=True, slots=True)
class WindowStart:
    """A session window that a message opens.

    key:   whose: "session:<digest>" or "user:<id>".
    """

    key: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Intake:
    """What one transaction stores when a message comes in.

    When a window is shut nothing of it is: the log then has the request as refused, "too_soon";
    when a limit is reached likewise, as "over_limit" and the kind of the limit.

    message:    None when it could not be built: the windows start and the log tells why.
    lease:      held by this process for a message that it sends at once.
    attempt_id: of the attempt that begins with the lease.
    limits:     that the message counts for, in the order in which they are counted; without a
                message nothing is counted.
    """

    log: LogEntry
    message: NewMessage | None = None
    lease: Lease | None = None
    attempt_id: str = ""
    windows: tuple[WindowStart, ...] = ()
    limits: tuple[Limit, ...] = ()


@dataclass(frozen=True, slots=True)
class Recipient:
    """One recipient of a stored message.

    code, enhanced, text: of the reply that decided it; 0 and "" when none did.
    """

    position: int
    address: str
    path: str
    state: State
    updated_at: datetime
    code: int = 0
    enhanced: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message as it is kept, without its content."""

    id: str
    app_id: str
    door: str
    message_id: str
    from_: str
    subject: str
    envelope: Envelope
    created_at: datetime
    expires_at: datetime
    relay_id: str | None
    is_kept_out_of_retry: bool
    size_octets: int
    attempts: int
    due: datetime | None
    recipients: tuple[Recipient, ...]


@dataclass(frozen=True, slots=True)
class Claim:
    """A message that this process holds, with what it takes to send it.

    recipients: those still to be sent to, with their positions.
    number:     of this attempt, from 1.
    """

    message: StoredMessage
    content: bytes = field(repr=False)
    recipients: tuple[Recipient, ...]
    lease: Lease
    attempt_id: str
    number: int


@dataclass(frozen=True, slots=True)
class Fate:
    """What an attempt brought for one recipient."""

    position: int
    state: State
    code: int = 0
    enhanced: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Settlement:
    """What an attempt brought, to be stored in one transaction.

    code, phase, error: of the attempt; `transcript` is "" for those not kept.
    reason: of the error, finer than its code; it is told and not stored.
    due:  when the recipients that are not final are tried again, None when nothing is.
    """

    code: Code
    phase: str
    error: str
    fates: tuple[Fate, ...]
    due: datetime | None
    at: datetime
    relay_id: str | None
    transcript: str = ""
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try as it is kept.

    ended_at: None while it is under way, or when nobody learned its outcome.
    code:     None likewise.
    """

    id: str
    message_id: str
    number: int
    started_at: datetime
    ended_at: datetime | None
    relay_id: str | None
    code: Code | None
    phase: str
    error: str
    transcript: str
