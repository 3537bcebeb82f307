"""What operators manage, and in whose name they do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from sqlalchemy import Table

from postroad.errors import NotFoundError
from postroad.storage.audit import Author
from postroad.storage.engine import Database, Work
from postroad.storage.relay_records import RelayRecords
from postroad.storage.rows import Shape
from postroad.storage.schema import tenants as tables
from postroad.storage.shapes import Shapes
from postroad.storage.table_records import Check, TableReader, TableRecords
from postroad.tenancy.audit import SYSTEM, Actor
from postroad.tenancy.records import ApiKey, App, Developer, Operator, RelayAccount, Route, User

T = TypeVar("T")


class DirectoryStore:
    """Everything an operator manages, in one database; a port of `operations`.

    Every change is noted in the audit log by its own transaction.

    author: in whose name.
    """

    def __init__(self, database: Database, *, author: Author | None = None) -> None:
        self._database = database
        self._author = author or Author()
        self._shapes = Shapes(database.cipher)

    def acting(self, actor: Actor = SYSTEM, action: str = "") -> DirectoryStore:
        """Return the same, whose changes are noted in the name of `actor`.

        action: what each is called; "" for the kind of its record and what is done to it.
        """
        return DirectoryStore(self._database, author=replace(self._author, by=actor, action=action))

    @property
    def developers(self) -> TableRecords[Developer]:
        """All developers."""
        return self._records(tables.developer, self._shapes.developer)

    @property
    def apps(self) -> TableRecords[App]:
        """All apps."""
        return self._records(tables.app, self._shapes.app)

    @property
    def operators(self) -> TableRecords[Operator]:
        """All operators."""
        return self._records(tables.operator, self._shapes.operator)

    def users(self, app_id: str) -> TableRecords[User]:
        """The app's users."""
        return self._records(tables.app_user, self._shapes.user, owner=app_id)

    def keys(self, app_id: str | None) -> TableRecords[ApiKey]:
        """The app's API keys; with None the operator's."""
        return self._records(tables.api_key, self._shapes.key, owner=app_id)

    def relays(self, app_id: str | None) -> RelayRecords:
        """The app's own relays; with None the operator's."""
        return RelayRecords(
            self._database, tables.relay, self._shapes.relay, author=self._author, owner=app_id
        )

    def routes(self, app_id: str) -> TableRecords[Route]:
        """The app's routes; they lead to its own relays or the operator's."""
        return self._records(
            tables.route,
            self._shapes.route,
            owner=app_id,
            check=lambda columns: _check_relay(app_id, columns),
        )

    @property
    def every_user(self) -> TableReader[User]:
        """The users of all apps."""
        return TableReader(self._database, tables.app_user, self._shapes.user)

    @property
    def every_key(self) -> TableReader[ApiKey]:
        """The keys of all apps and the operator's."""
        return TableReader(self._database, tables.api_key, self._shapes.key)

    @property
    def every_relay(self) -> TableReader[RelayAccount]:
        """The relays of all apps and the operator's."""
        return TableReader(self._database, tables.relay, self._shapes.relay)

    @property
    def every_route(self) -> TableReader[Route]:
        """The routes of all apps."""
        return TableReader(self._database, tables.route, self._shapes.route)

    def _records(
        self,
        table: Table,
        shape: Shape[T],
        *,
        owner: str | None = None,
        check: Check | None = None,
    ) -> TableRecords[T]:
        return TableRecords(
            self._database, table, shape, author=self._author, owner=owner, check=check
        )


def _check_relay(app_id: str, columns: Mapping[str, Any]) -> Work[None]:
    """Make sure that the app may use the relay.

    raises: NotFoundError.
    """
    if "relay_id" not in columns:
        return
    found = yield (
        "SELECT 1 FROM relay WHERE id = ? AND (app_id = ? OR app_id IS NULL)",
        (columns["relay_id"], app_id),
    )
    if not found:
        raise NotFoundError("the app has no such relay")
