"""Databases with rows in every table there is, whatever tables come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Column, Table

from postroad.storage.cipher import Cipher
from postroad.storage.copying import files, postgresql
from postroad.storage.copying.files import Origin
from postroad.storage.copying.tables import NewTables, Tables, every_table
from postroad.storage.copying.walk import SEALED
from postroad.storage.engine import Row
from postroad.storage.schema import load

T = TypeVar("T")

THEN = datetime(2026, 3, 4, 5, 6, 7, 890123, tzinfo=UTC)
ROWS = 3
_ONE_ROW = {"tenant_version", "audit_end"}
_HEAVY_OCTETS = 5 << 20  # more than is read together with others


def rows_of(table: Table, cipher: Cipher) -> list[Row]:
    """Return rows for a table: the first with everything, others with NULL wherever it may be."""
    numbers = range(1 if table.name in _ONE_ROW else ROWS)
    return [
        tuple(_value(table, column, number, cipher) for column in table.columns)
        for number in numbers
    ]


def _value(table: Table, column: Column[Any], number: int, cipher: Cipher) -> Any:
    if table.name == "queue" and column.name != "message_id":  # due, or leased until
        is_due = number == 0
        return {
            "due": number if is_due else None,
            "lease_token": None if is_due else "server:1",
        }.get(column.name, None if is_due else 7)
    if column.nullable and number > 0:
        return None
    key, *sealed = SEALED.get(table.name, ("",))
    if column.name in sealed:
        about = f"{table.name}:{_text(table.name, key, number)}:{column.name}"
        return cipher.encrypt(f"secret {number}", about)
    if column.foreign_keys:
        first = _first(column)
        return _text(first.table.name, first.name, number)
    kind = column.type.python_type
    if kind is str:
        return _text(table.name, column.name, number)
    if kind is bytes:
        long = _HEAVY_OCTETS if table.name == "content" and number < 2 else 10
        return bytes([number]) * long
    return kind(number % 2 if kind is bool else number + 0.5 if kind is float else number + 1)


def _first(column: Column[Any]) -> Column[Any]:
    """Return the column that a key is from, over as many tables as it may be."""
    while column.foreign_keys:
        (foreign,) = column.foreign_keys
        column = foreign.column
    return column


def _text(table: str, column: str, number: int) -> str:
    if (table, column) == ("recipient", "state"):
        return ("queued", "in_doubt", "accepted")[number]
    if (table, column, number) == ("installation", "name", 0):
        return "key"  # which every database in PostgreSQL has
    return f"{table} {column} 안녕 {number}"


async def fill(tables: NewTables, cipher: Cipher) -> None:
    """Put rows into every table."""
    described = load().tables
    for table in every_table():
        await tables.add(table, rows_of(described[table.name], cipher))
    await tables.complete()


async def everything(tables: Tables) -> dict[str, list[Row]]:
    """Return every row of every table."""
    found: dict[str, list[Row]] = {}
    for table in every_table():
        found[table.name] = sorted(
            [row async for rows in tables.batches(table) for row in rows], key=repr
        )
    return found


class Ends:
    """Where databases are made and read, on both engines, in one folder.

    urls: of empty PostgreSQL databases.
    """

    def __init__(self, folder: Path, new_url: Callable[[], str] | None) -> None:
        self.folder = folder
        self.key = folder / "key"
        self.cipher = Cipher.open(self.key)
        self._new_url = new_url

    def new(self, engine: str, name: str) -> Path | str:
        """Return where a database may be made."""
        if engine == "sqlite":
            return self.folder / f"{name}.db"
        assert self._new_url is not None
        return self._new_url()

    @asynccontextmanager
    async def made(
        self, place: Path | str, *, of: Origin | None = None
    ) -> AsyncIterator[NewTables]:
        """Make a database there."""
        async with AsyncExitStack() as stack:
            if isinstance(place, Path):
                yield stack.enter_context(files.new_file(place, of=of))
            else:
                yield await stack.enter_async_context(
                    postgresql.new_database(place, self.key, may_be_unsafe=True)
                )

    @asynccontextmanager
    async def read(self, place: Path | str) -> AsyncIterator[Tables]:
        """Open what is there."""
        async with AsyncExitStack() as stack:
            if isinstance(place, Path):
                yield stack.enter_context(files.snapshot(place, beside=place))
            else:
                yield await stack.enter_async_context(postgresql.snapshot(place))

    def filled(self, engine: str, name: str) -> Path | str:
        """Make a database with rows in every table."""

        async def work() -> None:
            async with self.made(place) as tables:
                await fill(tables, self.cipher)

        place = self.new(engine, name)
        asyncio.run(work())
        return place

    def look(self, place: Path | str, work: Callable[[Tables], Awaitable[T]]) -> T:
        """Return what `work` returns, given what is there."""

        async def opened() -> T:
            async with self.read(place) as tables:
                return await work(tables)

        return asyncio.run(opened())
