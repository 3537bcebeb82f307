"""The data folder."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from postroad.errors import StorageError
from postroad.storage.cipher import Cipher
from postroad.storage.folder import DataFolder
from postroad.storage.sqlite.migrate import migrate

SERVER = """
import sys
from pathlib import Path
from postroad.storage.folder import DataFolder

with DataFolder(Path(sys.argv[1])).serving():
    print("serving", flush=True)
    sys.stdin.read()
"""


def test_a_new_folder_is_for_its_owner_alone(folder: Path) -> None:
    data = DataFolder(folder / "some" / "data")

    with data.serving():
        pass

    assert stat.S_IMODE(data.path.stat().st_mode) == 0o700
    assert stat.S_IMODE(data.lock.stat().st_mode) == 0o600


def test_its_files_have_their_places(folder: Path) -> None:
    data = DataFolder(folder)

    places = [data.database, data.key, data.lock]

    assert places == [folder / "postroad.db", folder / "key", folder / "lock"]


def test_looking_at_a_folder_makes_nothing(folder: Path) -> None:
    DataFolder(folder / "data")

    assert list(folder.iterdir()) == []


def test_a_second_server_is_refused_and_told_which_process_is_the_first(folder: Path) -> None:
    first = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert first.stdout is not None
    try:
        assert first.stdout.readline() == "serving\n"

        refused = pytest.raises(StorageError, match=f"another server .process {first.pid}")
        with refused, DataFolder(folder).serving():
            pass
    finally:
        first.communicate()
    assert first.returncode == 0


def test_the_lock_of_a_killed_server_is_free(folder: Path) -> None:
    first = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert first.stdout is not None
    assert first.stdout.readline() == "serving\n"
    first.kill()
    first.communicate()

    with DataFolder(folder).serving() as data:
        assert data.path == folder


def test_one_who_left_leaves_the_folder_to_the_next(folder: Path) -> None:
    with DataFolder(folder).serving():
        pass

    refused = pytest.raises(StorageError, match="in use")
    with DataFolder(folder).serving(), refused, DataFolder(folder).locked():
        pass


@pytest.mark.parametrize("witness", ["key", "postroad.db-open"])
def test_no_server_starts_where_a_database_was_and_is_gone(folder: Path, witness: str) -> None:
    (folder / witness).write_text("x")

    refused = pytest.raises(StorageError, match=f"is missing, and .*{witness} says")
    with refused, DataFolder(folder).serving():
        pass

    assert not (folder / "postroad.db").exists()


def test_a_database_elsewhere_is_looked_for_there(folder: Path) -> None:
    elsewhere = folder / "elsewhere.db"
    migrate(elsewhere)
    data = DataFolder(folder / "data")
    with data.serving(elsewhere):
        Cipher.open(data.key)

    with data.serving(elsewhere):
        pass
    with pytest.raises(StorageError, match=r"postroad\.db is missing"), data.serving():
        pass


def test_a_folder_that_cannot_be_made_is_said_in_one_line(folder: Path) -> None:
    (folder / "file").write_text("")

    refused = pytest.raises(StorageError, match="the data folder")
    with refused as caught, DataFolder(folder / "file" / "data").serving():
        pass

    assert "\n" not in str(caught.value)


def test_one_database_is_served_from_one_folder(folder: Path) -> None:
    database = folder / "a" / "postroad.db"

    with DataFolder(folder / "a").serving():
        other = DataFolder(folder / "b").serving(database)

        with pytest.raises(StorageError, match=r"the database .* is in use by another server"):
            other.__enter__()
