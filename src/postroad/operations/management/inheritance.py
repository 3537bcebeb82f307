"""What a key may give to the keys that it makes: nothing that it has not itself."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, cast

from postroad.operations.administration import fields
from postroad.operations.administration.keys import FIRST_SCOPES, RULES
from postroad.operations.management.authority import ForbiddenError
from postroad.tenancy.records import ApiKey


def new_within(own: ApiKey, given: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a new key; what is not given is as it is of `own`.

    raises: ForbiddenError, SettingsError.
    """
    inherited = {
        "scopes": tuple(each for each in FIRST_SCOPES if each in own.scopes) or own.scopes,
        "expires_at": own.expires_at,
        "addresses": own.addresses,
        "per_minute": own.per_minute,
    }
    return within(own, inherited | given)


def within(own: ApiKey, given: dict[str, Any]) -> dict[str, Any]:
    """Return fields of a key, none of which lets it do more than `own`.

    raises: ForbiddenError naming the first that does, SettingsError.
    """
    wanted = fields.checked(given, RULES)
    if "scopes" in wanted and not set(wanted["scopes"]) <= set(own.scopes):
        raise ForbiddenError(
            f"scopes: this key has {fields.listed(own.scopes)}, and gives no other"
        )
    if own.expires_at is not None and "expires_at" in wanted:
        end = wanted["expires_at"]
        if end is None or end > own.expires_at:
            raise ForbiddenError(
                f"expires_at: this key ends at {own.expires_at:%Y-%m-%dT%H:%M:%SZ}, and no key of"
                " it later"
            )
    if own.addresses and "addresses" in wanted and not _lie_in(wanted["addresses"], own.addresses):
        raise ForbiddenError(
            f"addresses: this key is for {fields.listed(own.addresses)}, and so are its keys"
        )
    most = own.per_minute
    if most and not 0 < wanted.get("per_minute", most) <= most:
        raise ForbiddenError(f"per_minute: this key may call {most} times a minute, not more")
    return given


def _lie_in(inner: tuple[str, ...], outer: tuple[str, ...]) -> bool:
    """Whether some networks lie in others; none at all is all there are."""
    around = [ip_network(each) for each in outer]
    return bool(inner) and all(
        any(_is_part(ip_network(each), whole) for whole in around) for each in inner
    )


def _is_part(part: IPv4Network | IPv6Network, whole: IPv4Network | IPv6Network) -> bool:
    return part.version == whole.version and part.subnet_of(cast("Any", whole))
