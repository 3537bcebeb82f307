"""The operations of one process on a database of a test's own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from tests.support.folders import open_folder

from postroad.delivery.messages import LogEntry, Settlement, StoredMessage
from postroad.message import Address
from postroad.operations.identifiers import new_id
from postroad.operations.nobase import LoggedIn, Registered
from postroad.operations.ports import LogFilter
from postroad.settings import Settings
from postroad.storage.cipher import Cipher
from postroad.storage.database import Database
from postroad.storage.migrate import migrate
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
    folder: Path
    settlements: asyncio.Queue[Settlement]
    token: str = field(default="", repr=False)

    async def add_app(self, **changes: Any) -> App:
        """Store the app: live, tokens on, no session interval, but for `changes`."""
        values: dict[str, Any] = {
            "signature": SIGNATURE,
            "interval_s": 0,
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
        return await self.core.messages.list(app_id=None, state=None, to=None, limit=1_000)


def in_office(work: Callable[[Office], Awaitable[T]], **settings: Any) -> T:
    """Return what `work` returns, given the core of a server on an empty database."""

    async def run(folder: Path) -> T:
        return await with_core(folder, work, **settings)

    with open_folder() as folder:
        migrate(folder / "postroad.db")
        return asyncio.run(run(folder))


async def with_core(
    folder: Path,
    work: Callable[[Office], Awaitable[T]],
    *,
    is_server: bool = True,
    grace_s: float = 10,
    **settings: Any,
) -> T:
    """Do `work` with a core on the database in `folder`, as a process would open it."""
    cipher = Cipher.open(folder / "key")
    database = Database.open(folder / "postroad.db", is_server=is_server, cipher=cipher)
    kind = SERVER if is_server else COMMAND
    watch = Settlements()
    core = Core(Settings(data_dir=folder, **settings), database, kind, watch)
    try:
        if is_server:
            await core.loop.start(dead=SERVER)
        return await work(Office(core, folder, watch.next))
    finally:
        await core.aclose(grace_s)
