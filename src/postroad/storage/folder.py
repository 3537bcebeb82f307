"""The data folder: who may use it, and whether it still holds what it held."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from postroad.errors import StorageError
from postroad.storage.database import check_file

# A command line beside us holds the lock for an instant when it opens the folder.
_PATIENCE_S = 1.0
_PAUSE_S = 0.02
_MARKER = (
    "A server has the database open, or died with it open. Then the database and its -wal file\n"
    "belong together: without the latter the last messages are lost. Postroad removes this file.\n"
)


class DataFolder:
    """The folder of one Postroad: database, key file, lock, marker.

    database: the file of the database; it may lie elsewhere.
    marker:   there while a server has the database open, or if one died: a write-ahead log must
              then exist.
    """

    def __init__(self, path: Path, database: Path, lock: int | None) -> None:
        self.path = path
        self.database = database
        self.key = path / "key"
        self.marker = path / "open"
        self._lock = lock

    @classmethod
    def open(cls, path: Path, *, is_server: bool, database: Path | None = None) -> Self:
        """Return the folder, made for its owner alone where there was none; a server locks it.

        database: its file, when it is not `postroad.db` in the folder.
        raises:   StorageError when another server uses it, it cannot be used, or files are gone
                  that were there.
        """
        path = path.absolute()
        database = path / "postroad.db" if database is None else database.absolute()
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = _lock(path / "lock", _PATIENCE_S if is_server else 0.0)
        except OSError as error:
            raise StorageError(f"the data folder {path}: {error.strerror}") from error
        if lock is None and is_server:
            raise StorageError(f"{path} is in use by another server{_holder(path / 'lock')}")
        folder = cls(path, database, lock)
        try:
            folder._check()
            if is_server:
                folder._sign()
            elif lock is not None:
                # No server runs, and the log is there: SQLite writes it back when we close.
                folder.unmark()
        except BaseException:
            folder.close()
            raise
        if not is_server:
            folder.close()
        return folder

    def mark(self) -> None:
        """Remember that the database is open; call it when the write-ahead log exists."""
        try:
            self.marker.write_text(_MARKER, "ascii")
            _sync(self.marker)
            _sync(self.path)
        except OSError as error:
            raise StorageError(f"the data folder {self.path}: {error.strerror}") from error

    def unmark(self) -> None:
        """Remember that the database is closed; call it when the log's pages are all copied."""
        try:
            self.marker.unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(f"the data folder {self.path}: {error.strerror}") from error

    def close(self) -> None:
        """Let go of the lock."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _check(self) -> None:
        """Make sure that nothing that must be there is gone.

        raises: StorageError. A new, empty database in its place would lose every message.
        """
        if self.database.exists():
            check_file(self.database)
            if self.marker.exists() and not Path(f"{self.database}-wal").exists():
                raise StorageError(
                    f"{self.database}-wal is missing, and with it the last messages: put it back,"
                    f" or remove {self.marker} to go on without them"
                )
            return
        for witness in (self.marker, self.key):
            if witness.exists():
                raise StorageError(
                    f"the database {self.database} is missing, and {witness} says that there was"
                    " one: put it back, or use another folder for a new one"
                )

    def _sign(self) -> None:
        """Write our number into the lock, for the one who meets it."""
        assert self._lock is not None  # noqa: S101 - a server has it
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)


def _lock(path: Path, patience_s: float) -> int | None:
    """Return the descriptor of the locked file, None when somebody else keeps it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    give_up_at = time.monotonic() + patience_s
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= give_up_at:
                    os.close(descriptor)
                    return None
                time.sleep(_PAUSE_S)
            else:
                return descriptor
    except OSError:
        os.close(descriptor)
        raise


def _holder(path: Path) -> str:
    try:
        number = path.read_text("ascii").strip()
    except (OSError, ValueError):
        return ""
    return f" (process {number})" if number.isdecimal() else ""


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
