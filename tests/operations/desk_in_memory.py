"""A desk whose records live in dicts, with a clock and ids that tests can foretell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import Any, Generic, TypeVar

from postroad.errors import ConflictError
from postroad.operations.administration.desk import Desk
from postroad.tenancy.audit import SYSTEM, Actor
from postroad.tenancy.names import name_key
from postroad.tenancy.records import ApiKey, App, Developer, Operator, RelayAccount, Route, User

T = TypeVar("T")
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class Shelf(Generic[T]):
    """Records of one kind, which agree on `unique`."""

    def __init__(self, unique: Callable[[Any], object] = lambda each: each.id) -> None:
        self.kept: dict[str, Any] = {}
        self._unique = unique

    async def add(self, record: T) -> None:
        self._refuse_taken(record)
        self.kept[record.id] = record  # type: ignore[attr-defined]

    async def get(self, record_id: str) -> T | None:
        return self.kept.get(record_id)

    async def list(self) -> list[T]:
        return [*self.kept.values()]

    async def page(self, *, after: tuple[datetime, str] | None, limit: int) -> Sequence[T]:
        kept = sorted((each.created_at, each.id) for each in self.kept.values())
        following = [id_ for at, id_ in kept if after is None or (at, id_) > after]
        return [self.kept[id_] for id_ in following[:limit]]

    async def change(
        self, record_id: str, still: Mapping[str, object] | None = None, /, **fields: object
    ) -> T | None:
        if record_id not in self.kept:
            return None
        if any(getattr(self.kept[record_id], name) != was for name, was in (still or {}).items()):
            raise ConflictError("somebody else changed it")
        changed = replace(self.kept[record_id], **fields)
        self._refuse_taken(changed)
        self.kept[record_id] = changed
        return changed  # type: ignore[no-any-return]

    async def remove(self, record_id: str) -> bool:
        return self.kept.pop(record_id, None) is not None

    def _refuse_taken(self, record: Any) -> None:
        taken = {self._unique(each) for each in self.kept.values() if each.id != record.id}
        if self._unique(record) in taken:
            raise ConflictError(f"{self._unique(record)} is taken")


class RelayShelf(Shelf[RelayAccount]):
    """Relays of one owner, whose passwords lie in `secrets` by their ids."""

    def __init__(self, secrets: dict[str, str]) -> None:
        super().__init__(lambda each: each.name)
        self._secrets = secrets

    async def add(self, record: RelayAccount, *, secret: str = "") -> None:
        await super().add(replace(record, has_secret=bool(secret)))
        if secret:
            self._secrets[record.id] = secret

    async def change_with_secret(
        self,
        record_id: str,
        secret: str,
        still: Mapping[str, object] | None = None,
        /,
        **fields: object,
    ) -> RelayAccount | None:
        changed = await self.change(record_id, still, has_secret=bool(secret), **fields)
        self._secrets[record_id] = secret
        return changed


class Shelves:
    """Everything an operator manages, and the passwords of the relays."""

    def __init__(self) -> None:
        self.developers = Shelf[Developer]()
        self.apps = Shelf[App](lambda each: name_key(each.name))
        self.operators = Shelf[Operator](lambda each: each.name)
        self.secrets: dict[str, str] = {}
        self._users: dict[str, Shelf[User]] = {}
        self._keys: dict[str | None, Shelf[ApiKey]] = {}
        self._relays: dict[str | None, RelayShelf] = {}
        self._routes: dict[str, Shelf[Route]] = {}

    def users(self, app_id: str) -> Shelf[User]:
        return self._users.setdefault(app_id, Shelf(lambda each: each.account))

    def keys(self, app_id: str | None) -> Shelf[ApiKey]:
        return self._keys.setdefault(app_id, Shelf(lambda each: each.digest))

    def relays(self, app_id: str | None) -> RelayShelf:
        return self._relays.setdefault(app_id, RelayShelf(self.secrets))

    def routes(self, app_id: str) -> Shelf[Route]:
        return self._routes.setdefault(app_id, Shelf())

    @property
    def every_user(self) -> Shelf[User]:
        return _all(self._users)

    @property
    def every_key(self) -> Shelf[ApiKey]:
        return _all(self._keys)

    @property
    def every_relay(self) -> Shelf[RelayAccount]:
        return _all(self._relays)

    @property
    def every_route(self) -> Shelf[Route]:
        return _all(self._routes)

    def acting(self, actor: Actor, action: str = "") -> Shelves:
        return self


def _all(shelves: Mapping[Any, Shelf[T]]) -> Shelf[T]:
    found = Shelf[T]()
    for shelf in shelves.values():
        found.kept |= shelf.kept
    return found


class Marked:
    """Hashes that show what was hashed."""

    async def hash(self, password: str) -> str:
        return f"hash of {password}"


def desk_in_memory() -> tuple[Desk, Shelves]:
    """A desk, and the shelves behind it."""
    shelves = Shelves()
    ids = count(1)
    octets = count(1)

    def random(size: int) -> bytes:
        return next(octets).to_bytes(size)

    desk = Desk(shelves, Marked(), lambda: NOW, lambda: f"id-{next(ids)}", random, actor=SYSTEM)
    return desk, shelves
