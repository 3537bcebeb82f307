"""A SQLite database whose mail moves away: closed for everybody else, then marked as moved."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote

from postroad.errors import ConflictError, StorageError
from postroad.storage.copying.sqlite import SqliteTables, check_whole, translated
from postroad.storage.rows import micros
from postroad.storage.sqlite.files import check_files, close_beside
from postroad.storage.sqlite.identity import (
    APPLICATION_ID,
    MOVED,
    MOVED_ID,
    check_identity,
    identity,
)
from postroad.storage.sqlite.migrate import HEAD

_PATIENCE_S: Final = 5.0

# A server's lease is that of a dead one, since its folder is ours: it runs out where it moves to.
_IN_HAND: Final = """
    SELECT message_id FROM queue WHERE lease_until > ? AND substr(lease_token, 1, 7) <> 'server:'
"""


class Source:
    """A database that nobody else writes to until the block ends.

    tables:     what it holds.
    moved_to:   where it has moved to already, "" when it has not.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._connection = connection
        self.tables = SqliteTables(connection, str(path))
        is_moved = identity(connection) == MOVED_ID
        self.moved_to = connection.execute(MOVED).fetchone()[0] if is_moved else ""

    def check(self, now: datetime) -> None:
        """Make sure that it can be copied as it is.

        raises: StorageError when it is damaged or of another version; ConflictError when a command
                is sending one of its messages just now.
        """
        with translated(f"the schema of {self._path} cannot be read"):
            found = self._connection.execute("SELECT version_num FROM alembic_version").fetchall()
        version = str(found[0][0]) if found else "none"
        if version != HEAD:
            raise StorageError(
                f"{self._path} has schema {version}, and this Postroad needs {HEAD}:"
                " run `postroad migrate` of the newer one"
            )
        check_whole(self._connection, str(self._path))
        in_hand = self._connection.execute(_IN_HAND, (micros(now),)).fetchone()
        if in_hand:
            raise ConflictError(
                f"a command is sending message {in_hand[0]} just now: try again when it has ended"
            )

    def mark(self, url: str, now: datetime) -> None:
        """Refuse servers and commands from now on, durably.

        url: where the mail is, without a password.
        """
        with translated(f"{self._path} cannot be marked as moved"):
            self._connection.execute("CREATE TABLE IF NOT EXISTS moved (url, at)")
            self._connection.execute("DELETE FROM moved")
            self._connection.execute("INSERT INTO moved VALUES (?, ?)", (url, micros(now)))
            self._connection.execute(f"PRAGMA application_id={MOVED_ID}")
            self._connection.execute("COMMIT")
        self.moved_to = url

    def unmark(self) -> None:
        """Let servers and commands open it again."""
        with translated(f"{self._path} cannot be opened again"):
            if not self._connection.in_transaction:
                self._connection.execute("BEGIN IMMEDIATE")
            self._connection.execute("DROP TABLE moved")
            self._connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
            self._connection.execute("COMMIT")
        self.moved_to = ""


@contextmanager
def leaving(path: Path) -> Iterator[Source]:
    """Open a database to move its mail away, also one that is marked as moved.

    raises: StorageError when it is missing, damaged, another program's or a backup.
    """
    check_files(path)
    with translated(f"{path} cannot be opened"):
        connection = sqlite3.connect(
            f"file:{quote(str(path))}?mode=rw",
            uri=True,
            timeout=_PATIENCE_S,
            isolation_level=None,
        )
        try:
            if identity(connection) != MOVED_ID:
                check_identity(path, connection)
            for pragma in ("synchronous=FULL", "wal_autocheckpoint=0", "trusted_schema=OFF"):
                connection.execute(f"PRAGMA {pragma}").fetchall()
            connection.execute("BEGIN IMMEDIATE")
            yield Source(path, connection)
        finally:
            close_beside(connection, path)
