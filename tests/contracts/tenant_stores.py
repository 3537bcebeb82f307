"""The stores of tenants over one database, and records to put into them."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from tests.support.engines import Place

from postroad.message import Address
from postroad.operations.ports import Accounts, Directory, Facts
from postroad.storage.cipher import Cipher
from postroad.storage.directory import DirectoryStore
from postroad.storage.engine import Database
from postroad.storage.sqlite.database import SqliteDatabase
from postroad.storage.tenants import TenantStore
from postroad.tenancy.records import (
    ApiKey,
    App,
    AppState,
    Developer,
    InDoubtPolicy,
    Mode,
    Operator,
    RelayAccount,
    Route,
    Scope,
    SendMode,
    User,
    UserToken,
    Window,
)
from postroad.worker.ports import Relays

T = TypeVar("T")

NOW = datetime(2026, 3, 4, 5, 6, 7, 890123, tzinfo=UTC)
DAY = timedelta(days=1)
APP, OTHER = "1000000001", "1000000002"

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Tenants:
    """Every port of tenants over one database."""

    directory: Directory
    facts: Facts
    accounts: Accounts
    relays: Relays
    database: Database


class TenantRunner:
    """Runs scenarios, each over the stores of the same database, in which there are two apps."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._is_new = True

    def __call__(self, scenario: Callable[[Tenants], Awaitable[T]]) -> T:
        """Open the database, run the scenario, close the database."""
        return asyncio.run(self._run(scenario))

    def forget_key(self) -> None:
        """Put a new key file in the place of the old one."""
        (self.place.folder / "key").unlink()
        Cipher.open(self.place.folder / "key")

    def trace(self, at: Tenants) -> list[str]:
        """Return every statement that SQLite reads with from now on, values filled in."""
        statements: list[str] = []
        _sqlite(at)._reader.set_trace_callback(statements.append)
        return statements

    def plan(self, at: Tenants, statement: str) -> list[str]:
        """Return the steps in which SQLite does a statement."""
        _sqlite(at)._reader.set_trace_callback(None)
        found = _sqlite(at)._reader.execute(f"EXPLAIN QUERY PLAN {statement}")
        return [row[3] for row in found]

    async def _run(self, scenario: Callable[[Tenants], Awaitable[T]]) -> T:
        database = await self.place.open()
        store = TenantStore(database)
        tenants = Tenants(DirectoryStore(database), store, store, store, database)
        try:
            if self._is_new:
                self._is_new = False
                await tenants.directory.apps.add(app(APP))
                await tenants.directory.apps.add(app(OTHER))
            return await scenario(tenants)
        finally:
            await database.aclose()


def _sqlite(at: Tenants) -> SqliteDatabase:
    assert isinstance(at.database, SqliteDatabase)
    return at.database


def new_id() -> str:
    """Return an id that is greater than all before."""
    return f"01956000-0000-7000-8000-{next(_numbers):012x}"


def app(app_id: str = APP, **others: Any) -> App:
    """Return an app."""
    return App(app_id, f"app {app_id}", NOW, **({"signature": "s" * 32} | others))


def full_app(app_id: str, developer_id: str) -> App:
    """Return an app no field of which has its default."""
    return App(
        id=app_id,
        name='应用 "一"',
        created_at=NOW,
        developer_id=developer_id,
        signature="0123456789abcdef" * 2,
        old_signature="fedcba9876543210" * 2,
        old_signature_until=NOW + DAY,
        state=AppState.STOPPED,
        stop_prompt="维护中",
        tokens=False,
        account_min=2,
        account_max=64,
        interval_s=0,
        window=Window.SESSION,
        send=SendMode.QUEUED,
        mode=Mode.ALLOW_LIST,
        in_doubt=InDoubtPolicy.RETRY,
        time_limit_s=4.5,
        token_days=30,
        from_=Address("bo@bücher.example", 'Bo "\\" 王'),
        senders=("bo@b.example", "@c.example"),
        allow_list=("@d.example",),
        cors_origins=(),
        language="ko",
    )


def user(account: str = "10001", app_id: str = APP, **others: Any) -> User:
    """Return a user."""
    return User(new_id(), app_id, account, "$argon2id$…", **({"created_at": NOW} | others))


def token(owner: User, digest: bytes, *, at: datetime = NOW) -> UserToken:
    """Return a token of a user."""
    return UserToken(digest, owner.app_id, owner.id, at, at + 7 * DAY)


def key(app_id: str = APP, **others: Any) -> ApiKey:
    """Return an API key."""
    made: dict[str, Any] = {"digest": next(_numbers).to_bytes(32, "big"), "hint": "pr_abcd"}
    made |= {"scopes": (Scope.SEND, Scope.READ), "created_at": NOW} | others
    return ApiKey(new_id(), app_id, "the shop's", **made)


def relay(app_id: str | None = APP, **others: Any) -> RelayAccount:
    """Return a relay."""
    made: dict[str, Any] = {
        "name": f"relay {next(_numbers)}",
        "host": "mail.b.example",
        "port": 587,
    }
    return RelayAccount(new_id(), app_id, **(made | {"created_at": NOW} | others))


def route(to: RelayAccount, app_id: str = APP, **others: Any) -> Route:
    """Return a route."""
    return Route(new_id(), app_id, to.id, **({"created_at": NOW} | others))


def developer(**others: Any) -> Developer:
    """Return a developer."""
    return Developer(new_id(), "Kim", **({"created_at": NOW} | others))


def operator(name: str = "root", **others: Any) -> Operator:
    """Return an operator."""
    return Operator(new_id(), name, "$argon2id$…", NOW, **others)
