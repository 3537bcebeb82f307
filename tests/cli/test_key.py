"""`postroad key`."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.conftest import Run, parsed

from postroad.cli.exits import Exit

pytestmark = pytest.mark.usefixtures("data_dir")


@pytest.fixture(autouse=True)
def demo(run: Run, data_dir: Path) -> None:
    run("app", "create", "demo")


def test_a_key_is_printed_once_and_known_by_its_beginning(run: Run) -> None:
    made = parsed(
        run(
            *("key", "create", "ops", "--app", "demo", "--scopes", "read,manage"),
            *("--address", "192.0.2.0/24", "--expires-at", "2100-01-01", "--json"),
        )
    )

    shown = parsed(run("key", "show", made["hint"], "--json"))
    assert made["key"].startswith(made["hint"])
    assert made["scopes"] == ["read", "manage"]
    assert made["addresses"] == ["192.0.2.0/24"]
    assert shown == {name: value for name, value in made.items() if name != "key"}
    assert "digest" not in made
    assert made["key"] not in run("key", "list").stdout


def test_a_key_for_a_person_is_marked_as_shown_once(run: Run) -> None:
    lines = run("key", "create", "--app", "demo").stdout.splitlines()

    assert lines[-1].split()[0] == "key"
    assert lines[-1].split()[1].startswith("pr_")
    assert lines[-1].endswith("shown once")


def test_a_key_is_disabled_and_let_in_again(run: Run) -> None:
    disabled = parsed(run("key", "disable", "first", "--json"))
    again = parsed(run("key", "update", "first", "--disabled", "off", "--scopes", "send", "--json"))

    assert disabled["is_disabled"]
    assert again == disabled | {"is_disabled": False, "scopes": ["send"]}
    assert "anywhere" in run("key", "show", "first", "--app", "demo").stdout


def test_the_keys_of_one_app_are_listed_alone(run: Run) -> None:
    run("app", "create", "other")

    every = parsed(run("key", "list", "--json"))
    one = parsed(run("key", "list", "--app", "other", "--json"))
    ambiguous = run("key", "show", "first")

    assert (len(every), len(one)) == (2, 1)
    assert ambiguous.exit_code == Exit.USAGE
    assert "several are called 'first'" in ambiguous.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--scopes", "send,fly"), "scopes is send, read or manage, not 'fly'"),
        (("--expires-at", "2020-01-01"), "expires_at is past"),
        (("--address", "192.0.2.1/24"), "addresses: 192.0.2.1/24 has host bits set"),
    ],
)
def test_a_key_that_cannot_be_is_refused(run: Run, arguments: tuple[str, ...], said: str) -> None:
    result = run("key", "create", "--app", "demo", *arguments)

    assert result.exit_code == Exit.USAGE
    assert said in result.stderr
    assert len(parsed(run("key", "list", "--json"))) == 1


def test_the_operators_own_key_belongs_to_no_app_and_manages(run: Run) -> None:
    made = parsed(run("key", "create", "ops", "--operator", "--json"))

    assert made["appid"] is None
    assert made["scopes"] == ["manage"]
    assert [each["name"] for each in parsed(run("key", "list", "--operator", "--json"))] == ["ops"]
    assert [each["name"] for each in parsed(run("key", "list", "--json"))] == ["ops", "first"]
    assert "the operator's" in run("key", "show", "ops").stdout
    assert parsed(run("key", "disable", "ops", "--operator", "--json"))["is_disabled"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "say whose key it is"),
        (("--app", "demo", "--operator"), "say whose key it is"),
        (("--operator", "--scopes", "send,manage"), "the scope manage only"),
    ],
)
def test_a_key_has_one_owner(run: Run, arguments: tuple[str, ...], said: str) -> None:
    result = run("key", "create", *arguments)

    assert result.exit_code == Exit.USAGE
    assert said in result.stderr
