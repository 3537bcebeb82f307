"""/v1/keys: API keys; each is shown once, when it is made."""

from __future__ import annotations

from litestar import Router, delete, get, patch, post
from litestar.params import JSONBody

from postroad.api.v1.checking import owner_of_new
from postroad.api.v1.paging import Page, page_of
from postroad.api.v1.parameters import CallerReach, Cursor, Id, Limit, OfApp, TheManagement
from postroad.api.v1.schemas.tenants import Key, KeyChange, MadeKey, NewKey
from postroad.operations.administration import keys


@get("/")
async def list_keys(
    reach: CallerReach, app: OfApp = None, limit: Limit = 50, cursor: Cursor = None
) -> Page[Key]:
    """List keys, oldest first; those with an `appid` of null are the operator's."""
    shelf = await reach.keys(app)
    return Page(*await page_of(shelf, Key, limit=limit, cursor=cursor))


@post("/")
async def create_key(
    reach: CallerReach, management: TheManagement, data: JSONBody[NewKey]
) -> MadeKey:
    """Make a key and show it, this once."""
    owner = await owner_of_new(reach, data)
    given = reach.within_own(data.given(), owner, is_new=True)
    made = await keys.create(management.desk(reach.authority), owner, **given)
    return MadeKey(key=Key.of(made.key), secret=made.secret)


@get("/{key_id:str}")
async def show_key(reach: CallerReach, key_id: Id) -> Key:
    """Show what a key may do; the key itself is kept nowhere."""
    return Key.of(await reach.key(key_id))


@patch("/{key_id:str}")
async def update_key(
    reach: CallerReach, management: TheManagement, key_id: Id, data: JSONBody[KeyChange]
) -> Key:
    """Change a key; what is left out stays."""
    found = await reach.key(key_id)
    owner = await reach.owner_of(found)
    given = reach.within_own(data.given(), owner, is_new=False)
    desk = management.desk(reach.authority)
    return Key.of(await keys.update(desk, [owner], found.id, **given))


@delete("/{key_id:str}")
async def delete_key(reach: CallerReach, management: TheManagement, key_id: Id) -> None:
    """Delete a key: from now on it is unknown."""
    found = await reach.key(key_id)
    await keys.remove(management.desk(reach.authority), found)


router = Router(
    "/v1/keys",
    route_handlers=[list_keys, create_key, show_key, update_key, delete_key],
    tags=["Keys"],
)
