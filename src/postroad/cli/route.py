"""`postroad route`: which relay carries which mail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from postroad.cli.given import given, needs_one
from postroad.cli.groups import group, subcommand
from postroad.cli.installation import Where, at_desk, installation_options
from postroad.cli.options import json_option, option

if TYPE_CHECKING:
    from postroad.operations.administration.desk import Desk
    from postroad.tenancy.records import RelayAccount, Route

command = group(
    "route",
    """Routes: which relay carries which of an app's mail.

    Routes that name a From come first, then the others, each in rising position; where no route
    matches, the app's own relays are used, then the shared ones. A ROUTE is given by its id.
    """,
)

Found = tuple["Route", "RelayAccount | None"]

_app = option("--app", required=True, metavar="APP", help="Whose route it is: appid or name.")
_from = option(
    "--from",
    "from_",
    metavar="ADDRESS",
    help='The From that it is for: an address or @domain; "" is any.',
)
_position = option(
    "--position", type=int, metavar="NUMBER", help="Lower ones are tried first; 0 for a new route."
)


@subcommand(command, "create")
@_app
@option("--relay", required=True, metavar="RELAY", help="Where it leads: a relay's name or id.")
@_from
@_position
@installation_options
@json_option("the route")
def create(app: str, relay: str, where: Where, as_json: bool, **values: Any) -> None:
    """Make a route of an app to one of its relays, or to a shared one."""

    async def work(desk: Desk) -> Found:
        from postroad.operations.administration import apps, routes

        owner = await apps.find(desk, app)
        return await _with_relay(desk, await routes.create(desk, owner, relay, **given(values)))

    _print(at_desk(where, work), as_json=as_json)


@subcommand(command, "list")
@_app
@installation_options
@json_option("the routes")
def list_(app: str, where: Where, as_json: bool) -> None:
    """List the routes of an app in the order in which they are tried."""
    from postroad.cli.layout import Column
    from postroad.cli.output import say_json
    from postroad.cli.records import as_object, listing, shown

    async def work(desk: Desk) -> list[Found]:
        from postroad.operations.administration import apps

        owner = await apps.find(desk, app)
        found = await desk.directory.routes(owner.id).list()
        found.sort(key=lambda route: (not route.from_, route.position, route.created_at, route.id))
        return [await _with_relay(desk, route) for route in found]

    found = at_desk(where, work)
    if as_json:
        say_json([as_object(route) for route, _ in found])
        return
    columns = (
        Column("From", 8),
        Column("Position", is_right=True),
        Column("Relay", 8),
        Column("Id"),
    )
    rows = [
        (
            shown(route.from_) if route.from_ else "any",
            str(route.position),
            shown(relay.name) if relay else shown(route.relay_id),
            route.id,
        )
        for route, relay in found
    ]
    empty = f"{app} has no routes: its own relays are used, the oldest first, then the shared ones"
    listing(columns, rows, empty=empty)


@subcommand(command, "update")
@click.argument("route")
@_app
@option("--relay", metavar="RELAY", help="Where it leads: a relay's name or id.")
@_from
@_position
@installation_options
@json_option("the route as it is now")
def update(route: str, app: str, where: Where, as_json: bool, **values: Any) -> None:
    """Change what the options say, and nothing else."""
    changes = given(values)
    needs_one(changes)

    async def work(desk: Desk) -> Found:
        from postroad.operations.administration import apps, routes

        owner = await apps.find(desk, app)
        return await _with_relay(desk, await routes.update(desk, owner, route, **changes))

    _print(at_desk(where, work), as_json=as_json)


@subcommand(command, "remove")
@click.argument("route")
@_app
@installation_options
@json_option("the route as it was")
def remove(route: str, app: str, where: Where, as_json: bool) -> None:
    """Remove a route; its relay stays."""
    from postroad.cli.output import say, say_json
    from postroad.cli.records import as_object

    async def work(desk: Desk) -> Route:
        from postroad.operations.administration import apps, routes

        return await routes.remove(desk, await apps.find(desk, app), route)

    removed = at_desk(where, work)
    if as_json:
        say_json(as_object(removed))
    else:
        say(f"Removed route {removed.id}.")


async def _with_relay(desk: Desk, route: Route) -> Found:
    relay = await desk.directory.relays(route.app_id).get(route.relay_id)
    return route, relay or await desk.directory.relays(None).get(route.relay_id)


def _print(found: Found, *, as_json: bool) -> None:
    from postroad.cli.output import say_json
    from postroad.cli.records import as_object, page

    route, relay = found
    if as_json:
        say_json(as_object(route))
        return
    rows = (
        ("id", route.id),
        ("appid", route.app_id),
        ("from", route.from_ or "any"),
        ("position", route.position),
        ("relay", relay.name if relay else route.relay_id),
        ("server", f"{relay.host}:{relay.port}" if relay else ""),
    )
    page("Route", rows)
