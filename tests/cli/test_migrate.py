"""`postroad migrate`."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Run, parsed

from postroad.cli.exits import Exit


def test_a_database_is_made_once(run: Run, tmp_path: Path) -> None:
    where = ("--data-dir", str(tmp_path / "data"))

    first = parsed(run("migrate", *where, "--json"))
    second = run("migrate", *where)

    database = str(tmp_path / "data" / "postroad.db")
    assert first == {"database": database, "was_changed": True}
    assert second.stdout == f"{database} is as this version needs it; nothing was changed.\n"
    assert (tmp_path / "data" / "key").stat().st_mode & 0o777 == 0o600


def test_a_file_of_another_program_is_left_alone(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "postroad.db").write_bytes(b"something else")

    result = run("migrate", "--data-dir", str(folder))

    assert result.exit_code == Exit.FAILED
    assert result.stdout == ""
    assert (folder / "postroad.db").read_bytes() == b"something else"
