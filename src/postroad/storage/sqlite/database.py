"""SQLite as the engine: short reads in the caller's thread, writes in groups on one thread."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final, Self, TypeVar, cast

from postroad.errors import StorageError
from postroad.storage.cipher import Cipher
from postroad.storage.engine import (
    Dialect,
    ForeignKeyViolationError,
    Row,
    UniqueViolationError,
    Work,
    refuse,
)
from postroad.storage.memory import Memory
from postroad.storage.sqlite import shortcuts
from postroad.storage.sqlite.checkpoints import Checkpoints
from postroad.storage.sqlite.files import close_beside, connect, mark
from postroad.storage.sqlite.writer import Writer, failed

T = TypeVar("T")
Committed = Callable[[int, float], None]

DIALECT: Final = Dialect(
    name="sqlite",
    each="json_each(?)",
    lock="",  # there is one writer
    skip_locked="",
    take_in=shortcuts.TAKE_IN,
    take_in_counted=shortcuts.TAKE_IN_COUNTED,
    settle=shortcuts.SETTLE,
    log_end="",
)
_FRESH_S: Final = 0.001
_TAKEN: Final = {sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY}


class SqliteDatabase:
    """A SQLite file, open.

    cipher: for the columns that are encrypted.
    facts:  what is remembered of those who send.
    """

    dialect = DIALECT

    def __init__(
        self, path: Path, cipher: Cipher, reader: sqlite3.Connection, writer: Writer
    ) -> None:
        self.path = path
        self.cipher = cipher
        self._reader = reader
        self._writer = writer
        self.facts = Memory(self._version, _FRESH_S)
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
            file = _identity(path)
            if is_server:
                checkpoints = Checkpoints(path)
                mark(path)
                writer = Writer(
                    connection,
                    after=checkpoints.between,
                    close=checkpoints.close,
                    committed=committed or _untold,
                    is_there=lambda: _identity(path) == file,
                )
            else:
                writer = Writer(connection, close=lambda last: close_beside(last, path))
            opened.pop_all()
        return cls(path, cipher, reader, writer)

    @property
    def is_broken(self) -> bool:
        """Whether the disk failed: nothing is written any more, and a restart is needed."""
        return self._writer.is_broken

    async def read(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Return rows as of the last commit, at once: only for a few rows found by an index."""
        try:
            return self._reader.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            self._writer.note(error)
            raise failed(error) from error

    async def read_aside(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Return rows, read on another thread."""
        loop = asyncio.get_running_loop()
        try:
            reading = loop.run_in_executor(self._aside_thread, self._list, sql, parameters)
        except RuntimeError as error:
            raise StorageError("the database is closed") from error
        return await reading

    async def write(self, work: Callable[[], Work[T]]) -> T:
        """Return the result of `work` once it is durable.

        It is done even when its waiter is cancelled.

        raises: what `work` raises, nothing of it being kept; StorageError for the engine's errors.
        """
        return await self._writer.write(lambda connection: _done(work(), connection))

    async def execute(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Do one statement as a piece of work of its own, and return its rows."""
        return await self._writer.write(
            lambda connection: _rows(connection, sql, parameters), is_one_statement=True
        )

    def on_connection(self, work: Callable[[sqlite3.Connection], T]) -> asyncio.Future[T]:
        """Do as `write` with what needs the connection itself: it changes no tables."""
        return self._writer.write(work)

    async def prove(self) -> None:
        """Commit something that changes nothing, to see whether it can be done.

        raises: StorageError when it cannot.
        """
        # Even unchanged, the page with the header goes through the log and to the disk.
        await self.execute("PRAGMA user_version=0")

    async def aclose(self) -> None:
        """Write what waits and let go of the file."""
        await asyncio.get_running_loop().run_in_executor(None, self._aside_thread.shutdown)
        if self._aside is not None:
            self._aside.close()
        # SQLite empties and removes the log when the last connection is closed.
        self._reader.close()
        await self._writer.aclose()

    async def _version(self) -> int:
        return int((await self.read("SELECT max(number) FROM tenant_version"))[0][0])

    def _list(self, sql: str, parameters: Sequence[object]) -> list[Row]:
        try:
            if self._aside is None:
                self._aside = connect(self.path, is_reader=True)
            return self._aside.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            self._writer.note(error)
            raise failed(error) from error


def _done(work: Work[T], connection: sqlite3.Connection) -> T:
    """Run a piece of work to its end and return its result."""
    try:
        sql, parameters = next(work)
        while True:
            try:
                rows = _rows(connection, sql, parameters)
            except StorageError as error:
                refuse(work, error)
            sql, parameters = work.send(rows)
    except StopIteration as end:
        return cast(T, end.value)


def _rows(connection: sqlite3.Connection, sql: str, parameters: Sequence[object]) -> list[Row]:
    try:
        return connection.execute(sql, parameters).fetchall()
    except sqlite3.IntegrityError as error:
        if error.sqlite_errorcode in _TAKEN:
            raise UniqueViolationError(str(error)) from error
        if error.sqlite_errorcode == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
            raise ForeignKeyViolationError(str(error)) from error
        raise


def _identity(path: Path) -> tuple[int, int] | None:
    """Return which file a path leads to, None for none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _untold(_writes: int, _seconds: float) -> None:
    pass
