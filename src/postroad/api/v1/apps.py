"""/v1/apps: the tenants, their signatures and their senders."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from litestar import Router, delete, get, patch, post, put
from litestar.params import JSONBody

from postroad.api.v1.paging import Page, page_of
from postroad.api.v1.parameters import CallerReach, Cursor, Id, Limit, TheManagement
from postroad.api.v1.schemas.tenants import (
    App,
    AppChange,
    Key,
    MadeApp,
    NewApp,
    Rotation,
    Senders,
    SendersChange,
    Signature,
)
from postroad.operations.administration import apps
from postroad.operations.management.reach import Reach

# Who may send at all, how much, and in whose name, is the operator's to say.
RESERVED: Final = frozenset(
    {
        *("developer", "state", "stop_prompt", "from_", "senders"),
        *("per_day", "per_month", "per_recipient_hour"),
        *("max_message", "max_recipients", "max_attachments"),
    }
)


@get("/")
async def list_apps(
    reach: CallerReach, management: TheManagement, limit: Limit = 50, cursor: Cursor = None
) -> Page[App]:
    """List apps, oldest first; an app's key sees its own."""
    if reach.authority.app_id is not None:
        return Page([App.of(await reach.app(reach.authority.app_id))], None)
    shelf = management.directory.apps
    return Page(*await page_of(shelf, App, limit=limit, cursor=cursor))


@post("/")
async def create_app(
    reach: CallerReach, management: TheManagement, data: JSONBody[NewApp]
) -> MadeApp:
    """Make an app with its first key."""
    reach.needs_operator("to make apps")
    given = await _with_developer(reach, data.given())
    made = await apps.create(management.desk(reach.authority), data.name, **given)
    return MadeApp(
        app=App.of(made.app),
        signature=made.app.signature,
        key=Key.of(made.key),
        secret=made.secret,
    )


@get("/{app_id:str}")
async def show_app(reach: CallerReach, app_id: Id) -> App:
    """Show an app."""
    return App.of(await reach.app(app_id))


@patch("/{app_id:str}")
async def update_app(
    reach: CallerReach, management: TheManagement, app_id: Id, data: JSONBody[AppChange]
) -> App:
    """Change an app; what is left out stays."""
    found = await reach.app(app_id)
    given = data.given()
    reach.check_fields(given, RESERVED)
    given = await _with_developer(reach, given)
    return App.of(await apps.update(management.desk(reach.authority), found.id, **given))


@delete("/{app_id:str}")
async def delete_app(reach: CallerReach, management: TheManagement, app_id: Id) -> None:
    """Delete an app with its users, keys, relays and routes, when no message of it is kept."""
    found = await reach.app(app_id)
    reach.needs_operator("to delete apps")
    await apps.remove(management.desk(reach.authority), found)


@get("/{app_id:str}/signature")
async def show_signature(reach: CallerReach, app_id: Id) -> Signature:
    """Show what the app's callers send."""
    return Signature.of(await reach.app(app_id))


@post("/{app_id:str}/signature/rotate", status_code=200)
async def rotate_signature(
    reach: CallerReach,
    management: TheManagement,
    app_id: Id,
    data: JSONBody[Rotation | None] = None,
) -> Signature:
    """Give an app a new signature; the old one counts for a while more."""
    found = await reach.app(app_id)
    desk = management.desk(reach.authority)
    overlap = timedelta(seconds=(data or Rotation()).overlap_s)
    return Signature.of(await apps.rotate_signature(desk, found.id, overlap=overlap))


@get("/{app_id:str}/senders")
async def list_senders(reach: CallerReach, app_id: Id) -> Senders:
    """List the addresses and domains that may stand in From, besides the app's own From."""
    return Senders(items=(await reach.app(app_id)).senders)


@put("/{app_id:str}/senders")
async def replace_senders(
    reach: CallerReach, management: TheManagement, app_id: Id, data: JSONBody[SendersChange]
) -> Senders:
    """Replace the whole list."""
    found = await reach.app(app_id)
    reach.check_fields(("senders",), RESERVED)
    desk = management.desk(reach.authority)
    return Senders(items=(await apps.update(desk, found.id, senders=data.items)).senders)


async def _with_developer(reach: Reach, given: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of an app once its developer is known to be there, by its id alone."""
    if given.get("developer"):
        await reach.developer(given["developer"])
    return given


router = Router(
    "/v1/apps",
    route_handlers=[
        list_apps,
        create_app,
        show_app,
        update_app,
        delete_app,
        show_signature,
        rotate_signature,
        list_senders,
        replace_senders,
    ],
    tags=["Apps"],
)
