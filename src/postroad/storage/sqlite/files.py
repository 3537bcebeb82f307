"""The files of a database: the database itself, its write-ahead log, and the marker.

No file of a database is opened here but by SQLite: closing a descriptor of one's own would drop
every lock that SQLite holds on it in this process (https://www.sqlite.org/howtocorrupt.html §2.2).
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from urllib.parse import quote

from postroad.errors import StorageError
from postroad.storage.sqlite.identity import check_identity

_PAGE_OCTETS = 512  # the least a page can have; SQLite takes a shorter file for a new one
_STATEMENTS = 512  # compiled statements kept by each connection
_BUSY_S = 5.0  # how long a write waits for another process's
_LOG_KEPT_OCTETS = 4 << 20  # writing over octets that exist is faster than appending some

_MARKER_TEXT = (
    "A server has the database open, or died with it open. The database and its -wal file then\n"
    "belong together: without the latter the last messages are lost. Postroad removes this file.\n"
)


def log_of(path: Path) -> Path:
    """Return where the write-ahead log of a database is."""
    return Path(f"{path}-wal")


def marker_of(path: Path) -> Path:
    """Return the file that is there while a server has the database open, or died with it open."""
    return Path(f"{path}-open")


def mark(path: Path) -> None:
    """Remember durably that the write-ahead log, which exists by now, must not get lost.

    raises: StorageError.
    """
    marker = marker_of(path)
    try:
        descriptor = os.open(marker, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(_MARKER_TEXT)
        sync(marker)
        sync(path.parent)
    except OSError as error:
        raise StorageError(f"{marker} cannot be written: {error.strerror}") from error


def unmark(path: Path) -> None:
    """Remember that the database is whole without a log."""
    marker_of(path).unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Make a file's content, or a folder's names, durable; never of a database that is open."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def check_files(path: Path) -> None:
    """Make sure that nothing is gone of a database that exists.

    raises: StorageError. Nothing is ever made in the place of what is lost.
    """
    try:
        octets = path.stat().st_size
    except FileNotFoundError as error:
        raise StorageError(f"there is no database at {path}") from error
    except OSError as error:
        raise StorageError(f"the database {path} cannot be read: {error.strerror}") from error
    if not path.is_file():
        raise StorageError(f"the database {path} is not a file")
    if octets < _PAGE_OCTETS:
        raise StorageError(f"the database {path} is damaged: it has only {octets} octets")
    if marker_of(path).exists() and not log_of(path).exists():
        raise StorageError(
            f"{log_of(path)} is missing, and with it the last messages: put it back, or remove"
            f" {marker_of(path)} to go on without them"
        )


def connect(path: Path, *, is_reader: bool = False) -> sqlite3.Connection:
    """Return a connection, in autocommit mode, to a database that exists and is Postroad's.

    raises: StorageError in one line.
    """
    check_files(path)
    try:
        connection = sqlite3.connect(
            f"file:{quote(str(path))}?mode=rw",
            uri=True,
            timeout=_BUSY_S,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=_STATEMENTS,
        )
        try:
            _prepare(path, connection, is_reader=is_reader)
        except BaseException:
            leave_open(connection)
            raise
    except sqlite3.Error as error:
        raise StorageError(_why_not(path, error)) from error
    return connection


def close_beside(connection: sqlite3.Connection, path: Path) -> None:
    """Close a connection that is not the server's.

    If it was the last one, SQLite has copied the log into the database and removed it.
    """
    connection.close()
    if not log_of(path).exists():
        unmark(path)


def leave_open(connection: sqlite3.Connection) -> None:
    """Keep a connection from ever being closed, even by the garbage collector.

    Closing the last one would copy the log into the database and remove it, also where the log is
    the only whole copy of the last messages.
    """
    from ctypes import py_object, pythonapi

    pythonapi.Py_IncRef(py_object(connection))


def _prepare(path: Path, connection: sqlite3.Connection, *, is_reader: bool) -> None:
    # The header is read first: another program's file is not to be changed by the rest.
    check_identity(path, connection)
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "trusted_schema=OFF",
        "temp_store=MEMORY",  # what a savepoint can undo is kept there
        "wal_autocheckpoint=0",
        f"journal_size_limit={_LOG_KEPT_OCTETS}",
        f"query_only={'ON' if is_reader else 'OFF'}",
    ):
        connection.execute(f"PRAGMA {pragma}").fetchall()


def _why_not(path: Path, error: sqlite3.Error) -> str:
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_NOTADB:
            return f"{path} is not a database: is it another program's file?"
        case sqlite3.SQLITE_CORRUPT:
            return f"the database {path} is damaged: {error}"
        case _:
            return f"the database {path} cannot be opened: {error}"
