"""Which addresses a relay may lead to that was not given by the operator: the internet only."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from postroad.errors import ConnectError, Reason

MAIL_PORTS = (25, 465, 587, 2525)  # relay, submission with implicit TLS and STARTTLS, its stand-in

# What may be reached is listed first and then what of it may not; an address in no list may not.
# source: the IANA special-purpose registries (RFC 6890) and RFC 4291 §2.4.
_UNICAST_4 = (int(IPv4Address("1.0.0.0")), int(IPv4Address("223.255.255.255")))
_SPECIAL_4 = tuple(
    map(
        IPv4Network,
        (
            "10.0.0.0/8",  # private
            "100.64.0.0/10",  # carrier-grade NAT
            "127.0.0.0/8",  # loopback
            "168.63.129.16/32",  # the host of every virtual machine at Azure
            "169.254.0.0/16",  # link-local, the clouds' metadata among it
            "172.16.0.0/12",  # private
            "192.0.0.0/24",  # protocol assignments
            "192.0.2.0/24",  # documentation
            "192.88.99.0/24",  # relays of 6to4
            "192.168.0.0/16",  # private
            "198.18.0.0/15",  # benchmarking
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
        ),
    )
)
_UNICAST_6 = IPv6Network("2000::/3")
_SPECIAL_6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments: Teredo, benchmarking, ORCHID
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4: leads to the IPv4 address within
            "3fff::/20",  # documentation
        ),
    )
)
_TRANSLATED = IPv6Network("64:ff9b::/96")  # NAT64 (RFC 6052): the last 32 bits are what is reached


def is_public(address: str) -> bool:
    """Whether a numeric address is global unicast, where it leads to included.

    An IPv4 address within a mapped or translated one is judged itself. Nothing that is merely
    tunnelled is public (6to4, Teredo, IPv4-compatible, translation with a prefix of one's own):
    no mail server is reached that way, and what is behind cannot always be told.
    """
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv6Address):
        if found.scope_id is not None:
            return False
        embedded = found.ipv4_mapped
        if embedded is None and found in _TRANSLATED:
            embedded = IPv4Address(found.packed[-4:])
        if embedded is None:
            return found in _UNICAST_6 and not any(found in network for network in _SPECIAL_6)
        found = embedded
    first, last = _UNICAST_4
    return first <= int(found) <= last and not any(found in network for network in _SPECIAL_4)


def check(host: str, port: int, addresses: Sequence[str]) -> None:
    """Refuse a port that is not one of mail, and a name of which any address is not public.

    All have to be: the next answer of its name server may come in another order.

    raises: ConnectError.
    """
    if port not in MAIL_PORTS:
        allowed = ", ".join(map(str, MAIL_PORTS))
        raise ConnectError(
            f"port {port} is not a port of mail; this relay may use {allowed}",
            reason=Reason.UNREACHABLE,
        )
    if not all(map(is_public, addresses)):
        raise ConnectError(
            f"the address of {host} is not public; this relay may only be on the internet",
            reason=Reason.UNREACHABLE,
        )
