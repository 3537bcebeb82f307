"""The operations of one process on a database of a test's own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from tests.support.engines import Engine, Place
from tests.support.folders import open_folder

from postroad.delivery.messages import LogEntry, Settlement, StoredMessage
from postroad.message import Address
from postroad.operations.identifiers import new_id
from postroad.operations.nobase import LoggedIn, Registered
from postroad.operations.ports import LogFilter, MessageFilter
from postroad.settings import Settings
from postroad.storage.sqlite.migrate import migrate
from postroad.tenancy import keys
from postroad.tenancy.checks import Request
from postroad.tenancy.records import ApiKey, App, Mode, RelayAccount, Scope
from postroad.wiring.core import COMMAND, SERVER, Core
from postroad.wiring.watch import Watch
from postroad.worker.courier import Errand

T = TypeVar("T")

APPID = "1234567890"
SIGNATURE = "0123456789abcdef0123456789abcdef"
ACCOUNT, PASSWORD = "13800138000", "UserPass123"
KEY = "pr_test"
FROM = Address("shop@a.example", "Shop")


def moment() -> datetime:
    """Return the time, for records."""
    return datetime.now(UTC)


class Settlements(Watch):
    """Keeps what was settled, in its order."""

    def __init__(self) -> None:
        super().__init__()
        self.next: asyncio.Queue[Settlement] = asyncio.Queue()

    def settled(self, errand: Errand, settlement: Settlement, seconds: float) -> None:
        """Keep it."""
        super().settled(errand, settlement, seconds)
        self.next.put_nowait(settlement)


@dataclass
class Office:
    """An open core with one app, and what tests ask of it.

    settlements: of every attempt.
    """

    core: Core
    place: Place
    settlements: asyncio.Queue[Settlement]
    token: str = field(default="", repr=False)

    @property
    def folder(self) -> Path:
        """The data folder."""
        return self.place.folder

    async def add_app(self, **changes: Any) -> App:
        """Store the app: live, tokens on, no interval and no limit, but for `changes`."""
        values: dict[str, Any] = {
            "signature": SIGNATURE,
            "interval_s": 0,
            "per_recipient_hour": 0,
            "mode": Mode.LIVE,
            "from_": FROM,
        }
        app = App(APPID, "demo", moment(), **(values | changes))
        await self.core.directory.apps.add(app)
        return app

    async def add_relay(self, port: int, **changes: Any) -> RelayAccount:
        """Store a relay on loopback, without TLS and login."""
        values: dict[str, Any] = {"security": "none"}
        relay = RelayAccount(
            new_id(), APPID, "sink", "127.0.0.1", port, moment(), **(values | changes)
        )
        await self.core.directory.relays(APPID).add(relay)
        return relay

    async def add_user(self) -> None:
        """Register the user and log in, through the operations themselves."""
        login = {"appid": APPID, "signature": SIGNATURE, "user": ACCOUNT, "pass": PASSWORD}
        made = await self.core.nobase.register(Request(login | {"nickname": "Bo"}, ip="192.0.2.1"))
        assert made == Registered()
        logged_in = await self.core.nobase.login(Request(login, ip="192.0.2.1"))
        assert isinstance(logged_in, LoggedIn)
        self.token = logged_in.token

    async def add_key(self, *scopes: Scope, **changes: Any) -> None:
        """Store the API key `KEY`."""
        values: dict[str, Any] = {"scopes": scopes or (Scope.SEND,)}
        key = ApiKey(
            id=new_id(),
            app_id=APPID,
            name="key",
            digest=keys.digest(KEY),
            hint="pr_",
            created_at=moment(),
            **(values | changes),
        )
        await self.core.directory.keys(APPID).add(key)

    def request(self, **changes: str) -> Request:
        """Return a request to send, with the token."""
        values = {
            "appid": APPID,
            "signature": SIGNATURE,
            "mail": "bo@b.example",
            "title": "测试邮件标题",
            "content": "<h1>这是测试邮件的HTML内容</h1>",
            "token": self.token,
        }
        given = {name: text for name, text in (values | changes).items() if text}
        return Request(given, ip="192.0.2.1")

    async def log(self) -> list[LogEntry]:
        """Return the send log, oldest first."""
        return await self.core.send_log.entries(LogFilter(), limit=1_000)

    async def stored(self) -> list[StoredMessage]:
        """Return every message, the newest first."""
        return await self.core.messages.page(MessageFilter(), before=None, limit=1_000)


# Whose databases `new_place` makes; SQLite's when nobody says so.
_engines: list[Engine] = []


@contextmanager
def on_engine(engine: Engine) -> Iterator[None]:
    """Let every office be on an engine as long as the context lasts."""
    _engines.append(engine)
    try:
        yield
    finally:
        _engines.pop()


@contextmanager
def new_place() -> Iterator[Place]:
    """Make an empty database of the engine."""
    if _engines:
        with _engines[-1].new() as place:
            yield place
        return
    with open_folder() as folder:
        migrate(folder / "postroad.db")
        yield Place.in_folder(folder)


def in_office(work: Callable[[Office], Awaitable[T]], **settings: Any) -> T:
    """Return what `work` returns, given the core of a server on an empty database."""

    async def run(place: Place) -> T:
        return await with_core(place, work, **settings)

    with new_place() as place:
        return asyncio.run(run(place))


async def with_core(
    where: Place | Path,
    work: Callable[[Office], Awaitable[T]],
    *,
    is_server: bool = True,
    grace_s: float = 10,
    **settings: Any,
) -> T:
    """Do `work` with a core on a database, or on the file in a folder, as a process opens it."""
    place = where if isinstance(where, Place) else Place.in_folder(where)
    database = await place.open(is_server=is_server)
    kind = SERVER if is_server else COMMAND
    watch = Settlements()
    chosen = Settings(data_dir=place.folder, database=place.url, **settings)
    core = Core(chosen, database, kind, watch)
    try:
        if is_server:
            await core.loop.start(dead=SERVER if place.is_sqlite else "")
        return await work(Office(core, place, watch.next))
    finally:
        await core.aclose(grace_s)
