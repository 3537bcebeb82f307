"""The data folder: who may use it, and where its files are."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from postroad.errors import StorageError
from postroad.storage.sqlite.files import marker_of

# A server that restarts may meet the end of the one before it.
_PATIENCE_S = 1.0
_PAUSE_S = 0.02


class DataFolder:
    """The folder of one Postroad.

    database: the file of the database unless the settings name another.
    key:      the key file.
    lock:     held by the server, and holds its process number.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.database = self.path / "postroad.db"
        self.key = self.path / "key"
        self.lock = self.path / "lock"

    @contextmanager
    def serving(self, database: Path | None = None) -> Iterator[DataFolder]:
        """Keep the folder for one server, and look whether it holds what it held.

        database: its file, when it is another than the folder's own.
        raises:   StorageError as `locked`, and when the database is gone.
        """
        file = self.database if database is None else database
        with self.locked(), _kept(Path(f"{file}-lock"), f"the database {file}"):
            self._check(file)
            yield self

    @contextmanager
    def locked(self) -> Iterator[DataFolder]:
        """Keep the folder for ourselves; it is made, for its owner alone, where there is none.

        raises: StorageError when a server has it, naming its process, or it cannot be used.
        """
        self.make()
        with _kept(self.lock, str(self.path)):
            yield self

    @contextmanager
    def stopped(self) -> Iterator[DataFolder]:
        """Keep the folder for a command that no server may run beside.

        raises: StorageError as `locked`.
        """
        self.make()
        said = "a server is running{holder}: stop it first"
        with _kept(self.lock, str(self.path), said):
            yield self

    @contextmanager
    def restored(self) -> Iterator[DataFolder]:
        """Keep the folder for something new; where that fails, a folder that we made goes again.

        raises: StorageError as `locked`.
        """
        is_ours = not self.path.exists()
        with self.stopped():
            try:
                yield self
            except BaseException:
                if is_ours:
                    self.lock.unlink(missing_ok=True)
                    with suppress(OSError):  # somebody has put something there
                        self.path.rmdir()
                raise

    def make(self) -> None:
        """Make the folder, for its owner alone, where there is none.

        raises: StorageError.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"the data folder {self.path}: {error.strerror}") from error

    def _check(self, database: Path) -> None:
        """Make sure that no new, empty database takes the place of one that is lost.

        raises: StorageError.
        """
        if database.exists():
            return
        for witness in (marker_of(database), self.key):
            if witness.exists():
                raise StorageError(
                    f"the database {database} is missing, and {witness} says that there was one:"
                    " put it back, or use another folder for a new one"
                )


@contextmanager
def _kept(
    lock: Path, what: str, said: str = "{what} is in use by another server{holder}"
) -> Iterator[None]:
    """Hold a lock file, which names our process.

    said:   the error when a server has it.
    raises: StorageError when a server has it, naming its process, or it cannot be made.
    """
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StorageError(f"{lock}: {error.strerror}") from error
    try:
        if not _taken(descriptor):
            raise StorageError(said.format(what=what, holder=_holder(descriptor)))
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    """Take the lock; False when somebody keeps it."""
    give_up_at = time.monotonic() + _PATIENCE_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= give_up_at:
                return False
            time.sleep(_PAUSE_S)
        else:
            return True


def _holder(descriptor: int) -> str:
    number = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
    return f" (process {number})" if number.isdecimal() else ""
