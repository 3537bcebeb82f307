"""A directory whose records somebody else changes just after they were read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from postroad.operations.administration.desk import Desk
from postroad.operations.passwords import Passwords
from postroad.operations.ports import Directory
from postroad.tenancy.audit import SYSTEM


def overtaken(directory: Directory, meanwhile: Callable[[], Awaitable[object]]) -> Desk:
    """Return a desk where `meanwhile` happens between the look at a record and its change."""
    records: Any = _Directory(directory, meanwhile)
    return Desk(records, Passwords(), actor=SYSTEM)


class _Directory:
    def __init__(self, behind: Directory, meanwhile: Callable[[], Awaitable[object]]) -> None:
        self._behind = behind
        self._meanwhile = meanwhile

    def acting(self, *_: object) -> _Directory:
        return self

    def relays(self, app_id: str | None) -> _Records:
        return _Records(self._behind.relays(app_id), self._meanwhile)

    @property
    def apps(self) -> _Records:
        return _Records(self._behind.apps, self._meanwhile)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._behind, name)


class _Records:
    def __init__(self, behind: Any, meanwhile: Callable[[], Awaitable[object]]) -> None:
        self._behind = behind
        self._meanwhile = meanwhile

    async def get(self, record_id: str) -> Any:
        found = await self._behind.get(record_id)
        await self._meanwhile()
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._behind, name)
