"""The schema of a database file, brought to what this version needs."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from pathlib import Path
from urllib.parse import quote

from postroad.errors import StorageError
from postroad.storage.database import APPLICATION_ID, check_file, connect

_FOLDER = Path(__file__).with_name("migrations")

# The newest step, known without importing Alembic: each file begins with its number.
HEAD = max(step.name[:4] for step in (_FOLDER / "versions").glob("[0-9]*.py"))


def is_current(path: Path) -> bool:
    """Return whether the file exists with the schema that this version needs.

    raises: StorageError as `check_file`, and when a newer version of Postroad wrote the file.
    """
    if not path.exists():
        return False
    check_file(path)
    try:
        connection = connect(path, is_reader=True)
        try:
            versions = connection.execute("SELECT version_num FROM alembic_version").fetchall()
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise StorageError(f"the schema of {path} cannot be read: {error}") from error
    version = versions[0][0] if versions else ""
    if version > HEAD:
        raise StorageError(
            f"{path} has schema {version} of a newer Postroad; this one knows up to {HEAD}"
        )
    return bool(version == HEAD)


def migrate(path: Path) -> None:
    """Bring the file to the newest schema, or make a new one, in one transaction.

    Killed at any moment it leaves what was there before, or the whole.

    raises: StorageError as `is_current`, and when the engine refuses.
    """
    try:
        if path.exists():
            if not is_current(path):
                _upgrade(connect(path))
        else:
            _make(path)
    except sqlite3.Error as error:
        raise StorageError(f"{path} could not be migrated: {error}") from error
    except OSError as error:
        raise StorageError(f"{path} could not be made: {error.strerror}") from error


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
        with new.open("rb") as stream:
            os.fsync(stream.fileno())
        try:
            os.link(new, path)
        except FileExistsError:  # another process was first, and its file counts
            return
    finally:
        new.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _upgrade(connection: sqlite3.Connection) -> None:
    """Run the missing steps, and close the connection."""
    # Alembic and what it brings take 0.2 s and 20 MB; a start without migration needs neither.
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine, event
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.pool import StaticPool

    # Steps that copy a table would set off its ON DELETE rules; they are checked at the end.
    connection.execute("PRAGMA foreign_keys=OFF")
    engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
    # Python's driver begins no transaction before DDL: it is done here, and covers every step.
    event.listen(engine, "begin", lambda begun: begun.exec_driver_sql("BEGIN IMMEDIATE"))
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    try:
        with engine.begin() as transaction:
            config.attributes["connection"] = transaction
            command.upgrade(config, "head")
            broken = transaction.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
            if broken:
                raise StorageError(f"after the migration rows of {broken[0][0]} refer to nothing")
    except DBAPIError as error:
        raise StorageError(f"the migration failed: {error.orig}") from error
    finally:
        engine.dispose()
        connection.close()
