from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.tenancy.world import app

from postroad.message import Address
from postroad.tenancy.policy import is_captured, matches
from postroad.tenancy.records import Mode

BO = Address("Bo@C.example")


@pytest.mark.parametrize(
    ("pattern", "email"),
    [
        ("bo@c.example", "bo@c.example"),
        ("BO@C.EXAMPLE", "bo@c.example"),
        ("bo@c.example", "Bo@c.Example"),
        ("@c.example", "bo@C.example"),
        ("@C.example", "any.body+else@c.example"),
        ("@예시.example", "bo@xn--vv4b11d.example"),
        ("bo@xn--vv4b11d.example", "bo@예시.example"),
        ("@[192.0.2.1]", "bo@[192.0.2.1]"),
    ],
)
def test_an_address_or_its_domain_matches(pattern: str, email: str) -> None:
    assert matches(pattern, Address(email))


@pytest.mark.parametrize(
    "pattern",
    [
        *(
            "",
            "@",
            "c.example",
            "@example",
            "@.c.example",
            "@b.c.example",
            "*@c.example",
            "@d.example",
        ),
        *("Bo@c.e\u017fample", "bo@c.exampl\u0435"),
        *("by@c.example", "bo@d.example", "@bo@c.example", "@c.example ", " bo@c.example"),
        *("Bo <bo@c.example>", "@c.example\n", "\ud800", "@\ud800"),
    ],
)
def test_nothing_else_matches(pattern: str) -> None:
    assert not matches(pattern, BO)


@pytest.mark.parametrize(
    ("pattern", "email"),
    [("kim@c.example", "\u212aim@c.example"), ("\u212aim@c.example", "Kim@c.example")],
)
def test_the_kelvin_sign_is_another_letter_than_k(pattern: str, email: str) -> None:
    assert not matches(pattern, Address(email))
    assert matches(email, Address(email))


@given(st.text(st.characters(), max_size=30))
def test_any_pattern_matches_or_not(pattern: str) -> None:
    assert matches(pattern, BO) in (True, False)
    assert matches(f"@{pattern}", BO) is (pattern.lower() == "c.example")


@pytest.mark.parametrize(
    ("mode", "allowed", "captured"),
    [
        (Mode.CAPTURE, ("bo@c.example",), True),
        (Mode.LIVE, (), False),
        (Mode.ALLOW_LIST, (), True),
        (Mode.ALLOW_LIST, ("an@c.example", "@d.example"), True),
        (Mode.ALLOW_LIST, ("nonsense", "bo@c.example"), False),
        (Mode.ALLOW_LIST, ("@c.example",), False),
    ],
)
def test_the_mode_tells_what_is_captured(
    mode: Mode, allowed: tuple[str, ...], captured: bool
) -> None:
    assert is_captured(app(mode=mode, allow_list=allowed), BO) is captured
