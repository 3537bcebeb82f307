"""SQLite files at both ends of a copy: a snapshot of one that may be in use, and a new one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote

from postroad.errors import StorageError
from postroad.storage.copying.placing import check_free, place, workshop
from postroad.storage.copying.sqlite import (
    NewSqliteTables,
    SqliteTables,
    check_whole,
    translated,
)
from postroad.storage.rows import micros, moment
from postroad.storage.sqlite.files import check_files, close_beside, connect
from postroad.storage.sqlite.identity import APPLICATION_ID, BACKUP_ID, check_identity, identity
from postroad.storage.sqlite.migrate import HEAD, migrate

_CACHE_KIB: Final = 64 << 10  # for the pages of one index or table that is being written
_PATIENCE_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Origin:
    """Of what and of when a backup is.

    engine:  of the database it was taken from, "sqlite" or "postgresql".
    version: of the Postroad that took it, "" when nobody wrote it down.
    """

    taken_at: datetime
    engine: str
    version: str


@contextmanager
def snapshot(path: Path, *, beside: Path) -> Iterator[SqliteTables]:
    """Open what a database holds at this moment; a server may go on writing to it.

    Its writer waits for nothing, and nothing is copied from the log into the file: the log only
    grows until the end.

    beside: a path in a folder with room for a copy, which is needed when it is of an older version.
    raises: StorageError when it is not Postroad's, is damaged, or of a newer version.
    """
    connection = connect(path, is_reader=True)
    try:
        with _begun(path, connection, beside) as current:
            yield current
    finally:
        close_beside(connection, path)


@contextmanager
def backup(path: Path, *, beside: Path) -> Iterator[tuple[SqliteTables, Origin]]:
    """Open a backup, or a database that no server uses any more, without changing anything of it.

    raises: StorageError as `snapshot`.
    """
    check_files(path)
    with translated(f"{path} cannot be opened"), closing(_read_only(path)) as connection:
        if identity(connection) != BACKUP_ID:
            check_identity(path, connection)
        origin = _origin(path, connection)
        check_whole(connection, str(path))
        with _begun(path, connection, beside) as current:
            yield current, origin


@contextmanager
def new_file(path: Path, *, of: Origin | None = None) -> Iterator[NewSqliteTables]:
    """Make a database with this version's schema; it is in its place when the block has ended.

    of:     makes it a backup, which servers refuse to open.
    raises: StorageError when something is in its place, or the disk fails or is full.
    """
    check_free(path)
    with workshop(path) as folder:
        new = folder / "new.db"
        migrate(new)
        with translated(f"{path} cannot be written"), closing(_to_fill(new)) as connection:
            connection.execute("BEGIN")
            yield NewSqliteTables(connection, str(path))
            if of is not None:
                connection.execute("CREATE TABLE snapshot (taken_at, engine, version)")
                connection.execute(
                    "INSERT INTO snapshot VALUES (?, ?, ?)",
                    (micros(of.taken_at), of.engine, of.version),
                )
                connection.execute(f"PRAGMA application_id={BACKUP_ID}")
            connection.execute("COMMIT")
            check_whole(connection, str(path))
            if of is None:  # with a write-ahead log from now on, which the file remembers
                connection.execute("PRAGMA locking_mode=NORMAL")
                connection.execute("PRAGMA journal_mode=WAL").fetchall()
        place(new, path)


@contextmanager
def _begun(path: Path, connection: sqlite3.Connection, beside: Path) -> Iterator[SqliteTables]:
    """Begin to read; what is of an older version is brought up in a copy."""
    with translated(f"the schema of {path} cannot be read"):
        connection.execute("BEGIN")
        found = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    version = str(found[0][0]) if found else ""
    if version > HEAD:
        raise StorageError(
            f"{path} has schema {version} of a newer Postroad; this one knows up to {HEAD}"
        )
    if version == HEAD:
        yield SqliteTables(connection, str(path))
        return
    with workshop(beside) as folder, translated(f"{path} cannot be brought up to date"):
        copied = folder / "old.db"
        with closing(sqlite3.connect(copied)) as target:
            connection.backup(target)  # all pages in one step, which is as good as a snapshot
            target.execute(f"PRAGMA application_id={APPLICATION_ID}")
        migrate(copied)
        with closing(_read_only(copied)) as upgraded:
            upgraded.execute("BEGIN")
            yield SqliteTables(upgraded, str(path))


def _origin(path: Path, connection: sqlite3.Connection) -> Origin:
    if identity(connection) == APPLICATION_ID:  # somebody copied the file of a stopped server
        return Origin(datetime.fromtimestamp(path.stat().st_mtime, UTC), "sqlite", "")
    at, engine, version = connection.execute(
        "SELECT taken_at, engine, version FROM snapshot"
    ).fetchone()
    return Origin(moment(at), engine, version)


def _read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?mode=ro",
        uri=True,
        timeout=_PATIENCE_S,
        isolation_level=None,
    )


def _to_fill(new: Path) -> sqlite3.Connection:
    """Return a connection to a file that nobody else sees and that is thrown away on any error."""
    connection = sqlite3.connect(
        f"file:{quote(str(new))}?mode=rw", uri=True, isolation_level=None, cached_statements=8
    )
    for pragma in (
        "journal_mode=DELETE",  # one file: without a log, which a backup would lose
        "locking_mode=EXCLUSIVE",
        "journal_mode=OFF",
        "synchronous=OFF",  # it is synced as a whole, before it is put in its place
        "foreign_keys=OFF",  # checked at the end
        "trusted_schema=OFF",
        f"cache_size=-{_CACHE_KIB}",
    ):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    return connection
