"""`postroad audit`."""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.conftest import Run, parsed

from postroad.cli.audit import examine_audit
from postroad.cli.exits import Exit
from postroad.operations.administration import apps
from postroad.operations.administration.examination import Finding, Verdict
from postroad.settings import Settings
from postroad.tenancy.audit import Actor
from postroad.wiring import installation

ME = f"cli:{pwd.getpwuid(os.getuid()).pw_name}"
PASSWORD = "relay-hunter2"


def tamper(data_dir: Path, statement: str) -> None:
    connection = sqlite3.connect(data_dir / "postroad.db")
    connection.execute(statement)
    connection.commit()
    connection.close()


@pytest.fixture
def appid(run: Run, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An app with a key and a relay; five entries."""
    monkeypatch.setenv("PASSWORD", PASSWORD)
    monkeypatch.setenv("USER", "somebody else")
    monkeypatch.setenv("LOGNAME", "somebody else")
    made = parsed(run("app", "create", "shop", "--json"))
    login = ("--username", "shop", "--password-env", "PASSWORD")
    created = run("relay", "create", "naver", "--app", "shop", "--preset", "naver", *login)
    assert created.exit_code == Exit.OK, created.stderr
    assert run("app", "update", "shop", "--mode", "live").exit_code == Exit.OK
    return str(made["appid"])


def test_a_change_is_listed_with_who_made_it_and_what_was_there_before(
    run: Run, appid: str
) -> None:
    listed = run("audit", "list")

    lines = listed.stdout.splitlines()
    assert lines[0].split() == ["No.", "Time", "(UTC)", "What", "Who"]
    assert lines[-2].split()[0] == "5"
    assert lines[-2].split()[3:] == ["app.update", ME]
    assert lines[-1] == f"     app {appid}: mode: capture → live"
    assert lines[1].split()[3:] == ["app.create", ME]
    assert lines[2].startswith(f"     app {appid}: ")
    assert "name: shop" in lines[2]
    assert f" of {appid}: secret: - → ***" in lines[-3]
    assert PASSWORD not in listed.stdout


def test_an_update_has_an_arrow_also_where_there_was_nothing(run: Run, appid: str) -> None:
    run("app", "update", appid, "--per-day", "5")
    run("app", "update", appid, "--per-recipient-hour", "7")
    run("app", "update", appid, "--per-recipient-hour", "")

    lines = run("audit", "list", "--action", "app.update").stdout.splitlines()

    assert lines[-5] == f"     app {appid}: per_day: 0 → 5"
    assert lines[-3] == f"     app {appid}: per_recipient_hour: - → 7"
    assert lines[-1] == f"     app {appid}: per_recipient_hour: 7 → -"


def test_a_key_is_called_by_its_name_and_the_entry_fits_80_columns(
    run: Run, appid: str, data_dir: Path
) -> None:
    made = parsed(run("key", "create", "deploy", "--app", appid, "--json"))

    async def rotate() -> None:
        async with installation(Settings(data_dir=data_dir)) as found:
            actor = Actor(f"key:{made['id']}", "2001:db8:1111:2222:3333:4444:5555:6666")
            await apps.rotate_signature(found.desk(actor), appid, overlap=apps.OVERLAP)

    asyncio.run(rotate())
    listed = run("audit", "list", "--actor", "key:deploy", env={"COLUMNS": "80"})
    made_by_me = run("audit", "list", "--action", "key", env={"COLUMNS": "80"}).stdout

    lines = listed.stdout.splitlines()
    assert lines[1].split()[3:] == ["app.rotate_signature", "key:deploy"]
    assert lines[2] == "     from 2001:db8:1111:2222:3333:4444:5555:6666"
    assert max(map(len, (*lines, *made_by_me.splitlines()))) <= 80
    assert f"     key deploy of {appid}: " in made_by_me
    assert made["id"] not in listed.stdout + made_by_me


@pytest.mark.usefixtures("appid")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--actor", "kim"), "--actor: nobody is called 'kim': there are cli:…, key:…, operator:…"),
        (("--action", "apps"), "--action: nothing is done to 'apps': it is app, user, key, "),
        (("--action", "keys.disable"), "--action: nothing is done to 'keys'"),
    ],
)
def test_what_no_entry_can_have_is_not_looked_for(
    run: Run, words: tuple[str, ...], said: str
) -> None:
    refused = run("audit", "list", *words)

    assert refused.exit_code == Exit.USAGE
    assert said in refused.stderr


def test_a_narrow_terminal_shows_everything_on_more_lines(run: Run, appid: str) -> None:
    lines = run("audit", "list", "--app", appid, env={"COLUMNS": "60"}).stdout.splitlines()

    assert len(lines) > 11
    assert max(map(len, lines)) <= 60


def test_entries_are_chosen_and_paged(run: Run, appid: str) -> None:
    run("developer", "create", "Dana")

    def found(*options: str) -> list[int]:
        return [each["seq"] for each in parsed(run("audit", "list", "--json", *options))["entries"]]

    assert found() == [1, 2, 3, 4, 5, 6]
    assert found("--limit", "2") == [5, 6]
    assert found("--limit", "2", "--after", "2") == [3, 4]
    assert found("--app", "shop") == found("--app", appid) == [1, 2, 3, 4, 5]
    assert found("--action", "relay") == [3, 4]
    assert found("--action", "app.update") == [5]
    assert found("--actor", ME) == [1, 2, 3, 4, 5, 6]
    assert found("--actor", "system") == []


def test_json_has_the_entries_and_the_end_of_all(run: Run, appid: str) -> None:
    shown = parsed(run("audit", "list", "--json", "--action", "app.update"))

    (entry,) = shown["entries"]
    assert {name: entry[name] for name in ("seq", "actor", "address", "action")} == {
        "seq": 5,
        "actor": ME,
        "address": "",
        "action": "app.update",
    }
    assert (entry["app_id"], entry["target"]) == (appid, appid)
    assert entry["changes"] == {"mode": ["capture", "live"]}
    assert entry["at"].endswith("Z")
    assert shown["end"] == {"seq": 5, "hash": entry["hash"]}


def test_what_is_not_there_is_said(run: Run, appid: str) -> None:
    nothing = run("audit", "list", "--actor", "system")
    unknown = run("audit", "list", "--app", "nonsense")
    removed = run("audit", "list", "--app", str(int(appid) ^ 1))

    assert (nothing.exit_code, nothing.stdout) == (Exit.OK, "")
    assert nothing.stderr == removed.stderr == "There are no such entries.\n"
    assert unknown.exit_code == Exit.USAGE
    assert "there is no app 'nonsense'" in unknown.stderr


@pytest.mark.usefixtures("appid")
def test_a_whole_log_is_verified(run: Run) -> None:
    verified = run("audit", "verify")
    found = parsed(run("audit", "verify", "--json"))
    noted = f"{found['end']['seq']}:{found['end']['hash']}"

    assert verified.exit_code == Exit.OK
    assert verified.stdout == f"5 entries are as written, up to {noted}\n"
    assert (found["ok"], found["checked"], found["misfit"]) == (True, 5, None)
    assert run("audit", "verify", "--noted", noted).exit_code == Exit.OK


@pytest.mark.usefixtures("appid")
def test_the_first_entry_that_does_not_fit_is_named(run: Run, data_dir: Path) -> None:
    tamper(data_dir, "UPDATE audit SET actor = 'system' WHERE seq = 4")

    verified = run("audit", "verify")
    found = parsed(run("audit", "verify", "--json"))

    assert verified.exit_code == Exit.FAILED
    assert verified.stdout.startswith("3 entries are as written, up to 3:")
    assert "Then entry 4 does not fit its hash: it was changed, or put in" in verified.stdout
    assert (found["ok"], found["checked"], found["end"]["seq"]) == (False, 3, 3)
    assert found["misfit"].startswith("entry 4 does not fit")


@pytest.mark.usefixtures("appid")
def test_an_end_that_was_cut_off_shows_against_what_was_noted(run: Run, data_dir: Path) -> None:
    entries = parsed(run("audit", "list", "--json"))["entries"]
    noted = f"5:{entries[4]['hash']}"
    tamper(data_dir, "DELETE FROM audit WHERE seq = 5")
    tamper(data_dir, f"UPDATE audit_end SET seq = 4, hash = '{entries[3]['hash']}'")

    by_itself, against = run("audit", "verify"), run("audit", "verify", "--noted", noted)

    assert by_itself.exit_code == Exit.OK
    assert against.exit_code == Exit.FAILED
    assert "the newest are missing: 5 were noted, 4 are there" in against.stdout


@pytest.mark.usefixtures("appid")
@pytest.mark.parametrize("noted", ["5", "5:", "5:abc", "x:" + "0" * 64, "5:" + "G" * 64])
def test_what_is_no_end_of_a_log_is_refused(run: Run, noted: str) -> None:
    refused = run("audit", "verify", "--noted", noted)

    assert refused.exit_code == Exit.USAGE
    assert "is no NUMBER:HASH" in refused.stderr


@pytest.mark.usefixtures("appid")
def test_the_doctor_looks_at_the_newest_entries(run: Run, data_dir: Path) -> None:
    fine = run("doctor")
    tamper(data_dir, "DELETE FROM audit WHERE seq = 4")
    wrong = parsed(run("doctor", "--json"))

    assert "audit log  5 entries are as written" in fine.stdout
    assert {
        "subject": "audit log",
        "verdict": "wrong",
        "sentence": "entry 4 is missing: after 3 comes 5; "
        "`postroad audit verify` looks at all of it",
    } in wrong["findings"]


@pytest.mark.usefixtures("appid")
def test_a_log_without_its_end_lets_nothing_be_changed_and_says_so(
    run: Run, data_dir: Path
) -> None:
    tamper(data_dir, "DELETE FROM audit_end")

    said = "the audit log has lost its end: restore a backup"
    for words in (("audit", "verify"), ("app", "update", "shop", "--mode", "capture")):
        refused = run(*words)
        assert refused.exit_code == Exit.FAILED
        assert refused.stderr == f"postroad: {said}\n"
    assert f"audit log  {said}" in run("doctor").stdout


@pytest.mark.usefixtures("appid")
def test_the_doctor_says_when_there_are_more_than_it_looks_at(data_dir: Path) -> None:
    async def look() -> Finding:
        async with installation(Settings(data_dir=data_dir)) as found:
            return await examine_audit(found, newest=2)

    assert asyncio.run(look()) == Finding(
        "audit log", Verdict.FINE, "the newest 2 of 5 entries are as written"
    )


@pytest.mark.usefixtures("appid")
def test_the_example_that_verifies_without_postroad_does(run: Run) -> None:
    page = Path(__file__).parents[2] / "docs" / "explanation" / "audit-log.md"
    (program,) = re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    run("app", "update", "shop", "--name", "가게 中")

    def ran(listed: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", program],
            input=listed,
            capture_output=True,
            text=True,
            check=False,
        )

    shown = run("audit", "list", "--json", "--after", "0").stdout
    assert ran(shown).stdout == f"every entry fits, up to {json.loads(shown)['end']['hash']}\n"
    assert ran(shown.replace("naver", "other", 1)).stderr == "entry 3 does not fit\n"


@pytest.mark.usefixtures("data_dir")
def test_the_way_back_in_is_noted_without_the_password(run: Run) -> None:
    password = parsed(run("operator", "reset", "--json"))["password"]

    listed = run("audit", "list", "--json")
    (entry,) = parsed(listed)["entries"]
    assert (entry["actor"], entry["action"]) == (ME, "operator.reset")
    assert password not in listed.stdout
