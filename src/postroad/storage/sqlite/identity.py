"""What a database file says it is: a server's, a backup, or one whose mail has moved away."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from postroad.errors import StorageError

# In the header of the file, where every version of Postroad looks before anything else.
APPLICATION_ID: Final = 0x506F7374  # "Post": servers and commands work on it
BACKUP_ID: Final = 0x506F7342  # "PosB": a server would send its open mail a second time
MOVED_ID: Final = 0x506F734D  # "PosM": its mail is sent from elsewhere now

MOVED: Final = "SELECT url, at FROM moved"
"""Where the mail has moved to, without a password, and when (microseconds)."""


def check_identity(path: Path, connection: sqlite3.Connection) -> None:
    """Make sure that a file is one for servers and commands.

    raises: StorageError saying what it is instead.
    """
    match identity(connection):
        case identifier if identifier == APPLICATION_ID:
            return
        case identifier if identifier == BACKUP_ID:
            what = "is a backup: `postroad restore` makes a database of it"
        case identifier if identifier == MOVED_ID:
            url, at = connection.execute(MOVED).fetchone()
            what = (
                f"moved to {url} on {datetime.fromtimestamp(at / 1e6, UTC):%Y-%m-%d %H:%M} UTC:"
                " set POSTROAD_DATABASE to the URL that you gave to `postroad copy --to`, or"
                " `postroad copy --undo` to send from here again"
            )
        case _:
            what = "is a database, but not Postroad's"
    raise StorageError(f"{path} {what}")


def identity(connection: sqlite3.Connection) -> int:
    """Return what the header of a file says."""
    return int(connection.execute("PRAGMA application_id").fetchone()[0])
