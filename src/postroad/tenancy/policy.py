"""Where mail of an app may go: to the relay, or only into the capture."""

from __future__ import annotations

from postroad.errors import AddressError
from postroad.message import Address
from postroad.tenancy.records import App, Mode


def is_captured(app: App, address: Address) -> bool:
    """Whether mail to `address` is stored instead of sent."""
    if app.mode is Mode.ALLOW_LIST:
        return not any(matches(pattern, address) for pattern in app.allow_list)
    return app.mode is Mode.CAPTURE


def matches(pattern: str, address: Address) -> bool:
    """Whether `pattern` is the address, or its domain as "@b.example".

    What is neither matches nothing. Case does not matter: no provider gives two people mailboxes
    that differ by it.
    """
    is_domain = pattern.startswith("@")
    try:
        wanted = Address(f"any{pattern}" if is_domain else pattern)
    except AddressError:
        return False
    if is_domain:
        return wanted.domain.lower() == address.domain.lower()
    return wanted.path.lower() == address.path.lower()
