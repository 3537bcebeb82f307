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


def test_a_folder_without_an_installation_leads_to_another_one_first(
    run: Run, tmp_path: Path
) -> None:
    result = run("app", "list", "--data-dir", str(tmp_path))

    assert result.exit_code == Exit.FAILED
    assert result.stderr == (
        f"postroad: the database {tmp_path / 'postroad.db'} does not exist yet: for another"
        " folder's give --data-dir, or set POSTROAD_DATA_DIR; to make this one, run `postroad"
        " migrate`, or start the server\n"
    )
