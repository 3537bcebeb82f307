"""SQLAlchemy Core as text for the engine's own driver, compiled once for each statement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    Executable,
    Table,
    and_,
    bindparam,
    delete,
    insert,
    literal_column,
    or_,
    select,
)
from sqlalchemy import update as update_
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql.base import RESERVED_WORDS
from sqlalchemy.sql.elements import ColumnElement

# These statements are plain enough for every engine, once what any of them reserves is quoted.
_DIALECT = sqlite.dialect(paramstyle="qmark")
_DIALECT.identifier_preparer.reserved_words = (
    _DIALECT.identifier_preparer.reserved_words | RESERVED_WORDS
)


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement with "?" where its parameters go.

    names: of the parameters, in the order of their places.
    """

    sql: str
    names: tuple[str, ...]

    def parameters(self, values: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return the values in the order of their places."""
        return tuple(values[name] for name in self.names)


def compiled(statement: Executable) -> Statement:
    """Return a statement of Core as text; every value in it must be a named bindparam."""
    done = statement.compile(dialect=_DIALECT)  # type: ignore[attr-defined]
    return Statement(str(done), tuple(done.positiontup or ()))


# The parameters that say which rows; no column has such a name.
ID = "the_id"
OWNER = "the_owner"
AT = "the_moment"
LIMIT = "the_limit"


@lru_cache(maxsize=256)
def insertion(table: Table, columns: tuple[str, ...]) -> Statement:
    """Return the statement that adds a row."""
    return compiled(insert(table).values({name: bindparam(name) for name in columns}))


@lru_cache(maxsize=256)
def selection(
    table: Table, columns: tuple[str, ...], *, scope: str, has_id: bool, order: tuple[str, ...]
) -> Statement:
    """Return the statement that selects expressions from the rows of an owner.

    scope: "" for tables without owner, "app" for an app's rows, "operator" for those of no app.
    """
    what: list[ColumnElement[Any]] = [literal_column(column) for column in columns]
    rows = select(*what).select_from(table).where(_which(table, scope, has_id=has_id))
    return compiled(rows.order_by(*(table.c[name] for name in order)))


@lru_cache(maxsize=256)
def page(table: Table, columns: tuple[str, ...], *, scope: str, is_first: bool) -> Statement:
    """Return the statement that selects a page of the rows of an owner, oldest first.

    is_first: else the rows that follow the moment AT and the id.
    """
    what: list[ColumnElement[Any]] = [literal_column(column) for column in columns]
    rows = select(*what).select_from(table).where(_which(table, scope, has_id=False))
    if not is_first:
        made: ColumnElement[int] = table.c.created_at
        at: ColumnElement[int] = bindparam(AT)
        follows = or_(made > at, and_(made == at, table.c.id > bindparam(ID)))
        rows = rows.where(follows)
    whole = compiled(rows.order_by(table.c.created_at, table.c.id))
    return Statement(f"{whole.sql} LIMIT ?", (*whole.names, LIMIT))


@lru_cache(maxsize=256)
def change(table: Table, columns: tuple[str, ...], *, scope: str) -> Statement:
    """Return the statement that sets columns of one row."""
    values: dict[str, Any] = {name: bindparam(name) for name in columns}
    return compiled(update_(table).where(_which(table, scope, has_id=True)).values(values))


@lru_cache(maxsize=64)
def removal(table: Table, *, scope: str) -> Statement:
    """Return the statement that deletes one row."""
    which = _which(table, scope, has_id=True)
    return compiled(delete(table).where(which).returning(table.c.id))


def _which(table: Table, scope: str, *, has_id: bool) -> ColumnElement[bool]:
    conditions: list[ColumnElement[bool]] = []
    if has_id:
        conditions.append(table.c.id == bindparam(ID))
    if scope == "app":
        conditions.append(table.c.app_id == bindparam(OWNER))
    elif scope == "operator":
        conditions.append(table.c.app_id.is_(None))
    return and_(True, *conditions)
