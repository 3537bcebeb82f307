"""What the fields of records may hold."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from postroad.errors import SettingsError
from postroad.operations.administration import fields
from postroad.tenancy.records import Mode, Scope


@pytest.mark.parametrize("name", ["demo", "회사 메일", "邮件", "O'Neil & 👩‍🚀", "x" * 100])
def test_a_name_is_kept_as_it_is(name: str) -> None:
    assert fields.name(name) == name


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "name is blank"),
        ("  ", "name is blank"),
        (" demo", "begins or ends with white space"),
        ("x" * 101, "at most 100"),
        ("a\nb", "U+000A at position 1"),
        ("a\x1bb", "U+001B"),
        ("a\u2028b", "U+2028"),
        ("a\u202eb", "U+202E"),
        ("a\ud800b", "U+D800"),
    ],
)
def test_a_name_that_cannot_be_shown_is_refused(name: str, said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        fields.name(name)

    assert said in str(refused.value)


@pytest.mark.parametrize("value", [-1, 86_401, True, 1.5, "60"])
def test_a_number_outside_its_limits_is_refused_naming_them(value: object) -> None:
    with pytest.raises(SettingsError, match="interval_s is a whole number from 0 to 86,400"):
        fields.whole(value, "interval_s", 0, 86_400)


@pytest.mark.parametrize("value", [0.5, 301, float("nan"), float("inf")])
def test_seconds_outside_their_limits_are_refused(value: float) -> None:
    with pytest.raises(SettingsError, match="time_limit_s is a number of seconds from 1 to 300"):
        fields.seconds(value, "time_limit_s", 1, 300)


def test_a_word_that_is_none_of_the_choice_is_refused_naming_them() -> None:
    assert fields.choice("live", "mode", Mode) is Mode.LIVE
    with pytest.raises(SettingsError, match="mode is capture, allow-list or live, not 'on'"):
        fields.choice("on", "mode", Mode)


def test_scopes_stand_once_and_in_their_order() -> None:
    assert fields.choices(["read", " send", "read"], "scopes", Scope) == (Scope.SEND, Scope.READ)
    with pytest.raises(SettingsError, match="at least one of send, read or manage"):
        fields.choices([], "scopes", Scope)


@pytest.mark.parametrize("value", ["bo@b.example", "@b.example", "보@회사.한국", "@회사.한국"])
def test_a_pattern_is_an_address_or_a_domain(value: str) -> None:
    assert fields.pattern(value, "senders") == value


@pytest.mark.parametrize("value", ["", "@", "b.example", "Bo <bo@b.example>", "@a@b"])
def test_what_is_neither_address_nor_domain_is_refused_naming_the_field(value: str) -> None:
    with pytest.raises(SettingsError, match=r"^senders: "):
        fields.pattern(value, "senders")


def test_an_entry_that_is_given_twice_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"allow_list: 'bo@b.example' is given twice"):
        fields.patterns(["bo@b.example", "bo@b.example"], "allow_list")


@pytest.mark.parametrize(
    "value", ["https://b.example", "http://localhost:5173", "https://[::1]:8443", "*"]
)
def test_an_origin_is_what_a_browser_says(value: str) -> None:
    assert fields.origins([value], "cors_origins") == (value,)


@pytest.mark.parametrize(
    "values",
    [["b.example"], ["https://b.example/"], ["HTTPS://b.example"], ["null"], ["*", "https://b.ex"]],
)
def test_what_no_browser_says_is_refused(values: list[str]) -> None:
    with pytest.raises(SettingsError, match=r"^cors_origins: "):
        fields.origins(values, "cors_origins")


def test_a_network_is_cidr_and_an_address_is_one_of_its_own() -> None:
    assert fields.networks(["192.0.2.0/24", "2001:db8::1"], "addresses") == (
        "192.0.2.0/24",
        "2001:db8::1/128",
    )
    with pytest.raises(SettingsError, match=r"^addresses: .*host bits"):
        fields.networks(["192.0.2.1/24"], "addresses")


def test_a_bare_date_is_the_end_of_its_day_in_utc() -> None:
    assert fields.moment("2026-12-31", "paid_until") == datetime(
        2026, 12, 31, 23, 59, 59, tzinfo=UTC
    )


def test_a_time_with_a_zone_becomes_utc() -> None:
    seoul = timezone(timedelta(hours=9))

    assert fields.moment("2026-12-31T18:00:00+09:00", "x") == datetime(2026, 12, 31, 9, tzinfo=UTC)
    assert fields.moment(datetime(2026, 1, 1, 9, tzinfo=seoul), "x").tzinfo is UTC


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("tomorrow", "neither a date such as"),
        ("2026-02-30", "neither a date such as"),
        ("2026-12-31T18:00:00", "say the zone"),
        ("0001-01-01T00:00:00+09:00", "neither a date such as"),
    ],
)
def test_a_time_that_is_none_or_lacks_its_zone_is_refused(value: str, said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        fields.moment(value, "paid_until")

    assert str(refused.value).startswith("paid_until: ")
    assert said in str(refused.value)


def test_a_field_that_does_not_exist_is_refused() -> None:
    with pytest.raises(SettingsError, match="there is no field 'colour'"):
        fields.checked({"colour": "red"}, {"name": fields.name})
