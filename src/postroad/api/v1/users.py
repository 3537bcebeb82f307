"""/v1/users: accounts inside an app."""

from __future__ import annotations

from litestar import Router, delete, get, patch, post
from litestar.params import JSONBody

from postroad.api.v1.checking import app_of_new
from postroad.api.v1.paging import Page, page_of
from postroad.api.v1.parameters import CallerReach, Cursor, Id, Limit, OfApp, TheManagement
from postroad.api.v1.schemas.tenants import NewUser, User, UserChange
from postroad.operations.administration import users


@get("/")
async def list_users(
    reach: CallerReach, app: OfApp = None, limit: Limit = 50, cursor: Cursor = None
) -> Page[User]:
    """List users, oldest first."""
    shelf = await reach.users(app)
    return Page(*await page_of(shelf, User, limit=limit, cursor=cursor))


@post("/")
async def create_user(
    reach: CallerReach, management: TheManagement, data: JSONBody[NewUser]
) -> User:
    """Make a user of an app; the operator's key says of which."""
    owner = await app_of_new(reach, data)
    desk = management.desk(reach.authority)
    return User.of(await users.create(desk, owner, data.account, data.password, **data.given()))


@get("/{user_id:str}")
async def show_user(reach: CallerReach, user_id: Id) -> User:
    """Show a user."""
    return User.of(await reach.user(user_id))


@patch("/{user_id:str}")
async def update_user(
    reach: CallerReach, management: TheManagement, user_id: Id, data: JSONBody[UserChange]
) -> User:
    """Change a user; what is left out stays."""
    found = await reach.user(user_id)
    owner = await reach.app(found.app_id)
    desk = management.desk(reach.authority)
    return User.of(await users.update(desk, owner, found.id, **data.given()))


@delete("/{user_id:str}")
async def delete_user(reach: CallerReach, management: TheManagement, user_id: Id) -> None:
    """Delete a user with the tokens it has."""
    found = await reach.user(user_id)
    await users.remove(management.desk(reach.authority), found)


router = Router(
    "/v1/users",
    route_handlers=[list_users, create_user, show_user, update_user, delete_user],
    tags=["Users"],
)
