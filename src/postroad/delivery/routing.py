"""Which relay carries a message, and in whose name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from postroad import providers
from postroad.errors import AddressError, SettingsError
from postroad.message import Address, ascii_folded
from postroad.tenancy.policy import matches
from postroad.tenancy.records import App, RelayAccount, Route

NO_DOMAIN = "postroad.invalid"  # RFC 2606 §2: nothing is ever delivered there


def choose(
    relays: Sequence[RelayAccount], routes: Sequence[Route], from_: Address | None
) -> tuple[RelayAccount, ...]:
    """Return the usable relays for mail from `from_`, the one to try first first, each once.

    relays: that the app may use, its own and the operator's; routes: the app's.

    Routes that name From come first, then those for any From, both in rising position. Only where
    no route matches, the app's own relays come oldest first, and then the operator's: a route to a
    relay that is paused does not send mail another way than its maker said.
    """
    named = [r for r in routes if r.from_ and from_ is not None and matches(r.from_, from_)]
    matching = [*_in_order(named), *_in_order(route for route in routes if not route.from_)]
    if matching:
        known = {relay.id: relay for relay in relays}
        wanted = [known[route.relay_id] for route in matching if route.relay_id in known]
    else:
        wanted = sorted(relays, key=lambda r: (r.app_id is None, r.created_at, r.id))
    usable = {relay.id: relay for relay in wanted if relay.is_usable}
    return tuple(usable.values())


def sender_of(app: App, relay: RelayAccount | None) -> Address | None:
    """Return the mailbox that an app's mail comes from: its own, else the relay's account.

    relay:   None for mail that is captured and has none: then From is a mailbox that cannot exist.
    returns: None when nothing tells the account's address.
    """
    if app.from_ is not None:
        return app.from_
    if relay is None:
        return Address(f"{app.id}@{NO_DOMAIN}")
    return _account_of(relay)


def check_sender(app_from: Address, relay: RelayAccount) -> str:
    """Return why the relay's provider would refuse mail from `app_from`, "" where it would not."""
    preset = _preset_of(relay)
    if preset is None or preset.from_rule is not providers.FromRule.ACCOUNT:
        return ""
    account = _account_of(relay)
    if account is None or ascii_folded(account.path) == ascii_folded(app_from.path):
        return ""
    return (
        f"{preset.title.en} sends mail only from the account's own address {account.email},"
        f" not from {app_from.email}"
    )


def _in_order(routes: Iterable[Route]) -> list[Route]:
    return sorted(routes, key=lambda route: (route.position, route.created_at, route.id))


def _preset_of(relay: RelayAccount) -> providers.Preset | None:
    try:
        return providers.preset(relay.preset) if relay.preset else None
    except SettingsError:
        return None


def _account_of(relay: RelayAccount) -> Address | None:
    """Return the address of the account that logs in; None when its user name does not tell."""
    preset = _preset_of(relay)
    own: str | None = None
    try:
        if preset is not None:
            own = preset.from_address_for(relay.username)
        return Address(own or relay.username)
    except (AddressError, SettingsError):
        return None
