"""The tables to copy, in an order in which no row comes before those it refers to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, Protocol

from postroad.storage.engine import Row

# One content may have 25 MB: a batch holds few of those and many small rows.
_ROWS: Final = 1_000
_OCTETS: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class Table:
    """What is copied of a table.

    kinds:  the Python type of each column's values; any may be None.
    number: the column that the engine itself numbers when it is not given, if there is one.
    """

    name: str
    columns: tuple[str, ...]
    kinds: tuple[type, ...]
    number: str | None = None

    @property
    def names(self) -> str:
        """The columns as SQL lists them."""
        return ", ".join(f'"{column}"' for column in self.columns)

    @property
    def selection(self) -> str:
        """The statement that reads every row."""
        return f'SELECT {self.names} FROM "{self.name}"'  # noqa: S608 - names of ours


class Tables(Protocol):
    """An open transaction on a database, for reading and writing whole tables.

    Every method raises StorageError when the engine fails.
    """

    def batches(self, table: Table) -> AsyncIterator[list[Row]]:
        """Yield the rows of a table, few enough at once for any memory."""
        ...

    async def add(self, table: Table, rows: Sequence[Row]) -> None:
        """Add rows."""
        ...

    async def execute(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Do one statement, with "?" for its parameters, and return its rows."""
        ...


class NewTables(Tables, Protocol):
    """The tables of a new database: empty, and without triggers until they are complete."""

    async def complete(self) -> None:
        """Have triggers, indexes and numbering as they are in every other database."""
        ...


@cache
def every_table() -> tuple[Table, ...]:
    """Return all tables of the schema, those that are referred to first."""
    from postroad.storage.schema import load

    return tuple(
        Table(
            each.name,
            tuple(column.name for column in each.columns),
            tuple(column.type.python_type for column in each.columns),
            None if each.autoincrement_column is None else each.autoincrement_column.name,
        )
        for each in load().sorted_tables
    )


class Gathering:
    """Rows that wait to be handed on together."""

    def __init__(self) -> None:
        self._rows: list[Row] = []
        self._octets = 0

    def add(self, row: Row) -> list[Row]:
        """Take a row; return all that wait when they are enough, else none."""
        self._rows.append(row)
        for value in row:
            if isinstance(value, (str, bytes)):
                self._octets += len(value)
        is_enough = len(self._rows) >= _ROWS or self._octets >= _OCTETS
        return self.rest() if is_enough else []

    def rest(self) -> list[Row]:
        """Return all that wait."""
        rows, self._rows, self._octets = self._rows, [], 0
        return rows
