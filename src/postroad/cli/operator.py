"""`postroad operator`: who runs this Postroad."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from postroad.cli.groups import group, subcommand
from postroad.cli.installation import Where, at_desk, installation_options
from postroad.cli.options import json_option

if TYPE_CHECKING:
    from postroad.operations.administration.desk import Desk
    from postroad.operations.administration.operators import OneTime
    from postroad.tenancy.records import Operator

command = group("operator", "Operators: who runs this Postroad, and the way back in.")


@subcommand(command, "reset")
@click.argument("name", required=False, default="")
@installation_options
@json_option("the operator with the password")
def reset(name: str, where: Where, as_json: bool) -> None:
    """Give an operator a new one-time password, and print it this once.

    The old password no longer lets in. NAME is only needed where there are several operators; where
    there is none, the first is made.
    """
    from postroad.cli.output import say_json
    from postroad.cli.records import as_object, once

    async def work(desk: Desk) -> OneTime:
        from postroad.operations.administration import operators

        return await operators.reset(desk, name)

    found = at_desk(where, work)
    if as_json:
        say_json(as_object(found.operator) | {"password": found.password})
    else:
        once(f"Operator {found.operator.name}", (("one-time password", found.password),), ())


@subcommand(command, "list")
@installation_options
@json_option("the operators")
def list_(where: Where, as_json: bool) -> None:
    """List the operators, the oldest first."""
    from postroad.cli.layout import Column
    from postroad.cli.output import say_json
    from postroad.cli.records import as_object, listing, moment, shown

    async def work(desk: Desk) -> list[Operator]:
        return await desk.directory.operators.list()

    found = at_desk(where, work)
    if as_json:
        say_json([as_object(operator) for operator in found])
        return
    columns = (Column("Name", 8), Column("Password"), Column("Since (UTC)"), Column("Id"))
    rows = [
        (
            shown(operator.name),
            "one-time" if operator.is_setup else "own",
            moment(operator.created_at),
            operator.id,
        )
        for operator in found
    ]
    listing(columns, rows, empty="There are no operators: postroad operator reset makes the first")
