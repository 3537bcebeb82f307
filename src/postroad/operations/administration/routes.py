"""Routes: which relay carries which of an app's mail."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, TypedDict, Unpack

from postroad.errors import NotFoundError
from postroad.operations.administration import fields, relays
from postroad.operations.administration.assignment import check_route
from postroad.operations.administration.desk import Desk, present
from postroad.tenancy.records import App, Route

RULES: Final[fields.Rules] = {
    "from_": lambda value, _: fields.pattern(value, "from") if value else "",
    "position": fields.within(0, 1_000_000),
}


class RouteFields(TypedDict, total=False):
    """What can be said of a route; `relay` is an id or name, `from_` "" is any."""

    relay: str
    from_: str
    position: int


async def create(desk: Desk, app: App, relay: str, /, **given: Unpack[RouteFields]) -> Route:
    """Return a new route of the app to one of its relays or of the operator's, stored.

    raises: SettingsError, NotFoundError, ConflictError.
    """
    checked = fields.checked(given, RULES)
    target = await relays.find(desk, [app, None], relay)
    route = replace(Route(desk.new_id(), app.id, target.id, desk.clock()), **checked)
    check_route(app, target, route.from_)
    await desk.directory.routes(app.id).add(route)
    return route


async def find(desk: Desk, app: App, reference: str) -> Route:
    """Return the app's route with this id.

    raises: NotFoundError.
    """
    return present(await desk.directory.routes(app.id).get(reference), "route", reference)


async def update(desk: Desk, app: App, reference: str, /, **given: Unpack[RouteFields]) -> Route:
    """Change a route and return it.

    raises: SettingsError, NotFoundError, ConflictError.
    """
    changes = fields.checked(
        {name: value for name, value in given.items() if name != "relay"}, RULES
    )
    route = await find(desk, app, reference)
    target = await relays.find(desk, [app, None], given.get("relay", route.relay_id))
    check_route(app, target, changes.get("from_", route.from_))
    changes["relay_id"] = target.id
    return present(
        await desk.directory.routes(app.id).change(route.id, **changes), "route", reference
    )


async def remove(desk: Desk, app: App, reference: str) -> Route:
    """Delete a route and return what it was.

    raises: NotFoundError.
    """
    route = await find(desk, app, reference)
    if not await desk.directory.routes(app.id).remove(route.id):
        raise NotFoundError(f"there is no route {reference[:80]!r}")
    return route
