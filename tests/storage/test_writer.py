"""Group commit."""

from __future__ import annotations

import asyncio
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from threading import Event
from typing import TypeVar

import pytest

from postroad.errors import ConflictError, StorageError
from postroad.storage.cipher import Cipher
from postroad.storage.sqlite.database import SqliteDatabase

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], int]


def failure(key: str) -> Work:
    """Return work that stores a row with this key."""

    def work(connection: sqlite3.Connection) -> int:
        sql = "INSERT INTO login_failure (key, count, at) VALUES (?, 1, 1)"
        return connection.execute(sql, (key,)).rowcount

    return work


async def stored(database: SqliteDatabase) -> list[str]:
    found = await database.read("SELECT key FROM login_failure ORDER BY key")
    return [row[0] for row in found]


def size(path: Path | str) -> int:
    return Path(path).stat().st_size


class Gate:
    """Work that keeps the writer until it is opened, so that the next batch is what waits."""

    def __init__(self) -> None:
        self._reached = Event()
        self._opened = Event()

    def __call__(self, _connection: sqlite3.Connection) -> None:
        self._reached.set()
        assert self._opened.wait(10)

    def wait(self) -> None:
        """Return when the writer stands before the gate."""
        assert self._reached.wait(10)

    def open(self) -> None:
        self._opened.set()


def run(
    path: Path, scenario: Callable[[SqliteDatabase], Awaitable[T]], *, is_server: bool = True
) -> T:
    """Open the database, run the scenario, close the database."""

    async def opened() -> T:
        cipher = Cipher.open(path.with_name("key"))
        database = SqliteDatabase.open(path, is_server=is_server, cipher=cipher)
        try:
            return await scenario(database)
        finally:
            await database.aclose()

    return asyncio.run(opened())


async def together(
    database: SqliteDatabase, *items: Callable[[sqlite3.Connection], object]
) -> list[object]:
    """Return what became of items that were written in one batch."""
    gate = Gate()
    first = database.on_connection(gate)
    gate.wait()
    rest = [database.on_connection(item) for item in items]
    gate.open()
    await first
    return list(await asyncio.gather(*rest, return_exceptions=True))


def test_a_write_returns_its_result_once_it_can_be_read(path: Path) -> None:
    async def scenario(database: SqliteDatabase) -> None:
        assert await database.on_connection(failure("a")) == 1
        assert await stored(database) == ["a"]
        assert await database.read_aside("SELECT key FROM login_failure") == [("a",)]

    run(path, scenario)


def test_what_waits_is_written_in_one_transaction(path: Path) -> None:
    statements: list[str] = []

    async def scenario(database: SqliteDatabase) -> None:
        await database.on_connection(
            lambda connection: connection.set_trace_callback(statements.append)
        )
        statements.clear()

        results = await together(database, *(failure(str(n)) for n in range(50)))

        assert results == [1] * 50
        assert len(await stored(database)) == 50
        assert statements.count("COMMIT") == 2  # the gate's and that of the fifty
        assert statements.count("BEGIN IMMEDIATE") == 2

    run(path, scenario)


def test_the_event_loop_is_woken_once_for_a_batch(path: Path) -> None:
    class Counting(asyncio.SelectorEventLoop):
        calls = 0

        def call_soon_threadsafe(self, *args: object, **others: object) -> asyncio.Handle:
            Counting.calls += 1
            return super().call_soon_threadsafe(*args, **others)  # type: ignore[arg-type]

    async def scenario() -> None:
        cipher = Cipher.open(path.with_name("key"))
        database = SqliteDatabase.open(path, is_server=True, cipher=cipher)
        await database.on_connection(failure("first"))
        before = Counting.calls

        await together(database, *(failure(str(n)) for n in range(50)))

        assert Counting.calls - before == 2  # for the gate, and for the fifty
        await database.aclose()

    with asyncio.Runner(loop_factory=Counting) as runner:
        runner.run(scenario())


def test_an_item_that_fails_is_answered_alone(path: Path) -> None:
    def refused(connection: sqlite3.Connection) -> None:
        failure("half")(connection)
        raise ConflictError("taken")

    async def scenario(database: SqliteDatabase) -> None:
        first, conflict, engine, last = await together(
            database, failure("a"), refused, failure("a"), failure("b")
        )

        assert (first, last) == (1, 1)
        assert isinstance(conflict, ConflictError)
        assert isinstance(engine, StorageError)
        assert isinstance(engine.__cause__, sqlite3.IntegrityError)
        assert await stored(database) == ["a", "b"]
        assert not database.is_broken

    run(path, scenario)


def test_work_that_raises_anything_at_all_hurts_nobody_else(path: Path) -> None:
    def raises(error: BaseException) -> Callable[[sqlite3.Connection], None]:
        def work(_connection: sqlite3.Connection) -> None:
            raise error

        return work

    async def scenario(database: SqliteDatabase) -> None:
        results = await together(
            database,
            raises(StopIteration()),
            raises(MemoryError()),
            raises(asyncio.CancelledError()),
            failure("a"),
        )

        kinds = [type(each) for each in results]
        assert kinds == [RuntimeError, MemoryError, asyncio.CancelledError, int]
        assert await stored(database) == ["a"]
        assert await database.on_connection(failure("b")) == 1

    run(path, scenario)


def test_a_waiter_that_was_cancelled_hurts_nobody_else(path: Path) -> None:
    async def scenario(database: SqliteDatabase) -> None:
        gate = Gate()
        first = database.on_connection(gate)
        gate.wait()

        async def wait(key: str) -> int:
            return await database.on_connection(failure(key))

        tasks = [asyncio.create_task(wait(key)) for key in "abc"]
        await asyncio.sleep(0)  # until all of them wait
        tasks[1].cancel()
        gate.open()
        await first
        results = await asyncio.gather(*tasks, return_exceptions=True)

        assert [type(each) for each in results] == [int, asyncio.CancelledError, int]
        assert await stored(database) == ["a", "b", "c"]

    run(path, scenario)


def test_an_event_loop_that_ended_does_not_stop_the_writer(path: Path) -> None:
    cipher = Cipher.open(path.with_name("key"))
    database = SqliteDatabase.open(path, is_server=True, cipher=cipher)
    gate = Gate()

    async def leave() -> None:
        _ = database.on_connection(gate), database.on_connection(failure("a"))
        gate.wait()

    async def later() -> None:
        gate.open()
        assert await database.on_connection(failure("b")) == 1
        await database.aclose()

    asyncio.run(leave())
    asyncio.run(later())

    assert run(path, _stored) == ["a", "b"]


async def _stored(database: SqliteDatabase) -> list[str]:
    return await stored(database)


def test_closing_writes_what_waits(path: Path) -> None:
    async def scenario() -> list[int]:
        cipher = Cipher.open(path.with_name("key"))
        database = SqliteDatabase.open(path, is_server=True, cipher=cipher)
        waiting = [database.on_connection(failure(str(n))) for n in range(100)]
        await database.aclose()
        assert all(each.done() for each in waiting)
        return [await each for each in waiting]

    assert asyncio.run(scenario()) == [1] * 100
    assert len(run(path, _stored)) == 100


def test_a_closed_database_says_so(path: Path) -> None:
    async def scenario() -> None:
        cipher = Cipher.open(path.with_name("key"))
        database = SqliteDatabase.open(path, is_server=True, cipher=cipher)
        await database.aclose()

        with pytest.raises(StorageError, match="closed"):
            await database.on_connection(failure("a"))
        with pytest.raises(StorageError, match="closed"):
            await database.read_aside("SELECT 1")
        with pytest.raises(StorageError, match="closed"):
            await database.read("SELECT 1")
        await database.aclose()

    asyncio.run(scenario())


def test_a_write_waits_for_another_process_that_writes(path: Path) -> None:
    async def scenario(database: SqliteDatabase) -> None:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        failure("other")(other)

        waiting = database.on_connection(failure("ours"))
        await asyncio.sleep(0)
        assert not waiting.done()
        other.execute("COMMIT")
        other.close()

        assert await waiting == 1
        assert await stored(database) == ["other", "ours"]

    run(path, scenario)


def test_a_reader_of_a_request_cannot_write(path: Path) -> None:
    async def scenario(database: SqliteDatabase) -> None:
        with pytest.raises(StorageError, match="readonly"):
            await database.read("DELETE FROM login_failure")
        with pytest.raises(StorageError, match="readonly"):
            await database.read_aside("DELETE FROM login_failure")

    run(path, scenario)


def test_every_connection_keeps_what_was_promised(path: Path) -> None:
    promised = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "wal_autocheckpoint": 0}

    async def scenario(database: SqliteDatabase) -> None:
        def look(connection: sqlite3.Connection) -> dict[str, object]:
            return {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in promised}

        assert await database.on_connection(look) == promised

    run(path, scenario)
    run(path, scenario, is_server=False)


def test_a_full_disk_refuses_and_is_forgotten_when_there_is_room(path: Path) -> None:
    def large(connection: sqlite3.Connection) -> int:
        return failure("x" * 1_000_000)(connection)

    async def scenario(database: SqliteDatabase) -> None:
        pages = (await database.read("PRAGMA page_count"))[0][0]
        limit = f"PRAGMA max_page_count={pages + 2}"
        await database.on_connection(lambda connection: connection.execute(limit).fetchall())

        refused = (await together(database, failure("a"), large))[1]

        assert isinstance(refused, StorageError)
        assert "full" in str(refused)
        assert not database.is_broken
        more = "PRAGMA max_page_count=1000000"
        await database.on_connection(lambda connection: connection.execute(more).fetchall())
        assert await database.on_connection(large) == 1

    run(path, scenario)


def test_it_can_be_proved_that_a_commit_reaches_the_disk(path: Path) -> None:
    async def scenario(database: SqliteDatabase) -> None:
        await database.prove()
        before = size(f"{path}-wal")

        await database.prove()

        assert size(f"{path}-wal") > before

    run(path, scenario)


# The largest file a process may write stands for a disk that fails: SQLite says the same of both.
FAILING_DISK = """
import asyncio, resource, sys
from pathlib import Path
from postroad.errors import StorageError
from postroad.storage.cipher import Cipher
from postroad.storage.sqlite.database import SqliteDatabase

path = Path(sys.argv[1])

def large(connection):
    sql = "INSERT INTO login_failure (key, count, at) VALUES (?, 1, 1)"
    connection.execute(sql, ("x" * 1_000_000,))

async def tried(work):
    try:
        await work
        return "done"
    except StorageError as error:
        return str(error)

async def main():
    database = SqliteDatabase.open(path, is_server=True, cipher=Cipher.open(path.with_name("key")))
    print(await tried(database.prove()), database.is_broken)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, resource.RLIM_INFINITY))
    print(await tried(database.on_connection(large)), database.is_broken)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    print(await tried(database.prove()))
    print(await database.read("SELECT count(*) FROM login_failure"))
    await database.aclose()

asyncio.run(main())
"""


def test_after_a_disk_error_nothing_is_written_until_a_restart(path: Path) -> None:
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY

    ran = subprocess.run(
        [sys.executable, "-c", FAILING_DISK, str(path)], capture_output=True, text=True, check=False
    )

    assert ran.stdout.splitlines() == [
        "done False",
        "the database refused: disk I/O error True",
        "the database file failed and is no longer written: restart Postroad",
        "[(0,)]",
    ], ran.stderr
    # Copying the log into the database would have been one more belief in the disk.
    assert Path(f"{path}-wal").stat().st_size > 0
    assert Path(f"{path}-open").exists()
    assert run(path, _written) == 1
    assert not Path(f"{path}-open").exists()


async def _written(database: SqliteDatabase) -> int:
    return await database.on_connection(failure("a"))


def test_the_log_is_copied_as_it_grows(path: Path) -> None:
    def large(number: int) -> Work:
        return failure(f"{number}" + "x" * 1_000_000)

    async def scenario(database: SqliteDatabase) -> None:
        for number in range(40):
            await database.on_connection(large(number))

        assert size(f"{path}-wal") < 20_000_000
        assert size(path) > 20_000_000

    run(path, scenario)


def test_only_the_server_copies_the_log(path: Path) -> None:
    async def scenario(server: SqliteDatabase) -> None:
        cipher = Cipher.open(path.with_name("key"))
        command = SqliteDatabase.open(path, is_server=False, cipher=cipher)
        before = size(path)
        for number in range(20):
            await command.on_connection(failure(f"{number}" + "x" * 1_000_000))
        await command.aclose()

        assert size(path) == before
        assert len(await stored(server)) == 20

    run(path, scenario)


@pytest.mark.parametrize("is_replaced", [False, True])
def test_nothing_is_promised_once_the_file_is_gone(path: Path, *, is_replaced: bool) -> None:
    cipher = Cipher.open(path.with_name("key"))
    database = SqliteDatabase.open(path, is_server=True, cipher=cipher)
    path.rename(path.with_name("elsewhere.db"))
    if is_replaced:
        path.write_bytes(b"another file")

    async def scenario() -> None:
        with pytest.raises(StorageError, match="its file was removed or replaced"):
            await database.on_connection(failure("a"))
        with pytest.raises(StorageError, match="restart Postroad"):
            await database.on_connection(failure("b"))

        assert database.is_broken
        await database.aclose()

    asyncio.run(scenario())
