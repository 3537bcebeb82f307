"""Which relays carry an app's mail, and whether they would take its From."""

from __future__ import annotations

from postroad.delivery.routing import check_sender
from postroad.errors import SettingsError
from postroad.message import Address
from postroad.operations.ports import Directory
from postroad.tenancy.policy import matches
from postroad.tenancy.records import App, RelayAccount


async def relays_of(directory: Directory, app_id: str) -> list[RelayAccount]:
    """Return the app's own relays and those of the operator that its routes lead to."""
    found = await directory.relays(app_id).list()
    routed = {route.relay_id for route in await directory.routes(app_id).list()}
    routed -= {relay.id for relay in found}
    if routed:
        shared = await directory.relays(None).list()
        found += [relay for relay in shared if relay.id in routed]
    return found


async def apps_of(directory: Directory, relay: RelayAccount) -> list[App]:
    """Return the app that a relay belongs to, or those with a route to the operator's."""
    if relay.app_id is not None:
        app = await directory.apps.get(relay.app_id)
        return [app] if app else []
    return [
        app
        for app in await directory.apps.list()
        if any(route.relay_id == relay.id for route in await directory.routes(app.id).list())
    ]


def check_from(app: App, relay: RelayAccount) -> None:
    """Refuse a relay whose provider would refuse the app's From.

    raises: SettingsError naming both addresses.
    """
    if app.from_ is not None and (why := check_sender(app.from_, relay)):
        raise SettingsError(f"from: {why} (app {app.name}, relay {relay.name})")


def check_route(app: App, relay: RelayAccount, from_: str) -> None:
    """Refuse a route to a relay whose provider would refuse the mail it gets.

    from_:  what the route is for: "" is any From, of which the app's own is looked at, and so
            it is for a whole domain when it belongs to it.
    raises: SettingsError naming both addresses.
    """
    if not from_:
        check_from(app, relay)
    elif not from_.startswith("@"):
        if why := check_sender(Address(from_), relay):
            raise SettingsError(f"from: {why} (route to {relay.name})")
    elif app.from_ is not None and matches(from_, app.from_):
        check_from(app, relay)
