"""`postroad developer`: who owns apps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from postroad.cli.given import given, needs_one
from postroad.cli.groups import group, subcommand
from postroad.cli.installation import Where, at_desk, installation_options
from postroad.cli.options import json_option, option

if TYPE_CHECKING:
    from postroad.operations.administration.desk import Desk
    from postroad.tenancy.records import Developer

command = group(
    "developer",
    """Developers: who owns apps, and until when they have paid.

    A DEVELOPER is given by name or id. The apps of one who is disabled or overdue do not send.
    """,
)

_paid_until = option(
    "--paid-until",
    metavar="DATE",
    help='A date, paid to its end in UTC, or a time such as 2026-12-31T18:00:00+09:00; "" is no '
    "end.",
)
_state = option(
    "--state", type=click.Choice(["normal", "disabled"]), help="Whether their apps may send."
)


@subcommand(command, "create")
@click.argument("name")
@_paid_until
@_state
@installation_options
@json_option("the developer")
def create(name: str, where: Where, as_json: bool, **values: Any) -> None:
    """Make a developer, who may then own apps."""

    async def work(desk: Desk) -> Developer:
        from postroad.operations.administration import developers

        return await developers.create(desk, name, **given(values))

    _print(at_desk(where, work), as_json=as_json)


@subcommand(command, "list")
@installation_options
@json_option("the developers")
def list_(where: Where, as_json: bool) -> None:
    """List all developers, the oldest first."""
    from postroad.cli.layout import Column
    from postroad.cli.output import say_json
    from postroad.cli.records import as_object, listing, moment, shown

    async def work(desk: Desk) -> list[Developer]:
        return await desk.directory.developers.list()

    found = at_desk(where, work)
    if as_json:
        say_json([as_object(each) for each in found])
        return
    columns = (Column("Name", 12), Column("State"), Column("Paid until (UTC)"), Column("Id"))
    rows = [
        (shown(each.name), shown(each.state), moment(each.paid_until), each.id) for each in found
    ]
    listing(columns, rows, empty="There are no developers yet: postroad developer create NAME")


@subcommand(command, "show")
@click.argument("developer")
@installation_options
@json_option("the developer")
def show(developer: str, where: Where, as_json: bool) -> None:
    """Show a developer."""

    async def work(desk: Desk) -> Developer:
        from postroad.operations.administration import developers

        return await developers.find(desk, developer)

    _print(at_desk(where, work), as_json=as_json)


@subcommand(command, "update")
@click.argument("developer")
@option("--name", metavar="NAME", help="A new name.")
@_paid_until
@_state
@installation_options
@json_option("the developer as it is now")
def update(developer: str, where: Where, as_json: bool, **values: Any) -> None:
    """Change what the options say, and nothing else."""
    changes = given(values)
    needs_one(changes)
    _print(_updated(where, developer, changes), as_json=as_json)


@subcommand(command, "disable")
@click.argument("developer")
@installation_options
@json_option("the developer as it is now")
def disable(developer: str, where: Where, as_json: bool) -> None:
    """Disable a developer: their apps send no more, until --state normal."""
    _print(_updated(where, developer, {"state": "disabled"}), as_json=as_json)


def _updated(where: Where, developer: str, changes: dict[str, Any]) -> Developer:
    async def work(desk: Desk) -> Developer:
        from postroad.operations.administration import developers

        return await developers.update(desk, developer, **changes)

    return at_desk(where, work)


def _print(developer: Developer, *, as_json: bool) -> None:
    from postroad.cli.output import say_json
    from postroad.cli.records import as_object, page

    if as_json:
        say_json(as_object(developer))
        return
    rows = (
        ("id", developer.id),
        ("state", developer.state),
        ("paid until", developer.paid_until or "no end"),
        ("created", developer.created_at),
    )
    page(developer.name, rows)
