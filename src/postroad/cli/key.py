"""`postroad key`: the API keys of apps, and the operator's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from postroad.cli.given import ON_OFF, given, needs_one
from postroad.cli.groups import group, subcommand
from postroad.cli.installation import Where, at_desk, installation_options
from postroad.cli.options import json_option, option
from postroad.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroad.operations.administration.desk import Desk
    from postroad.operations.administration.keys import NewKey
    from postroad.tenancy.records import ApiKey, App

command = group(
    "key",
    """API keys: what lets a program act for an app, or for the operator.

    A KEY is given by its id, its name, or the beginning that lists show.
    """,
)

_app = option("--app", metavar="APP", help="Only keys of this app: appid or name.")
_operator = option("--operator", is_flag=True, help="Only the operator's own keys.")
_FIELDS = (
    option(
        "--scopes",
        metavar="LIST",
        help="What it may do: send, read, manage, with commas between; send,read for a new key, "
        "manage for the operator's.",
    ),
    option(
        "--expires-at",
        metavar="DATE",
        help='A date, to its end in UTC, or a time with its zone; "" is never.',
    ),
    option(
        "--address",
        "addresses",
        multiple=True,
        metavar="NETWORK",
        help="Where it may be used from, such as 192.0.2.0/24. Repeat it for the whole list; "
        '"" is from anywhere.',
    ),
    option(
        "--per-minute",
        type=int,
        metavar="NUMBER",
        help="Requests in a minute; 0 is no limit, as of a new key.",
    ),
)


def _fields(function: Any) -> Any:
    for add in reversed(_FIELDS):
        function = add(function)
    return function


@subcommand(command, "create")
@click.argument("name", required=False)
@option("--app", metavar="APP", help="Whose key it is: appid or name.")
@option(
    "--operator",
    is_flag=True,
    help="Instead of --app: the operator's own key, which manages every app.",
)
@_fields
@installation_options
@json_option("the key with its secret")
def create(app: str | None, operator: bool, where: Where, as_json: bool, **values: Any) -> None:
    """Make an API key of an app, or of the operator, and print it, this once.

    Without a NAME it is called after the day.
    """
    if (app is None) is not operator:
        raise SettingsError("say whose key it is: --app APP, or --operator for the operator's own")

    from postroad.cli.output import say_json
    from postroad.cli.records import as_object, once

    async def work(desk: Desk) -> NewKey:
        from postroad.operations.administration import apps, keys

        owner = None if app is None else await apps.find(desk, app)
        return await keys.create(desk, owner, **_given(values))

    made = at_desk(where, work)
    if as_json:
        say_json(as_object(made.key) | {"key": made.secret})
    else:
        rows = (("appid", _whose(made.key)), ("scopes", made.key.scopes), ("id", made.key.id))
        once(made.key.name, (("key", made.secret),), rows)


@subcommand(command, "list")
@_app
@_operator
@installation_options
@json_option("the keys")
def list_(app: str | None, operator: bool, where: Where, as_json: bool) -> None:
    """List API keys: the operator's own, then those of each app."""
    from postroad.cli.layout import Column
    from postroad.cli.output import say_json
    from postroad.cli.records import as_object, listing, moment, shown

    async def work(desk: Desk) -> list[ApiKey]:
        return [
            key
            for each in await _owners(desk, app, operator=operator)
            for key in await desk.directory.keys(each.id if each else None).list()
        ]

    found = at_desk(where, work)
    if as_json:
        say_json([as_object(key) for key in found])
        return
    columns = (
        Column("Key"),
        Column("Appid"),
        Column("Name", 8),
        Column("Scopes", 8),
        Column("State"),
        Column("Expires (UTC)"),
        Column("From", 8),
    )
    rows = [
        (
            f"{key.hint}…",
            _whose(key),
            shown(key.name),
            shown(key.scopes),
            "disabled" if key.is_disabled else "normal",
            moment(key.expires_at),
            shown(key.addresses) if key.addresses else "anywhere",
        )
        for key in found
    ]
    listing(columns, rows, empty="There are no keys: postroad key create --app APP")


@subcommand(command, "show")
@click.argument("key")
@_app
@_operator
@installation_options
@json_option("the key, without its secret")
def show(key: str, app: str | None, operator: bool, where: Where, as_json: bool) -> None:
    """Show what an API key may do; the key itself is kept nowhere."""

    async def work(desk: Desk) -> ApiKey:
        from postroad.operations.administration import keys

        return await keys.find(desk, await _owners(desk, app, operator=operator), key)

    _print(at_desk(where, work), as_json=as_json)


@subcommand(command, "update")
@click.argument("key")
@_app
@_operator
@option("--name", metavar="NAME", help="A new name.")
@_fields
@option("--disabled", "is_disabled", type=ON_OFF, help="off lets a disabled key in again.")
@installation_options
@json_option("the key as it is now, without its secret")
def update(
    key: str, app: str | None, operator: bool, where: Where, as_json: bool, **values: Any
) -> None:
    """Change what the options say, and nothing else."""
    changes = _given(values)
    needs_one(changes)
    _print(_updated(where, app, key, changes, operator=operator), as_json=as_json)


@subcommand(command, "disable")
@click.argument("key")
@_app
@_operator
@installation_options
@json_option("the key as it is now, without its secret")
def disable(key: str, app: str | None, operator: bool, where: Where, as_json: bool) -> None:
    """Disable an API key: nothing is done for it, until --disabled off."""
    changes = {"is_disabled": True}
    _print(_updated(where, app, key, changes, operator=operator), as_json=as_json)


def _given(values: dict[str, Any]) -> dict[str, Any]:
    found = given(values)
    if "scopes" in found:
        found["scopes"] = found["scopes"].split(",")
    return found


async def _owners(desk: Desk, app: str | None, *, operator: bool) -> Sequence[App | None]:
    from postroad.operations.administration import apps

    if operator:
        if app is not None:
            raise SettingsError("give --app or --operator, not both")
        return [None]
    if app is not None:
        return [await apps.find(desk, app)]
    return [None, *await desk.directory.apps.list()]


def _whose(key: ApiKey) -> str:
    return key.app_id or "(operator)"


def _updated(
    where: Where, app: str | None, key: str, changes: dict[str, Any], *, operator: bool
) -> ApiKey:
    async def work(desk: Desk) -> ApiKey:
        from postroad.operations.administration import keys

        owners = await _owners(desk, app, operator=operator)
        return await keys.update(desk, owners, key, **changes)

    return at_desk(where, work)


def _print(key: ApiKey, *, as_json: bool) -> None:
    from postroad.cli.output import say_json
    from postroad.cli.records import as_object, page

    if as_json:
        say_json(as_object(key))
        return
    rows = (
        ("key", f"{key.hint}…"),
        ("id", key.id),
        ("appid", key.app_id or "none: it is the operator's"),
        ("state", "disabled" if key.is_disabled else "normal"),
        ("scopes", key.scopes),
        ("expires", key.expires_at or "never"),
        ("usable from", key.addresses or "anywhere"),
        ("per minute", key.per_minute or "no limit"),
        ("created", key.created_at),
    )
    page(key.name, rows)
