"""/v1/developers: who owns apps. Only the operator's key reaches them."""

from __future__ import annotations

from litestar import Router, delete, get, patch, post
from litestar.params import JSONBody

from postroad.api.v1.paging import Page, page_of
from postroad.api.v1.parameters import CallerReach, Cursor, Id, Limit, TheManagement
from postroad.api.v1.schemas.tenants import Developer, DeveloperChange, NewDeveloper
from postroad.operations.administration import developers


@get("/")
async def list_developers(
    reach: CallerReach, management: TheManagement, limit: Limit = 50, cursor: Cursor = None
) -> Page[Developer]:
    """List developers, oldest first."""
    reach.needs_operator("to see developers")
    shelf = management.directory.developers
    return Page(*await page_of(shelf, Developer, limit=limit, cursor=cursor))


@post("/")
async def create_developer(
    reach: CallerReach, management: TheManagement, data: JSONBody[NewDeveloper]
) -> Developer:
    """Make a developer."""
    reach.needs_operator("to make developers")
    desk = management.desk(reach.authority)
    return Developer.of(await developers.create(desk, data.name, **data.given()))


@get("/{developer_id:str}")
async def show_developer(reach: CallerReach, developer_id: Id) -> Developer:
    """Show a developer."""
    return Developer.of(await reach.developer(developer_id))


@patch("/{developer_id:str}")
async def update_developer(
    reach: CallerReach, management: TheManagement, developer_id: Id, data: JSONBody[DeveloperChange]
) -> Developer:
    """Change a developer; what is left out stays."""
    found = await reach.developer(developer_id)
    desk = management.desk(reach.authority)
    return Developer.of(await developers.update(desk, found.id, **data.given()))


@delete("/{developer_id:str}")
async def delete_developer(reach: CallerReach, management: TheManagement, developer_id: Id) -> None:
    """Delete a developer that no app belongs to."""
    found = await reach.developer(developer_id)
    await developers.remove(management.desk(reach.authority), found)


router = Router(
    "/v1/developers",
    route_handlers=[
        list_developers,
        create_developer,
        show_developer,
        update_developer,
        delete_developer,
    ],
    tags=["Developers"],
)
