"""What operators manage: one way of adding, listing, changing and removing for every record."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from sqlalchemy import Table

from postroad.errors import ConflictError, NotFoundError
from postroad.storage import sql
from postroad.storage.database import Database
from postroad.storage.rows import Shape
from postroad.storage.schema import tenants as tables
from postroad.storage.shapes import Shapes
from postroad.tenancy.records import ApiKey, App, Developer, Operator, RelayAccount, Route, User

T = TypeVar("T")

_FIXED = {"id", "app_id"}  # who a record is and whose
_TAKEN = {sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY}

Check = Callable[[sqlite3.Connection, Mapping[str, Any]], None]


class DirectoryStore:
    """Everything an operator manages, in one database; a port of `operations`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._shapes = Shapes(database.cipher)
        self._developers = TableRecords(database, tables.developer, self._shapes.developer)
        self._apps = TableRecords(database, tables.app, self._shapes.app)
        self._operators = TableRecords(database, tables.operator, self._shapes.operator)

    @property
    def developers(self) -> TableRecords[Developer]:
        """All developers."""
        return self._developers

    @property
    def apps(self) -> TableRecords[App]:
        """All apps."""
        return self._apps

    @property
    def operators(self) -> TableRecords[Operator]:
        """All operators."""
        return self._operators

    def users(self, app_id: str) -> TableRecords[User]:
        """The app's users."""
        return TableRecords(self._database, tables.app_user, self._shapes.user, owner=app_id)

    def keys(self, app_id: str) -> TableRecords[ApiKey]:
        """The app's API keys."""
        return TableRecords(self._database, tables.api_key, self._shapes.key, owner=app_id)

    def relays(self, app_id: str | None) -> TableRecords[RelayAccount]:
        """The app's own relays; with None the operator's. Their secrets are kept apart."""
        return TableRecords(self._database, tables.relay, self._shapes.relay, owner=app_id)

    def routes(self, app_id: str) -> TableRecords[Route]:
        """The app's routes; they lead to its own relays or the operator's."""
        return TableRecords(
            self._database,
            tables.route,
            self._shapes.route,
            owner=app_id,
            check=lambda connection, columns: _check_relay(connection, app_id, columns),
        )

    async def set_relay_secret(self, app_id: str | None, relay_id: str, secret: str) -> bool:
        """Keep the password of a relay, encrypted; "" removes it. False when there is no such."""
        about = f"relay:{relay_id}:secret"
        sealed = self._database.cipher.encrypt(secret, about) if secret else None

        def work(connection: sqlite3.Connection) -> bool:
            changed = connection.execute(
                "UPDATE relay SET secret = ? WHERE id = ? AND app_id IS ?",
                (sealed, relay_id, app_id),
            )
            return changed.rowcount == 1

        return await changed(self._database, work)


class TableRecords(Generic[T]):
    """The records of one table, or of one owner in it.

    owner: the app; None is nobody's, in a table that has owners.
    check: looks at columns about to be written, inside the transaction.
    """

    def __init__(
        self,
        database: Database,
        table: Table,
        shape: Shape[T],
        *,
        owner: str | None = None,
        check: Check | None = None,
    ) -> None:
        self._database = database
        self._table = table
        self._shape = shape
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
        if self._has_owner and columns["app_id"] != self._owner:
            raise NotFoundError("it belongs to another app")
        statement = sql.insertion(self._table, tuple(columns))

        def work(connection: sqlite3.Connection) -> None:
            if self._check is not None:
                self._check(connection, columns)
            self._execute(connection, statement.sql, statement.parameters(columns))

        await changed(self._database, work)

    async def get(self, record_id: str) -> T | None:
        """Return one by its id."""
        statement = self._select(has_id=True)
        rows = self._database.read(statement.sql, statement.parameters(self._which(record_id)))
        return self._shape.read(rows[0]) if rows else None

    async def list(self) -> list[T]:
        """Return all, oldest first."""
        statement = self._select(has_id=False)
        parameters = statement.parameters(self._which(""))
        rows = await self._database.read_aside(statement.sql, parameters)
        return [self._shape.read(row) for row in rows]

    async def change(self, record_id: str, **fields: object) -> T | None:
        """Set fields and return the result; None when there is no such record.

        raises: ConflictError and NotFoundError as `add`; TypeError for a field that the record
                does not have, that says who or whose it is, or for a value not of its type.
        """
        fixed = _FIXED & fields.keys()
        if fixed:
            raise TypeError(f"{min(fixed)} cannot be changed")
        columns = self._shape.encoded(record_id, fields)
        if not columns:
            return await self.get(record_id)
        which = self._which(record_id)
        update = sql.change(self._table, tuple(columns), scope=self._scope)
        result = self._select(has_id=True)

        def work(connection: sqlite3.Connection) -> list[tuple[Any, ...]]:
            if self._check is not None:
                self._check(connection, columns)
            self._execute(connection, update.sql, update.parameters(columns | which))
            return connection.execute(result.sql, result.parameters(which)).fetchall()

        rows = await changed(self._database, work)
        return self._shape.read(rows[0]) if rows else None

    async def remove(self, record_id: str) -> bool:
        """Delete one, with what belongs to it; False when there was none.

        raises: ConflictError when something else still refers to it.
        """
        statement = sql.removal(self._table, scope=self._scope)
        parameters = statement.parameters(self._which(record_id))

        def work(connection: sqlite3.Connection) -> bool:
            try:
                return connection.execute(statement.sql, parameters).rowcount == 1
            except sqlite3.IntegrityError as error:
                raise ConflictError(f"this {self._name} is still in use") from error

        return await changed(self._database, work)

    @property
    def _name(self) -> str:
        return self._table.name.removeprefix("app_").replace("_", " ")

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

    def _execute(self, connection: sqlite3.Connection, text: str, values: tuple[Any, ...]) -> None:
        """Write one row.

        raises: ConflictError, NotFoundError, or the engine's error.
        """
        try:
            connection.execute(text, values)
        except sqlite3.IntegrityError as error:
            if error.sqlite_errorcode in _TAKEN:
                raise ConflictError(f"there is such a {self._name} already") from error
            if error.sqlite_errorcode == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
                raise NotFoundError(f"what this {self._name} refers to does not exist") from error
            raise


async def changed(database: Database, work: Callable[[sqlite3.Connection], T]) -> T:
    """Return what `work` returns once it is committed, and forget what was remembered."""
    try:
        return await database.write(work)
    finally:
        database.facts.forget()


def _check_relay(connection: sqlite3.Connection, app_id: str, columns: Mapping[str, Any]) -> None:
    """Make sure that the app may use the relay.

    raises: NotFoundError.
    """
    if "relay_id" not in columns:
        return
    found = connection.execute(
        "SELECT 1 FROM relay WHERE id = ? AND (app_id = ? OR app_id IS NULL)",
        (columns["relay_id"], app_id),
    ).fetchone()
    if found is None:
        raise NotFoundError("the app has no such relay")
