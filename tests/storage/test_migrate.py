"""The schema of a database file."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from postroad.errors import StorageError
from postroad.storage import migrations
from postroad.storage.schema import load
from postroad.storage.sqlite.migrate import HEAD, is_current, migrate

_CHANGES = ("insert", "update", "delete")


def versions(path: Path) -> list[str]:
    connection = sqlite3.connect(path)
    try:
        return [row[0] for row in connection.execute("SELECT version_num FROM alembic_version")]
    finally:
        connection.close()


def schema(path: Path) -> list[tuple[str, str]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(
            "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND type <> 'trigger'"
            " ORDER BY name"
        ).fetchall()
    finally:
        connection.close()


def execute(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def test_a_new_file_has_the_newest_schema(folder: Path) -> None:
    path = folder / "postroad.db"
    assert not is_current(path)

    migrate(path)

    assert is_current(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in folder.iterdir()] == ["postroad.db"]


def test_the_newest_step_is_known_without_alembic() -> None:
    steps = ScriptDirectory(str(Path(migrations.__file__).parent))

    assert steps.get_heads() == [HEAD]


def test_the_steps_make_the_schema_that_is_described(path: Path) -> None:
    engine = create_engine(f"sqlite:///{path}")

    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, load())
    engine.dispose()

    assert differences == []


def test_the_steps_make_it_to_the_letter(path: Path, folder: Path) -> None:
    described = folder / "described.db"
    engine = create_engine(f"sqlite:///{described}")
    load().create_all(engine)
    engine.dispose()

    made = [(name, normal(sql)) for name, sql in schema(path) if name != "alembic_version"]

    assert made == [(name, normal(sql)) for name, sql in schema(described)]


def test_the_steps_leave_every_trigger_that_counts_changes(path: Path) -> None:
    connection = sqlite3.connect(path)
    found = {
        row[0]
        for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
    }
    connection.close()

    tables = ("developer", "app", "app_user", "user_token", "api_key", "relay", "route")
    wanted = {f"{table}_{change}_counts" for table in tables for change in _CHANGES}
    assert wanted <= found


def normal(sql: str) -> list[str]:
    """Return a statement's parts without order: constraints may stand in any.

    A table that was copied has its name in quotes.
    """
    lines = sql.replace('"', "").splitlines()
    return sorted(part.strip().rstrip(",") for part in lines if part.strip())


def test_a_current_file_is_left_alone(path: Path) -> None:
    before = path.read_bytes()

    migrate(path)

    assert path.read_bytes() == before


def test_a_file_without_steps_is_brought_up(path: Path) -> None:
    execute(path, "DELETE FROM alembic_version")
    for name, sql in schema(path):
        if sql.startswith("CREATE TABLE") and name != "alembic_version":
            execute(path, f'DROP TABLE "{name}"')
    assert not is_current(path)

    migrate(path)

    assert is_current(path)


def test_a_step_that_fails_leaves_what_was_there_before(path: Path) -> None:
    # The first step meets a table of its own in the way, after it has made some.
    for name, sql in schema(path):
        if sql.startswith("CREATE TABLE") and name not in {"alembic_version", "user_token"}:
            execute(path, f'DROP TABLE "{name}"')
    execute(path, "DELETE FROM alembic_version")
    before = schema(path)

    with pytest.raises(StorageError, match="already exists"):
        migrate(path)

    assert schema(path) == before
    assert versions(path) == []


def test_a_step_that_leaves_rows_referring_to_nothing_is_undone(path: Path) -> None:
    # An old table of ours, left over with a row that refers to what is not there.
    execute(path, "INSERT INTO route VALUES ('r', 'no app', 'no relay', 1, '', 0)")
    execute(path, "DELETE FROM alembic_version")
    for change in ("insert", "update", "delete"):
        execute(path, f"DROP TRIGGER route_{change}_counts")
    for name, sql in schema(path):
        if sql.startswith("CREATE TABLE") and name not in {"alembic_version", "route"}:
            execute(path, f'DROP TABLE "{name}"')
    execute(path, "ALTER TABLE route RENAME TO kept")
    for name, sql in schema(path):
        if sql.startswith("CREATE INDEX"):
            execute(path, f'DROP INDEX "{name}"')

    with pytest.raises(StorageError, match="rows of kept refer to nothing"):
        migrate(path)

    assert versions(path) == []


def test_a_schema_of_a_newer_version_is_refused(path: Path) -> None:
    execute(path, "UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(StorageError, match="schema 9999 of a newer Postroad"):
        is_current(path)
    with pytest.raises(StorageError, match="newer"):
        migrate(path)


def test_of_two_who_make_the_file_at_once_both_have_it(folder: Path) -> None:
    path = folder / "postroad.db"
    program = (
        "import sys; from pathlib import Path; from postroad.storage.sqlite.migrate import migrate;"
        "migrate(Path(sys.argv[1]))"
    )

    both = [subprocess.Popen([sys.executable, "-c", program, str(path)]) for _ in range(2)]

    assert [each.wait() for each in both] == [0, 0]
    assert is_current(path)
    assert [each.name for each in folder.iterdir()] == ["postroad.db"]


def test_looking_imports_neither_alembic_nor_sqlalchemy(path: Path) -> None:
    program = (
        "import sys; from pathlib import Path;"
        "from postroad.storage.sqlite.migrate import is_current;"
        "print(is_current(Path(sys.argv[1])), {'alembic', 'sqlalchemy'} & {*sys.modules})"
    )

    ran = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True
    )

    assert ran.stdout == "True set()\n"


def test_a_folder_that_cannot_be_written_is_said_in_one_line(folder: Path) -> None:
    with pytest.raises(StorageError, match="could not be made") as caught:
        migrate(folder / "missing" / "postroad.db")

    assert "\n" not in str(caught.value)


def test_a_migration_in_a_folder_with_a_percent_sign_works(folder: Path) -> None:
    # The configuration of Alembic reads "%" as a sign of its own.
    place = folder / "50%(x)s"
    shutil.copytree(Path(migrations.__file__).parent.parent, place / "src/postroad/storage")
    program = (
        "import sys, importlib.util; from pathlib import Path;"
        "spec = importlib.util.spec_from_file_location('moved', sys.argv[1]);"
        "moved = importlib.util.module_from_spec(spec); spec.loader.exec_module(moved);"
        "moved.migrate(Path(sys.argv[2])); print(moved.is_current(Path(sys.argv[2])))"
    )
    moved = place / "src/postroad/storage/sqlite/migrate.py"

    ran = subprocess.run(
        [sys.executable, "-c", program, str(moved), str(folder / "postroad.db")],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ,
    )

    assert ran.stdout == "True\n", ran.stderr
