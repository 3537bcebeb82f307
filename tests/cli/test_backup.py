"""`postroad backup`, `restore` and `copy`, and `message release --held`."""

from __future__ import annotations

import os
import resource
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from tests.cli.conftest import Run, parsed
from tests.cli.kept import keep
from tests.support import postgresql as server
from tests.support.postgresql import PASSWORD, Postgresql
from tests.support.service import POSTROAD, environment

from postroad.cli.exits import Exit
from postroad.storage.folder import DataFolder
from postroad.storage.postgresql.connecting import shown

BACKUP = "backup.db"
WHY = "restored from a backup of "


def execute(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def rows(path: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


@pytest.fixture
def appid(run: Run, data_dir: Path) -> str:
    """An app with a relay, and three messages of which two are open."""
    made = parsed(run("app", "create", "shop", "--json"))
    appid = str(made["appid"])
    secret = {"SECRET": "relay password"}
    words = ("--host", "localhost", "--port", "1", "--security", "none", "--allow-clear-auth")
    login = ("--username", "danbee", "--password-env", "SECRET")
    result = run("relay", "create", "sink", "--app", appid, *words, *login, env=secret)
    assert result.exit_code == Exit.OK, result.output
    for state in ("queued", "in_doubt", "captured"):
        message_id = keep(data_dir, appid, subject=f"it is {state}")
        path = data_dir / "postroad.db"
        execute(path, f"UPDATE recipient SET state = '{state}' WHERE message_id = '{message_id}'")
        if state == "queued":
            execute(path, f"INSERT INTO queue (message_id, due) VALUES ('{message_id}', 1)")
    return appid


@pytest.fixture
def backup(run: Run, appid: str, tmp_path: Path) -> Path:
    """A backup with its key."""
    path = tmp_path / BACKUP
    result = run("backup", str(path), "--with-key")
    assert appid
    assert result.exit_code == Exit.OK, result.output
    return path


def restored(run: Run, backup: Path) -> Path:
    """A data folder out of the backup."""
    folder = backup.with_name("restored")
    result = run("restore", str(backup), "--key", f"{backup}.key", "--data-dir", str(folder))
    assert result.exit_code == Exit.OK, result.output
    command = f"`postroad message release --held --data-dir {folder}` sends it."
    assert command in " ".join(result.stdout.split())
    return folder


def test_a_backup_is_told_in_a_small_table(run: Run, appid: str, tmp_path: Path) -> None:
    result = run("backup", str(tmp_path / BACKUP), env={"COLUMNS": "80"})

    assert result.exit_code == Exit.OK
    lines = result.stdout.splitlines()
    assert lines[0] == "Backup"
    for line in ("apps                           1", "messages                       3"):
        assert line in lines
    assert "  queued                       1" in lines
    assert "2 secrets opened with the key." in " ".join(result.stdout.split())
    assert "The key file is not in it." in result.stdout
    assert max(len(line) for line in lines if "/" not in line) <= 80
    assert appid
    assert not (tmp_path / f"{BACKUP}.key").exists()


def test_a_backup_as_json(run: Run, appid: str, data_dir: Path, tmp_path: Path) -> None:
    found = parsed(run("backup", str(tmp_path / BACKUP), "--with-key", "--json"))

    assert appid
    assert found["from"] == str(data_dir / "postroad.db")
    assert found["to"] == str(tmp_path / BACKUP)
    assert found["octets"] == (tmp_path / BACKUP).stat().st_size
    assert found["tables"]["message"] == 3
    assert found["open"] == {"in_doubt": 1, "queued": 1}
    assert found["key"] == str(tmp_path / f"{BACKUP}.key")


def test_the_key_is_beside_it_only_when_asked_for(data_dir: Path, backup: Path) -> None:
    key = Path(f"{backup}.key")

    assert key.read_bytes() == (data_dir / "key").read_bytes()
    assert key.stat().st_mode & 0o777 == 0o600


def test_a_backup_overwrites_neither_a_file_nor_another_key(run: Run, backup: Path) -> None:
    before = backup.read_bytes()
    other = backup.with_name("other.db")
    Path(f"{other}.key").write_bytes(b"another")

    again = run("backup", str(backup))
    beside = run("backup", str(other), "--with-key")

    assert again.exit_code == beside.exit_code == Exit.FAILED
    assert again.stderr == f"postroad: {backup} exists already, and nothing is ever overwritten\n"
    assert beside.stderr.startswith(f"postroad: {other}.key exists already with another key")
    assert backup.read_bytes() == before
    assert not other.exists()


def test_without_its_key_there_is_no_backup(run: Run, appid: str, data_dir: Path) -> None:
    (data_dir / "key").rename(data_dir / "gone")

    result = run("backup", str(data_dir / BACKUP))

    assert appid
    assert result.exit_code == Exit.FAILED
    assert result.stderr == f"postroad: the key file is missing: {data_dir / 'key'}\n"
    assert not (data_dir / BACKUP).exists()


def test_with_another_key_there_is_no_backup(run: Run, appid: str, data_dir: Path) -> None:
    (data_dir / "key").write_text(f"1 {'A' * 43}=\n")

    result = run("backup", str(data_dir / "other.db"))

    assert appid
    assert result.exit_code == Exit.FAILED
    assert "cannot be decrypted with the key file" in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (data_dir / "other.db").exists()


def test_what_is_restored_has_everything_and_sends_nothing(
    run: Run, backup: Path, data_dir: Path
) -> None:
    folder = restored(run, backup)

    before, after = data_dir / "postroad.db", folder / "postroad.db"
    for table in ("app", "relay", "api_key", "message", "content", "send_log"):
        everything = f"SELECT * FROM {table}"
        assert rows(after, everything) == rows(before, everything)
    assert rows(after, "SELECT * FROM queue") == []
    found = rows(after, "SELECT state, text FROM recipient ORDER BY message_id")
    assert [state for state, _ in found] == ["held", "held", "captured"]
    assert str(found[0][1]).startswith(WHY)
    assert str(found[0][1]).endswith("; it was queued")
    assert (folder / "key").read_bytes() == (data_dir / "key").read_bytes()
    assert (folder / "key").stat().st_mode & 0o777 == 0o600


def test_a_restored_relay_has_its_password(run: Run, backup: Path) -> None:
    folder = restored(run, backup)

    (relay,) = parsed(run("relay", "list", "--data-dir", str(folder), "--json"))

    assert relay["has_secret"]
    assert run("audit", "verify", "--data-dir", str(folder)).exit_code == Exit.OK


def test_log_and_message_say_why_it_is_held(run: Run, backup: Path) -> None:
    where = ("--data-dir", str(restored(run, backup)))

    log = run("log", "--state", "held", *where)
    (held, *_) = parsed(run("message", "list", "--state", "held", *where, "--json"))
    shown = run("message", "show", held["id"], *where)

    assert log.stdout.count(WHY) == 2
    assert f"It waits for a person: {WHY}" in " ".join(shown.stdout.split())


def test_a_folder_with_a_database_is_not_restored_into(run: Run, backup: Path) -> None:
    folder = restored(run, backup)
    before = (folder / "postroad.db").read_bytes()

    result = run("restore", str(backup), "--data-dir", str(folder))

    assert result.exit_code == Exit.FAILED
    assert result.stderr == (
        f"postroad: {folder / 'postroad.db'} exists already, and nothing is ever overwritten\n"
    )
    assert (folder / "postroad.db").read_bytes() == before


def test_a_folder_that_lost_its_database_is_restored_with_the_key_that_is_there(
    run: Run, backup: Path, data_dir: Path
) -> None:
    (data_dir / "postroad.db").unlink()

    result = run("restore", str(backup))

    assert result.exit_code == Exit.OK, result.output
    assert run("app", "list").exit_code == Exit.OK


def test_a_backup_without_its_key_is_not_restored(run: Run, backup: Path) -> None:
    folder = backup.with_name("restored")

    beside = run("restore", str(backup), "--data-dir", str(folder))
    Path(f"{backup}.key").unlink()
    nowhere = run("restore", str(backup), "--data-dir", str(folder))

    start = f"postroad: {backup} cannot be restored without its key file: give it with --key"
    assert beside.exit_code == nowhere.exit_code == Exit.FAILED
    assert beside.stderr == f"{start} {backup}.key\n"
    assert nowhere.stderr == f"{start}, or put it at {folder / 'key'}\n"
    assert not folder.exists()


def test_another_key_is_refused_and_leaves_nothing(run: Run, backup: Path) -> None:
    folder, other = backup.with_name("restored"), backup.with_name("other.key")
    other.write_text(f"1 {'A' * 43}=\n")
    other.chmod(0o600)

    result = run("restore", str(backup), "--key", str(other), "--data-dir", str(folder))

    assert result.exit_code == Exit.FAILED
    assert result.stderr.startswith(f"postroad: {other} is not the key of {backup}: ")
    assert result.stderr.count("\n") == 1
    assert not folder.exists()


@pytest.mark.parametrize("octets", [b"", b"x" * 10_000])
def test_what_is_no_backup_is_refused_in_one_line(run: Run, backup: Path, octets: bytes) -> None:
    path = backup.with_name("other")
    path.write_bytes(octets)
    folder = backup.with_name("restored")

    words = ("--key", f"{backup}.key", "--data-dir", str(folder))
    result = run("restore", str(path), *words)
    missing = run("restore", f"{path}-missing", *words)

    assert result.exit_code == missing.exit_code == Exit.FAILED
    assert result.stderr.count("\n") == missing.stderr.count("\n") == 1
    assert path.read_bytes() == octets
    assert not (folder / "postroad.db").exists()


def test_a_full_disk_is_said_in_one_line_and_leaves_nothing(
    appid: str, data_dir: Path, tmp_path: Path
) -> None:
    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))

    place = tmp_path / "place"
    place.mkdir()

    done = subprocess.run(
        [*POSTROAD, "backup", str(place / BACKUP)],
        env=environment(POSTROAD_DATA_DIR=str(data_dir)),
        preexec_fn=little_room,
        capture_output=True,
        text=True,
        check=False,
    )

    assert appid
    assert done.returncode == Exit.FAILED
    assert done.stderr.count("\n") == 1
    assert list(place.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_backup_that_may_not_be_read_is_refused(run: Run, backup: Path) -> None:
    backup.chmod(0)

    result = run("restore", str(backup), "--key", f"{backup}.key")

    assert result.exit_code == Exit.FAILED
    assert result.stderr.count("\n") == 1


def test_no_server_starts_on_a_backup(run: Run, backup: Path) -> None:
    result = run("serve", "--database", f"sqlite:///{backup}")

    assert result.exit_code == Exit.FAILED
    assert result.stderr.endswith(
        f"{backup} is a backup: `postroad restore` makes a database of it\n"
    )


def test_held_mail_is_shown_asked_about_and_let_go(run: Run, backup: Path) -> None:
    folder = restored(run, backup)
    words = ("message", "release", "--held", "--data-dir", str(folder))

    refused = run(*words, input="n\n")
    released = run(*words, "--app", "shop", input="y\n")
    again = run(*words, "--yes")

    assert refused.exit_code == Exit.USAGE
    assert "Send 2 messages although 1 may arrive a second time? [y/N]" in refused.stderr
    assert refused.stderr.endswith("Nothing was sent; it is held as before.\n")
    assert released.exit_code == Exit.OK
    assert released.stdout.splitlines()[-1] == (
        "2 messages queued: a server that runs sends them now."
    )
    assert rows(folder / "postroad.db", "SELECT count(*) FROM queue") == [(2,)]
    assert again.exit_code == Exit.OK
    assert again.stderr == "No mail is held that could be sent.\n"


def test_held_mail_is_let_go_by_a_program_that_says_so(run: Run, backup: Path) -> None:
    words = ("message", "release", "--held", "--data-dir", str(restored(run, backup)), "--json")

    unsure = run(*words)
    sure = run(*words, "--yes")

    assert unsure.exit_code == Exit.USAGE
    assert "there is nobody to ask: --yes says that you are sure" in unsure.stderr
    assert parsed(sure) == {"released": 2, "unsendable": 0}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "give either a MESSAGE or --held"),
        (("latest", "--held"), "give either a MESSAGE or --held"),
        (("latest", "--yes"), "--app and --yes go with --held"),
        (("latest", "--app", "shop"), "--app and --yes go with --held"),
    ],
)
def test_release_takes_a_message_or_all_that_is_held(
    run: Run, words: tuple[str, ...], said: str
) -> None:
    result = run("message", "release", *words)

    assert result.exit_code == Exit.USAGE
    assert said in result.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "give either --to URL or --undo"),
        (("--undo", "--to", "postgresql://a@b/c"), "give either --to URL or --undo"),
        (("--to", "mysql://a@b/c"), "--to must be a URL such as postgresql://user@host/name"),
        (("--to", "postgresql://[a/b"), "cannot be understood"),
        (("--to", "postgresql://host"), "it ends in the name of one database"),
        (("--to", "postgresql://a:SECRET@b/c"), "never taken from the command line"),
        (("--to", "postgresql://a@b/c?password=SECRET"), "never taken from the command line"),
    ],
)
def test_where_to_is_checked(run: Run, words: tuple[str, ...], said: str) -> None:
    result = run("copy", *words)

    assert result.exit_code == Exit.USAGE
    assert said in result.stderr
    assert "SECRET" not in result.output


def without_password(url: str) -> str:
    scheme, _, rest = url.partition("://")
    login, _, place = rest.partition("@")
    return f"{scheme}://{login.partition(':')[0]}@{place}"


def test_everything_moves_and_stays_open_and_can_come_back(
    run: Run,
    appid: str,
    data_dir: Path,
    postgresql: Postgresql,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    full = postgresql.new_database("template0")
    url = without_password(full)

    moved = run("copy", "--to", url)
    again = run("copy", "--to", url)
    closed = run("app", "list")
    back = parsed(run("copy", "--undo", "--yes", "--json"))
    taken = run("copy", "--to", url)

    assert appid
    assert moved.exit_code == Exit.OK, moved.output
    assert shown(url) in moved.stdout
    assert "POSTROAD_DATABASE set to the URL that you gave to --to" in " ".join(
        moved.stdout.split()
    )
    assert server.rows(full, "SELECT state FROM recipient ORDER BY message_id") == [
        *(("queued",), ("in_doubt",), ("captured",))
    ]
    assert server.rows(full, "SELECT due FROM queue") == [(1,)]
    assert again.exit_code == Exit.USAGE
    assert again.stderr.endswith("already, and everything is there\n")
    assert closed.exit_code == Exit.FAILED
    assert f"moved to {shown(url)} on " in closed.stderr
    assert back == {"database": str(data_dir / "postroad.db"), "was_moved_to": shown(url)}
    assert run("app", "list").exit_code == Exit.OK
    assert taken.exit_code == Exit.FAILED
    assert "is not empty: it has 1 app, 1 relay, 3 message, 3 send_log" in taken.stderr


def test_a_move_whose_last_step_fails_leaves_everything_here(
    run: Run, appid: str, postgresql: Postgresql, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    full = postgresql.new_database()
    server.execute(
        full,
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE 'not now'; END $$",
        "CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON audit DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION refuse()",
    )

    failed = run("copy", "--to", without_password(full))
    here = parsed(run("app", "list", "--json"))
    server.execute(full, "DROP TRIGGER at_commit ON audit")
    moved = run("copy", "--to", without_password(full))

    assert failed.exit_code == Exit.FAILED
    assert failed.stderr == "postroad: PostgreSQL refused: not now\n"
    assert [app["appid"] for app in here] == [appid]
    assert moved.exit_code == Exit.OK, moved.output


def test_a_backup_of_one_engine_is_restored_on_the_other(
    run: Run, backup: Path, postgresql: Postgresql, tmp_path: Path
) -> None:
    from postroad.settings import Settings
    from postroad.wiring import copies

    there = Settings(data_dir=tmp_path / "there", database=postgresql.new_database("template0"))

    into = copies.restore(there, backup, Path(f"{backup}.key"))
    out = copies.back_up(there, tmp_path / "out.db", with_key=True)
    shutil.rmtree(tmp_path / "there")
    folder = restored(run, tmp_path / "out.db")

    assert into.open == {"in_doubt": 1, "queued": 1}
    assert out.open == {"held": 2}
    assert PASSWORD.replace(" ", "%20") not in out.source
    for table in ("app", "relay", "api_key", "message", "content", "send_log"):
        everything = f"SELECT * FROM {table}"
        assert rows(folder / "postroad.db", everything) == rows(backup, everything)


def test_paths_are_told_tidied(run: Run, appid: str, tmp_path: Path) -> None:
    (tmp_path / "place").mkdir()

    made = run("backup", str(tmp_path / "place" / ".." / BACKUP), "--with-key")

    assert appid
    assert str(tmp_path / BACKUP) in made.stdout
    assert ".." not in made.stdout


def test_a_file_that_postgresql_s_url_hides_is_noted(
    run: Run, appid: str, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTROAD_DATABASE", "postgresql://bo@localhost:1/postroad")

    by_folder = run("app", "list", "--data-dir", str(data_dir))
    by_variable = run("app", "list")

    assert appid
    note = (
        "note: POSTROAD_DATABASE names postgresql://localhost:1/postroad, and that counts, not "
        f"{data_dir / 'postroad.db'}: `env -u POSTROAD_DATABASE postroad …` means the file\n"
    )
    assert by_folder.stderr.count(note) == 1
    assert "note:" not in by_variable.stderr


def test_a_move_is_taken_back_while_the_variable_names_postgresql(
    run: Run,
    appid: str,
    data_dir: Path,
    postgresql: Postgresql,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    url = without_password(postgresql.new_database("template0"))
    assert run("copy", "--to", url).exit_code == Exit.OK
    monkeypatch.setenv("POSTROAD_DATABASE", url)

    back = run("copy", "--undo", "--yes")
    never_left = run("copy", "--undo", "--yes")
    again = run("copy", "--to", url)
    monkeypatch.delenv("POSTROAD_DATABASE")

    told = " ".join(back.stdout.split())
    assert back.exit_code == Exit.OK, back.output
    assert f"Servers open {data_dir / 'postroad.db'} again." in told
    assert told.endswith("Unset POSTROAD_DATABASE first.")
    assert never_left.stderr == f"postroad: {data_dir / 'postroad.db'} has not moved\n"
    assert f"to copy the file in {data_dir}, unset POSTROAD_DATABASE first" in again.stderr
    assert [each["appid"] for each in parsed(run("app", "list", "--json"))] == [appid]


def test_somebody_else_s_database_is_not_empty_whatever_its_key(
    run: Run, backup: Path, tmp_path: Path, postgresql: Postgresql, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    monkeypatch.setenv("POSTROAD_ALLOW_UNSAFE_POSTGRESQL", "on")
    url = without_password(postgresql.new_database("template0"))
    ready = without_password(postgresql.new_database("template0"))
    theirs = ("--data-dir", str(tmp_path / "theirs"))
    for each in (url, ready):
        assert run("migrate", *theirs, env={"POSTROAD_DATABASE": each}).exit_code == Exit.OK
    run("app", "create", "theirs", *theirs, env={"POSTROAD_DATABASE": url})

    copied = run("copy", "--to", url)
    into = (str(backup), "--key", f"{backup}.key", "--data-dir", str(tmp_path / "new"))
    restored = run("restore", *into, env={"POSTROAD_DATABASE": url})
    half_made = run("copy", "--to", ready)

    for result in (copied, restored):
        assert result.exit_code == Exit.FAILED
        assert f"{shown(url)} is not empty: it has 1 app, " in result.stderr
        assert "key" not in result.stderr.replace("api_key", "")
    assert "was made ready with another key file than" in half_made.stderr
    assert half_made.stderr.endswith("give a new database\n")
    assert not (tmp_path / "new").exists()


def test_a_copy_beside_a_server_says_that_it_has_to_stop(
    run: Run, appid: str, data_dir: Path
) -> None:
    with DataFolder(data_dir).locked():
        result = run("copy", "--to", "postgresql://bo@localhost:1/postroad")

    assert appid
    assert result.exit_code == Exit.FAILED
    assert result.stderr == (
        f"postroad: a server is running (process {os.getpid()}): stop it first\n"
    )
