"""PostgreSQL as the engine: writes in groups on one connection, reads on a few others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final, Self, TypeVar

import asyncpg

from postroad.errors import StorageError
from postroad.storage.cipher import Cipher
from postroad.storage.engine import Dialect, Row, Work
from postroad.storage.memory import Memory
from postroad.storage.postgresql import durability, shortcuts
from postroad.storage.postgresql.connecting import SERVER, connect, options, rows
from postroad.storage.postgresql.failures import ERRORS, failed, is_parting
from postroad.storage.postgresql.writer import Writer

T = TypeVar("T")
Committed = Callable[[int, float], None]

DIALECT: Final = Dialect(
    name="postgresql",
    each="json_array_elements_text(CAST(? AS json))",
    lock=" FOR UPDATE OF q",
    skip_locked=" FOR UPDATE OF q SKIP LOCKED",
    take_in=shortcuts.TAKE_IN,
    take_in_counted=shortcuts.TAKE_IN_COUNTED,
    settle=shortcuts.SETTLE,
    log_end="SELECT send_log_end()",
)
SERVER_ANSWER_S: Final = 2.0
COMMAND_ANSWER_S: Final = 60.0  # a person waits, and can give up himself

# A hundred short reads a second at the most; what another server changes holds here from then on.
_FRESH_S: Final = 0.01
_READERS: Final = 4  # rows found by an index take less than a millisecond
_LISTERS: Final = 2


class PostgresqlDatabase:
    """A database on a PostgreSQL server.

    It heals by itself: a connection that fails is given up, and the next request opens another.

    cipher: for the columns that are encrypted.
    facts:  what is remembered of those who send.
    """

    dialect = DIALECT
    is_broken = False  # whatever happens there, the server may come back

    def __init__(
        self,
        cipher: Cipher,
        writer: Writer,
        readers: asyncpg.Pool[Any],
        listers: asyncpg.Pool[Any],
        *,
        answer_s: float,
        may_be_unsafe: bool,
    ) -> None:
        self.cipher = cipher
        self.facts = Memory(self._version, _FRESH_S)
        self._writer = writer
        self._readers = readers
        self._listers = listers
        self._answer_s = answer_s
        self._may_be_unsafe = may_be_unsafe

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        cipher: Cipher,
        answer_s: float = SERVER_ANSWER_S,
        may_be_unsafe: bool = False,
        name: str = SERVER,
        committed: Committed | None = None,
    ) -> Self:
        """Return the database that `migrate` has made; nothing is connected yet.

        answer_s:      the longest that anybody waits for an answer.
        may_be_unsafe: the server may lose what it has confirmed, and `prove` says nothing of it.
        name:          of the connection that writes.
        committed:     told how many writes each transaction held and the seconds it took.
        raises:        StorageError when the URL cannot be understood.
        """
        try:
            readers, listers = [
                await asyncpg.create_pool(
                    min_size=0, max_size=size, reset=_kept, **options(url, answer_s=answer_s)
                )
                for size in (_READERS, _LISTERS)
            ]
        except (*ERRORS, ValueError) as error:
            raise failed(error) from error
        writer = Writer(
            lambda: connect(url, answer_s=answer_s, name=name),
            answer_s=answer_s,
            committed=committed or _untold,
        )
        return cls(cipher, writer, readers, listers, answer_s=answer_s, may_be_unsafe=may_be_unsafe)

    async def read(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Return a few rows found by an index, as of the last commit."""
        return await self._read(self._readers, sql, parameters)

    async def read_aside(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Return rows that take a while to find, or large ones."""
        return await self._read(self._listers, sql, parameters)

    async def write(self, work: Callable[[], Work[T]]) -> T:
        """Return the result of `work` once it is durable.

        It is done even when its waiter is cancelled. When the connection is lost before the
        transaction's end is confirmed, it may be kept or not, and StorageError says so.

        raises: what `work` raises, nothing of it being kept.
        """
        return await self._writer.write(work)

    async def execute(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Do one statement as a piece of work of its own, and return its rows."""
        done: list[Row] = await self._writer.write(None, (sql, parameters))
        return done

    async def prove(self) -> None:
        """Commit something that changes nothing, to see whether it can be done, and lasts.

        raises: StorageError when it cannot, or the server would forget it when it dies.
        """
        found = await self.execute(
            f"UPDATE tenant_version SET number = number RETURNING {durability.SETTINGS}"  # noqa: S608
        )
        if not self._may_be_unsafe:
            durability.check(found[0])

    async def aclose(self) -> None:
        """Write what waits and let go of every connection."""
        await self._writer.aclose()
        for pool in (self._readers, self._listers):
            try:
                async with asyncio.timeout(self._answer_s):
                    await pool.close()
            except ERRORS:
                with suppress(*ERRORS):
                    pool.terminate()

    async def _version(self) -> int:
        return int((await self.read("SELECT max(number) FROM tenant_version"))[0][0])

    async def _read(
        self, pool: asyncpg.Pool[Any], sql: str, parameters: Sequence[object]
    ) -> list[Row]:
        try:
            async with asyncio.timeout(self._answer_s):
                connection = await pool.acquire()
                try:
                    return await rows(connection, sql, parameters)
                except BaseException as error:
                    # What was not read to its end would be in the way of the next one.
                    if not isinstance(error, StorageError) or is_parting(error.__cause__):
                        connection.terminate()
                    raise
                finally:
                    await pool.release(connection)
        except ERRORS as error:
            raise failed(error) from error


async def _kept(_connection: object) -> None:
    """Leave a connection as it is: nobody changes its settings."""


def _untold(_writes: int, _seconds: float) -> None:
    pass
