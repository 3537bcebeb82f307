"""A relay that may only be on the internet: every way to somewhere else is closed."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, IPv6Network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroad import AsyncMailer, Mailer, Message, Relay, Result
from postroad.errors import Code, ConnectError, Phase, Reason, SettingsError
from postroad.simulators import hostile
from postroad.smtp.envelope import Envelope
from postroad.smtp.transaction import Outcome
from postroad.transport.dialer import dial, dial_async
from postroad.transport.guard import MAIL_PORTS, is_public
from postroad.transport.pools import Pools

PUBLIC = (
    *("1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0"),
    *("126.255.255.255", "128.0.0.0", "169.253.255.255", "169.255.0.0", "172.15.255.255"),
    *("172.32.0.0", "192.0.1.1", "192.167.255.255", "192.169.0.0", "198.17.255.255"),
    *("198.20.0.0", "223.255.255.255", "125.209.238.155"),
    *("2001:200::1", "2404:6800:4008::1a", "2607:f8b0::1", "2a00:1450::1b", "3ffe::1"),
    *("::ffff:8.8.8.8", "::ffff:808:808", "64:ff9b::8.8.8.8"),
)
ELSEWHERE = {
    "loopback": ("127.0.0.1", "127.255.255.254", "::1", "0:0:0:0:0:0:0:1"),
    "unspecified": ("0.0.0.0", "0.1.2.3", "::"),
    "private": ("10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.1.1"),
    "unique local": ("fc00::1", "fd00::1", "fd00:ec2::254", "fd20:ce::254"),
    "link-local": ("169.254.0.1", "fe80::1", "fe80::1%eth0", "febf::1"),
    "site-local": ("fec0::1", "feff::1"),
    "metadata": ("169.254.169.254", "169.254.170.2", "100.100.100.200", "192.0.0.192"),
    "the cloud's host": ("168.63.129.16",),
    "CGNAT": ("100.64.0.1", "100.127.255.255"),
    "protocol assignments": ("192.0.0.1", "192.0.0.170", "2001::1", "2001:1::1", "2001:20::1"),
    "benchmarking": ("198.18.0.1", "198.19.255.255", "2001:2::1"),
    "documentation": ("192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff:fff::1"),
    "multicast": ("224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1"),
    "reserved": ("240.0.0.1", "255.255.255.254", "255.255.255.255", "4000::1", "e000::1"),
    "discard": ("100::1", "100:0:0:1::1", "5f00::1"),
    "6to4 relays": ("192.88.99.1",),
    "IPv4-mapped": ("::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe"),
    "IPv4-translated": ("::ffff:0:127.0.0.1", "::ffff:0:8.8.8.8"),
    "IPv4-compatible": ("::127.0.0.1", "::7f00:1", "::10.0.0.1", "::8.8.8.8"),
    "NAT64": ("64:ff9b::127.0.0.1", "64:ff9b::a00:1", "64:ff9b::169.254.169.254"),
    "NAT64 of one's own": ("64:ff9b:1::127.0.0.1", "64:ff9b:1:7f00:0:100::", "64:ff9b:1::8.8.8.8"),
    "6to4": ("2002:7f00:1::", "2002:a00:1::1", "2002:a9fe:a9fe::1"),
    "Teredo": ("2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:0:7f00:1::80ff:fffe"),
    "no address": ("", "localhost", "127.1", "0x7f.1", "017700000001", "2130706433", "[::1]", "1"),
}


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_on_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address", [address for addresses in ELSEWHERE.values() for address in addresses]
)
def test_what_is_elsewhere_is_not(address: str) -> None:
    assert not is_public(address)


@given(st.ip_addresses(v=4) | st.ip_addresses(network="2000::/3"))
def test_nothing_is_public_that_python_calls_private_or_special(
    address: IPv4Address | IPv6Address,
) -> None:
    is_special = address.is_multicast or address.is_reserved or address.is_unspecified
    is_inside = address.is_private or address.is_loopback or address.is_link_local

    assert not (is_public(str(address)) and (is_special or is_inside))


@given(st.ip_addresses(v=6))
def test_no_ipv6_address_is_public_outside_global_unicast(address: IPv6Address) -> None:
    is_wrapped = address.ipv4_mapped is not None or address in IPv6Network("64:ff9b::/96")

    assert address in IPv6Network("2000::/3") or is_wrapped or not is_public(str(address))


@given(st.ip_addresses(v=4))
def test_an_address_within_another_is_judged_like_itself(address: IPv4Address) -> None:
    packed = address.packed
    mapped = IPv6Address(b"\0" * 10 + b"\xff\xff" + packed)
    translated = IPv6Address(bytes.fromhex("0064ff9b") + b"\0" * 8 + packed)

    assert is_public(str(mapped)) is is_public(str(translated)) is is_public(str(address))


# The dialers.


def dialed(host: str, port: int, *, is_async: bool) -> str:
    """The address that is connected to, else what the error says."""
    try:
        if is_async:
            sock, address = asyncio.run(dial_async(host, port, 5, public_only=True))
        else:
            sock, address = dial(host, port, 5, public_only=True)
    except ConnectError as error:
        return f"{error.reason}: {error}"
    sock.close()
    return address


def name_server(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Let the next look-up find `addresses`, and any further one inner ones."""
    answers = [["127.0.0.1"], list(addresses)]

    def answer(_: str, port: int, *__: object, **___: object) -> list[tuple[Any, ...]]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in answers.pop()
        ]

    monkeypatch.setattr(socket, "getaddrinfo", answer)


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, int]]]:
    """Where sockets were connected to; in truth all of them lead to one on loopback."""
    found: list[tuple[str, int]] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        inside = listener.getsockname()

        class Redirected(socket.socket):
            def connect(self, address: Any) -> None:
                found.append(address)
                super().connect(inside)

        monkeypatch.setattr(socket, "socket", Redirected)
        yield found


BOTH = pytest.mark.parametrize("is_async", [False, True])
Connected = list[tuple[str, int]]


@BOTH
@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "localhost", "[::1]", "::ffff:127.0.0.1", "127.1", "0x7f000001"),
        *("2130706433", "0177.0.0.1", "0", "10.0.0.1", "169.254.169.254"),
    ],
)
def test_no_spelling_of_an_inner_host_is_connected_to(
    host: str, is_async: bool, connected: Connected
) -> None:
    said = dialed(host, 25, is_async=is_async)

    refused = f"the address of {host} is not public; this relay may only be on the internet"
    assert said == f"{Reason.UNREACHABLE}: {refused}"
    assert connected == []


@BOTH
@pytest.mark.parametrize("inner", ["127.0.0.1", "192.168.0.1", "169.254.169.254"])
@pytest.mark.parametrize("place", [0, 1, 30])
def test_one_inner_address_among_public_ones_refuses_the_name(
    inner: str,
    place: int,
    is_async: bool,
    connected: Connected,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    addresses = ["8.8.8.8"] * 30
    addresses.insert(place, inner)
    name_server(monkeypatch, *addresses)

    said = dialed("mail.example", 25, is_async=is_async)

    assert "the address of mail.example is not public" in said
    assert inner not in said
    assert connected == []


@BOTH
@pytest.mark.parametrize("port", MAIL_PORTS)
def test_the_address_that_was_checked_is_the_one_connected_to(
    port: int, is_async: bool, connected: Connected, monkeypatch: pytest.MonkeyPatch
) -> None:
    name_server(monkeypatch, "8.8.8.8", "1.1.1.1")

    assert dialed("mail.example", port, is_async=is_async) == "8.8.8.8"
    assert connected == [("8.8.8.8", port)]


@BOTH
@pytest.mark.parametrize("port", [1, 22, 80, 443, 2526, 6379, 8025])
def test_another_port_is_refused(
    port: int, is_async: bool, connected: Connected, monkeypatch: pytest.MonkeyPatch
) -> None:
    name_server(monkeypatch, "8.8.8.8")

    said = dialed("mail.example", port, is_async=is_async)

    refused = f"port {port} is not a port of mail; this relay may use 25, 465, 587, 2525"
    assert said == f"{Reason.UNREACHABLE}: {refused}"
    assert connected == []


# Every way to send obeys the relay.


def test_no_mailer_and_no_pool_connects_to_an_inner_relay() -> None:
    message = Message(from_="a@x.example", to="b@y.example", text="x")

    async def run(relay: Relay) -> list[Outcome | Result]:
        pools = Pools(5, 60)
        ticket = pools.submit(relay, Envelope("a@x.example", ("b@y.example",)), b"x\r\n")
        async with AsyncMailer(relay) as mailer:
            sent = await mailer.send(message)
        submitted = await ticket.done
        await pools.aclose(1)
        return [sent, submitted]

    with hostile("polite") as server:
        relay = Relay("127.0.0.1", server.port, security="none", public_only=True)
        with Mailer(relay) as mailer:
            found = [mailer.send(message), *asyncio.run(run(relay))]

        assert [(each.code, each.phase) for each in found] == [(Code.CONNECT, Phase.CONNECT)] * 3
        assert server.transcripts == []


def test_a_relay_is_trusted_unless_it_says_otherwise() -> None:
    assert not Relay("127.0.0.1", 25).public_only
    with pytest.raises(SettingsError, match="public_only"):
        Relay("127.0.0.1", 25, public_only="no")  # type: ignore[arg-type]
