"""`postroad relay`."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.conftest import PASSWORD, Run, parsed

from postroad.cli.exits import Exit
from postroad.simulators import Simulator

pytestmark = pytest.mark.usefixtures("data_dir")

LOGIN = ("--username", "danbee", "--password-env", "PASSWORD")
NAVER = ("--preset", "naver", *LOGIN)
WRONG = ("--username", "danbee", "--password-env", "hunter2")
OWN = ("--host", "mail.b.example", *LOGIN)


@pytest.fixture(autouse=True)
def demo(run: Run, data_dir: Path) -> None:
    run("app", "create", "demo")


def test_a_preset_and_a_login_make_a_relay_that_is_ready(run: Run, data_dir: Path) -> None:
    made = run("relay", "create", "naver", "--app", "demo", *NAVER)

    shown = parsed(run("relay", "show", "naver", "--json"))
    assert made.exit_code == Exit.OK
    assert (shown["host"], shown["port"], shown["security"]) == ("smtp.naver.com", 465, "tls")
    assert shown["has_secret"]
    assert "danbee, password kept" in made.stdout
    assert PASSWORD not in made.output
    assert PASSWORD.encode() not in (data_dir / "postroad.db").read_bytes()


def test_every_field_can_be_given(run: Run) -> None:
    made = parsed(
        run(
            *("relay", "create", "own", "--shared", *OWN, "--port", "2525", "--security", "none"),
            *("--allow-clear-auth", "--verify", "off", "--connections", "3", "--per-minute", "30"),
            *("--per-day", "1000", "--enabled", "off", "--paused", "for now", "--json"),
        )
    )

    expected = {
        "appid": None,
        "port": 2525,
        "security": "none",
        "allow_clear_auth": True,
        "verify": False,
        "connections": 3,
        "per_minute": 30,
        "per_day": 1000,
        "is_enabled": False,
        "paused": "for now",
        "made_by": "operator",
    }
    assert {name: made[name] for name in expected} == expected
    assert "secret" not in made


def test_the_list_says_whose_and_whether_it_is_used(run: Run) -> None:
    run("relay", "create", "naver", "--app", "demo", *NAVER)
    run("relay", "create", "own", "--shared", *OWN)
    run("relay", "update", "naver", "--remove-password")
    run("relay", "disable", "own")

    rows = [line.split() for line in run("relay", "list").stdout.splitlines()]

    assert [(row[0], row[1]) for row in rows[1:]] == [("own", "(all)"), ("naver", rows[2][1])]
    assert rows[1][-1] == "disabled"
    assert rows[2][-2:] == ["no", "password"]
    assert len(parsed(run("relay", "list", "--app", "demo", "--json"))) == 1


def test_leave_to_send_a_password_in_the_clear_can_be_taken_back(run: Run) -> None:
    run("relay", "create", "own", "--app", "demo", *OWN, "--security", "none", "--allow-clear-auth")

    result = run("relay", "update", "own", "--no-allow-clear-auth")

    assert result.exit_code == Exit.USAGE
    assert "--allow-clear-auth" in result.stderr
    assert parsed(run("relay", "show", "own", "--json"))["allow_clear_auth"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((*NAVER,), "say whose relay it is: --app APP, or --shared"),
        (("--app", "demo", "--shared", *NAVER), "say whose relay it is"),
        (("--app", "demo"), "give a relay: a preset, or a host"),
        (("--app", "demo", *OWN, "--security", "none"), "say --allow-clear-auth"),
        (("--app", "demo", "--preset", "naver", "--username", "danbee"), "a password is needed"),
        (("--app", "demo", "--preset", "gmail", *LOGIN), "has no @"),
        (("--app", "demo", *OWN, "--cafile", "/no/such.pem"), "cafile"),
    ],
)
def test_a_relay_that_could_not_work_is_refused(
    run: Run, arguments: tuple[str, ...], said: str
) -> None:
    result = run("relay", "create", "out", *arguments)

    assert result.exit_code == Exit.USAGE
    assert said in result.stderr
    assert PASSWORD not in result.output
    assert parsed(run("relay", "list", "--json")) == []


def test_a_relay_that_would_refuse_the_app_s_from_is_refused_naming_both(run: Run) -> None:
    run("app", "update", "demo", "--from", "news@b.example")

    result = run("relay", "create", "naver", "--app", "demo", *NAVER)

    assert result.exit_code == Exit.USAGE
    assert "danbee@naver.com" in result.stderr
    assert "news@b.example" in result.stderr


def test_a_name_that_is_taken_is_refused(run: Run) -> None:
    run("relay", "create", "own", "--app", "demo", *OWN)

    result = run("relay", "create", "own", "--app", "demo", *OWN)

    assert result.exit_code == Exit.USAGE
    assert result.stderr == "postroad: there is a relay 'own' already: give another name\n"


def keep_naver(run: Run, naver: Simulator, *whose: str) -> None:
    run(
        *("relay", "create", "naver", *whose, "--preset", "naver", "--cafile", naver.cafile),
        *("--host", "localhost", "--port", str(naver.port), "--security", naver.security),
        *("--username", naver.username, "--password-env", "PASSWORD"),
    )


def test_a_kept_relay_is_tried_with_its_password_and_nothing_is_sent(
    run: Run, naver: Simulator
) -> None:
    keep_naver(run, naver, "--app", "demo")

    result = run("relay", "check", "naver", "--transcript")
    found = parsed(run("relay", "check", "naver", "--json"))

    assert result.exit_code == Exit.OK
    assert "AUTH" in result.stdout
    assert "Every step went well. Nothing was sent." in result.stdout
    assert "C: AUTH PLAIN ***" in result.stdout
    assert [step["ok"] for step in found["steps"]] == [True] * 6
    assert PASSWORD not in result.output
    assert not naver.messages


def test_a_shared_relay_is_tried_for_an_app_that_may_use_it(run: Run, naver: Simulator) -> None:
    run("app", "update", "demo", "--from", "other@naver.com")
    keep_naver(run, naver, "--shared")

    own = run("relay", "check", "naver")
    of_the_app = run("relay", "check", "naver", "--app", "demo")

    assert own.exit_code == Exit.OK
    assert of_the_app.exit_code == Exit.FAILED
    assert "MAIL failed" in of_the_app.stdout


def test_a_step_that_fails_is_named(run: Run, naver: Simulator) -> None:
    keep_naver(run, naver, "--app", "demo")
    run("relay", "update", "naver", "--password-env", "OTHER", env={"OTHER": "WRONG1234567"})

    result = run("relay", "check", "naver", "--json")

    found = parsed(result)
    assert result.exit_code == Exit.FAILED
    assert (found["ok"], found["word"]) == (False, "auth.failed")


def test_a_relay_that_is_not_complete_is_not_tried(run: Run, naver: Simulator) -> None:
    keep_naver(run, naver, "--app", "demo")
    run("relay", "update", "naver", "--remove-password")

    result = run("relay", "check", "naver")

    assert result.exit_code == Exit.USAGE
    assert f"the password of {naver.username} is missing" in result.stderr
    assert not naver.transcripts


def test_another_host_asks_for_the_password_by_its_options(run: Run) -> None:
    run("relay", "create", "own", "--app", "demo", *OWN)

    result = run("relay", "update", "own", "--host", "other.b.example")

    assert result.exit_code == Exit.USAGE
    assert "give the password again (--password-env, --password-file)" in result.stderr


def test_a_variable_that_is_not_set_is_told_without_its_name(run: Run) -> None:
    result = run(*("relay", "create", "own", "--app", "demo", "--host", "mail.b.example"), *WRONG)

    assert result.exit_code == Exit.USAGE
    assert result.stderr == (
        "postroad: the environment variable that --password-env names is not set or empty: "
        "export it first\n"
    )


def test_a_second_relay_of_an_app_says_which_is_tried_first(run: Run, data_dir: Path) -> None:
    words = ("--host", "localhost", "--port", "25", "--security", "none")
    run("app", "create", "shop")

    first = run("relay", "create", "one", "--app", "shop", *words)
    second = run("relay", "create", "two", "--app", "shop", *words)

    assert data_dir.exists()
    assert first.stderr == ""
    assert second.stderr.startswith("note: one is tried first, two only when it cannot be used;")
    assert "one (tried first), two" in run("app", "show", "shop").stdout
