"""`postroad key`: the API keys of apps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from postroad.cli.given import ON_OFF, given, needs_one
from postroad.cli.groups import group, subcommand
from postroad.cli.installation import Where, at_desk, installation_options
from postroad.cli.options import json_option, option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroad.operations.administration.desk import Desk
    from postroad.operations.administration.keys import NewKey
    from postroad.tenancy.records import ApiKey, App

command = group(
    "key",
    """API keys: what lets a program act for an app.

    A KEY is given by its id, its name, or the beginning that lists show.
    """,
)

_app = option("--app", metavar="APP", help="Only keys of this app: appid or name.")
_FIELDS = (
    option(
        "--scopes",
        metavar="LIST",
        help="What it may do: send, read, manage, with commas between; send,read for a new key.",
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
)


def _fields(function: Any) -> Any:
    for add in reversed(_FIELDS):
        function = add(function)
    return function


@subcommand(command, "create")
@option("--app", required=True, metavar="APP", help="Whose key it is: appid or name.")
@option("--name", metavar="NAME", help="What to call it; by default after the day.")
@_fields
@installation_options
@json_option("the key with its secret")
def create(app: str, where: Where, as_json: bool, **values: Any) -> None:
    """Make an API key of an app and print it, this once."""
    from postroad.cli.output import say_json
    from postroad.cli.records import as_object, once

    async def work(desk: Desk) -> NewKey:
        from postroad.operations.administration import apps, keys

        return await keys.create(desk, await apps.find(desk, app), **_given(values))

    made = at_desk(where, work)
    if as_json:
        say_json(as_object(made.key) | {"key": made.secret})
    else:
        rows = (("appid", made.key.app_id), ("scopes", made.key.scopes), ("id", made.key.id))
        once(made.key.name, (("key", made.secret),), rows)


@subcommand(command, "list")
@_app
@installation_options
@json_option("the keys")
def list_(app: str | None, where: Where, as_json: bool) -> None:
    """List API keys, those of one app together."""
    from postroad.cli.layout import Column
    from postroad.cli.output import say_json
    from postroad.cli.records import as_object, listing, moment, shown

    async def work(desk: Desk) -> list[ApiKey]:
        return [
            key
            for each in await _apps(desk, app)
            for key in await desk.directory.keys(each.id).list()
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
            key.app_id,
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
@installation_options
@json_option("the key, without its secret")
def show(key: str, app: str | None, where: Where, as_json: bool) -> None:
    """Show what an API key may do; the key itself is kept nowhere."""

    async def work(desk: Desk) -> ApiKey:
        from postroad.operations.administration import keys

        return await keys.find(desk, await _apps(desk, app), key)

    _print(at_desk(where, work), as_json=as_json)


@subcommand(command, "update")
@click.argument("key")
@_app
@option("--name", metavar="NAME", help="A new name.")
@_fields
@option("--disabled", "is_disabled", type=ON_OFF, help="off lets a disabled key in again.")
@installation_options
@json_option("the key as it is now, without its secret")
def update(key: str, app: str | None, where: Where, as_json: bool, **values: Any) -> None:
    """Change what the options say, and nothing else."""
    changes = _given(values)
    needs_one(changes)
    _print(_updated(where, app, key, changes), as_json=as_json)


@subcommand(command, "disable")
@click.argument("key")
@_app
@installation_options
@json_option("the key as it is now, without its secret")
def disable(key: str, app: str | None, where: Where, as_json: bool) -> None:
    """Disable an API key: nothing is done for it, until --disabled off."""
    _print(_updated(where, app, key, {"is_disabled": True}), as_json=as_json)


def _given(values: dict[str, Any]) -> dict[str, Any]:
    found = given(values)
    if "scopes" in found:
        found["scopes"] = found["scopes"].split(",")
    return found


async def _apps(desk: Desk, app: str | None) -> Sequence[App]:
    from postroad.operations.administration import apps

    return [await apps.find(desk, app)] if app is not None else await desk.directory.apps.list()


def _updated(where: Where, app: str | None, key: str, changes: dict[str, Any]) -> ApiKey:
    async def work(desk: Desk) -> ApiKey:
        from postroad.operations.administration import keys

        return await keys.update(desk, await _apps(desk, app), key, **changes)

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
        ("appid", key.app_id),
        ("state", "disabled" if key.is_disabled else "normal"),
        ("scopes", key.scopes),
        ("expires", key.expires_at or "never"),
        ("usable from", key.addresses or "anywhere"),
        ("created", key.created_at),
    )
    page(key.name, rows)
