"""The address a request comes from, seen through the proxies that the operator trusts."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from functools import lru_cache

from postroad.errors import SettingsError

_MAX_HOPS = 32

_Ip = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class TrustedProxies:
    """Knows whose X-Forwarded-For and X-Forwarded-Proto can be believed.

    networks: addresses or networks (CIDR).
    raises:   SettingsError for text that is neither.
    """

    def __init__(self, networks: Sequence[str]) -> None:
        self._networks = [_network(text) for text in networks]

    def caller(self, peer: str, forwarded: Sequence[str]) -> str:
        """Return the address of whoever called.

        peer:      the other end of the connection.
        forwarded: the X-Forwarded-For fields, in their order.
        returns:   the rightmost address that is not a trusted proxy: everything left of it is
                   hearsay. What is no address (a name, a zone id, a port) ends the search, and
                   the proxy that said it counts as the caller.
        """
        address = _parse(peer)
        if address is None:
            return ""
        if not self._networks or not self.is_trusted(peer):
            return str(address)
        hops = ",".join(forwarded).split(",")[-_MAX_HOPS:] if forwarded else []
        for hop in reversed(hops):
            further = _parse(hop.strip(" \t"))
            if further is None:
                break
            address = further
            if not self._trusts(address):
                break
        return str(address)

    def is_trusted(self, peer: str) -> bool:
        """Whether the other end of the connection is a trusted proxy."""
        address = _parse(peer)
        return address is not None and self._trusts(address)

    def _trusts(self, address: _Ip) -> bool:
        return any(address in network for network in self._networks)


def _network(text: str) -> _Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise SettingsError(f"trusted_proxies: {text!r} is no address or network") from error


@lru_cache(maxsize=4096)
def _parse(text: str) -> _Ip | None:
    """Return an address; one of IPv4 written as IPv6 (::ffff:192.0.2.1) is that of IPv4."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            return None
        return address.ipv4_mapped or address
    return address
