"""`postroad doctor`."""

from __future__ import annotations

import os
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.cli.conftest import Run, parsed
from tests.cli.kept import keep, keep_abandoned, keep_tried

from postroad.cli.doctor import clock, disk
from postroad.cli.doctor_mail import server_of, waiting
from postroad.cli.exits import Exit
from postroad.delivery.states import State
from postroad.errors import Code
from postroad.operations.administration.examination import Verdict
from postroad.storage.folder import DataFolder

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def wrong(run: Run, *arguments: str) -> dict[str, str]:
    found = parsed(run("doctor", "--json", *arguments))
    told = {
        each["subject"]: each["sentence"]
        for each in found["findings"]
        if each["verdict"] == "wrong"
    }
    assert found["ok"] is not bool(told)
    return told


def test_where_all_is_well_every_subject_is_named(run: Run, data_dir: Path) -> None:
    run("app", "create", "demo")

    result = run("doctor")

    subjects = [line[2:12].strip() for line in result.stdout.splitlines() if line.startswith("✓")]
    assert result.exit_code == Exit.OK
    assert subjects == [
        *("settings", "database", "key file", "disk", "clock"),
        *("server", "mail", "audit log", "relays", "apps"),
    ]
    assert result.stdout.endswith("Nothing is wrong.\n")


def test_a_folder_without_a_database_is_told_what_makes_one(run: Run, tmp_path: Path) -> None:
    result = run("doctor", "--data-dir", str(tmp_path / "none"))

    assert result.exit_code == Exit.FAILED
    assert "`postroad migrate`" in result.stdout
    assert not (tmp_path / "none").exists()


def test_a_log_that_is_gone_is_told_and_nothing_takes_its_place(run: Run, data_dir: Path) -> None:
    run("app", "create", "demo")
    marker = data_dir / "postroad.db-open"
    marker.touch()  # as a killed server leaves it, beside a log that was then lost

    result = run("doctor")

    assert result.exit_code == Exit.FAILED
    assert "postroad.db-wal is missing, and with it the last messages" in result.stdout
    assert marker.exists()
    assert not (data_dir / "postroad.db-wal").exists()


def test_a_database_that_is_gone_is_not_called_a_new_one(run: Run, data_dir: Path) -> None:
    (data_dir / "postroad.db-open").touch()
    (data_dir / "postroad.db").unlink()

    result = run("doctor")

    assert result.exit_code == Exit.FAILED
    assert "says that there was one" in result.stdout


def test_settings_that_cannot_work_are_named(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "postroad.toml"
    config.write_text('lisen = "0.0.0.0:80"\n', "utf-8")

    told = wrong(run, "--config", str(config))

    assert list(told) == ["settings"]
    assert "lisen" in told["settings"]


def test_a_listener_beyond_loopback_without_tls_is_a_warning(
    run: Run, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTROAD_LISTEN", "0.0.0.0:8025")

    result = run("doctor")

    assert result.exit_code == Exit.OK
    assert "! settings" in result.stdout
    assert result.stdout.endswith("1 warning.\n")


def test_a_key_that_others_can_read_is_wrong(run: Run, data_dir: Path) -> None:
    (data_dir / "key").chmod(0o640)

    told = wrong(run)

    assert "chmod 600" in told["key file"]


def test_a_missing_key_is_wrong(run: Run, data_dir: Path) -> None:
    (data_dir / "key").unlink()

    assert "key file" in wrong(run)
    assert not (data_dir / "key").exists()


def test_another_key_than_the_database_s_is_wrong(run: Run, data_dir: Path, tmp_path: Path) -> None:
    run("app", "create", "demo")
    run("migrate", "--data-dir", str(tmp_path / "other"))
    (data_dir / "key").write_bytes((tmp_path / "other" / "key").read_bytes())

    assert list(wrong(run)) == ["records"]


def test_a_damaged_page_is_found(run: Run, data_dir: Path) -> None:
    run("app", "create", "demo")
    path = data_dir / "postroad.db"
    connection = sqlite3.connect(path)
    page, size = connection.execute(
        "SELECT rootpage, (SELECT page_size FROM pragma_page_size) FROM sqlite_schema "
        "WHERE name = 'app'"
    ).fetchone()
    connection.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\x00" * 64)

    told = wrong(run)

    assert list(told) == ["database"]


def test_rows_that_refer_to_nothing_are_found(run: Run, data_dir: Path) -> None:
    run("app", "create", "demo")
    connection = sqlite3.connect(data_dir / "postroad.db")
    connection.execute("DELETE FROM app")
    connection.commit()
    connection.close()

    assert "refer to nothing" in wrong(run)["database"]


def test_a_relay_without_password_and_its_app_are_named(run: Run, data_dir: Path) -> None:
    run("app", "create", "demo", "--mode", "live", "--from", "bo@b.example")
    run(
        *("relay", "create", "own", "--app", "demo", "--host", "mail.b.example"),
        *("--username", "bo", "--password-env", "PASSWORD"),
    )
    run("relay", "update", "own", "--remove-password")

    assert list(wrong(run)) == ["relay own", "app demo"]


def warnings(run: Run) -> dict[str, str]:
    result = run("doctor", "--json")
    assert result.exit_code == Exit.OK
    found = parsed(result)["findings"]
    return {each["subject"]: each["sentence"] for each in found if each["verdict"] == "warning"}


def test_an_app_without_any_relay_is_a_warning_that_does_not_fail(run: Run, data_dir: Path) -> None:
    run("app", "create", "demo", "--mode", "live")

    told = warnings(run)

    assert "its nobase callers get 407: it has no relay yet" in told["app demo"]


def test_nothing_is_called_working_that_was_not_tried(run: Run, data_dir: Path) -> None:
    run("app", "create", "demo")
    run("relay", "create", "own", "--app", "demo", "--host", "mail.b.example")
    run("relay", "create", "off", "--app", "demo", "--host", "mail.b.example", "--enabled", "off")

    page = run("doctor").stdout

    assert "2 relays are complete (nothing was connected; `postroad relay check` does)" in page
    assert "it is disabled" in page
    assert "can work" not in page


def test_mail_that_waits_for_somebody_is_counted_with_the_oldest(run: Run, data_dir: Path) -> None:
    appid = parsed(run("app", "create", "demo", "--json"))["appid"]
    first, second, third = (keep(data_dir, appid) for _ in range(3))
    keep_abandoned(data_dir, first)
    keep_abandoned(data_dir, second)
    due = datetime.now(UTC) + timedelta(hours=1)
    keep_tried(data_dir, third, State.DEFERRED, reply=(451, "4.7.1", "Later"), due=due)
    oldest = parsed(run("message", "show", first, "--json"))["created_at"]

    told = warnings(run)

    assert set(told) == {"in doubt", "waiting"}
    assert told["in doubt"].startswith("2 recipients in doubt")
    assert f"the oldest since {oldest[:10]} {oldest[11:19]} UTC" in told["in doubt"]
    assert "`postroad message list --state in_doubt`" in told["in doubt"]
    assert told["waiting"].startswith("1 recipient waiting to be tried, the oldest since")
    assert told["waiting"].endswith("no server is running that tries them")


def test_mail_that_waits_for_a_running_server_is_fine() -> None:
    assert waiting(3, NOW, is_served=True).verdict is Verdict.FINE
    assert waiting(3, NOW, is_served=False).verdict is Verdict.WARNING


def test_a_relay_whose_last_login_failed_is_named_until_one_goes_well(
    run: Run, data_dir: Path
) -> None:
    appid = parsed(run("app", "create", "demo", "--json"))["appid"]
    relay = parsed(
        run("relay", "create", "own", "--app", "demo", "--host", "mail.b.example", "--json")
    )["id"]
    error = "535 5.7.8 wrong password"
    failed, sent = keep(data_dir, appid), keep(data_dir, appid)
    keep_tried(data_dir, failed, State.FAILED, code=Code.AUTH, error=error, relay_id=relay)

    told = warnings(run)
    keep_tried(data_dir, sent, State.ACCEPTED, code=Code.OK, relay_id=relay)

    assert error in told["relay own"]
    assert f"`postroad relay check {relay}`" in told["relay own"]
    assert warnings(run) == {}


def test_a_server_is_known_by_the_lock_it_holds(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)

    before = server_of(folder.lock)
    with folder.locked():
        during = server_of(folder.lock)
    after = server_of(folder.lock)

    assert (before, after) == (None, None)
    assert during == f"one is running (process {os.getpid()})"


def test_a_clock_that_was_set_back_is_wrong() -> None:
    assert clock(NOW, NOW).verdict is Verdict.FINE
    assert clock(NOW, NOW + timedelta(minutes=1)).verdict is Verdict.FINE
    assert clock(NOW, NOW + timedelta(hours=1)).verdict is Verdict.WRONG
    assert clock(datetime(1970, 1, 2, tzinfo=UTC), None).verdict is Verdict.WRONG


def test_the_clock_is_held_against_the_newest_entry_of_the_log(run: Run, data_dir: Path) -> None:
    appid = parsed(run("app", "create", "demo", "--json"))["appid"]
    keep(data_dir, appid)
    connection = sqlite3.connect(data_dir / "postroad.db")
    connection.execute("UPDATE send_log SET at = at + 86400000000")
    connection.commit()
    connection.close()

    assert "was set back" in wrong(run)["clock"]


@pytest.mark.parametrize(
    ("free", "verdict"),
    [(50 << 20, Verdict.WRONG), (500 << 20, Verdict.WARNING), (5 << 30, Verdict.FINE)],
)
def test_a_disk_that_fills_up_is_told(free: int, verdict: Verdict) -> None:
    assert disk(Path("/data"), free).verdict is verdict


def test_a_folder_that_nothing_can_be_written_to_is_wrong() -> None:
    found = disk(Path("/srv/data"), 10 << 30, is_writable=False)

    assert found.verdict is Verdict.WRONG
    assert found.sentence.startswith("nothing can be written to /srv/data, so that no mail is")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_the_doctor_tries_whether_it_may_write(run: Run, data_dir: Path) -> None:
    data_dir.chmod(0o500)
    try:
        told = run("doctor").stdout
    finally:
        data_dir.chmod(0o700)

    assert "nothing can be written to" in " ".join(told.split())
