"""What a key reaches; everything else is, for it, as good as not there."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any, Final, Protocol, TypeVar

from postroad.delivery.messages import StoredMessage
from postroad.errors import NotFoundError
from postroad.operations.management.authority import Authority, ForbiddenError
from postroad.operations.management.inheritance import new_within, within
from postroad.operations.ports import Directory, Mail, Readable
from postroad.tenancy.records import ApiKey, App, Developer, Maker, RelayAccount, Route, User

T = TypeVar("T")

# As every id is made; what is no id need not be looked for.
_ID: Final = re.compile("[0-9A-Za-z-]{1,64}")


class _Owned(Protocol):
    @property
    def app_id(self) -> str | None: ...


_O = TypeVar("_O", bound=_Owned)


class Reach:
    """The records that an authority reaches.

    Each method that finds one raises NotFoundError for what is not there and for what belongs to
    somebody else, in the same words.
    """

    def __init__(self, authority: Authority, directory: Directory, mail: Mail) -> None:
        self.authority = authority
        self._directory = directory
        self._mail = mail

    @property
    def maker(self) -> Maker:
        """Who makes what this authority makes."""
        return Maker.OPERATOR if self.authority.is_operator else Maker.TENANT

    def needs_operator(self, what: str) -> None:
        """Refuse an app's key.

        raises: ForbiddenError.
        """
        if not self.authority.is_operator:
            raise ForbiddenError(f"{what}: only the operator's key may do that")

    def check_fields(self, given: Collection[str], reserved: Collection[str]) -> None:
        """Refuse fields that an app's key may not set.

        raises: ForbiddenError naming them.
        """
        found = [name.rstrip("_") for name in given if name in reserved]
        if found:
            self.needs_operator(f"to set {', '.join(found)}")

    def within_own(
        self, given: dict[str, Any], owner: App | None, *, is_new: bool
    ) -> dict[str, Any]:
        """Return the fields of a key that who asks makes or changes.

        What is not said of a new key is as it is of the key that makes it. The operator's key
        gives apps theirs as it likes.

        owner:  whose key it is; None is the operator.
        raises: ForbiddenError for a key that may do more, SettingsError.
        """
        if self.authority.is_operator and owner is not None:
            return given
        own = self.authority.key
        return new_within(own, given) if is_new else within(own, given)

    async def developer(self, developer_id: str) -> Developer:
        """Return a developer."""
        shelf = self._directory.developers
        return await _one(shelf if self.authority.is_operator else None, developer_id, "developer")

    async def app(self, app_id: str) -> App:
        """Return an app."""
        is_reached = self.authority.is_operator or app_id == self.authority.app_id
        return await _one(self._directory.apps if is_reached else None, app_id, "app")

    async def user(self, user_id: str) -> User:
        """Return a user."""
        return await _one(self._users(self.authority.app_id), user_id, "user")

    async def key(self, key_id: str) -> ApiKey:
        """Return a key."""
        return await _one(self._keys(self.authority.app_id), key_id, "key")

    async def relay(self, relay_id: str) -> RelayAccount:
        """Return a relay."""
        return await _one(self._relays(self.authority.app_id), relay_id, "relay")

    async def route(self, route_id: str) -> Route:
        """Return a route."""
        return await _one(self._routes(self.authority.app_id), route_id, "route")

    async def message(self, message_id: str) -> StoredMessage:
        """Return a message."""
        app_id = self.authority.app_id
        found = None
        if _ID.fullmatch(message_id):
            app_id = app_id or await self._mail.find_app(message_id)
            found = await self._mail.message(app_id, message_id) if app_id else None
        if found is None:
            raise _missing("message", message_id)
        return found

    async def users(self, app_id: str | None) -> Readable[User]:
        """Return the users of an app, or with None all that are reached."""
        return self._users(await self.scope(app_id))

    async def keys(self, app_id: str | None) -> Readable[ApiKey]:
        """Return the keys of an app, or with None all that are reached."""
        return self._keys(await self.scope(app_id))

    async def relays(self, app_id: str | None) -> Readable[RelayAccount]:
        """Return the relays of an app, or with None all that are reached."""
        return self._relays(await self.scope(app_id))

    async def routes(self, app_id: str | None) -> Readable[Route]:
        """Return the routes of an app, or with None all that are reached."""
        return self._routes(await self.scope(app_id))

    async def scope(self, app_id: str | None) -> str | None:
        """Return the app that a list is restricted to; None for the operator is none.

        app_id: as it was asked for.
        """
        if app_id is None:
            return self.authority.app_id
        return (await self.app(app_id)).id

    async def relay_id(self, relay_id: str | None) -> str | None:
        """Return the relay that a list is restricted to; None is none.

        relay_id: as it was asked for.
        """
        return None if relay_id is None else (await self.relay(relay_id)).id

    async def owner_of(self, record: _Owned) -> App | None:
        """Return the app that a record belongs to; None is the operator."""
        return None if record.app_id is None else await self.app(record.app_id)

    def _users(self, app_id: str | None) -> Readable[User]:
        return self._directory.users(app_id) if app_id else self._directory.every_user

    def _keys(self, app_id: str | None) -> Readable[ApiKey]:
        return self._directory.keys(app_id) if app_id else self._directory.every_key

    def _relays(self, app_id: str | None) -> Readable[RelayAccount]:
        return self._directory.relays(app_id) if app_id else self._directory.every_relay

    def _routes(self, app_id: str | None) -> Readable[Route]:
        return self._directory.routes(app_id) if app_id else self._directory.every_route


async def _one(shelf: Readable[T] | None, record_id: str, what: str) -> T:
    found = await shelf.get(record_id) if shelf and _ID.fullmatch(record_id) else None
    if found is None:
        raise _missing(what, record_id)
    return found


def _missing(what: str, record_id: str) -> NotFoundError:
    return NotFoundError(f"there is no {what} {record_id[:80]!r}")
