from __future__ import annotations

import re
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.tenancy.world import BEFORE, NOW

from postroad.tenancy import keys
from postroad.tenancy.records import ApiKey, Scope

MADE = {
    keys.new_app_id: "[1-9][0-9]{9}",
    keys.new_signature: "[0-9a-f]{32}",
    keys.new_token: "[0-9a-f]{64}",
    keys.new_api_key: "pr_[A-Za-z0-9_-]{43}",
}


def key(**fields: Any) -> ApiKey:
    given: dict[str, Any] = {
        "id": "k1",
        "app_id": "1000000001",
        "name": "server",
        "digest": keys.digest("pr_x"),
        "hint": "pr_x",
        "scopes": (Scope.SEND,),
        "created_at": BEFORE,
    }
    return ApiKey(**given | fields)


@pytest.mark.parametrize("make", MADE)
@given(st.data())
def test_a_new_secret_has_its_form_and_all_its_randomness(make: Any, data: st.DataObject) -> None:
    drawn: list[bytes] = []

    def entropy(size: int) -> bytes:
        drawn.append(data.draw(st.binary(min_size=size, max_size=size)))
        return drawn[-1]

    made = make(entropy)

    assert re.fullmatch(MADE[make], made)
    assert sum(map(len, drawn)) >= 16


@pytest.mark.parametrize("make", MADE)
def test_other_randomness_makes_another_secret(make: Any) -> None:
    made = {make(lambda size, filling=filling: bytes([filling]) * size) for filling in range(256)}

    assert len(made) == 256


def test_app_ids_reach_from_the_first_to_the_last_ten_digits() -> None:
    first = keys.new_app_id(bytes)
    last = keys.new_app_id((9 * 10**9 - 1).to_bytes)

    assert (first, last) == ("1000000000", "9999999999")


def test_a_digest_is_sha_256_of_the_text() -> None:
    assert keys.digest("pr_é") == sha256("pr_é".encode()).digest()
    assert len(keys.digest("\ud800")) == 32


def test_a_hint_tells_little_of_a_key() -> None:
    made = keys.new_api_key(bytes)

    assert keys.hint(made) == made[:8]


@pytest.mark.parametrize("text", ["", "5e" * 31, "5E" * 32, "5e" * 32 + "\n", "５e" * 32])
def test_what_is_no_token_is_told_by_its_form(text: str) -> None:
    assert not keys.is_token(text)
    assert keys.is_token("5e" * 32)


@pytest.mark.parametrize(
    ("fields", "ip", "why"),
    [
        ({}, "", ""),
        ({"scopes": ()}, "", "the key lacks the scope send"),
        ({"scopes": (Scope.READ, Scope.MANAGE)}, "", "the key lacks the scope send"),
        ({"is_disabled": True}, "", "the key is disabled"),
        ({"expires_at": NOW + timedelta(seconds=1)}, "", ""),
        ({"expires_at": NOW}, "", "the key expired at 2026-03-05 06:07:08+00:00"),
        ({"addresses": ("192.0.2.0/24",)}, "192.0.2.255", ""),
        ({"addresses": ("192.0.2.7/24",)}, "192.0.2.255", ""),
        ({"addresses": ("192.0.2.0/24",)}, "::ffff:192.0.2.1", ""),
        ({"addresses": ("2001:db8::/32", "192.0.2.1")}, "192.0.2.1", ""),
        ({"addresses": ("nonsense", "2001:db8::/32")}, "2001:db8::1", ""),
        (
            {"addresses": ("192.0.2.0/24",)},
            "192.0.3.0",
            "the key may not be used from this address",
        ),
        ({"addresses": ("192.0.2.0/24",)}, "", "the key may not be used from this address"),
        ({"addresses": ("0.0.0.0/0",)}, "::1", "the key may not be used from this address"),
        ({"addresses": ("nonsense",)}, "nonsense", "the key may not be used from this address"),
    ],
)
def test_a_key_may_be_used_or_says_why_not(fields: dict[str, Any], ip: str, why: str) -> None:
    assert keys.may_use(key(**fields), Scope.SEND, ip, NOW) == why
