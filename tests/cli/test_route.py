"""`postroad route`."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.conftest import Run, parsed

from postroad.cli.exits import Exit

pytestmark = pytest.mark.usefixtures("data_dir")


@pytest.fixture(autouse=True)
def demo(run: Run, data_dir: Path) -> None:
    run("app", "create", "demo")
    run("relay", "create", "own", "--app", "demo", "--host", "mail.b.example")
    run("relay", "create", "all", "--shared", "--host", "mail.c.example")


def create(run: Run, *arguments: str) -> str:
    made = parsed(run("route", "create", "--app", "demo", *arguments, "--json"))
    return str(made["id"])


def test_routes_are_listed_as_they_are_tried(run: Run) -> None:
    create(run, "--relay", "own", "--position", "1")
    create(run, "--relay", "all")
    create(run, "--relay", "all", "--from", "@b.example", "--position", "9")

    rows = [line.split()[:3] for line in run("route", "list", "--app", "demo").stdout.splitlines()]

    assert rows[1:] == [["@b.example", "9", "all"], ["any", "0", "all"], ["any", "1", "own"]]


def test_a_route_is_changed_and_removed(run: Run) -> None:
    route = create(run, "--relay", "own")

    changed = run("route", "update", route, "--app", "demo", "--relay", "all", "--from", "a@b.cc")
    removed = run("route", "remove", route, "--app", "demo")
    again = run("route", "remove", route, "--app", "demo")

    assert "mail.c.example:587" in changed.stdout
    assert removed.stdout == f"Removed route {route}.\n"
    assert again.exit_code == Exit.USAGE
    assert "there is no route" in again.stderr
    assert run("route", "list", "--app", "demo").stdout == ""


def test_a_route_of_another_app_is_not_there(run: Run) -> None:
    route = create(run, "--relay", "own")
    run("app", "create", "other")

    result = run("route", "remove", route, "--app", "other")

    assert result.exit_code == Exit.USAGE
    assert len(parsed(run("route", "list", "--app", "demo", "--json"))) == 1
