"""Users: accounts inside an app, with the password that its doors ask for."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Final, TypedDict, Unpack

from postroad.errors import ConflictError, SettingsError
from postroad.operations.administration import fields
from postroad.operations.administration.desk import Desk, present, removed
from postroad.operations.administration.desk import find as find_record
from postroad.tenancy.passwords import password_form
from postroad.tenancy.records import App, User, UserState

MAX_PASSWORD: Final = 128
_ACCOUNT: Final = re.compile(r"[A-Za-z0-9]{2,64}")
_PASSWORD: Final = re.compile(rf"[A-Za-z0-9]{{1,{MAX_PASSWORD}}}")
_QQ: Final = re.compile(r"[1-9][0-9]{4,11}|")


def _qq(value: str, field: str) -> str:
    if not _QQ.fullmatch(value):
        raise SettingsError(f"{field}: a QQ number has 5 to 12 digits")
    return value


RULES: Final[fields.Rules] = {
    "nickname": fields.text_of(fields.MAX_NAME),
    "qq": _qq,
    "email": lambda value, field: fields.address(value, field) if value else "",
    "state": fields.one_of(UserState),
}
NEW_RULES: Final[fields.Rules] = {
    **RULES,
    "account": lambda value, _: _account(value),
    "password": lambda value, _: _password(value),
}
"""Of a new user; each app says besides how long its accounts are."""


class UserFields(TypedDict, total=False):
    """What can be said of a user; `email` "" is none."""

    nickname: str
    qq: str
    email: str
    state: str


async def create(
    desk: Desk, app: App, account: str, password: str, /, **given: Unpack[UserFields]
) -> User:
    """Return a new user of the app, stored.

    raises: SettingsError; ConflictError when the account is taken.
    """
    whole = {"account": account, "password": password} | given
    own = {**NEW_RULES, "account": lambda value, _: check_account(app, value)}
    checked = fields.checked(whole, own)
    hashed = await _hashed(desk, checked.pop("password"))
    user = replace(
        User(desk.new_id(), app.id, checked.pop("account"), hashed, desk.clock()), **checked
    )
    try:
        await desk.directory.users(app.id).add(user)
    except ConflictError:
        raise ConflictError(f"the app {app.name} has a user {account} already") from None
    return user


async def find(desk: Desk, app: App, reference: str) -> User:
    """Return the app's user with this account or id.

    raises: NotFoundError.
    """
    return await find_record(
        desk.directory.users(app.id),
        reference,
        f"user of app {app.id} called",
        names_of=lambda each: (each.account,),
        id_of=lambda each: each.id,
    )


async def update(
    desk: Desk,
    app: App,
    reference: str,
    /,
    *,
    password: str | None = None,
    **given: Unpack[UserFields],
) -> User:
    """Change a user and return it.

    raises: SettingsError, NotFoundError.
    """
    changes: dict[str, Any] = fields.checked(given, RULES)
    user = await find(desk, app, reference)
    if password is not None:
        changes["password_hash"] = await _hashed(desk, password)
    changed = await desk.directory.users(app.id).change(user.id, **changes)
    return present(changed, "user", reference)


async def remove(desk: Desk, user: User) -> None:
    """Delete a user with the tokens it has.

    raises: NotFoundError.
    """
    await removed(desk.directory.users(user.app_id), user.id, "user")


def check_account(app: App, account: str) -> str:
    """Return an account that the app's doors let in.

    raises: SettingsError.
    """
    _account(account)
    if not app.account_min <= len(account) <= app.account_max:
        raise SettingsError(
            f"account: {account} has {len(account)} characters; "
            f"the app {app.name} takes {app.account_min} to {app.account_max}"
        )
    return account


def _account(value: str) -> str:
    if not _ACCOUNT.fullmatch(value):
        raise SettingsError("account: 2 to 64 ASCII letters and digits")
    return value


def _password(value: str) -> str:
    if not _PASSWORD.fullmatch(value):
        raise SettingsError(
            f"password: 1 to {MAX_PASSWORD} ASCII letters and digits, which is all the doors take"
        )
    return value


async def _hashed(desk: Desk, password: str) -> str:
    """Return the hash of a password that the doors can be given."""
    return await desk.passwords.hash(password_form(_password(password)))
