"""Whole tables of a SQLite file: read from a snapshot, or written into a file of our own."""

# ruff: noqa: S608 - the statements are made of names of ours

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager

from postroad.errors import StorageError
from postroad.storage.copying.tables import Gathering, Table, every_table
from postroad.storage.engine import Row


class SqliteTables:
    """An open transaction on a file.

    name: of the file, for errors.
    """

    def __init__(self, connection: sqlite3.Connection, name: str) -> None:
        self._connection = connection
        self._name = name

    async def batches(self, table: Table) -> AsyncIterator[list[Row]]:
        """Yield the rows of a table, few enough at once for any memory."""
        flags = [place for place, kind in enumerate(table.kinds) if kind is bool]
        gathering = Gathering()
        with translated(f"table {table.name} of {self._name} cannot be read"):
            for row in self._connection.execute(table.selection):
                if rows := gathering.add(_with_flags(row, flags) if flags else row):
                    yield rows
        if rows := gathering.rest():
            yield rows

    async def add(self, table: Table, rows: Sequence[Row]) -> None:
        """Add rows."""
        marks = ", ".join("?" * len(table.columns))
        with translated(f"{self._name} cannot be written"):
            self._connection.executemany(
                f'INSERT INTO "{table.name}" ({table.names}) VALUES ({marks})', rows
            )

    async def execute(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Do one statement and return its rows."""
        with translated(f"{self._name}"):
            return self._connection.execute(sql, parameters).fetchall()


class NewSqliteTables(SqliteTables):
    """The tables of a new file, in a transaction that has begun.

    Triggers would count what is copied as changes; an index is made faster of all rows at once.
    """

    def __init__(self, connection: sqlite3.Connection, name: str) -> None:
        super().__init__(connection, name)
        self._hanging = connection.execute(
            "SELECT type, name, sql FROM sqlite_schema"
            " WHERE type IN ('trigger', 'index') AND sql IS NOT NULL ORDER BY type, name"
        ).fetchall()
        for kind, hanging, _ in self._hanging:
            connection.execute(f'DROP {kind} "{hanging}"')
        for table in reversed(every_table()):
            connection.execute(f'DELETE FROM "{table.name}"')

    async def complete(self) -> None:
        """Have triggers and indexes as they are in every other database."""
        with translated(f"{self._name} cannot be written"):
            for _, _, sql in self._hanging:
                self._connection.execute(sql)


def _with_flags(row: Row, places: Sequence[int]) -> Row:
    """Return a row whose flags are what they are: SQLite keeps them as numbers."""
    values = [*row]
    for place in places:
        if values[place] is not None:
            values[place] = bool(values[place])
    return tuple(values)


def check_whole(connection: sqlite3.Connection, name: str) -> None:
    """Read every page of a file.

    raises: StorageError when something does not fit.
    """
    with translated(f"{name} cannot be read"):
        found = [row[0] for row in connection.execute("PRAGMA integrity_check(3)")]
        broken = connection.execute("PRAGMA foreign_key_check").fetchall()
    if found != ["ok"]:
        raise StorageError(f"{name} is damaged: {'; '.join(' '.join(found).splitlines())}")
    if broken:
        raise StorageError(f"{name} is damaged: rows of {broken[0][0]} refer to nothing")


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Raise the engine's errors as StorageError, after what could not be done."""
    try:
        yield
    except sqlite3.Error as error:
        raise StorageError(f"{what}: {error}") from error
