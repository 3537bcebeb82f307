"""What the stores ask of an engine, and how they say what is to be done.

A piece of work is a generator: it yields statements, gets the rows of each, and returns its result.
So the same text is run by the thread that owns a SQLite file and by a connection to PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol, TypeVar

from postroad.errors import StorageError
from postroad.storage.cipher import Cipher
from postroad.storage.memory import Memory

T = TypeVar("T")

Row = tuple[Any, ...]

Statement = tuple[str, Sequence[object]]
"""SQL with "?" where its parameters go, and they. A statement that changes rows says with RETURNING
which; without it, it has none."""

Work = Generator[Statement, list[Row], T]
"""Statements of one transaction. One that fails raises in the generator, and ends the work: what it
has done is undone, whatever the generator makes of the error."""


class UniqueViolationError(StorageError):
    """There is such a row already."""


class ForeignKeyViolationError(StorageError):
    """What a row refers to does not exist, or something still refers to the row."""


def every(statements: Iterable[Statement]) -> Work[None]:
    """Do one statement after another; their rows are of no interest."""
    for statement in statements:  # noqa: UP028 - an iterator takes no rows
        yield statement


def refuse(work: Work[Any], error: StorageError) -> NoReturn:
    """Tell a piece of work that its statement failed, and raise what it makes of that."""
    with suppress(StopIteration):
        work.throw(error)
    work.close()  # it may not go on
    raise error


@dataclass(frozen=True, slots=True)
class Dialect:
    """Where the engines' SQL differs.

    each:        a table of one column, `value`: the texts of a JSON array, given as a parameter.
    lock:        what a SELECT ends with so that its rows of the table `q` stay as they are until
                 the transaction ends.
    skip_locked: the same, but for rows that another process works on: they are left out.
    take_in:     stores a message with one recipient, with the columns of `storage.columns`.
    take_in_counted: does the same if the message's one limit is not reached, and counts it: returns
                 the count and the end of its window. Without a row it did nothing.
    settle:      ends an attempt at one recipient; without a row when the lease was lost.
    log_end:     selects the last `seq` of the send log that nothing can still come before; "" when
                 entries are stored in their order.
    """

    name: str
    each: str
    lock: str
    skip_locked: str
    take_in: str
    take_in_counted: str
    settle: str
    log_end: str


class Database(Protocol):
    """An open database."""

    @property
    def dialect(self) -> Dialect:
        """How it wants its SQL."""
        ...

    @property
    def cipher(self) -> Cipher:
        """For the columns that are encrypted."""
        ...

    @property
    def facts(self) -> Memory:
        """What is remembered of those who send."""
        ...

    @property
    def is_broken(self) -> bool:
        """Whether nothing is written any more until a restart."""
        ...

    async def read(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Return a few rows found by an index, as of the last commit.

        raises: StorageError, as every method.
        """
        ...

    async def read_aside(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Return rows that take a while to find, or large ones; nobody else waits for them."""
        ...

    async def write(self, work: Callable[[], Work[T]]) -> T:
        """Return the result of `work` once it is durable.

        It is done even when its waiter is cancelled. `work` may be called again, from its
        beginning, when what it did was undone because of others.

        raises: what `work` raises, nothing of it being kept.
        """
        ...

    async def execute(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Do one statement as a piece of work of its own, and return its rows."""
        ...

    async def prove(self) -> None:
        """Commit something that changes nothing, to see whether it can be done."""
        ...

    async def aclose(self) -> None:
        """Write what waits and let go."""
        ...
