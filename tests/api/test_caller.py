"""Whose address a request counts for, and when X-Forwarded-For is believed."""

from __future__ import annotations

import pytest

from postroad.api.caller import TrustedProxies
from postroad.errors import SettingsError

PROXIES = TrustedProxies(["10.0.0.0/8", "2001:db8::/32", "192.0.2.1"])


def test_without_trusted_proxies_nobody_is_believed() -> None:
    caller = TrustedProxies([]).caller("10.0.0.1", ["203.0.113.7"])

    assert caller == "10.0.0.1"


def test_who_is_no_trusted_proxy_is_not_believed() -> None:
    caller = PROXIES.caller("203.0.113.9", ["203.0.113.7"])

    assert caller == "203.0.113.9"


@pytest.mark.parametrize(
    ("forwarded", "caller"),
    [
        ([], "10.0.0.1"),
        (["203.0.113.7"], "203.0.113.7"),
        (["1.1.1.1, 203.0.113.7"], "203.0.113.7"),
        (["1.1.1.1", "203.0.113.7, 10.2.3.4"], "203.0.113.7"),
        (["203.0.113.7,\t192.0.2.1 , 10.2.3.4"], "203.0.113.7"),
        (["10.9.9.9, 10.2.3.4"], "10.9.9.9"),
        (["2a00::1"], "2a00::1"),
        (["2A00:0:0::1"], "2a00::1"),
        (["::ffff:203.0.113.7"], "203.0.113.7"),
        ([""], "10.0.0.1"),
    ],
)
def test_the_rightmost_address_that_is_not_trusted_calls(forwarded: list[str], caller: str) -> None:
    assert PROXIES.caller("10.0.0.1", forwarded) == caller


@pytest.mark.parametrize(
    "garbage",
    ["unknown", "203.0.113.7:4711", "fe80::1%eth0", "1.2.3", "0x7f.1", "٢.2.3.4", "a" * 9999],
)
def test_what_is_no_address_leaves_the_proxy_that_said_it(garbage: str) -> None:
    assert PROXIES.caller("10.0.0.1", [f"203.0.113.7, {garbage}"]) == "10.0.0.1"
    assert PROXIES.caller("10.0.0.1", [f"203.0.113.7, {garbage}, 10.2.3.4"]) == "10.2.3.4"


def test_a_million_hops_are_not_walked() -> None:
    hops = ["10.0.0.2"] * 1_000

    assert PROXIES.caller("10.0.0.1", ["203.0.113.7", *hops]) == "10.0.0.2"


def test_an_address_of_ipv4_written_as_ipv6_is_the_one_of_ipv4() -> None:
    assert PROXIES.caller("::ffff:10.0.0.1", ["203.0.113.7"]) == "203.0.113.7"


@pytest.mark.parametrize("network", ["localhost", "10.0.0.1/8", "10.0.0.0/33", ""])
def test_a_proxy_that_is_no_network_is_refused_by_name(network: str) -> None:
    with pytest.raises(SettingsError, match="trusted_proxies"):
        TrustedProxies([network])
