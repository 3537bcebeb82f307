"""The schema of a database file, brought to what this version needs."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from pathlib import Path
from urllib.parse import quote

from postroad.errors import StorageError
from postroad.storage import migrations
from postroad.storage.sqlite.files import close_beside, connect, marker_of, sync
from postroad.storage.sqlite.identity import APPLICATION_ID

HEAD = migrations.HEAD


def is_current(path: Path) -> bool:
    """Return whether the file exists with the schema that this version needs.

    raises: StorageError when it is not Postroad's, is damaged, is gone although a server had it
            open, or was written by a newer version.
    """
    if not path.exists():
        if marker_of(path).exists():
            raise StorageError(
                f"the database {path} is missing, and {marker_of(path)} says that there was one:"
                " put it back, or use another folder for a new one"
            )
        return False
    version = _version(path)
    if version > HEAD:
        raise StorageError(
            f"{path} has schema {version} of a newer Postroad; this one knows up to {HEAD}"
        )
    return version == HEAD


def migrate(path: Path) -> None:
    """Bring the file to the newest schema, or make a new one, in one transaction.

    Killed at any moment it leaves what was there before, or the whole.

    raises: StorageError as `is_current`, and when the engine refuses.
    """
    if is_current(path):
        return
    try:
        if path.exists():
            _upgrade(connect(path))
        else:
            _make(path)
    except sqlite3.Error as error:
        raise StorageError(f"{path} could not be migrated: {error}") from error
    except OSError as error:
        raise StorageError(f"{path} could not be made: {error.strerror}") from error


def _version(path: Path) -> str:
    connection = connect(path, is_reader=True)
    try:
        versions = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    except sqlite3.Error as error:
        raise StorageError(f"the schema of {path} cannot be read: {error}") from error
    finally:
        close_beside(connection, path)
    return str(versions[0][0]) if versions else ""


def _make(path: Path) -> None:
    """Make a new file beside its place and put it there when it is complete."""
    file, name = tempfile.mkstemp(prefix=f"{path.name}.new-", dir=path.parent)  # 0600
    new = Path(name)
    try:
        os.close(file)
        connection = sqlite3.connect(f"file:{quote(name)}?mode=rw", uri=True, isolation_level=None)
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        _upgrade(connection)
        connect(new).close()  # from now on with a write-ahead log, which the file remembers
        sync(new)
        try:
            os.link(new, path)
        except FileExistsError:  # another process was first, and its file counts
            return
    finally:
        new.unlink(missing_ok=True)
    sync(path.parent)


def _upgrade(connection: sqlite3.Connection) -> None:
    """Run the missing steps, and close the connection."""
    from sqlalchemy import create_engine, event
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.pool import StaticPool

    # Steps that copy a table would set off its ON DELETE rules; they are checked at the end.
    connection.execute("PRAGMA foreign_keys=OFF")
    engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
    # Python's driver begins no transaction before DDL: it is done here, and covers every step.
    event.listen(engine, "begin", lambda begun: begun.exec_driver_sql("BEGIN IMMEDIATE"))
    try:
        with engine.begin() as transaction:
            migrations.upgrade(transaction)
            broken = transaction.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
            if broken:
                raise StorageError(f"after the migration rows of {broken[0][0]} refer to nothing")
    except DBAPIError as error:
        raise StorageError(f"the migration failed: {error.orig}") from error
    finally:
        engine.dispose()
        connection.close()
