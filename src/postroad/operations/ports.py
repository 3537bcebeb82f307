"""What operations need from storage, in their own words.

Every method raises StorageError when the engine fails. What belongs to an app is only reached
through its id: another app's is as good as none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from postroad.delivery.messages import Attempt, Intake, LogEntry, StoredMessage
from postroad.delivery.states import State
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

        (0, the epoch) where none did. A key is "account:<app>:<account>" or "address:<ip>".
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


class Mail(Protocol):
    """Messages of one app: in, and looked at; each method is one durable transaction."""

    async def accept(self, intake: Intake, *, now: datetime) -> datetime | None:
        """Store what came in, or nothing but a refused log entry when a window is shut.

        returns: None when stored; else when the window that is open last will have passed.
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

    async def find_app(self, message_id: str) -> str | None:
        """Return the app that a message belongs to, for operators."""
        ...


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which entries of the send log; what is None restricts nothing.

    to:    the recipient, as it was given.
    after: only entries that came after the one with this id (ids grow with time).
    """

    app_id: str | None = None
    to: str | None = None
    status: str | None = None
    after: str | None = None


class SendLog(Protocol):
    """The send log, read."""

    async def entries(self, which: LogFilter, *, limit: int) -> list[LogEntry]:
        """Return entries, oldest first: the newest `limit`, or with `after` the next `limit`."""
        ...


class Messages(Protocol):
    """Messages of any app, listed for operators."""

    async def list(
        self, *, app_id: str | None, state: State | None, to: str | None, limit: int
    ) -> list[StoredMessage]:
        """Return messages, the newest first."""
        ...


class Records(Protocol[T]):
    """Things of one kind; those of an app are given by the app's own Records."""

    async def add(self, record: T) -> None:
        """Store a new one.

        raises: ConflictError when its id, or a name that must be unique, is taken.
        """
        ...

    async def get(self, record_id: str) -> T | None:
        """Return one by its id."""
        ...

    async def list(self) -> list[T]:
        """Return all, oldest first."""
        ...

    async def change(self, record_id: str, **fields: object) -> T | None:
        """Set fields and return the result; None when there is no such record.

        raises: ConflictError as `add`.
        """
        ...

    async def remove(self, record_id: str) -> bool:
        """Delete one; False when there was none."""
        ...


class Directory(Protocol):
    """Everything an operator manages."""

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

    def keys(self, app_id: str) -> Records[ApiKey]:
        """The app's API keys."""
        ...

    def relays(self, app_id: str | None) -> Records[RelayAccount]:
        """The app's own relays; with None the operator's."""
        ...

    def routes(self, app_id: str) -> Records[Route]:
        """The app's routes."""
        ...

    async def set_relay_secret(self, app_id: str | None, relay_id: str, secret: str) -> bool:
        """Keep the password of a relay, encrypted; "" removes it. False when there is no such."""
        ...
