"""Whole tables of a PostgreSQL database: read from a snapshot, or written in one transaction."""

# ruff: noqa: S608 - the statements are made of names of ours

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from postroad.errors import StorageError
from postroad.storage.copying.tables import Gathering, Table, every_table
from postroad.storage.engine import Row
from postroad.storage.migrations import HEAD
from postroad.storage.postgresql.connecting import connect, rows, shown
from postroad.storage.postgresql.failures import ERRORS, failed
from postroad.storage.postgresql.migrate import is_current
from postroad.storage.postgresql.opening import OtherKeyError, open_for_server

_ANSWER_S: Final = 30.0  # a person waits
# Light rows come many at once, heavy ones (a content may have 25 MB) each by itself.
_LIGHT_OCTETS: Final = 16 << 10
_LIGHT_ROWS: Final = 256

# What somebody has put there; a new database has rows in other tables.
_KEPT: Final = ("operator", "developer", "app", "relay", "message", "send_log", "audit")


class PostgresqlTables:
    """An open transaction on a connection."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def batches(self, table: Table) -> AsyncIterator[list[Row]]:
        """Yield the rows of a table, few enough at once for any memory."""
        gathering = Gathering()
        for condition, at_once in _by_weight(table):
            cursor = self._connection.cursor(f"{table.selection} {condition}", prefetch=at_once)
            try:
                async for record in cursor:
                    if found := gathering.add(tuple(record)):
                        yield found
            except ERRORS as error:
                raise failed(error) from error
        if found := gathering.rest():
            yield found

    async def add(self, table: Table, rows: Sequence[Row]) -> None:
        """Add rows."""
        texts = [place for place, kind in enumerate(table.kinds) if kind is str]
        try:
            await self._connection.copy_records_to_table(
                table.name,
                columns=table.columns,
                records=[_without_nul(row, texts) for row in rows],
            )
        except ERRORS as error:
            raise failed(error) from error

    async def execute(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Do one statement, with "?" for its parameters, and return its rows."""
        return await rows(self._connection, sql, parameters)


class NewPostgresqlTables(PostgresqlTables):
    """The tables of an empty database, emptied of what a new one has too.

    installation: what stood in that table, which is kept unless the copy brings its own.
    """

    def __init__(self, connection: Any, installation: Sequence[Row]) -> None:
        super().__init__(connection)
        self._installation = installation

    async def complete(self) -> None:
        """Have triggers and numbering as they are in every other database."""
        for row in self._installation:
            await self.execute(
                "INSERT INTO installation (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING", row
            )
        for table in every_table():
            await self.execute(f'ALTER TABLE "{table.name}" ENABLE TRIGGER USER')
            if table.number is not None:
                await self.execute(_GO_ON.format(table=table.name, column=table.number))
            await self.execute(f'ANALYZE "{table.name}"')  # unknown tables are planned blindly


@asynccontextmanager
async def snapshot(url: str) -> AsyncIterator[PostgresqlTables]:
    """Open what a database holds at this moment; servers may go on writing to it.

    raises: StorageError, also when its schema is not this version's.
    """
    if not await is_current(url, answer_s=_ANSWER_S):
        raise StorageError(
            f"the database {shown(url)} has not schema {HEAD}: run `postroad migrate` first"
        )
    async with (
        _connected(url) as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        tables = PostgresqlTables(connection)
        await tables.execute("SELECT 1")  # what it sees is decided by its first statement
        yield tables


@asynccontextmanager
async def new_database(
    url: str, key: Path, *, may_be_unsafe: bool
) -> AsyncIterator[NewPostgresqlTables]:
    """Fill an empty database, in one transaction that is committed when the block has ended.

    Killed at any moment it leaves the database empty, or the whole.

    key:    the key file, which what is copied was encrypted with.
    raises: StorageError when it is not empty, or the server will not do.
    """
    await _check_empty(url)  # before the key: that of somebody else's database is not ours to have
    try:
        database = await open_for_server(url, key, may_be_unsafe=may_be_unsafe)
    except OtherKeyError as error:
        raise StorageError(
            f"{shown(url)} is empty, but was made ready with another key file than {key}: give a"
            " new database"
        ) from error
    await database.aclose()
    names = ", ".join(f'"{table.name}"' for table in every_table())
    async with _connected(url) as connection, connection.transaction():
        found = PostgresqlTables(connection)
        await found.execute(f"LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE")
        await _refuse_filled(found, url)
        installation = await found.execute("SELECT name, value FROM installation")
        for table in reversed(every_table()):
            await found.execute(f'DELETE FROM "{table.name}"')
            await found.execute(f'ALTER TABLE "{table.name}" DISABLE TRIGGER USER')
        yield NewPostgresqlTables(connection, installation)


async def is_filled(url: str) -> bool:
    """Whether somebody has put something into a database.

    raises: StorageError when it cannot be read.
    """
    if not await is_current(url, answer_s=_ANSWER_S):
        return False
    async with _connected(url) as connection:
        return bool(await what_is_in(PostgresqlTables(connection)))


async def _check_empty(url: str) -> None:
    """Make sure that a database, whose schema may be of any version, holds nothing.

    raises: StorageError.
    """
    await is_current(url, answer_s=_ANSWER_S)  # that it is none of another program
    async with _connected(url) as connection:
        await _refuse_filled(PostgresqlTables(connection), url)


async def _refuse_filled(tables: PostgresqlTables, url: str) -> None:
    if held := await what_is_in(tables):
        raise StorageError(f"{shown(url)} is not empty: it has {held}; give an empty database")


async def what_is_in(tables: PostgresqlTables) -> str:
    """Return what a database holds, as `2 app, 17 message`; "" when it is empty."""
    held = []
    for name in _KEPT:
        if (await tables.execute("SELECT to_regclass(?) IS NULL", (name,)))[0][0]:
            continue  # of an older version
        found = (await tables.execute(f'SELECT count(*) FROM "{name}"'))[0][0]
        held += [f"{found:,} {name}"] if found else []
    return ", ".join(held)


# The next number that the engine gives is beyond those that were copied.
_GO_ON: Final = """
    SELECT setval(numbers, greatest((SELECT max("{column}") FROM "{table}"), 1),
        EXISTS (SELECT 1 FROM "{table}"))
    FROM (SELECT pg_get_serial_sequence('"{table}"', '{column}') AS numbers) AS found
    WHERE numbers IS NOT NULL
"""


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[Any]:
    """Connect, without the time limits of those who serve."""
    connection = await connect(url, answer_s=_ANSWER_S)
    try:
        await connection.execute(
            "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0"
        )
        yield connection
        await connection.close(timeout=_ANSWER_S)
    except ERRORS as error:
        raise failed(error) from error
    finally:
        connection.terminate()


def _by_weight(table: Table) -> list[tuple[str, int]]:
    """Return conditions that share the rows of a table among them, and how many come at once."""
    lengths = [
        f'coalesce(octet_length("{column}"), 0)'
        for column, kind in zip(table.columns, table.kinds, strict=True)
        if kind in (str, bytes)
    ]
    if not lengths:
        return [("", _LIGHT_ROWS)]
    weight = " + ".join(lengths)
    return [
        (f"WHERE {weight} <= {_LIGHT_OCTETS}", _LIGHT_ROWS),
        (f"WHERE {weight} > {_LIGHT_OCTETS}", 1),
    ]


def _without_nul(row: Row, texts: Sequence[int]) -> Row:
    """Return a row; its text has no NUL in PostgreSQL, where the sign for it stands instead."""
    if not any(row[place] is not None and "\0" in row[place] for place in texts):
        return row
    values = [*row]
    for place in texts:
        if values[place] is not None:
            values[place] = values[place].replace("\0", "\N{SYMBOL FOR NULL}")
    return tuple(values)
