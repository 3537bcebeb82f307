from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.delivery.records import APP, NOW, app, relay, route

from postroad.delivery.routing import check_sender, choose, sender_of
from postroad.message import Address
from postroad.providers import FromRule, preset, preset_names
from postroad.tenancy.records import RelayAccount, Route

FROM = Address("News@B.example")
HOUR = timedelta(hours=1)
RELAYS = [
    relay("shared", app_id=None, created_at=NOW - 3 * HOUR),
    relay("second", created_at=NOW),
    relay("first", created_at=NOW - HOUR),
]


def chosen(
    routes: Sequence[Route], from_: Address | None = FROM, relays: Sequence[RelayAccount] = RELAYS
) -> list[str]:
    return [each.id for each in choose(relays, routes, from_)]


def test_without_routes_the_apps_own_relays_come_oldest_first_and_then_the_operators() -> None:
    assert chosen([]) == ["first", "second", "shared"]


def test_a_route_that_names_from_comes_before_one_for_any() -> None:
    routes = [route("second", position=0), route("shared", "news@b.example", position=9)]

    assert chosen(routes) == ["shared", "second"]


def test_the_kelvin_sign_is_another_account_than_k() -> None:
    naver = relay("r", preset="naver", username="kim")

    assert check_sender(Address("Kim@naver.com"), naver) == ""
    assert check_sender(Address("\u212aim@naver.com"), naver) != ""


@pytest.mark.parametrize("named", ["news@b.example", "@b.example", "NEWS@B.EXAMPLE"])
def test_a_route_names_an_address_or_a_domain(named: str) -> None:
    assert chosen([route("second", named)]) == ["second"]


def test_routes_are_tried_in_rising_position() -> None:
    any_from = [route("second", position=2), route("first", position=1)]
    named = [route("shared", "@b.example", 5), route("second", "news@b.example", 4)]

    assert chosen(any_from) == ["first", "second"]
    assert chosen([*any_from, *named]) == ["second", "shared", "first"]


@pytest.mark.parametrize("from_", [None, Address("other@d.example")])
def test_where_no_route_matches_all_relays_may_carry(from_: Address | None) -> None:
    assert chosen([route("second", "@b.example")], from_) == ["first", "second", "shared"]


@pytest.mark.parametrize(
    "broken",
    [
        relay("broken", is_enabled=False),
        relay("broken", paused="login refused"),
        relay("broken", username="an@b.example", has_secret=False),
    ],
)
def test_what_cannot_be_used_is_left_out_and_a_route_to_it_leads_nowhere_else(
    broken: RelayAccount,
) -> None:
    relays = [broken, relay("good")]

    assert chosen([], relays=relays) == ["good"]
    assert chosen([route("broken")], relays=relays) == []
    assert chosen([route("broken"), route("good")], relays=relays) == ["good"]


def test_a_route_to_a_relay_that_is_not_the_apps_leads_nowhere() -> None:
    assert chosen([route("stranger")]) == []


@given(st.lists(st.builds(route, st.sampled_from(["first", "second", "shared", "gone"]))))
def test_each_relay_is_tried_once(routes: list[Route]) -> None:
    found = chosen(routes)

    assert len(found) == len({*found})


@pytest.mark.parametrize(
    ("account", "expected"),
    [
        (relay("r", preset="naver", username="danbee"), "danbee@naver.com"),
        (relay("r", preset="naver", username="danbee@naver.com"), "danbee@naver.com"),
        (relay("r", preset="daum", username="an"), "an@daum.net"),
        (relay("r", preset="ses", username="AKIAIOSFODNN7EXAMPLE"), None),
        (relay("r", preset="sendgrid", username="apikey"), None),
        (
            relay("r", preset="mailgun", username="postmaster@mg.b.example"),
            "postmaster@mg.b.example",
        ),
        (relay("r", preset="gmail", username="no address"), None),
        (relay("r", preset="no-such", username="an@b.example"), "an@b.example"),
        (relay("r", username="an@b.example"), "an@b.example"),
        (relay("r", username="an"), None),
        (relay("r"), None),
    ],
)
def test_the_relays_account_is_the_sender_where_the_app_has_none(
    account: RelayAccount, expected: str | None
) -> None:
    found = sender_of(app(), account)

    assert (found.email if found else None) == expected
    assert sender_of(app("shop@b.example"), account) == Address("shop@b.example")


def test_captured_mail_has_a_sender_without_any_relay() -> None:
    assert sender_of(app(), None) == Address(f"{APP}@postroad.invalid")
    assert sender_of(app("shop@b.example"), None) == Address("shop@b.example")


def test_a_provider_that_wants_its_own_address_in_from_refuses_another() -> None:
    naver = relay("r", preset="naver", username="danbee")

    assert check_sender(Address("shop@b.example"), naver) == (
        "Naver Mail sends mail only from the account's own address danbee@naver.com,"
        " not from shop@b.example"
    )
    assert check_sender(Address("Danbee@NAVER.com", "단비"), naver) == ""


@pytest.mark.parametrize("name", preset_names())
def test_only_a_preset_whose_from_is_the_account_refuses_another(name: str) -> None:
    username = preset(name).user.example

    problem = check_sender(Address("shop@b.example"), relay("r", preset=name, username=username))

    assert bool(problem) is (preset(name).from_rule is FromRule.ACCOUNT)


@pytest.mark.parametrize(
    "account",
    [relay("r", username="an@d.example"), relay("r", preset="no-such"), relay("r", preset="qq")],
)
def test_where_nothing_is_known_of_the_account_nothing_is_refused(account: RelayAccount) -> None:
    assert check_sender(Address("shop@b.example"), account) == ""
