"""A migration that is killed leaves the old schema or the new one, and the next start finishes."""

from __future__ import annotations

import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults.system_calls import killing, needs_strace
from tests.support import postgresql as server
from tests.support.folders import open_folder
from tests.support.postgresql import Postgresql
from tests.support.schemas import OLD, make_old, make_old_in_postgresql
from tests.support.service import POSTROAD, finished, rows_in

from postroad.storage.cipher import Cipher
from postroad.storage.migrations import HEAD
from postroad.storage.schema import load

_VERSION = "SELECT version_num FROM alembic_version"
_TABLES = {table.name for table in load().sorted_tables} | {"alembic_version"}
# The last writes are those of the commit, whose sync is the second.
_SQLITE = [
    *(("openat", 600), ("pwrite64", 10), ("pwrite64", 60), ("fdatasync", 1), ("fdatasync", 2)),
    *(pytest.param("pwrite64", n, marks=pytest.mark.long) for n in (1, 2, 5, 20, 40, 80, 100)),
    *(pytest.param("openat", n, marks=pytest.mark.long) for n in (200, 400)),
]
_POSTGRESQL = [
    *(("sendto", number) for number in (30, 110)),
    *(pytest.param("sendto", n, marks=pytest.mark.long) for n in range(5, 125, 10)),
]
_MIGRATE = (
    "import asyncio, sys; from postroad.storage.postgresql.migrate import migrate;"
    "asyncio.run(migrate(sys.argv[1]))"
)


@pytest.fixture(scope="module")
def old() -> Iterator[Path]:
    """A data folder of an older version."""
    with open_folder() as folder:
        make_old(folder / "postroad.db")
        Cipher.open(folder / "key")
        yield folder


@needs_strace
@pytest.mark.parametrize(("call", "number"), _SQLITE)
def test_a_file_has_the_old_schema_or_the_new_one(
    old: Path, tmp_path: Path, call: str, number: int
) -> None:
    folder = tmp_path / "data"
    shutil.copytree(old, folder)
    path = folder / "postroad.db"
    words = (*POSTROAD, "migrate", "--data-dir", str(folder))

    ended = finished(*killing(call, number), *words)

    assert ended == -signal.SIGKILL
    ((version,),) = rows_in(path, _VERSION)
    assert version in {OLD, HEAD}
    tables = {
        name for (name,) in rows_in(path, "SELECT name FROM sqlite_schema WHERE type='table'")
    }
    assert (tables == _TABLES) is (version == HEAD)
    assert rows_in(path, "PRAGMA integrity_check") == [("ok",)]

    assert finished(*words) == 0

    assert rows_in(path, _VERSION) == [(HEAD,)]
    assert rows_in(path, "SELECT id FROM send_log") == [("old",)]
    assert finished(*POSTROAD, "app", "list", "--data-dir", str(folder)) == 0


@needs_strace
@pytest.mark.parametrize(("call", "number"), _POSTGRESQL)
def test_a_database_has_the_old_schema_or_the_new_one(
    postgresql: Postgresql, call: str, number: int
) -> None:
    url = postgresql.new_database("template0")
    make_old_in_postgresql(url)
    words = (sys.executable, "-c", _MIGRATE, url)

    ended = finished(*killing(call, number), *words)

    assert ended == -signal.SIGKILL
    ((version,),) = server.rows(url, _VERSION)
    assert version in {OLD, HEAD}
    found = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    assert ({name for (name,) in server.rows(url, found)} == _TABLES) is (version == HEAD)

    assert finished(*words) == 0

    assert server.rows(url, _VERSION) == [(HEAD,)]
    assert server.rows(url, "SELECT id FROM send_log") == [("old",)]
