"""SQLite as the engine: short reads in the caller's thread, writes in groups on one thread."""

from __future__ import annotations

import asyncio
import sqlite3
import struct
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import quote

from postroad.errors import StorageError
from postroad.storage.cipher import Cipher
from postroad.storage.writer import Writer, failed

T = TypeVar("T")
Row = tuple[Any, ...]

APPLICATION_ID = 0x506F7374  # "Post", in the file's header

_STATEMENTS = 512  # compiled statements kept by each connection
_BUSY_S = 5.0  # how long a write waits for another process's
_CHECKPOINT_PAGES = 1_000  # SQLite's own number
_WAL_OCTETS = 64 * 1024 * 1024  # a longer file is cut; a shorter one is written over, which is fast
_HEADER_OCTETS = 100
_MAGIC = b"SQLite format 3\x00"
_FRAME_HEAD_OCTETS = 24


class Database:
    """A SQLite file, open.

    cipher:    for the columns that are encrypted.
    is_broken: the disk failed: what is written from now on fails, and a restart is needed.
    """

    def __init__(
        self,
        path: Path,
        *,
        is_server: bool,
        cipher: Cipher,
        when_copied: Callable[[], None] | None = None,
    ) -> None:
        self.path = path
        self.cipher = cipher
        self._reader = connect(path, is_reader=True)
        self._aside: sqlite3.Connection | None = None
        self._aside_thread = ThreadPoolExecutor(1, thread_name_prefix="postroad-listing")
        checkpoints = Checkpoints(path, when_copied) if is_server else None
        self._writer = Writer(
            connect(path),
            after=checkpoints.between if checkpoints else _nothing,
            at_end=checkpoints.last if checkpoints else _nothing,
        )

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        is_server: bool,
        cipher: Cipher,
        when_copied: Callable[[], None] | None = None,
    ) -> Self:
        """Return the database of an existing file.

        is_server:   it may checkpoint; of several processes only one may.
        when_copied: called at its end, when the file is complete without its write-ahead log.
        raises:      StorageError when there is no file, or it is not Postroad's, or is damaged.
        """
        check_file(path)
        try:
            return cls(path, is_server=is_server, cipher=cipher, when_copied=when_copied)
        except sqlite3.Error as error:
            raise StorageError(f"{path} cannot be opened: {error}") from error

    @property
    def is_broken(self) -> bool:
        """Whether the disk failed and nothing is written any more."""
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
        return await loop.run_in_executor(self._aside_thread, self._list, sql, parameters)

    def write(self, work: Callable[[sqlite3.Connection], T]) -> asyncio.Future[T]:
        """Do `work` on the writer's thread and return its result once it is committed.

        work:    neither begins nor ends transactions. It is done even when its waiter is cancelled.
        raises:  what `work` raises, nothing of it being kept; StorageError for the engine's errors.
        """
        return self._writer.write(work)

    async def aclose(self) -> None:
        """Write what waits and let go of the file."""
        await asyncio.get_running_loop().run_in_executor(None, self._aside_thread.shutdown)
        if self._aside is not None:
            self._aside.close()
        self._reader.close()
        await self._writer.aclose()

    def _list(self, sql: str, parameters: Sequence[object]) -> list[Row]:
        try:
            if self._aside is None:
                self._aside = connect(self.path, is_reader=True)
            return self._aside.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise failed(error) from error


class Checkpoints:
    """When pages of the write-ahead log are copied into the database.

    SQLite's own checkpoints happen inside a commit, whose caller waits, and swallow their errors.
    """

    def __init__(self, path: Path, when_copied: Callable[[], None] | None) -> None:
        self._when_copied = when_copied
        self._index = Path(f"{path}-shm")
        self._tried_at = 0

    def between(self, connection: sqlite3.Connection) -> None:
        """Copy when enough pages wait."""
        pages, copied = self._waiting()
        if pages < self._tried_at:  # the log began anew
            self._tried_at = 0
        if pages - max(copied, self._tried_at) >= _CHECKPOINT_PAGES:
            self._tried_at = pages
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def last(self, connection: sqlite3.Connection) -> None:
        """Copy everything and empty the log."""
        is_busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if not is_busy and self._when_copied is not None:
            self._when_copied()

    def _waiting(self) -> tuple[int, int]:
        """Return how many pages the log holds and how many of them were copied.

        source: https://www.sqlite.org/walformat.html §2.1: mxFrame and nBackfill.
        """
        with self._index.open("rb", buffering=0) as stream:
            head = stream.read(_HEADER_OCTETS)
        return struct.unpack_from("=I", head, 16)[0], struct.unpack_from("=I", head, 96)[0]


def connect(path: Path, *, is_reader: bool = False) -> sqlite3.Connection:
    """Return a connection in autocommit mode to an existing file."""
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode=rw",
        uri=True,
        timeout=_BUSY_S,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=_STATEMENTS,
    )
    try:
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "trusted_schema=OFF",
            "temp_store=MEMORY",  # a savepoint's journal too
            "wal_autocheckpoint=0",
            f"journal_size_limit={_WAL_OCTETS}",
            f"query_only={'ON' if is_reader else 'OFF'}",
        ):
            connection.execute(f"PRAGMA {pragma}").fetchall()
    except BaseException:
        connection.close()
        raise
    return connection


def check_file(path: Path) -> None:
    """Make sure that a file is a whole database of Postroad.

    raises: StorageError in one line. Nothing is ever made or repaired here.
    source: https://www.sqlite.org/fileformat.html §1.3.
    """
    try:
        with path.open("rb") as stream:
            head = stream.read(_HEADER_OCTETS)
            octets = stream.seek(0, 2)
        wal = Path(f"{path}-wal")
        wal_octets = wal.stat().st_size if wal.exists() else 0
    except FileNotFoundError as error:
        raise StorageError(f"there is no database at {path}") from error
    except OSError as error:
        raise StorageError(f"the database {path} cannot be read: {error.strerror}") from error
    if len(head) < _HEADER_OCTETS:
        raise StorageError(f"the database {path} is damaged: it is only {octets} octets long")
    if not head.startswith(_MAGIC):
        raise StorageError(f"{path} is not a database: is it another program's file?")
    if struct.unpack_from(">I", head, 68)[0] != APPLICATION_ID:
        raise StorageError(f"{path} is a database, but not Postroad's")
    page = struct.unpack_from(">H", head, 16)[0]
    page = 65_536 if page == 1 else page
    pages = struct.unpack_from(">I", head, 28)[0]
    # After a crash some of the last pages may be in the log only.
    in_log = wal_octets // (page + _FRAME_HEAD_OCTETS)
    if octets < (pages - in_log) * page:
        raise StorageError(
            f"the database {path} is damaged: it is {octets} octets long and was {pages * page}"
        )


def _nothing(_connection: sqlite3.Connection) -> None:
    pass
