"""What is found on opening: nothing new ever takes the place of what is lost."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from postroad.errors import StorageError
from postroad.storage.cipher import Cipher
from postroad.storage.sqlite.database import SqliteDatabase
from postroad.storage.sqlite.migrate import is_current, migrate


def opened(path: Path, *, is_server: bool = True) -> SqliteDatabase:
    cipher = Cipher.open(path.with_name("key"))
    return SqliteDatabase.open(path, is_server=is_server, cipher=cipher)


def close(database: SqliteDatabase) -> None:
    asyncio.run(database.aclose())


def crash_image(path: Path, name: str = "after") -> Path:
    """Return a copy of an open database as a kill leaves it."""
    folder = path.parent / name
    folder.mkdir()
    for each in path.parent.glob("postroad.db*"):
        if not each.name.endswith("-shm"):
            shutil.copy(each, folder)
    shutil.copy(path.with_name("key"), folder)
    return folder / path.name


async def put(database: SqliteDatabase, key: str) -> None:
    await database.on_connection(
        lambda connection: connection.execute(
            "INSERT INTO login_failure (key, count, at) VALUES (?, 1, 1)", (key,)
        ).fetchall()
    )


def crashed(path: Path) -> Path:
    """Return the files of a server that was killed after it had written "a"."""

    async def scenario() -> Path:
        database = opened(path)
        await put(database, "a")
        image = crash_image(path)
        await database.aclose()
        return image

    return asyncio.run(scenario())


def overwritten(path: Path) -> None:
    path.write_bytes(b"this is not a database at all, but another file" * 1_000)


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:20_000])


def cut_in_the_header(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:50])


def anothers(path: Path) -> None:
    path.unlink()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE song (name)")
    connection.commit()
    connection.close()


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (overwritten, "is not a database"),
        (emptied, "is damaged: it has only 0 octets"),
        (cut, "is damaged"),
        (cut_in_the_header, "is damaged: it has only 50 octets"),
        (anothers, "is a database, but not Postroad's"),
        (a_folder, "is not a file"),
        (Path.unlink, "there is no database at"),
    ],
)
@pytest.mark.parametrize("is_server", [True, False])
def test_a_file_that_is_not_our_whole_database_is_refused(
    path: Path, spoil: Callable[[Path], None], says: str, is_server: bool
) -> None:
    spoil(path)
    before = path.read_bytes() if path.is_file() else None

    with pytest.raises(StorageError, match=says) as caught:
        opened(path, is_server=is_server)

    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    assert (path.read_bytes() if path.is_file() else None) == before


@pytest.mark.parametrize("spoil", [overwritten, emptied, cut, anothers])
def test_nothing_is_migrated_over_a_file_that_is_not_ours(
    path: Path, spoil: Callable[[Path], None]
) -> None:
    spoil(path)
    before = path.read_bytes()

    with pytest.raises(StorageError):
        migrate(path)
    with pytest.raises(StorageError):
        is_current(path)

    assert path.read_bytes() == before


def keys(database: SqliteDatabase) -> list[tuple[object, ...]]:
    return asyncio.run(database.read("SELECT key FROM login_failure"))


def test_a_killed_servers_database_opens_with_all_that_was_committed(path: Path) -> None:
    after = crashed(path)

    database = opened(after)

    assert keys(database) == [("a",)]
    close(database)


@pytest.mark.parametrize("is_server", [True, False])
def test_a_killed_servers_database_without_its_log_is_refused(path: Path, is_server: bool) -> None:
    after = crashed(path)
    Path(f"{after}-wal").unlink()

    with pytest.raises(StorageError, match="db-wal is missing") as caught:
        opened(after, is_server=is_server)
    assert f"{after}-open" in str(caught.value)
    with pytest.raises(StorageError, match="db-wal is missing"):
        migrate(after)

    # The operator's way on, as the message says it.
    Path(f"{after}-open").unlink()
    close(opened(after, is_server=is_server))


def test_a_killed_servers_database_is_missed_when_it_is_gone(path: Path) -> None:
    after = crashed(path)
    after.unlink()

    with pytest.raises(StorageError, match=r"is missing, and .*\.db-open says"):
        migrate(after)

    assert not after.exists()


def test_a_database_that_was_closed_needs_no_log(path: Path) -> None:
    close(opened(path))

    assert {each.name for each in path.parent.iterdir()} == {"postroad.db", "key"}
    close(opened(path))


@pytest.mark.parametrize("look", ["command", "is_current", "migrate"])
def test_who_looks_in_after_a_kill_leaves_a_database_that_opens(path: Path, look: str) -> None:
    after = crashed(path)

    if look == "command":
        close(opened(after, is_server=False))
    elif look == "is_current":
        assert is_current(after)
    else:
        migrate(after)

    database = opened(after)
    assert keys(database) == [("a",)]
    close(database)


def test_a_command_beside_a_server_leaves_log_and_marker_alone(path: Path) -> None:
    server = opened(path)

    async def command() -> None:
        beside = opened(path, is_server=False)
        await put(beside, "b")
        await beside.aclose()

    asyncio.run(command())

    assert Path(f"{path}-wal").exists()
    assert Path(f"{path}-open").exists()
    assert keys(server) == [("b",)]
    close(server)


def test_a_path_with_every_odd_character_is_that_file(folder: Path, path: Path) -> None:
    odd = folder / "a b%20?mode=memory#é&x=y" / "postroad.db"
    odd.parent.mkdir()

    migrate(odd)
    close(opened(odd))

    assert odd.stat().st_size == path.stat().st_size


def test_a_damaged_database_keeps_the_log_that_has_the_last_messages(path: Path) -> None:
    async def scenario() -> Path:
        database = opened(path)
        for number in range(50):
            await put(database, f"{number}" + "x" * 30_000)
        image = crash_image(path)
        await database.aclose()
        return image

    image = asyncio.run(scenario())
    log = Path(f"{image}-wal")
    before = log.stat().st_size
    cut(image)

    program = (
        "import sys; from pathlib import Path; from postroad.errors import StorageError\n"
        "from postroad.storage.sqlite.files import connect\n"
        "try: connect(Path(sys.argv[1])).execute('SELECT count(*) FROM message')\n"
        "except StorageError: print('refused')"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, str(image)], capture_output=True, text=True, check=True
    )

    assert ran.stdout == "refused\n"
    assert before > 1_000_000
    assert log.stat().st_size == before
