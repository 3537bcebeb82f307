"""`postroad user`."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.conftest import Run, parsed

from postroad.cli.exits import Exit

pytestmark = pytest.mark.usefixtures("data_dir")


@pytest.fixture(autouse=True)
def demo(run: Run, data_dir: Path) -> None:
    run("app", "create", "demo")


def create(run: Run, account: str, *more: str) -> tuple[int, str, str]:
    result = run(
        "user", "create", account, "--app", "demo", "--password-env", "PASSWORD", *more, "--json"
    )
    return result.exit_code, result.stdout, result.stderr


def test_a_user_is_made_shown_changed_and_disabled(run: Run) -> None:
    create(run, "12345678", "--nickname", "보", "--qq", "10001", "--email", "bo@b.example")

    made = parsed(run("user", "show", "12345678", "--app", "demo", "--json"))
    changed = parsed(run("user", "update", "12345678", "--app", "demo", "--email", "", "--json"))
    disabled = parsed(run("user", "disable", made["id"], "--app", "demo", "--json"))

    assert (made["account"], made["nickname"], made["state"]) == ("12345678", "보", "normal")
    assert changed == made | {"email": ""}
    assert disabled == changed | {"state": "disabled"}
    assert "12345678  보        disabled" in run("user", "list", "--app", "demo").stdout


def test_neither_password_nor_hash_is_ever_shown(run: Run) -> None:
    outputs = [*create(run, "12345678")[1:], *create(run, "bad account")[1:]]
    outputs += [
        run("user", *words, "--app", "demo", *more).output
        for words in (("list",), ("show", "12345678"))
        for more in ((), ("--json",))
    ]

    assert not any("ABCD1234EFGH" in output for output in outputs)
    assert not any("argon2" in output or "password_hash" in output for output in outputs)


def test_a_password_is_changed_from_a_file(run: Run, tmp_path: Path) -> None:
    create(run, "12345678")
    file = tmp_path / "password"
    file.write_text("abc123\n", "ascii")

    result = run("user", "update", "12345678", "--app", "demo", "--password-file", str(file))

    assert result.exit_code == Exit.OK


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("create", "bo", "--password-env", "PASSWORD"), "the app demo takes 6 to 18"),
        (("create", "123456", "--password-env", "NO_SUCH"), "names is not set or empty"),
        (("create", "123456", "--password-file", "/no/such"), "takes the name of a FILE"),
        (("create", "123456"), "a password is needed: give --password-env or --password-file"),
        (
            ("create", "123456", "--password-env", "PASSWORD", "--password-file", "x"),
            "give only one of",
        ),
        (("create", "123456", "--password", "x"), "never taken from the command line"),
        (("show", "nobody"), "there is no user"),
    ],
)
def test_what_cannot_be_is_refused(run: Run, arguments: tuple[str, ...], said: str) -> None:
    result = run("user", *arguments, "--app", "demo")

    assert result.exit_code == Exit.USAGE
    assert said in result.stderr


def test_an_account_that_is_taken_is_refused(run: Run) -> None:
    create(run, "12345678")

    code, out, err = create(run, "12345678")

    assert (code, out) == (Exit.USAGE, "")
    assert err == "postroad: the app demo has a user 12345678 already\n"
