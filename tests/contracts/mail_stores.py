"""The stores of mail over one database, and mail to put into them."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from tests.support.engines import Place

from postroad.delivery.messages import (
    Claim,
    Envelope,
    Fate,
    Intake,
    Lease,
    LogEntry,
    NewMessage,
    Recipient,
    Settlement,
    StoredMessage,
    WindowStart,
)
from postroad.delivery.states import State
from postroad.errors import Code
from postroad.operations.ports import LogFilter, Mail, Messages, SendLog
from postroad.storage.directory import DirectoryStore
from postroad.storage.engine import Database
from postroad.storage.listing import MessageList
from postroad.storage.log import LogStore
from postroad.storage.mail import MailStore
from postroad.storage.queue import QueueStore
from postroad.storage.search.index import SearchIndex
from postroad.tenancy.records import App, InDoubtPolicy, SendMode
from postroad.worker.ports import Queue

T = TypeVar("T")

NOW = datetime(2026, 3, 4, 5, 6, 7, 890123, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
APP, OTHER = "1000000001", "1000000002"  # synchronous mail, queued mail
CONTENT = b"Subject: test\r\n\r\nhello\r\n"

_numbers = itertools.count(1)


def new_id() -> str:
    """Return an id that is greater than all before."""
    return f"01956000-0000-7000-8000-{next(_numbers):012x}"


@dataclass(frozen=True, slots=True)
class Stores:
    """Every port of mail over one database."""

    database: Database
    directory: DirectoryStore
    mail: Mail
    queue: Queue
    log: SendLog
    messages: Messages
    search: SearchIndex

    async def put(
        self,
        message: NewMessage,
        *,
        token: str = "here",
        until: datetime = NOW + MINUTE,
        **log: Any,
    ) -> NewMessage:
        """Accept a message, with a lease if it is sent at once."""
        lease = Lease(token, until) if message.state is State.SENDING else None
        assert await self.mail.accept(intake(message, lease=lease, **log), now=NOW) is None
        return message

    async def get(self, message: NewMessage) -> StoredMessage:
        """Return a message as it is kept."""
        stored = await self.mail.message(message.app_id, message.id)
        assert stored is not None
        return stored

    async def states(self, message: NewMessage) -> list[State]:
        """Return the states of a message's recipients in their order."""
        return [recipient.state for recipient in (await self.get(message)).recipients]

    async def claim(
        self, *, token: str = "worker", now: datetime = NOW, limit: int = 10
    ) -> list[Claim]:
        """Claim what is due, for a minute."""
        return await self.queue.claim(Lease(token, now + MINUTE), now=now, limit=limit)

    async def claim_one(
        self, message: NewMessage, *, app_id: str = APP, token: str = "person", now: datetime = NOW
    ) -> Claim | None:
        """Claim one message, for a minute."""
        lease = Lease(token, now + MINUTE)
        return await self.queue.claim_one(app_id, message.id, lease, now=now)

    async def logged(self, limit: int = 100, **which: Any) -> list[LogEntry]:
        """Return entries of the send log."""
        return await self.log.entries(LogFilter(**which), limit=limit)


def stores_on(database: Database) -> Stores:
    """Return every port of mail over a database."""
    return Stores(
        database=database,
        directory=DirectoryStore(database),
        mail=MailStore(database, new_id),
        queue=QueueStore(database, new_id),
        log=LogStore(database),
        messages=MessageList(database),
        search=SearchIndex(database),
    )


class Runner:
    """Runs scenarios, each over the stores of the same database."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._is_new = True

    def __call__(self, scenario: Callable[[Stores], Awaitable[T]]) -> T:
        """Open the database, run the scenario, close the database."""
        return asyncio.run(self._run(scenario))

    async def _run(self, scenario: Callable[[Stores], Awaitable[T]]) -> T:
        database = await self.place.open()
        stores = stores_on(database)
        try:
            if self._is_new:
                self._is_new = False
                await stores.directory.apps.add(app(APP))
                await stores.directory.apps.add(app(OTHER, send=SendMode.QUEUED))
            return await scenario(stores)
        finally:
            await database.aclose()


def app(
    app_id: str, *, send: SendMode = SendMode.SYNC, in_doubt: InDoubtPolicy | None = None
) -> App:
    """Return an app."""
    return App(app_id, f"app {app_id}", NOW, signature="s" * 32, send=send, in_doubt=in_doubt)


def message(*to: str, app_id: str = APP, state: State = State.SENDING, **others: Any) -> NewMessage:
    """Return a message to `to`, with others of its fields as given."""
    recipients = to or ("bo@b.example",)
    built = NewMessage(
        id=new_id(),
        app_id=app_id,
        door="nobase",
        message_id=f"<{next(_numbers)}@a.example>",
        from_="Ann <ann@a.example>",
        recipients=recipients,
        subject="测试",
        content=CONTENT,
        envelope=Envelope("ann@a.example", recipients),
        state=state,
        created_at=NOW,
        expires_at=NOW + timedelta(days=2),
    )
    return replace(built, **others)


def entry(app_id: str = APP, **others: Any) -> LogEntry:
    """Return an entry of the send log."""
    built = LogEntry(
        id=new_id(),
        app_id=app_id,
        at=NOW,
        door="nobase",
        ip="192.0.2.1",
        recipient="bo@b.example",
        title="测试",
        status="refused",
    )
    return replace(built, **others)


def intake(
    stored: NewMessage | None,
    *,
    lease: Lease | None = None,
    windows: tuple[WindowStart, ...] = (),
    app_id: str = APP,
    **log: Any,
) -> Intake:
    """Return an intake of a message, or of none, with the fields of its log entry as given."""
    if stored is not None:
        app_id = stored.app_id
        log = {"id": stored.id, "status": stored.state.value, "message_id": stored.id, **log}
    return Intake(
        log=entry(app_id, **log),
        message=stored,
        lease=lease,
        windows=windows,
    )


def held(stored: NewMessage, *, token: str = "here", until: datetime = NOW + MINUTE) -> Claim:
    """Return the claim of a message that came in with a lease."""
    recipients = tuple(
        Recipient(position, address, path, State.SENDING, NOW)
        for position, (address, path) in enumerate(
            zip(stored.recipients, stored.envelope.forward_paths, strict=True)
        )
        if position not in stored.captured
    )
    as_kept = StoredMessage(
        id=stored.id,
        app_id=stored.app_id,
        door=stored.door,
        message_id=stored.message_id,
        from_=stored.from_,
        subject=stored.subject,
        envelope=stored.envelope,
        created_at=stored.created_at,
        expires_at=stored.expires_at,
        relay_id=stored.relay_id,
        is_kept_out_of_retry=stored.is_kept_out_of_retry,
        size_octets=len(stored.content),
        attempts=1,
        due=None,
        recipients=recipients,
    )
    return Claim(as_kept, stored.content, recipients, Lease(token, until), "", 1)


def settlement(
    claim: Claim, *states: State, due: datetime | None = None, at: datetime = NOW, **others: Any
) -> Settlement:
    """Return what brings the claim's recipients, in their order, to `states`."""
    fates = tuple(
        Fate(
            recipient.position,
            state,
            250 if state is State.ACCEPTED else 550,
            "2.0.0",
            f"said of {recipient.address}",
        )
        for recipient, state in zip(claim.recipients, states, strict=True)
    )
    built = Settlement(Code.OK, "done", "", fates, due, at, None)
    return replace(built, **others)
