"""Runs Postroad on a database that does not wait for the disk: what a proof must notice.

python careless.py NORMAL|OFF serve …
"""

from __future__ import annotations

import functools
import sqlite3
import sys
from typing import Any

_MODE = sys.argv.pop(1)


class Careless(sqlite3.Connection):
    """A connection that is told FULL and hears something else."""

    def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
        """Do as the superclass does, with the other setting."""
        return super().execute(sql.replace("synchronous=FULL", f"synchronous={_MODE}"), *parameters)


if __name__ == "__main__":
    sqlite3.connect = functools.partial(sqlite3.connect, factory=Careless)  # type: ignore[assignment]
    from postroad.cli import main

    main()
