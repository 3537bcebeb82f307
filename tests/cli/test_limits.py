"""The limits of apps and keys, set and shown."""

from __future__ import annotations

import pytest
from tests.cli.conftest import Run, parsed

from postroad.cli.exits import Exit

pytestmark = pytest.mark.usefixtures("data_dir")

UNLIMITED = {
    "per_day": 0,
    "per_month": 0,
    "per_recipient_hour": None,
    "max_message": 0,
    "max_recipients": 0,
    "max_attachments": 0,
}


def limits_of(run: Run, app: str = "demo") -> dict[str, object]:
    found = parsed(run("app", "show", app, "--json"))
    return {name: found[name] for name in UNLIMITED}


def line_of(page: str, label: str) -> str:
    (line,) = [line for line in page.splitlines() if line.startswith(f"  {label}  ")]
    return line.removeprefix(f"  {label}").strip()


def test_every_limit_of_an_app_can_be_set_and_taken_off_again(run: Run) -> None:
    run("app", "create", "demo")
    assert limits_of(run) == UNLIMITED
    assert (
        line_of(run("app", "show", "demo").stdout, "limits")
        == "30 an hour to one recipient through /api/mail/send"
    )

    run(
        *("app", "update", "demo", "--per-day", "1000", "--per-month", "20000"),
        *("--per-recipient-hour", "5", "--max-message", "5MiB", "--max-recipients", "50"),
        *("--max-attachments", "4000000"),
    )

    assert limits_of(run) == {
        "per_day": 1_000,
        "per_month": 20_000,
        "per_recipient_hour": 5,
        "max_message": 5 << 20,
        "max_recipients": 50,
        "max_attachments": 4_000_000,
    }
    shown = run("app", "show", "demo").stdout
    for what in (
        "1,000 a day",
        "20,000 a month",
        "5 an hour to one recipient",
        "50 recipients a mail",
        "5 MiB a mail",
        "4 MB of attachments",
    ):
        assert what in " ".join(shown.split())

    run(
        *("app", "update", "demo", "--per-day", "0", "--per-month", "0"),
        *("--per-recipient-hour", "", "--max-message", "0", "--max-recipients", "0"),
        *("--max-attachments", "0"),
    )
    assert limits_of(run) == UNLIMITED


def test_an_app_whose_recipients_get_any_number_says_so(run: Run) -> None:
    run("app", "create", "demo", "--per-recipient-hour", "0")

    assert limits_of(run)["per_recipient_hour"] == 0
    assert line_of(run("app", "show", "demo").stdout, "limits") == "none"


def test_a_key_has_no_limit_until_one_is_set(run: Run) -> None:
    run("app", "create", "demo")
    assert parsed(run("key", "show", "first", "--json"))["per_minute"] == 0
    assert line_of(run("key", "show", "first").stdout, "per minute") == "no limit"

    run("key", "update", "first", "--per-minute", "600")

    assert parsed(run("key", "show", "first", "--json"))["per_minute"] == 600
    assert line_of(run("key", "show", "first").stdout, "per minute") == "600"
    made = parsed(run("key", "create", "--app", "demo", "--per-minute", "7", "--json"))
    assert made["per_minute"] == 7


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--per-day", "-1"), "per_day is a whole number from 0"),
        (("--per-recipient-hour", "many"), "'many' is no whole number"),
        (("--per-recipient-hour", "-1"), "'-1' is no whole number"),
        (("--per-recipient-hour", "1000000001"), "per_recipient_hour is a whole number from 0"),
        (("--max-message", "5 boxes"), "'5 boxes' is no size such as 5MiB"),
        (("--max-attachments", "2GiB"), "max_attachments is a whole number from 0"),
    ],
)
def test_a_limit_that_cannot_be_is_refused(run: Run, arguments: tuple[str, ...], said: str) -> None:
    result = run("app", "create", "demo", *arguments)

    assert result.exit_code == Exit.USAGE
    assert said in result.stderr
    assert parsed(run("app", "list", "--json")) == []
