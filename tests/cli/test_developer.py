"""`postroad developer`."""

from __future__ import annotations

import pytest
from tests.cli.conftest import Run, parsed

from postroad.cli.exits import Exit

pytestmark = pytest.mark.usefixtures("data_dir")


def test_a_developer_is_paid_to_the_end_of_the_day(run: Run) -> None:
    made = parsed(run("developer", "create", "단비", "--paid-until", "2026-12-31", "--json"))

    assert set(made) == {"id", "name", "created_at", "state", "paid_until"}
    assert made["paid_until"] == "2026-12-31T23:59:59Z"
    assert "2026-12-31 23:59:59 UTC" in run("developer", "show", "단비").stdout
    assert "2026-12-31 23:59:59" in run("developer", "list").stdout


def test_a_developer_is_disabled_let_in_again_and_has_no_end(run: Run) -> None:
    run("developer", "create", "Dana", "--paid-until", "2026-12-31T18:00:00+09:00")

    disabled = parsed(run("developer", "disable", "Dana", "--json"))
    again = parsed(
        run("developer", "update", "Dana", "--state", "normal", "--paid-until", "", "--json")
    )

    assert (disabled["state"], disabled["paid_until"]) == ("disabled", "2026-12-31T09:00:00Z")
    assert (again["state"], again["paid_until"]) == ("normal", None)
    assert "no end" in run("developer", "show", "Dana").stdout


def test_a_time_without_a_zone_is_refused(run: Run) -> None:
    result = run("developer", "create", "Dana", "--paid-until", "2026-12-31T18:00:00")

    assert result.exit_code == Exit.USAGE
    assert "paid_until: say the zone" in result.stderr
    assert parsed(run("developer", "list", "--json")) == []
