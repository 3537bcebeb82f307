"""When pages of the write-ahead log are copied into the database."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from postroad.storage.sqlite.files import log_of, unmark

# SQLite begins at 1,000 pages, which is 4 MiB; that much of the log it writes over each time.
_LONG_OCTETS = 8 << 20
_STEP_OCTETS = 4 << 20


class Checkpoints:
    """The checkpoints of the only process that may make any.

    SQLite's own happen inside a commit, whose caller waits for it, and hide their errors. Two
    processes that checkpoint at once can damage the file before SQLite 3.51.3.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._log = log_of(path)
        self._next_octets = _LONG_OCTETS

    def between(self, connection: sqlite3.Connection) -> None:
        """Copy when the log has become long; a reader may keep it from beginning anew."""
        octets = self._log.stat().st_size
        if octets < _LONG_OCTETS:
            self._next_octets = _LONG_OCTETS
        elif octets >= self._next_octets:
            self._next_octets = octets + _STEP_OCTETS
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def close(self, connection: sqlite3.Connection) -> None:
        """Copy everything, empty the log, and close; a marker is then no longer needed."""
        try:
            is_busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if not is_busy:
                unmark(self._path)
        finally:
            connection.close()
