"""`postroad operator`."""

from __future__ import annotations

import pytest
from tests.cli.conftest import Run, parsed

pytestmark = pytest.mark.usefixtures("data_dir")


def test_a_reset_prints_a_new_password_once(run: Run) -> None:
    first = parsed(run("operator", "reset", "--json"))
    second = run("operator", "reset").stdout

    listed = parsed(run("operator", "list", "--json"))
    assert first["password"] not in second
    assert second.rstrip().endswith("shown once")
    assert [(each["name"], each["is_setup"]) for each in listed] == [("operator", True)]
    assert "password_hash" not in listed[0]
    assert "one-time" in run("operator", "list").stdout


def test_without_operators_the_list_says_what_makes_the_first(run: Run) -> None:
    assert "postroad operator reset" in run("operator", "list").stderr
