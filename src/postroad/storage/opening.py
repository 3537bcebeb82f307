"""Opening what a data folder holds, in the order in which nothing can be lost."""

from __future__ import annotations

import sqlite3

from postroad.errors import StorageError
from postroad.storage.cipher import Cipher
from postroad.storage.database import Database, connect
from postroad.storage.folder import DataFolder
from postroad.storage.migrate import is_current, migrate


def open_database(folder: DataFolder, *, is_server: bool) -> Database:
    """Return the folder's database with its key, both made when the folder is new.

    raises: StorageError when anything is missing, damaged, another's or of a newer version.
    """
    if not is_current(folder.database):
        migrate(folder.database)
    # The database is first: a key without it means that it was lost.
    cipher = Cipher.open(folder.key, may_create=not _has_secrets(folder))
    if not is_server:
        return Database.open(folder.database, is_server=False, cipher=cipher)
    database = Database.open(
        folder.database, is_server=True, cipher=cipher, when_copied=folder.unmark
    )
    folder.mark()
    return database


def _has_secrets(folder: DataFolder) -> bool:
    """Whether the database holds what only its own key decrypts."""
    try:
        connection = connect(folder.database, is_reader=True)
        try:
            sql = (
                "SELECT EXISTS (SELECT 1 FROM app)"
                " OR EXISTS (SELECT 1 FROM relay WHERE secret IS NOT NULL)"
            )
            return bool(connection.execute(sql).fetchone()[0])
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise StorageError(f"{folder.database} cannot be read: {error}") from error
