"""The entry of the audit log for a migration, written by the migration's own transaction."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count

from sqlalchemy import Connection, text

from postroad.storage.audit import append
from postroad.storage.engine import Statement
from postroad.tenancy.audit import SYSTEM, Note


def note_migration(connection: Connection, before: str, after: str) -> None:
    """Note that the schema `before` is now `after`."""
    changes = {"schema": (before, after)}
    work = append(Note(SYSTEM, "database.migrate", changes=changes), datetime.now(UTC))
    try:
        statement = next(work)
        while True:
            statement = work.send(_rows(connection, statement))
    except StopIteration:
        return


def _rows(connection: Connection, statement: Statement) -> list[tuple[object, ...]]:
    """Do a statement by SQLAlchemy, which names its parameters."""
    sql, parameters = statement
    numbers = count()
    first, *rest = sql.split("?")
    named = first + "".join(f":p{next(numbers)}{part}" for part in rest)
    values = {f"p{number}": value for number, value in enumerate(parameters)}
    done = connection.execute(text(named), values)
    return [tuple(row) for row in done] if done.returns_rows else []
