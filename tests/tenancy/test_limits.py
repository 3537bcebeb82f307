"""Which counters a request touches, in which order, and what its caller is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroad.message import Address
from postroad.tenancy.limits import (
    Excess,
    Kind,
    Limit,
    Measure,
    Standing,
    excess,
    mailbox_of,
    network_of,
    of_address,
    of_key,
    of_message,
    standing,
    tightest,
)
from postroad.tenancy.records import ApiKey, App, Scope

NOW = datetime(2026, 12, 31, 22, 59, 30, 5, tzinfo=UTC)
YEAR_END = datetime(2027, 1, 1, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
APP = App("1000000001", "shop", NOW)
KEY = ApiKey("k1", APP.id, "key", b"", "pr_", (Scope.SEND,), NOW)


def kept_to(**limits: Any) -> App:
    return replace(APP, **limits)


def test_an_app_without_limits_counts_nothing() -> None:
    assert of_message(APP, ["bo@b.example"], NOW) == ()


def test_the_longest_window_is_counted_first_and_recipients_in_one_order() -> None:
    app = kept_to(per_day=10, per_month=100, per_recipient_hour=3)

    found = of_message(app, ["b@b.example", "a@a.example"], NOW)

    assert [(each.kind, each.key, each.most, each.until) for each in found] == [
        (Kind.MONTH, "month", 100, YEAR_END),
        (Kind.DAY, "day", 10, YEAR_END),
        (Kind.RECIPIENT, "recipient:a@a.example", 3, NOW + HOUR),
        (Kind.RECIPIENT, "recipient:b@b.example", 3, NOW + HOUR),
    ]
    assert {each.app_id for each in found} == {APP.id}


@pytest.mark.parametrize(
    ("now", "day", "month"),
    [
        ((2026, 2, 28, 23, 59), (2026, 3, 1), (2026, 3, 1)),
        ((2028, 2, 28), (2028, 2, 29), (2028, 3, 1)),
        ((2026, 1, 31), (2026, 2, 1), (2026, 2, 1)),
        ((2026, 5, 1), (2026, 5, 2), (2026, 6, 1)),
    ],
)
def test_days_and_months_end_as_those_of_utc(
    now: tuple[int, ...], day: tuple[int, ...], month: tuple[int, ...]
) -> None:
    app = kept_to(per_day=1, per_month=1)

    of_month, of_day = of_message(app, [], datetime(*now, tzinfo=UTC))  # type: ignore[arg-type,misc]

    assert of_day.until == datetime(*day, tzinfo=UTC)  # type: ignore[arg-type,misc]
    assert of_month.until == datetime(*month, tzinfo=UTC)  # type: ignore[arg-type,misc]


@pytest.mark.parametrize(
    "path",
    [
        '"victim"@b.example',
        '"v\\ictim"@b.example',
        '"\\v\\i\\c\\t\\i\\m"@B.example',
        "VICTIM@b.EXAMPLE",
    ],
)
def test_a_recipient_is_one_however_it_is_written(path: str) -> None:
    assert mailbox_of(path) == mailbox_of("victim@b.example") == "victim@b.example"
    assert Address(path).path


def test_a_letter_with_its_accent_is_one_however_it_is_composed() -> None:
    assert mailbox_of("caf\u00e9@b.example") == mailbox_of("CAFE\u0301@b.example")


@pytest.mark.parametrize("path", ['"vic tim"@b.example', "vic.tim@b.example", '"a\\"b"@b.example'])
def test_another_recipient_is_another(path: str) -> None:
    assert mailbox_of(path) not in {mailbox_of("victim@b.example"), mailbox_of("ab@b.example")}


def test_a_recipient_that_is_quoted_counts_as_the_one_it_is() -> None:
    app = kept_to(per_recipient_hour=3)

    (found,) = of_message(app, ['"victim"@b.example', "victim@b.example"], NOW)

    assert found.key == "recipient:victim@b.example"


@pytest.mark.parametrize(
    ("of_app", "of_door", "most"), [(None, 30, 30), (None, 0, 0), (0, 30, 0), (5, 30, 5), (5, 0, 5)]
)
def test_the_app_says_how_much_a_recipient_gets_and_else_the_door(
    of_app: int | None, of_door: int, most: int
) -> None:
    app = kept_to(per_recipient_hour=of_app)

    found = of_message(app, ["bo@b.example"], NOW, recipient_hour=of_door)

    assert [each.most for each in found] == ([most] if most else [])


def test_one_recipient_counts_once_however_it_is_spelt() -> None:
    app = kept_to(per_recipient_hour=3)

    (found,) = of_message(app, ["Bo@b.example", "bo@B.example", "bo@b.example"], NOW)

    assert found.key == "recipient:bo@b.example"


def test_a_key_and_an_address_count_in_a_minute_where_there_is_a_limit() -> None:
    assert of_key(KEY, NOW) is None
    assert of_key(replace(KEY, per_minute=7), NOW) == Limit(
        Kind.KEY, APP.id, "key:k1", 7, NOW + MINUTE
    )
    assert of_key(replace(KEY, app_id=None, per_minute=7), NOW) == Limit(
        Kind.KEY, "", "key:k1", 7, NOW + MINUTE
    )
    assert of_address("192.0.2.1", 0, NOW) is None
    assert of_address("192.0.2.1", 600, NOW) == Limit(
        Kind.ADDRESS, "", "address:192.0.2.1", 600, NOW + MINUTE
    )


@pytest.mark.parametrize(
    ("ip", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::1", "2001:db8:1:2::/64"),
        ("::1", "::/64"),
        ("", ""),
        ("no address", "no address"),
    ],
)
def test_an_ipv6_address_counts_as_its_network(ip: str, network: str) -> None:
    assert network_of(ip) == network


LIMIT = Limit(Kind.DAY, APP.id, "day", 10, NOW + HOUR)


@given(st.integers(1, 20), st.integers(-10, 10_000_000))
def test_what_is_told_is_never_less_than_nothing_nor_sooner_than_the_end(
    count: int, microseconds: int
) -> None:
    until = NOW + timedelta(microseconds=microseconds)

    found = standing(LIMIT, count, until, NOW)

    assert found.remaining == max(10 - count, 0)
    assert found.seconds >= 1
    assert NOW + timedelta(seconds=found.seconds) >= until
    assert found.seconds == 1 or NOW + timedelta(seconds=found.seconds - 1) < until


def test_of_several_the_one_that_leaves_least_is_told_and_then_the_longest() -> None:
    day, month = Standing(Kind.DAY, 10, 3, 60), Standing(Kind.MONTH, 100, 3, 600)
    loose = Standing(Kind.RECIPIENT, 30, 29, 3_600)

    assert tightest([]) is None
    assert tightest([loose, day]) is day
    assert tightest([day, month, loose]) is month


@pytest.mark.parametrize(
    ("limits", "found"),
    [
        ({}, None),
        ({"max_message": 100, "max_recipients": 3, "max_attachments": 50}, None),
        ({"max_message": 99}, Excess(Measure.SIZE, 99)),
        ({"max_recipients": 2, "max_message": 99}, Excess(Measure.RECIPIENTS, 2)),
        ({"max_attachments": 49}, Excess(Measure.ATTACHMENTS, 49)),
    ],
)
def test_a_message_may_have_as_much_as_the_app_may_and_no_more(
    limits: dict[str, int], found: Excess | None
) -> None:
    assert excess(kept_to(**limits), size=100, recipients=3, attachments=50) == found
