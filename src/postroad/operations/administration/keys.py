"""API keys: what lets a program act for an app, shown once when it is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, TypedDict, Unpack

from postroad.errors import SettingsError
from postroad.operations.administration import fields
from postroad.operations.administration.desk import Desk, matches, present, unique
from postroad.tenancy import keys as secrets
from postroad.tenancy.records import ApiKey, App, Scope

FIRST_SCOPES: Final = (Scope.SEND, Scope.READ)
"""Of the key that an app is made with: a program that sends need not manage."""

_RULES: Final[fields.Rules] = {
    "name": fields.name,
    "scopes": lambda value, field: fields.choices(value, field, Scope),
    "expires_at": fields.unless_empty(fields.moment),
    "addresses": fields.networks,
    "is_disabled": fields.switch,
}


class KeyFields(TypedDict, total=False):
    """What can be said of a key; `expires_at` "" or None is never, no `addresses` is from any."""

    name: str
    scopes: Sequence[str]
    expires_at: str | datetime | None
    addresses: Sequence[str]
    is_disabled: bool


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made; `secret` is kept nowhere."""

    key: ApiKey
    secret: str = field(repr=False)


async def create(desk: Desk, app: App, /, **given: Unpack[KeyFields]) -> NewKey:
    """Return a new key of the app, stored; without a name it is called after its day.

    raises: SettingsError, ConflictError.
    """
    now = desk.clock()
    checked = fields.checked(given, _RULES)
    expires_at = checked.get("expires_at")
    if expires_at is not None and expires_at <= now:
        raise SettingsError("expires_at is past: the key could never be used")
    secret = secrets.new_api_key(desk.random)
    key = ApiKey(
        id=desk.new_id(),
        app_id=app.id,
        name=f"key of {now:%Y-%m-%d}",
        digest=secrets.digest(secret),
        hint=secrets.hint(secret),
        scopes=FIRST_SCOPES,
        created_at=now,
    )
    key = replace(key, **checked)
    await desk.directory.keys(app.id).add(key)
    return NewKey(key, secret)


async def find(desk: Desk, apps: Sequence[App], reference: str) -> ApiKey:
    """Return the key with this id, name or hint among the keys of `apps`.

    raises: NotFoundError, ConflictError.
    """
    found = [
        key
        for app in apps
        for key in await matches(
            desk.directory.keys(app.id), reference, lambda each: (each.name, each.hint)
        )
    ]
    return unique(found, reference, "key", lambda each: each.id)


async def update(
    desk: Desk, apps: Sequence[App], reference: str, /, **given: Unpack[KeyFields]
) -> ApiKey:
    """Change a key and return it.

    raises: SettingsError, NotFoundError, ConflictError.
    """
    checked = fields.checked(given, _RULES)
    key = await find(desk, apps, reference)
    changed = await desk.directory.keys(key.app_id).change(key.id, **checked)
    return present(changed, "key", reference)
