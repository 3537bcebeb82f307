"""/v1/relays: the servers that mail leaves by; their passwords are written and never shown."""

from __future__ import annotations

from litestar import Router, delete, get, patch, post
from litestar.params import JSONBody

from postroad.api.v1.checking import owner_of_new
from postroad.api.v1.paging import Page, page_of
from postroad.api.v1.parameters import CallerReach, Cursor, Id, Lang, Limit, OfApp, TheManagement
from postroad.api.v1.schemas.mail import Certificate, Checked, CheckRequest, Step
from postroad.api.v1.schemas.relays import NewRelay, Relay, RelayChange
from postroad.operations.administration import relays
from postroad.operations.administration.fields import mailbox


@get("/")
async def list_relays(
    reach: CallerReach, app: OfApp = None, limit: Limit = 50, cursor: Cursor = None
) -> Page[Relay]:
    """List relays, oldest first; those with an `appid` of null are the operator's."""
    shelf = await reach.relays(app)
    return Page(*await page_of(shelf, Relay, limit=limit, cursor=cursor))


@post("/")
async def create_relay(
    reach: CallerReach, management: TheManagement, data: JSONBody[NewRelay]
) -> Relay:
    """Make a relay; nothing is connected to."""
    owner = await owner_of_new(reach, data)
    desk = management.desk(reach.authority)
    made = await relays.create(desk, owner, data.name, made_by=reach.maker, **data.given())
    return Relay.of(made)


@get("/{relay_id:str}")
async def show_relay(reach: CallerReach, relay_id: Id) -> Relay:
    """Show everything about a relay but its password."""
    return Relay.of(await reach.relay(relay_id))


@patch("/{relay_id:str}")
async def update_relay(
    reach: CallerReach, management: TheManagement, relay_id: Id, data: JSONBody[RelayChange]
) -> Relay:
    """Change a relay; what is left out stays. A password of "" removes the one there is."""
    found = await reach.relay(relay_id)
    owner = await reach.owner_of(found)
    desk = management.desk(reach.authority)
    changed = await relays.update(desk, [owner], found.id, made_by=reach.maker, **data.given())
    return Relay.of(changed)


@delete("/{relay_id:str}")
async def delete_relay(reach: CallerReach, management: TheManagement, relay_id: Id) -> None:
    """Delete a relay with the routes that lead to it."""
    found = await reach.relay(relay_id)
    await relays.remove(management.desk(reach.authority), found)


@post("/{relay_id:str}/check", status_code=200)
async def check_relay(
    reach: CallerReach,
    management: TheManagement,
    relay_id: Id,
    data: JSONBody[CheckRequest | None] = None,
    lang: Lang = "en",
) -> Checked:
    """Try a relay step by step, enabled or not, with the password it has. Nothing is sent."""
    found = await reach.relay(relay_id)
    owner = await reach.owner_of(found)
    own = owner.from_ if owner else None
    data = data or CheckRequest()
    checked = await management.probing.check(
        found,
        from_=mailbox(data.from_, "from") if data.from_ else own,
        to=mailbox(data.to, "to") if data.to else None,
        timeout_s=data.timeout_s,
        lang=lang,
    )
    certificate = checked.certificate
    return Checked(
        ok=checked.is_ok,
        code=int(checked.code),
        word=checked.code.word,
        error=checked.error,
        hint=checked.hint,
        phase=checked.phase,
        steps=tuple(Step.of(each, step=each.phase) for each in checked.steps),
        certificate=Certificate.of(certificate) if certificate else None,
        extensions={name: tuple(each) for name, each in checked.extensions.items()},
        transcript=checked.transcript,
    )


router = Router(
    "/v1/relays",
    route_handlers=[
        list_relays,
        create_relay,
        show_relay,
        update_relay,
        delete_relay,
        check_relay,
    ],
    tags=["Relays"],
)
