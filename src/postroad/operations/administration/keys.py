"""API keys: what lets a program act for an app, shown once when it is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, TypedDict, Unpack

from postroad.errors import SettingsError
from postroad.operations.administration import fields
from postroad.operations.administration.desk import Desk, matches, present, removed, unique
from postroad.tenancy import keys as secrets
from postroad.tenancy.records import ApiKey, App, Scope

FIRST_SCOPES: Final = (Scope.SEND, Scope.READ)
"""Of the key that an app is made with: a program that sends need not manage."""

_SWITCHED: Final = {True: "key.disable", False: "key.enable"}
MAX_PER_MINUTE: Final = 1_000_000

RULES: Final[fields.Rules] = {
    "name": fields.name,
    "scopes": lambda value, field: fields.choices(value, field, Scope),
    "expires_at": fields.unless_empty(fields.moment),
    "addresses": fields.networks,
    "is_disabled": fields.switch,
    "per_minute": fields.within(0, MAX_PER_MINUTE),
}


class KeyFields(TypedDict, total=False):
    """What can be said of a key.

    `expires_at` "" or None is never, no `addresses` is from any, 0 `per_minute` any number.
    """

    name: str
    scopes: Sequence[str]
    expires_at: str | datetime | None
    addresses: Sequence[str]
    is_disabled: bool
    per_minute: int


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made; `secret` is kept nowhere."""

    key: ApiKey
    secret: str = field(repr=False)


async def create(desk: Desk, app: App | None, /, **given: Unpack[KeyFields]) -> NewKey:
    """Return a new key, stored; without a name it is called after its day.

    app:    whose it is; None: the operator's, which reaches every app, and only manages.
    raises: SettingsError, ConflictError.
    """
    now = desk.clock()
    checked = fields.checked(given, RULES)
    expires_at = checked.get("expires_at")
    if expires_at is not None and expires_at <= now:
        raise SettingsError("expires_at is past: the key could never be used")
    secret = secrets.new_api_key(desk.random)
    key = ApiKey(
        id=desk.new_id(),
        app_id=app.id if app else None,
        name=f"key of {now:%Y-%m-%d}",
        digest=secrets.digest(secret),
        hint=secrets.hint(secret),
        scopes=FIRST_SCOPES if app else (Scope.MANAGE,),
        created_at=now,
    )
    key = replace(key, **checked)
    _check_scopes(key)
    await desk.directory.keys(key.app_id).add(key)
    return NewKey(key, secret)


async def find(desk: Desk, owners: Sequence[App | None], reference: str) -> ApiKey:
    """Return the key with this id, name or hint among those of `owners`; None is the operator.

    raises: NotFoundError, ConflictError.
    """
    found = [
        key
        for owner in owners
        for key in await matches(
            desk.directory.keys(owner.id if owner else None),
            reference,
            lambda each: (each.name, each.hint),
        )
    ]
    return unique(found, reference, "key", lambda each: each.id)


async def update(
    desk: Desk, owners: Sequence[App | None], reference: str, /, **given: Unpack[KeyFields]
) -> ApiKey:
    """Change a key and return it.

    raises: SettingsError, NotFoundError, ConflictError.
    """
    checked = fields.checked(given, RULES)
    key = await find(desk, owners, reference)
    _check_scopes(replace(key, **checked))
    # Whether a key was let in is what one looks for: it has words of its own.
    action = _SWITCHED[checked["is_disabled"]] if checked.keys() == {"is_disabled"} else ""
    changed = await desk.noting(action).keys(key.app_id).change(key.id, **checked)
    return present(changed, "key", reference)


async def remove(desk: Desk, key: ApiKey) -> None:
    """Delete a key: from now on it is unknown.

    raises: NotFoundError.
    """
    await removed(desk.directory.keys(key.app_id), key.id, "key")


def _check_scopes(key: ApiKey) -> None:
    """Refuse a scope that a key of no app could never use.

    raises: SettingsError.
    """
    if key.app_id is None and key.scopes != (Scope.MANAGE,):
        raise SettingsError("scopes: the operator's key has the scope manage only")
