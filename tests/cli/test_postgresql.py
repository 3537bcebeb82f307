"""Commands on PostgreSQL."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.conftest import Run, parsed
from tests.support.postgresql import Postgresql, execute
from tests.support.service import POSTROAD

from postroad.cli.exits import Exit


@pytest.fixture
def url(postgresql: Postgresql, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Return a database with nothing in it, which the settings name."""
    url = postgresql.new_database("template0")
    monkeypatch.setenv("POSTROAD_DATABASE", url)
    monkeypatch.setenv("POSTROAD_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("POSTROAD_ALLOW_UNSAFE_POSTGRESQL", "on")
    try:
        yield url
    finally:
        postgresql.drop(url)


def database(run: Run) -> tuple[str, str]:
    """Return what doctor says of the database: the verdict, and why."""
    result = run("doctor", "--json")
    found = {each["subject"]: each for each in parsed(result)["findings"]}
    assert "s3cret" not in result.output
    return found["database"]["verdict"], found["database"]["sentence"]


def test_a_schema_is_made_once_and_the_password_is_not_shown(run: Run, url: str) -> None:
    first = parsed(run("migrate", "--json"))
    second = run("migrate")

    shown = f"postgresql://{url.rpartition('@')[2]}"
    assert first == {"database": shown, "was_changed": True}
    assert second.stdout == f"{shown} is as this version needs it; nothing was changed.\n"


@pytest.mark.usefixtures("url")
def test_commands_need_the_schema_first(run: Run) -> None:
    result = run("app", "list")

    assert result.exit_code == Exit.FAILED
    assert "run `postroad migrate`" in result.stderr
    assert database(run)[0] == "wrong"


@pytest.mark.usefixtures("url")
def test_what_one_command_makes_another_lists(run: Run) -> None:
    run("migrate")

    made = parsed(run("app", "create", "demo", "--json"))

    assert [each["appid"] for each in parsed(run("app", "list", "--json"))] == [made["appid"]]


@pytest.mark.usefixtures("url")
def test_doctor_names_what_can_lose_mail(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("migrate")

    allowed = database(run)
    monkeypatch.setenv("POSTROAD_ALLOW_UNSAFE_POSTGRESQL", "off")
    refused = database(run)

    assert allowed[0] == "warning"
    assert "fsync, full_page_writes, synchronous_commit off" in allowed[1]
    assert refused == ("wrong", allowed[1])


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("ALTER TABLE message DROP COLUMN subject", "column subject of the table message"),
        ("DROP TABLE queue", "of the table queue is missing"),
        (
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_queue_due'::regclass",
            "ix_queue_due is not valid",
        ),
    ],
)
def test_doctor_names_what_is_missing_of_the_schema(
    run: Run, url: str, damage: str, words: str
) -> None:
    run("migrate")
    execute(url, damage)

    verdict, sentence = database(run)

    assert verdict == "wrong"
    assert words in sentence


def test_doctor_names_a_database_that_takes_no_writes(
    run: Run, url: str, postgresql: Postgresql
) -> None:
    run("migrate")
    name = url.rpartition("/")[2]
    postgresql.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")

    verdict, sentence = database(run)

    assert verdict == "wrong"
    assert "it can be read only: default_transaction_read_only is on" in sentence


def test_doctor_names_a_table_that_its_role_may_not_write(
    run: Run, url: str, postgresql: Postgresql, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("migrate")
    name = url.rpartition("/")[2]
    role = f"reader_of_{name}"
    postgresql.execute(f"CREATE ROLE {role} LOGIN PASSWORD 's3cret'")
    try:
        execute(url, f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
        of_reader = f"{url.partition('://')[0]}://{role}:s3cret@{url.partition('@')[2]}"
        monkeypatch.setenv("POSTROAD_DATABASE", of_reader)
        verdict, sentence = database(run)
    finally:
        execute(url, f"DROP OWNED BY {role}")
        postgresql.execute(f"DROP ROLE {role}")

    assert verdict == "wrong"
    assert "this role has no right to INSERT in the table api_key" in sentence


def test_doctor_says_that_the_server_is_away(run: Run, url: str, postgresql: Postgresql) -> None:
    run("migrate")
    name = url.rpartition("/")[2]
    postgresql.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    try:
        verdict, sentence = database(run)
    finally:
        postgresql.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")

    assert verdict == "wrong"
    assert "not currently accepting connections" in sentence


def test_a_second_server_s_missing_key_file_is_told_where_it_is(
    run: Run, url: str, tmp_path: Path
) -> None:
    run("migrate")
    run("app", "create", "demo")

    result = run("app", "list", "--data-dir", str(tmp_path / "second"))

    assert url
    assert result.stderr == (
        f"postroad: the key file is missing: {tmp_path / 'second' / 'key'}: copy it from the first"
        " server's data folder\n"
    )


def test_a_refused_password_is_told_where_it_belongs(
    run: Run, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = url.rpartition("@")[2]
    user = url.partition("://")[2].partition(":")[0]
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("POSTROAD_DATABASE", f"postgresql://{user}@{place}")
    told = "postroad: PostgreSQL refused the password: give it in PGPASSWORD or ~/.pgpass"
    file = tmp_path / ".pgpass"

    without = run("migrate", env={"PGPASSWORD": "wrong"})
    file.write_text("*:*:*:*:wrong\n")
    file.chmod(0o644)
    open_to_others = subprocess.run(
        [*POSTROAD, "migrate"],
        env={name: value for name, value in os.environ.items() if name != "PGPASSWORD"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert without.stderr == f"{told}\n"
    assert open_to_others.stderr == (
        f"{told}; {file} is not used, since others may read it: chmod 600 {file}\n"
    )


def test_a_missing_certificate_is_not_the_server_s_refusal(
    run: Run, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = tmp_path / "root.pem"
    monkeypatch.setenv("POSTROAD_DATABASE", f"{url}?sslmode=verify-full&sslrootcert={missing}")

    result = run("migrate")

    assert result.exit_code == Exit.FAILED
    assert result.stderr == (
        "postroad: the URL of the PostgreSQL database cannot be used: sslrootcert: there is no"
        f" {missing}\n"
    )
