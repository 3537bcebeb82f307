"""What operations need from storage, in their own words.

Every method raises StorageError when the engine fails. What belongs to an app is only reached
through its id: another app's is as good as none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from postroad.delivery.messages import Attempt, Intake, LogEntry, StoredMessage
from postroad.delivery.states import State
from postroad.tenancy.audit import Actor, AuditEntry, AuditFilter, End, Note
from postroad.tenancy.limits import Limit, Standing
from postroad.tenancy.records import (
    ApiKey,
    App,
    Developer,
    Operator,
    RelayAccount,
    Route,
    User,
    UserToken,
)

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Facts(Protocol):
    """What the checks ask for on every request; each answer is as fresh as the last commit."""

    async def app(self, app_id: str) -> App | None:
        """Return the app, its signatures decrypted."""
        ...

    async def developer(self, developer_id: str) -> Developer | None:
        """Return the developer."""
        ...

    async def user(self, app_id: str, account: str) -> User | None:
        """Return the app's user with this account."""
        ...

    async def user_by_id(self, app_id: str, user_id: str) -> User | None:
        """Return the app's user with this id."""
        ...

    async def token(self, app_id: str, digest: bytes) -> UserToken | None:
        """Return the app's token with this digest, expired or not."""
        ...

    async def api_key(self, digest: bytes) -> ApiKey | None:
        """Return the key with this digest, expired or disabled or not."""
        ...

    async def relays(self, app_id: str) -> Sequence[RelayAccount]:
        """Return the relays the app may use, its own and the operator's, oldest first."""
        ...

    async def routes(self, app_id: str) -> Sequence[Route]:
        """Return the app's routes in rising position."""
        ...

    async def failures(self, keys: Sequence[str]) -> Sequence[tuple[int, datetime]]:
        """Return for each key how many logins failed in a row and when the last did.

        (0, the epoch) where none did. A key begins with its kind, "account:<app>:<account>".
        """
        ...


class Accounts(Protocol):
    """Users and what they log in with; each method is one durable transaction."""

    async def register(self, user: User) -> bool:
        """Store a new user; False when the account is taken."""
        ...

    async def add_token(self, token: UserToken, *, keep: int) -> None:
        """Store a token, note the login, and drop the user's others beyond the `keep` newest."""
        ...

    async def bind_mail(self, app_id: str, user_id: str, email: str) -> None:
        """Set the user's address."""
        ...

    async def login_failed(self, keys: Sequence[str], at: datetime) -> None:
        """Count one more failure for each key."""
        ...

    async def login_succeeded(self, keys: Sequence[str]) -> None:
        """Forget the failures of each key."""
        ...

    async def failure_forgiven(self, key: str) -> None:
        """Take one failure off a key that has any."""
        ...


class Mail(Protocol):
    """Messages of one app: in, and looked at; each method is one durable transaction."""

    async def accept(self, intake: Intake, *, now: datetime) -> datetime | Standing | None:
        """Store what came in, or nothing but a refused log entry.

        returns: when a window is shut, when the one that is open last will have passed; when a
                 limit counts, how the message stands to it (of several, to the tightest): it is
                 stored unless that is over; None when it is stored and nothing counts.
        """
        ...

    async def log(self, entry: LogEntry) -> None:
        """Add a request without a message to the send log."""
        ...

    async def message(self, app_id: str, message_id: str) -> StoredMessage | None:
        """Return a message of the app by its id."""
        ...

    async def content(self, app_id: str, message_id: str) -> bytes | None:
        """Return the octets of a message; None when there are none."""
        ...

    async def attempts(self, app_id: str, message_id: str) -> list[Attempt]:
        """Return every attempt at a message, the first first."""
        ...

    async def discard(self, app_id: str, message_id: str, *, note: Note, now: datetime) -> bool:
        """Delete a message of the app that was captured for every recipient, and note that.

        returns: False, and nothing done, when there is no such message, or it is another's.
        """
        ...

    async def find_app(self, message_id: str) -> str | None:
        """Return the app that a message belongs to, for operators."""
        ...


class Counters(Protocol):
    """What counts requests, for every process on one database."""

    async def count(self, limit: Limit, *, now: datetime) -> Standing:
        """Count one request, unless the limit is reached, and return how it stands to it."""
        ...


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which entries of the send log; what is None restricts nothing.

    to:       the recipient, as it was given.
    after:    only entries that were stored after the one with this id.
    relay_id: of the relay that was chosen for the message when it came in.
    since:    not before this moment; `until`: before this one.
    text:     a part of the title or of the recipient, whatever its letter case and width.
    before:   only entries that were stored before the one with this id.
    """

    app_id: str | None = None
    to: str | None = None
    status: str | None = None
    after: str | None = None
    relay_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str | None = None
    before: str | None = None


class SendLog(Protocol):
    """The send log, read."""

    async def entries(self, which: LogFilter, *, limit: int) -> list[LogEntry]:
        """Return entries, oldest first: the newest `limit`, or with `after` the next `limit`."""
        ...


@dataclass(frozen=True, slots=True)
class MessageFilter:
    """Which messages; what is None restricts nothing.

    state, to: of one and the same recipient.
    relay_id:  of the relay that was chosen when it came in.
    since:     created not before this moment; `until`: before this one.
    text:      a part of the subject, of the From field's mailbox or of a recipient's address,
               whatever its letter case and width.
    """

    app_id: str | None = None
    state: State | None = None
    to: str | None = None
    relay_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str | None = None


class Messages(Protocol):
    """Messages of any app, listed."""

    async def page(
        self, which: MessageFilter, *, before: str | None, limit: int
    ) -> list[StoredMessage]:
        """Return messages, the newest first: the first `limit`, or those after `before`.

        before: id of the last message seen (ids grow with time); it need not exist any more.
        """
        ...


class Readable(Protocol[T_co]):
    """Things of one kind, only looked at."""

    async def get(self, record_id: str) -> T_co | None:
        """Return one by its id."""
        ...

    async def page(self, *, after: tuple[datetime, str] | None, limit: int) -> Sequence[T_co]:
        """Return the oldest `limit`, or those made later than a moment, or then with a greater id.

        after: when the last one of the page before was made, and its id.
        """
        ...


class Records(Readable[T], Protocol[T]):
    """Things of one kind; those of an app are given by the app's own Records."""

    async def add(self, record: T) -> None:
        """Store a new one.

        raises: ConflictError when its id, or a name that must be unique, is taken.
        """
        ...

    async def list(self) -> list[T]:
        """Return all, oldest first."""
        ...

    async def change(
        self, record_id: str, still: Mapping[str, object] | None = None, /, **fields: object
    ) -> T | None:
        """Set fields and return the result; None when there is no such record.

        still:  what other fields must hold yet, for what is set to be right.
        raises: ConflictError as `add`, and when `still` holds no more.
        """
        ...

    async def remove(self, record_id: str) -> bool:
        """Delete one; False when there was none."""
        ...


class RelayRecords(Records[RelayAccount], Protocol):
    """Relays, each written with its password in one transaction."""

    async def add(self, record: RelayAccount, *, secret: str = "") -> None:
        """Store a new one, with its password encrypted; "" is none.

        raises: ConflictError.
        """
        ...

    async def change_with_secret(
        self,
        record_id: str,
        secret: str,
        still: Mapping[str, object] | None = None,
        /,
        **fields: object,
    ) -> RelayAccount | None:
        """Set the password and fields, and return the result; None when there is no such relay.

        secret: "" removes the one there is.
        raises: ConflictError as `change`.
        """
        ...


class Audit(Protocol):
    """The audit log, read."""

    async def entries(self, which: AuditFilter, *, limit: int) -> list[AuditEntry]:
        """Return entries, oldest first: the newest `limit`, or with `after` the next `limit`."""
        ...

    async def end(self) -> End:
        """Return the number of all entries, and the hash of the last."""
        ...


class Directory(Protocol):
    """Everything an operator manages; every change is noted in the audit log."""

    def acting(self, actor: Actor, action: str = "") -> Directory:
        """Return the same, whose changes are noted in the name of `actor`.

        action: what each is called; "" for the kind of its record and what is done to it.
        """
        ...

    @property
    def developers(self) -> Records[Developer]:
        """All developers."""
        ...

    @property
    def apps(self) -> Records[App]:
        """All apps."""
        ...

    @property
    def operators(self) -> Records[Operator]:
        """All operators."""
        ...

    def users(self, app_id: str) -> Records[User]:
        """The app's users."""
        ...

    def keys(self, app_id: str | None) -> Records[ApiKey]:
        """The app's API keys; with None the operator's."""
        ...

    def relays(self, app_id: str | None) -> RelayRecords:
        """The app's own relays; with None the operator's."""
        ...

    def routes(self, app_id: str) -> Records[Route]:
        """The app's routes."""
        ...

    @property
    def every_user(self) -> Readable[User]:
        """The users of all apps, for the operator."""
        ...

    @property
    def every_key(self) -> Readable[ApiKey]:
        """The keys of all apps and the operator's, likewise."""
        ...

    @property
    def every_relay(self) -> Readable[RelayAccount]:
        """The relays of all apps and the operator's, likewise."""
        ...

    @property
    def every_route(self) -> Readable[Route]:
        """The routes of all apps, likewise."""
        ...
