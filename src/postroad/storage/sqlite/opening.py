"""Opening a database with its key, in the order in which nothing can be lost."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from postroad.errors import StorageError
from postroad.storage.cipher import Cipher
from postroad.storage.sqlite.database import Committed, SqliteDatabase
from postroad.storage.sqlite.files import close_beside, connect
from postroad.storage.sqlite.migrate import is_current, migrate


def open_for_server(path: Path, key: Path, committed: Committed | None = None) -> SqliteDatabase:
    """Return the database with the newest schema; file and key are made where there are none.

    committed: as `Database.open` tells it.
    raises: StorageError when anything is missing, damaged, another's or of a newer version.
    """
    migrate(path)
    # The database is made first: a key without one means that it was lost.
    cipher = Cipher.open(key, may_create=_is_new(path))
    return SqliteDatabase.open(path, is_server=True, cipher=cipher, committed=committed)


def open_beside(path: Path, key: Path) -> SqliteDatabase:
    """Return the database for a command, which a server may have open too.

    raises: StorageError, also when there is none or its schema is not this version's.
    """
    if not is_current(path):
        make = "run `postroad migrate`, or start the server"
        if path.exists():
            raise StorageError(f"the database {path} has the schema of an older Postroad: {make}")
        raise StorageError(
            f"the database {path} does not exist yet: for another folder's give --data-dir, or set"
            f" POSTROAD_DATA_DIR; to make this one, {make}"
        )
    return SqliteDatabase.open(
        path, is_server=False, cipher=Cipher.open(key, may_create=_is_new(path))
    )


def _is_new(path: Path) -> bool:
    """Whether nobody has kept anything in it that a lost key would make unreadable."""
    connection = connect(path, is_reader=True)
    try:
        found = connection.execute(
            "SELECT EXISTS (SELECT 1 FROM operator) OR EXISTS (SELECT 1 FROM app)"
            " OR EXISTS (SELECT 1 FROM relay)"
        )
        return not found.fetchone()[0]
    except sqlite3.Error as error:
        raise StorageError(f"{path} cannot be read: {error}") from error
    finally:
        close_beside(connection, path)
