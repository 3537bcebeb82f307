"""Where mail of an app may go: to the relay, or only into the capture."""

from __future__ import annotations

from datetime import datetime

from postroad.errors import AddressError
from postroad.message import Address, ascii_folded
from postroad.tenancy.records import App, AppState, Developer, DeveloperState, Mode


def is_captured(app: App, address: Address) -> bool:
    """Whether mail to `address` is stored instead of sent."""
    if app.mode is Mode.ALLOW_LIST:
        return not any(matches(pattern, address) for pattern in app.allow_list)
    return app.mode is Mode.CAPTURE


def hindrance(app: App, developer: Developer | None, now: datetime) -> str:
    """Return why nothing may be sent for the app, "" when it may.

    developer: whom the app belongs to, if anybody.
    """
    if developer is not None and (why := hindrance_of_developer(developer, now)):
        return why
    if app.state is not AppState.NORMAL:
        return f"the app is {app.state.value.replace('_', ' ')}"
    return ""


def hindrance_of_developer(developer: Developer, now: datetime) -> str:
    """Return why no app of the developer may send, "" when they may."""
    if developer.state is not DeveloperState.NORMAL:
        return "the app's developer is disabled"
    if developer.paid_until is not None and developer.paid_until < now:
        return "the app's developer has not paid"
    return ""


def matches(pattern: str, address: Address) -> bool:
    """Whether `pattern` is the address, or its domain as "@b.example".

    What is neither matches nothing. The case of ASCII does not matter: no provider gives two
    people mailboxes that differ by it. Of other letters it does: the lower case of U+212A (KELVIN
    SIGN) is "k", and both are letters of a mailbox.
    """
    is_domain = pattern.startswith("@")
    try:
        wanted = Address(f"any{pattern}" if is_domain else pattern)
    except AddressError:
        return False
    if is_domain:
        return ascii_folded(wanted.domain) == ascii_folded(address.domain)
    return ascii_folded(wanted.path) == ascii_folded(address.path)
