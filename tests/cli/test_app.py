"""`postroad app`, and what all commands with commands of their own have in common."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.cli.conftest import Run, parsed

from postroad.cli.exits import Exit
from postroad.cli.layout import display_width

pytestmark = pytest.mark.usefixtures("data_dir")


def test_a_new_app_prints_its_appid_and_secrets_that_nothing_prints_unasked(run: Run) -> None:
    made = run("app", "create", "회사 알림")

    lines = made.stdout.splitlines()
    labels = [line.split()[0] for line in lines if line.startswith("  ")]
    assert made.exit_code == Exit.OK
    assert lines[0] == "회사 알림"
    assert labels == ["appid", "mode", "signature", "api_key"]
    assert [line for line in lines if "shown once" in line] == lines[-1:]
    secrets = [line.split()[1] for line in lines[-2:]]
    for later in (run("app", "show", "회사 알림"), run("app", "list"), run("key", "list")):
        assert not any(secret in later.output for secret in secrets)


def test_a_new_app_as_json_is_the_whole_object_with_its_secrets(run: Run) -> None:
    made = parsed(run("app", "create", "demo", "--json"))

    assert len(made["appid"]) == 10
    assert len(made["signature"]) == 32
    assert made["api_key"].startswith("pr_")
    assert (made["mode"], made["tokens"], made["interval_s"]) == ("capture", True, 60)
    shown = parsed(run("app", "show", "demo", "--json"))
    assert shown == {
        name: value for name, value in made.items() if name not in {"signature", "api_key"}
    }


def test_an_app_whose_callers_have_appid_and_signature_keeps_both(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "signature"
    file.write_text("sig-of-the-file~\n", "utf-8")

    by_variable = parsed(
        run(
            *("app", "create", "old", "--appid", "0123456789", "--signature-env", "SIGNATURE"),
            "--json",
            env={"SIGNATURE": "s!gn4ture"},
        )
    )
    by_file = parsed(run("app", "create", "older", "--signature-file", str(file), "--json"))

    assert (by_variable["appid"], by_variable["signature"]) == ("0123456789", "s!gn4ture")
    assert by_file["signature"] == "sig-of-the-file~"
    shown = run("app", "show", "old", "--signature")
    assert "signature     s!gn4ture\n" in shown.stdout
    assert parsed(run("app", "show", "old", "--signature", "--json"))["signature"] == "s!gn4ture"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("new", "--appid", "1234567890"), "there is an app 1234567890 already"),
        (("new", "--appid", "123456789"), "appid: ten digits, not '123456789'"),
        (("new", "--appid", "१२३४५६७८९०"), "appid: ten digits"),
        (("new", "--signature-env", "SPACED"), "signature: 1 to 128 printable ASCII characters"),
        (("new", "--signature-env", "hunter2"), "that --signature-env names is not set or empty"),
        (("new", "--signature-env", "A", "--signature-file", "b"), "give only one of"),
        (("taken",), "there is an app 'taken' already, 1234567890: give another name"),
    ],
)
def test_an_app_that_could_not_be_told_from_another_is_refused(
    run: Run, arguments: tuple[str, ...], said: str
) -> None:
    run("app", "create", "taken", "--appid", "1234567890")

    result = run("app", "create", *arguments, env={"SPACED": "with spaces"})

    assert result.exit_code == Exit.USAGE
    assert said in result.stderr
    assert "hunter2" not in result.stderr
    assert "with spaces" not in result.stderr
    assert [app["name"] for app in parsed(run("app", "list", "--json"))] == ["taken"]


def test_an_app_that_is_to_send_without_a_relay_is_warned_of(run: Run) -> None:
    made = run("app", "create", "demo", "--mode", "allow-list", "--json")
    turned = run("app", "update", "demo", "--mode", "live", "--json")
    renamed = run("app", "update", "demo", "--language", "ko")
    run("relay", "create", "out", "--app", "demo", "--host", "mail.b.example")
    later = run("app", "update", "demo", "--mode", "live")

    appid = parsed(made)["appid"]
    assert made.stderr == (
        "warning: demo is allow-list and has no relay that could be used yet: its nobase callers "
        f"get 407. Add one: postroad relay create NAME --app {appid} …\n"
    )
    assert "warning: demo is live" in turned.stderr
    assert parsed(turned)["mode"] == "live"
    assert (renamed.stderr, later.stderr) == ("", "")


def test_every_field_can_be_given_and_is_shown(run: Run) -> None:
    run("developer", "create", "Dana")

    run(
        *("app", "create", "demo", "--mode", "allow-list", "--tokens", "off", "--interval", "0"),
        *("--send", "queued", "--from", "보 <bo@b.example>", "--developer", "Dana"),
        *("--allow", "@b.example", "--allow", "ann@c.example", "--sender", "news@b.example"),
        *("--in-doubt", "hold", "--time-limit", "5", "--language", "ko", "--window", "session"),
        *("--account-min", "4", "--account-max", "8", "--token-days", "30"),
        *("--cors-origin", "https://b.example", "--state", "under_review"),
    )

    found = parsed(run("app", "show", "demo", "--json"))
    expected = {
        "mode": "allow-list",
        "tokens": False,
        "interval_s": 0,
        "send": "queued",
        "from": "보 <bo@b.example>",
        "allow_list": ["@b.example", "ann@c.example"],
        "senders": ["news@b.example"],
        "in_doubt": "hold",
        "time_limit_s": 5.0,
        "language": "ko",
        "window": "session",
        "account_min": 4,
        "account_max": 8,
        "token_days": 30,
        "cors_origins": ["https://b.example"],
        "state": "under_review",
    }
    assert {name: found[name] for name in expected} == expected
    page = run("app", "show", "demo").stdout
    assert "developer     Dana" in page
    assert "보 <bo@b.example>" in page


def test_an_update_changes_what_is_said_and_nothing_else(run: Run) -> None:
    made = parsed(run("app", "create", "demo", "--json"))

    changed = parsed(
        run("app", "update", made["appid"], "--allow", "@b.example", "--name", "on", "--json")
    )
    emptied = parsed(run("app", "update", "on", "--allow", "", "--cors-origin", "", "--json"))

    same = {name: value for name, value in made.items() if name not in {"signature", "api_key"}}
    assert changed == same | {"allow_list": ["@b.example"], "name": "on"}
    assert emptied == same | {"name": "on", "cors_origins": []}


def test_a_disabled_app_is_stopped_with_its_prompt(run: Run) -> None:
    run("app", "create", "demo")

    stopped = parsed(run("app", "disable", "demo", "--stop-prompt", "점검 중", "--json"))

    assert (stopped["state"], stopped["stop_prompt"]) == ("stopped", "점검 중")


def test_a_new_signature_is_printed_and_the_old_one_counts_for_a_while(run: Run) -> None:
    made = parsed(run("app", "create", "demo", "--json"))

    turned = parsed(run("app", "update", "demo", "--rotate-signature", "--overlap", "3d", "--json"))
    shown = run("app", "update", "demo", "--rotate-signature", "--overlap", "0").stdout

    until = datetime.fromisoformat(turned["old_signature_until"])
    assert turned["signature"] != made["signature"]
    assert timedelta(days=2) < until - datetime.now(UTC) <= timedelta(days=3)
    now = parsed(run("app", "show", "demo", "--signature", "--json"))["signature"]
    assert f"signature       {now}\n" in shown
    assert "old one counts  no longer\n" in shown
    assert turned["signature"] not in shown


def test_the_list_is_aligned_whatever_the_script(run: Run) -> None:
    run("app", "create", "회사 알림")
    run("app", "create", "邮件", "--from", "Bo <bo@b.example>")
    run("app", "create", "plain")

    lines = run("app", "list").stdout.splitlines()

    columns = {
        display_width(line[: line.index(word)])
        for line, word in zip(lines, ("State", "normal", "normal", "normal"), strict=True)
    }
    assert len(columns) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("app", "create", "demo", "--interval", "86401"), "interval_s is a whole number from 0"),
        (("app", "create", "demo", "--from", "Bo"), "from: 'Bo' is not a mailbox"),
        (("app", "create", "de\nmo"), "name: the character U+000A"),
        (("app", "create", "demo", "--tokens", "maybe"), "neither on nor off"),
        (("app", "create", "demo", "--developer", "Nobody"), "there is no developer 'Nobody'"),
        (("app", "show", "demo"), "there is no app 'demo'"),
        (("app", "update", "demo"), "nothing to change"),
        (("app", "update", "demo", "--overlap", "1d"), "--overlap belongs to --rotate-signature"),
        (
            ("app", "update", "demo", "--rotate-signature", "--overlap", "soon"),
            "no span of time such as 30m",
        ),
        (("app", "frobnicate"), "there are create, list, show, update, disable"),
        (("app", "--json", "list"), "options come after the command: postroad app list --json"),
        (("--data-dir", "x", "app", "list"), "options come after the command"),
    ],
)
def test_what_cannot_be_is_one_sentence_on_stderr(
    run: Run, arguments: tuple[str, ...], said: str
) -> None:
    result = run(*arguments)

    assert result.exit_code == Exit.USAGE
    assert result.stdout == ""
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


def test_without_a_command_the_help_goes_to_stderr(run: Run) -> None:
    result = run("app")

    assert result.exit_code == Exit.USAGE
    assert result.stdout == ""
    assert "  disable  Stop an app" in result.stderr


def test_an_empty_list_says_how_to_begin_and_is_json_all_the_same(run: Run) -> None:
    result = run("app", "list")

    assert (result.exit_code, result.stdout) == (Exit.OK, "")
    assert result.stderr == "There are no apps yet: postroad app create NAME\n"
    assert parsed(run("app", "list", "--json")) == []


def test_another_installation_is_named_by_its_folder_or_its_settings(
    run: Run, tmp_path: Path
) -> None:
    run("app", "create", "demo")
    other = tmp_path / "other"
    config = tmp_path / "postroad.toml"
    config.write_text(f'data_dir = "{tmp_path / "data"}"\n', "utf-8")

    missing = run("app", "list", "--data-dir", str(other))
    named = run("app", "list", "--config", str(config), "--json")

    assert missing.exit_code == Exit.FAILED
    assert "run `postroad migrate`, or start the server" in missing.stderr
    assert not other.exists()
    assert [app["name"] for app in parsed(named)] == ["demo"]


def test_a_bare_install_names_what_is_missing() -> None:
    code = (
        "import sys\n"
        "class Bare:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] in ('sqlalchemy', 'argon2', 'cryptography'):\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Bare())\n"
        "sys.argv = ['postroad', 'app', 'list']\n"
        "from postroad.cli import main\n"
        "main()\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60)

    assert done.returncode == Exit.USAGE
    assert done.stderr.decode().count("\n") == 1
    assert 'is not installed: pip install "postroad[server]"' in done.stderr.decode()
