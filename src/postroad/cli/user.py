"""`postroad user`: the accounts inside an app."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from postroad.cli.given import given, needs_one
from postroad.cli.groups import group, subcommand
from postroad.cli.installation import Where, at_desk, installation_options
from postroad.cli.options import json_option, option
from postroad.cli.passwords import password_asked, password_given, password_options

if TYPE_CHECKING:
    from postroad.operations.administration.desk import Desk
    from postroad.tenancy.records import User

command = group(
    "user",
    """Users: the accounts that log in to an app.

    A user is given by account or id, the app by appid or name.
    """,
)

_app = option("--app", required=True, metavar="APP", help="Whose user it is: appid or name.")
_FIELDS = (
    option("--nickname", metavar="NAME", help="A name to show."),
    option("--qq", metavar="NUMBER", help="A QQ number."),
    option("--email", metavar="ADDRESS", help='An address; "" removes it.'),
    option("--state", type=click.Choice(["normal", "disabled"]), help="Whether it may send."),
)


def _fields(function: Any) -> Any:
    for add in reversed(_FIELDS):
        function = add(function)
    return function


@subcommand(command, "create")
@click.argument("account")
@_app
@password_options()
@_fields
@installation_options
@json_option("the user")
def create(
    account: str,
    app: str,
    where: Where,
    as_json: bool,
    password_env: str | None,
    password_file: str | None,
    **values: Any,
) -> None:
    """Make a user of an app.

    ACCOUNT is letters and digits, as many as the app takes; digits alone where its tokens are off.
    Without --password-env and --password-file the password is asked for.
    """
    password = password_given(password_env, password_file)
    if password is None:
        password = password_asked(f"password of {account}: ")

    async def work(desk: Desk) -> User:
        from postroad.operations.administration import apps, users

        found = await apps.find(desk, app)
        return await users.create(desk, found, account, password, **given(values))

    _print(at_desk(where, work), as_json=as_json)


@subcommand(command, "list")
@_app
@installation_options
@json_option("the users")
def list_(app: str, where: Where, as_json: bool) -> None:
    """List the users of an app, the oldest first."""
    from postroad.cli.layout import Column
    from postroad.cli.output import say_json
    from postroad.cli.records import as_object, listing, moment, shown

    async def work(desk: Desk) -> list[User]:
        from postroad.operations.administration import apps

        return await desk.directory.users((await apps.find(desk, app)).id).list()

    found = at_desk(where, work)
    if as_json:
        say_json([as_object(user) for user in found])
        return
    columns = (
        Column("Account", 8),
        Column("Nickname", 8),
        Column("State"),
        Column("Email", 12),
        Column("Last login (UTC)"),
    )
    rows = [
        (
            *map(shown, (user.account, user.nickname, user.state, user.email)),
            moment(user.login_at),
        )
        for user in found
    ]
    listing(columns, rows, empty=f"{app} has no users: postroad user create ACCOUNT --app {app}")


@subcommand(command, "show")
@click.argument("account")
@_app
@installation_options
@json_option("the user")
def show(account: str, app: str, where: Where, as_json: bool) -> None:
    """Show a user of an app."""

    async def work(desk: Desk) -> User:
        from postroad.operations.administration import apps, users

        return await users.find(desk, await apps.find(desk, app), account)

    _print(at_desk(where, work), as_json=as_json)


@subcommand(command, "update")
@click.argument("account")
@_app
@password_options()
@_fields
@installation_options
@json_option("the user as it is now")
def update(
    account: str,
    app: str,
    where: Where,
    as_json: bool,
    password_env: str | None,
    password_file: str | None,
    **values: Any,
) -> None:
    """Change what the options say, and nothing else."""
    password = password_given(password_env, password_file)
    changes = given(values | {"password": password})
    needs_one(changes)
    _print(_updated(where, app, account, changes), as_json=as_json)


@subcommand(command, "disable")
@click.argument("account")
@_app
@installation_options
@json_option("the user as it is now")
def disable(account: str, app: str, where: Where, as_json: bool) -> None:
    """Disable a user: neither password nor token lets it send, until --state normal."""
    _print(_updated(where, app, account, {"state": "disabled"}), as_json=as_json)


def _updated(where: Where, app: str, account: str, changes: dict[str, Any]) -> User:
    async def work(desk: Desk) -> User:
        from postroad.operations.administration import apps, users

        return await users.update(desk, await apps.find(desk, app), account, **changes)

    return at_desk(where, work)


def _print(user: User, *, as_json: bool) -> None:
    from postroad.cli.output import say_json
    from postroad.cli.records import as_object, page

    if as_json:
        say_json(as_object(user))
        return
    rows = (
        ("id", user.id),
        ("appid", user.app_id),
        ("state", user.state),
        ("nickname", user.nickname),
        ("email", user.email),
        ("QQ", user.qq),
        ("created", user.created_at),
        ("last login", user.login_at or "never"),
    )
    page(user.account, rows)
