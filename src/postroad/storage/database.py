"""SQLite as the engine: short reads in the caller's thread, writes in groups on one thread."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Self, TypeVar

from postroad.errors import StorageError
from postroad.storage import shortcuts
from postroad.storage.checkpoints import Checkpoints
from postroad.storage.cipher import Cipher
from postroad.storage.files import close_beside, connect, mark
from postroad.storage.memory import Memory
from postroad.storage.writer import Writer, failed

T = TypeVar("T")
Row = tuple[Any, ...]
Committed = Callable[[int, float], None]


class Database:
    """A SQLite file, open.

    cipher: for the columns that are encrypted.
    facts:  what is remembered of those who send.
    """

    def __init__(
        self, path: Path, cipher: Cipher, reader: sqlite3.Connection, writer: Writer
    ) -> None:
        self.path = path
        self.cipher = cipher
        self._reader = reader
        self._writer = writer
        self.facts = Memory(lambda: self.read("SELECT max(number) FROM tenant_version")[0][0])
        self._aside: sqlite3.Connection | None = None
        self._aside_thread = ThreadPoolExecutor(1, thread_name_prefix="postroad-listing")

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        is_server: bool,
        cipher: Cipher,
        committed: Committed | None = None,
    ) -> Self:
        """Return the database of a file that `migrate` has made.

        is_server: it may checkpoint; of several processes only one may.
        committed: told, on the writer's thread, how many writes each transaction held and the
                   seconds it took.
        raises:    StorageError when there is no file, or it is not Postroad's, or is damaged.
        """
        path = path.absolute()
        with ExitStack() as opened:
            reader = opened.enter_context(closing(connect(path, is_reader=True)))
            connection = opened.enter_context(closing(connect(path)))
            shortcuts.prepare(connection)
            if is_server:
                checkpoints = Checkpoints(path)
                mark(path)
                writer = Writer(
                    connection,
                    after=checkpoints.between,
                    close=checkpoints.close,
                    committed=committed or _untold,
                )
            else:
                writer = Writer(connection, close=lambda last: close_beside(last, path))
            opened.pop_all()
        return cls(path, cipher, reader, writer)

    @property
    def is_broken(self) -> bool:
        """Whether the disk failed: nothing is written any more, and a restart is needed."""
        return self._writer.is_broken

    def read(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Return rows as of the last commit, at once: only for a few rows found by an index."""
        try:
            return self._reader.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise failed(error) from error

    async def read_aside(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Return rows, read on another thread."""
        loop = asyncio.get_running_loop()
        try:
            reading = loop.run_in_executor(self._aside_thread, self._list, sql, parameters)
        except RuntimeError as error:
            raise StorageError("the database is closed") from error
        return await reading

    def write(
        self, work: Callable[[sqlite3.Connection], T], *, is_one_statement: bool = False
    ) -> asyncio.Future[T]:
        """Do `work` on the writer's thread and return its result once it is committed.

        work:   neither begins nor ends transactions. It is done even when its waiter is cancelled.
        raises: what `work` raises, nothing of it being kept; StorageError for the engine's errors.
        """
        return self._writer.write(work, is_one_statement=is_one_statement)

    async def prove(self) -> None:
        """Commit something that changes nothing, to see whether it can be done.

        raises: StorageError when it cannot.
        """
        # Even unchanged, the page with the header goes through the log and to the disk.
        await self.write(lambda connection: connection.execute("PRAGMA user_version=0").fetchall())

    async def aclose(self) -> None:
        """Write what waits and let go of the file."""
        await asyncio.get_running_loop().run_in_executor(None, self._aside_thread.shutdown)
        if self._aside is not None:
            self._aside.close()
        # SQLite empties and removes the log when the last connection is closed.
        self._reader.close()
        await self._writer.aclose()

    def _list(self, sql: str, parameters: Sequence[object]) -> list[Row]:
        try:
            if self._aside is None:
                self._aside = connect(self.path, is_reader=True)
            return self._aside.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise failed(error) from error


def _untold(_writes: int, _seconds: float) -> None:
    pass
