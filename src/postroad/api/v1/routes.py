"""/v1/routes: which relay carries which of an app's mail."""

from __future__ import annotations

from litestar import Router, delete, get, patch, post
from litestar.params import JSONBody

from postroad.api.v1.checking import app_of_new
from postroad.api.v1.paging import Page, page_of
from postroad.api.v1.parameters import CallerReach, Cursor, Id, Limit, OfApp, TheManagement
from postroad.api.v1.schemas.relays import NewRoute, Route, RouteChange
from postroad.operations.administration import routes


@get("/")
async def list_routes(
    reach: CallerReach, app: OfApp = None, limit: Limit = 50, cursor: Cursor = None
) -> Page[Route]:
    """List routes, oldest first."""
    shelf = await reach.routes(app)
    return Page(*await page_of(shelf, Route, limit=limit, cursor=cursor))


@post("/")
async def create_route(
    reach: CallerReach, management: TheManagement, data: JSONBody[NewRoute]
) -> Route:
    """Make a route to a relay that the key reaches."""
    owner = await app_of_new(reach, data)
    relay = await reach.relay(data.relay)
    desk = management.desk(reach.authority)
    return Route.of(await routes.create(desk, owner, relay.id, **data.given()))


@get("/{route_id:str}")
async def show_route(reach: CallerReach, route_id: Id) -> Route:
    """Show a route."""
    return Route.of(await reach.route(route_id))


@patch("/{route_id:str}")
async def update_route(
    reach: CallerReach, management: TheManagement, route_id: Id, data: JSONBody[RouteChange]
) -> Route:
    """Change a route; what is left out stays."""
    found = await reach.route(route_id)
    owner = await reach.app(found.app_id)
    given = data.given()
    if "relay" in given:
        given["relay"] = (await reach.relay(given["relay"])).id
    desk = management.desk(reach.authority)
    return Route.of(await routes.update(desk, owner, found.id, **given))


@delete("/{route_id:str}")
async def delete_route(reach: CallerReach, management: TheManagement, route_id: Id) -> None:
    """Delete a route."""
    found = await reach.route(route_id)
    owner = await reach.app(found.app_id)
    await routes.remove(management.desk(reach.authority), owner, found.id)


router = Router(
    "/v1/routes",
    route_handlers=[list_routes, create_route, show_route, update_route, delete_route],
    tags=["Routes"],
)
