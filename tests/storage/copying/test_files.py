"""SQLite files at both ends of a copy."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.storage.copying.filled import ROWS, THEN, Ends, everything
from tests.support.schemas import ENTRY, OLD, make_old

from postroad.errors import StorageError
from postroad.storage.copying.files import Origin, backup, new_file, snapshot
from postroad.storage.copying.placing import place_key
from postroad.storage.copying.walk import copy
from postroad.storage.migrations import HEAD
from postroad.storage.sqlite.database import SqliteDatabase
from postroad.storage.sqlite.files import connect

OF = Origin(THEN, "sqlite", "1.2.3")


def execute(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def rows(path: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def octets_of(path: Path) -> bytes:
    return path.read_bytes()


def back_up(source: Path, into: Path) -> None:
    async def work() -> None:
        with snapshot(source, beside=into) as tables, new_file(into, of=OF) as target:
            await copy(tables, target)

    asyncio.run(work())


@pytest.fixture
def source(ends: Ends) -> Path:
    """A database with rows in every table."""
    place = ends.filled("sqlite", "source")
    assert isinstance(place, Path)
    return place


def test_a_backup_is_one_file_for_its_owner_alone(source: Path) -> None:
    into = source.with_name("backup.db")

    back_up(source, into)

    assert sorted(each.name for each in source.parent.iterdir()) == [
        *("backup.db", "key", "source.db")
    ]
    assert into.stat().st_mode & 0o777 == 0o600
    assert into.read_bytes()[18:20] == b"\1\1"  # no write-ahead log (sqlite.org/fileformat.html)


def test_a_backup_has_what_there_was_when_it_began_and_the_writer_waits_for_nothing(
    ends: Ends, source: Path
) -> None:
    into = ends.folder / "backup.db"

    async def work() -> int:
        database = SqliteDatabase.open(source, is_server=True, cipher=ends.cipher)
        with snapshot(source, beside=into) as tables, new_file(into, of=OF) as target:
            await database.execute(ENTRY)
            await copy(tables, target)
            found = await database.read("SELECT count(*) FROM send_log")
        await database.aclose()
        return int(found[0][0])

    assert asyncio.run(work()) == ROWS + 1
    assert rows(into, "SELECT count(*) FROM send_log") == [(ROWS,)]
    assert rows(source, "SELECT count(*) FROM send_log") == [(ROWS + 1,)]


def test_a_snapshot_leaves_the_log_to_the_server(ends: Ends, source: Path) -> None:
    log = Path(f"{source}-wal")

    async def work() -> tuple[bytes, bytes]:
        database = SqliteDatabase.open(source, is_server=True, cipher=ends.cipher)
        await database.execute(ENTRY)
        before = octets_of(log)
        with snapshot(source, beside=source) as tables:
            await everything(tables)
        after = octets_of(log)
        await database.aclose()
        return before, after

    before, after = asyncio.run(work())

    assert before == after != b""


def test_nothing_is_overwritten(source: Path) -> None:
    into = source.with_name("backup.db")
    into.write_bytes(b"mine")

    with pytest.raises(StorageError, match=r"backup\.db exists already"):
        back_up(source, into)

    assert into.read_bytes() == b"mine"


def test_what_comes_to_its_place_meanwhile_is_not_overwritten(source: Path) -> None:
    into = source.with_name("backup.db")

    async def work() -> None:
        with snapshot(source, beside=into) as tables, new_file(into, of=OF) as target:
            await copy(tables, target)
            into.write_bytes(b"mine")

    with pytest.raises(StorageError, match="exists already"):
        asyncio.run(work())

    assert into.read_bytes() == b"mine"


@pytest.mark.parametrize("rest", ["-wal", "-journal", "-open"])
def test_what_is_left_of_a_database_that_is_gone_is_not_taken_for_the_new_ones(
    source: Path, rest: str
) -> None:
    into = source.with_name("backup.db")
    left = Path(f"{into}{rest}")
    left.write_bytes(b"old")

    with pytest.raises(StorageError, match=f"backup.db{rest} exists already"):
        back_up(source, into)

    assert left.read_bytes() == b"old"
    assert not into.exists()


def test_what_fails_in_the_middle_leaves_nothing(source: Path) -> None:
    into = source.with_name("backup.db")

    def work() -> None:
        with new_file(into, of=OF):
            raise RuntimeError

    with pytest.raises(RuntimeError):
        work()

    assert sorted(each.name for each in source.parent.iterdir()) == ["key", "source.db"]


def test_a_folder_that_is_not_there_is_said_in_one_line(source: Path) -> None:
    into = source.parent / "missing" / "backup.db"

    with pytest.raises(StorageError) as caught:
        back_up(source, into)

    assert str(caught.value) == f"{into} cannot be written: No such file or directory"


def test_servers_and_commands_do_not_open_a_backup(source: Path) -> None:
    into = source.with_name("backup.db")
    back_up(source, into)

    with pytest.raises(StorageError, match="is a backup: `postroad restore`"):
        connect(into)

    assert not Path(f"{into}-wal").exists()


def test_a_backup_is_read_where_nothing_can_be_written(source: Path) -> None:
    into = source.with_name("backup.db")
    back_up(source, into)
    before = into.read_bytes()
    into.chmod(0o400)

    with backup(into, beside=into) as (tables, origin):
        found = asyncio.run(everything(tables))

    assert origin == OF
    assert len(found["message"]) == ROWS
    assert into.read_bytes() == before
    assert sorted(each.name for each in source.parent.iterdir()) == [
        *("backup.db", "key", "source.db")
    ]


def test_the_file_of_a_stopped_server_is_as_good_as_a_backup(source: Path) -> None:
    with backup(source, beside=source) as (tables, origin):
        found = asyncio.run(everything(tables))

    assert len(found["message"]) == ROWS
    assert origin.engine == "sqlite"
    assert abs(origin.taken_at.timestamp() - source.stat().st_mtime) < 1


def old(path: Path) -> None:
    """Make a database of an older version."""
    make_old(path)
    execute(path, "UPDATE tenant_version SET number = 17")


@pytest.mark.parametrize("has_server", [True, False])
def test_a_backup_of_an_older_database_has_this_versions_schema(
    ends: Ends, has_server: bool
) -> None:
    source, into = ends.folder / "old.db", ends.folder / "backup.db"
    old(source)
    before = source.read_bytes()
    server = connect(source) if has_server else None

    back_up(source, into)

    if server is not None:
        server.close()
    assert rows(into, "SELECT version_num FROM alembic_version") == [(HEAD,)]
    assert rows(into, "SELECT id FROM send_log") == [("old",)]
    assert rows(into, "SELECT number FROM tenant_version") == [(17,)]
    assert rows(source, "SELECT version_num FROM alembic_version") == [(OLD,)]
    assert len(source.read_bytes()) == len(before)


def test_an_older_backup_is_brought_up(ends: Ends) -> None:
    source, into = ends.folder / "old.db", ends.folder / "new.db"
    old(source)
    execute(source, "CREATE TABLE snapshot (taken_at, engine, version)")
    execute(source, "INSERT INTO snapshot VALUES (0, 'sqlite', '0.1')")
    execute(source, f"PRAGMA application_id={0x506F7342}")
    before = source.read_bytes()

    async def work() -> None:
        with backup(source, beside=into) as (tables, origin), new_file(into) as target:
            assert origin.version == "0.1"
            await copy(tables, target)

    asyncio.run(work())

    assert rows(into, "SELECT version_num FROM alembic_version") == [(HEAD,)]
    assert rows(into, "SELECT id FROM send_log") == [("old",)]
    assert source.read_bytes() == before


def test_a_newer_schema_is_refused(source: Path) -> None:
    execute(source, "UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(StorageError, match="schema 9999 of a newer Postroad"):
        back_up(source, source.with_name("backup.db"))


def test_another_programs_database_is_refused(ends: Ends) -> None:
    path = ends.folder / "other.db"
    execute(path, "CREATE TABLE t (x)")

    with (
        pytest.raises(StorageError, match="is a database, but not Postroad's"),
        backup(path, beside=path),
    ):
        pass


def test_a_damaged_backup_is_refused_before_anything_is_made_of_it(source: Path) -> None:
    into = source.with_name("backup.db")
    back_up(source, into)
    octets = bytearray(into.read_bytes())
    page = len(octets) // 2 // 4096 * 4096
    octets[page : page + 4096 * 4] = b"\xff" * 4096 * 4
    into.write_bytes(octets)

    with (
        pytest.raises(StorageError, match=r"damaged|malformed") as caught,
        backup(into, beside=into),
    ):
        pass

    assert "\n" not in str(caught.value)


def test_a_backup_that_was_cut_off_is_refused(source: Path) -> None:
    into = source.with_name("backup.db")
    back_up(source, into)
    into.write_bytes(into.read_bytes()[: 1 << 16])

    with pytest.raises(StorageError) as caught, backup(into, beside=into):
        pass

    assert "\n" not in str(caught.value)


def test_a_new_database_is_one_that_a_server_opens(ends: Ends) -> None:
    place = ends.filled("sqlite", "made")
    assert isinstance(place, Path)

    async def work() -> None:
        database = SqliteDatabase.open(place, is_server=True, cipher=ends.cipher)
        await database.prove()
        await database.aclose()

    asyncio.run(work())

    assert place.stat().st_mode & 0o777 == 0o600


def test_a_key_is_placed_for_its_owner_alone_and_never_over_another(ends: Ends) -> None:
    path = ends.folder / "placed"
    octets = ends.key.read_bytes()

    assert place_key(octets, path)
    assert not place_key(octets, path)
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(StorageError, match="exists already with another key"):
        place_key(b"1 other", path)
    assert path.read_bytes() == octets
