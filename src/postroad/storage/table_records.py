"""The records of one table: one way of adding, listing, changing and removing for every kind."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import Table

from postroad.errors import ConflictError, NotFoundError
from postroad.storage import sql
from postroad.storage.audit import Author
from postroad.storage.engine import (
    Database,
    ForeignKeyViolationError,
    UniqueViolationError,
    Work,
)
from postroad.storage.rows import Shape, micros, moment
from postroad.tenancy.audit import differences

T = TypeVar("T")

_FIXED = {"id", "app_id"}  # who a record is and whose
_KINDS = {"app_user": "user", "api_key": "key"}  # others are called as their table

Check = Callable[[Mapping[str, Any]], Work[None]]


class TableReader(Generic[T]):
    """The records of one table, whosever they are, only looked at."""

    def __init__(self, database: Database, table: Table, shape: Shape[T]) -> None:
        self._database = database
        self._table = table
        self._shape = shape
        self._owner: str | None = None
        self._scope = ""

    async def get(self, record_id: str) -> T | None:
        """Return one by its id."""
        statement = self._select(has_id=True)
        rows = await self._database.read(
            statement.sql, statement.parameters(self._which(record_id))
        )
        return self._shape.read(rows[0]) if rows else None

    async def page(self, *, after: tuple[datetime, str] | None, limit: int) -> builtins.list[T]:
        """Return the oldest `limit`, or those that follow a moment and an id."""
        statement = sql.page(
            self._table, self._shape.selection, scope=self._scope, is_first=after is None
        )
        at, last = after or (moment(0), "")
        which = self._which(last) | {sql.AT: micros(at), sql.LIMIT: limit}
        rows = await self._database.read_aside(statement.sql, statement.parameters(which))
        return [self._shape.read(row) for row in rows]

    def _which(self, record_id: str) -> dict[str, Any]:
        return {sql.ID: record_id, sql.OWNER: self._owner}

    def _select(self, *, has_id: bool) -> sql.Statement:
        return sql.selection(
            self._table,
            self._shape.selection,
            scope=self._scope,
            has_id=has_id,
            order=() if has_id else ("created_at", "id"),
        )


class TableRecords(TableReader[T]):
    """The records of one table, or of one owner in it.

    author: in whose name changes are noted.
    owner:  the app; None is nobody's, in a table that has owners.
    check:  looks at columns about to be written, inside the transaction.
    """

    def __init__(
        self,
        database: Database,
        table: Table,
        shape: Shape[T],
        *,
        author: Author,
        owner: str | None = None,
        check: Check | None = None,
    ) -> None:
        super().__init__(database, table, shape)
        self._author = author
        self._owner = owner
        self._check = check
        self._has_owner = "app_id" in table.c
        self._scope = "" if not self._has_owner else "operator" if owner is None else "app"

    async def add(self, record: T) -> None:
        """Store a new one.

        raises: ConflictError when its id, or a name that must be unique, is taken; NotFoundError
                when it belongs to another app, or what it refers to does not exist.
        """
        columns = self._shape.values(record)
        await changed(self._database, lambda: self._adding(record, columns))

    async def list(self) -> list[T]:
        """Return all, oldest first."""
        statement = self._select(has_id=False)
        parameters = statement.parameters(self._which(""))
        rows = await self._database.read_aside(statement.sql, parameters)
        return [self._shape.read(row) for row in rows]

    async def change(
        self, record_id: str, still: Mapping[str, object] | None = None, /, **fields: object
    ) -> T | None:
        """Set fields and return the result; None when there is no such record.

        still:  what other fields must hold yet, for what is set to be right.
        raises: ConflictError and NotFoundError as `add`, ConflictError also when `still` holds no
                more; TypeError for a field that the record does not have, that says who or whose
                it is, or for a value not of its type.
        """
        columns = self._columns(record_id, fields)
        if not columns:
            return await self.get(record_id)
        return await changed(
            self._database, lambda: self._changing(record_id, columns, still or {})
        )

    async def remove(self, record_id: str) -> bool:
        """Delete one, with what belongs to it; False when there was none.

        raises: ConflictError when something else still refers to it.
        """
        statement = sql.removal(self._table, scope=self._scope)
        which = self._which(record_id)
        result = self._select(has_id=True)

        def work() -> Work[bool]:
            before = yield from self._locked(result, which)
            if before is None:
                return False
            try:
                yield statement.sql, statement.parameters(which)
            except ForeignKeyViolationError as error:
                raise ConflictError(f"this {self._name} is still in use") from error
            yield from self._note("remove", before, None)
            return True

        return await changed(self._database, work)

    @property
    def _name(self) -> str:
        return self._table.name.removeprefix("app_").replace("_", " ")

    def _columns(self, record_id: str, fields: Mapping[str, object]) -> dict[str, Any]:
        """Return the columns of fields that may be changed.

        raises: TypeError.
        """
        fixed = _FIXED & fields.keys()
        if fixed:
            raise TypeError(f"{min(fixed)} cannot be changed")
        return self._shape.encoded(record_id, fields)

    def _adding(self, record: T, columns: Mapping[str, Any]) -> Work[None]:
        """Add a record; what it raises is what `add` does."""
        if self._has_owner and columns["app_id"] != self._owner:
            raise NotFoundError("it belongs to another app")
        statement = sql.insertion(self._table, tuple(columns))
        if self._check is not None:
            yield from self._check(columns)
        yield from self._put(statement.sql, statement.parameters(columns))
        yield from self._note("create", None, record)

    def _changing(
        self, record_id: str, columns: Mapping[str, Any], still: Mapping[str, object]
    ) -> Work[T | None]:
        """Set columns, if there are any; what it raises is what `change` does."""
        which = self._which(record_id)
        result = self._select(has_id=True)
        if self._check is not None:
            yield from self._check(columns)
        before = yield from self._locked(result, which)
        if before is None:
            return None
        if any(getattr(before, name) != value for name, value in still.items()):
            raise ConflictError(
                f"somebody else changed this {self._name} in this moment: look at it, and say again"
                " what you want"
            )
        if not columns:
            return before
        update = sql.change(self._table, tuple(columns), scope=self._scope)
        yield from self._put(update.sql, update.parameters({**columns, **which}))
        after = self._shape.read((yield result.sql, result.parameters(which))[0])
        yield from self._note("update", before, after)
        return after

    def _locked(self, result: sql.Statement, which: Mapping[str, Any]) -> Work[T | None]:
        """Return the record as it is until the transaction ends; None when there is none."""
        lock = self._database.dialect.lock
        if lock:
            yield f"SELECT 1 FROM {self._table.name} AS q WHERE id = ?{lock}", (which[sql.ID],)  # noqa: S608
        rows = yield result.sql, result.parameters(which)
        return self._shape.read(rows[0]) if rows else None

    def _note(self, what: str, before: T | None, after: T | None) -> Work[None]:
        """Write down what became of a record."""
        record: Any = before if after is None else after
        kind = _KINDS.get(self._table.name, self._table.name)
        app_id = record.id if kind == "app" else getattr(record, "app_id", None)
        changes = differences(before, after)
        yield from self._author.note(f"{kind}.{what}", app_id, record.id, changes)

    def _put(self, text: str, values: tuple[Any, ...]) -> Work[None]:
        """Write one row.

        raises: ConflictError, NotFoundError, or the engine's error.
        """
        try:
            yield text, values
        except UniqueViolationError as error:
            raise ConflictError(f"there is such a {self._name} already") from error
        except ForeignKeyViolationError as error:
            raise NotFoundError(f"what this {self._name} refers to does not exist") from error


async def changed(database: Database, work: Callable[[], Work[T]]) -> T:
    """Return what `work` returns once it is committed, and forget what was remembered."""
    try:
        return await database.write(work)
    finally:
        database.facts.forget()
