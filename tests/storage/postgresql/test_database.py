"""What the engine does that a suite for both engines cannot ask."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar

import asyncpg
import pytest
from tests.contracts.mail_stores import NOW, entry
from tests.support.engines import OnPostgresql, Place
from tests.support.postgresql import Postgresql

from postroad.errors import ConflictError, StorageError
from postroad.operations.ports import LogFilter
from postroad.storage.engine import ForeignKeyViolationError, UniqueViolationError, Work
from postroad.storage.log import LogStore
from postroad.storage.mail import MailStore
from postroad.storage.postgresql.database import PostgresqlDatabase

T = TypeVar("T")

ADD = "INSERT INTO login_failure (key, count, at) VALUES (?, ?, 0) RETURNING key"
KEYS = "SELECT key FROM login_failure ORDER BY key"


@pytest.fixture
def place(postgresql: Postgresql) -> Iterator[Place]:
    """Return an empty database."""
    with OnPostgresql(postgresql).new() as place:
        yield place


def opened(place: Place, work: Callable[[PostgresqlDatabase], Awaitable[T]], **options: Any) -> T:
    """Return what `work` returns, given the open database."""

    async def run() -> T:
        database = await place.open(**options)
        assert isinstance(database, PostgresqlDatabase)
        try:
            return await work(database)
        finally:
            await database.aclose()

    return asyncio.run(run())


def adding(*keys: str) -> Callable[[], Work[int]]:
    """Return a piece of work that adds rows, and returns how many."""

    def work() -> Work[int]:
        for key in keys:
            yield ADD, (key, 1)
        return len(keys)

    return work


async def keys(database: PostgresqlDatabase) -> list[str]:
    return [row[0] for row in await database.read(KEYS)]


def test_of_a_group_only_what_fails_is_undone(place: Place) -> None:
    def refusing() -> Work[None]:
        yield ADD, ("refused", 1)
        raise ConflictError("it is not to be")

    async def work(database: PostgresqlDatabase) -> None:
        await database.execute(ADD, ("taken", 1))

        found = await asyncio.gather(
            database.write(adding("a", "b")),
            database.write(adding("c", "taken", "d")),
            database.execute(ADD, ("taken", 2)),
            database.write(refusing),
            database.write(adding("e")),
            return_exceptions=True,
        )

        assert [type(each) for each in found] == [
            *(int, UniqueViolationError, UniqueViolationError, ConflictError, int)
        ]
        assert await keys(database) == ["a", "b", "e", "taken"]

    opened(place, work)


def test_a_piece_of_work_may_say_better_what_its_failure_means_but_not_go_on(place: Place) -> None:
    def explaining() -> Work[None]:
        try:
            yield ADD, ("taken", 1)
        except UniqueViolationError as error:
            raise ConflictError("there is such a key") from error

    def going_on() -> Work[str]:
        try:
            yield ADD, ("taken", 1)
        except UniqueViolationError:
            yield ADD, ("other", 1)
        return "done"

    async def work(database: PostgresqlDatabase) -> None:
        await database.execute(ADD, ("taken", 1))

        with pytest.raises(ConflictError):
            await database.write(explaining)
        with pytest.raises(UniqueViolationError):
            await database.write(going_on)

        assert await keys(database) == ["taken"]

    opened(place, work)


def test_what_refers_to_nothing_is_told_by_its_name(place: Place) -> None:
    async def work(database: PostgresqlDatabase) -> None:
        with pytest.raises(ForeignKeyViolationError):
            await database.execute("INSERT INTO queue (message_id, due) VALUES (?, ?)", ("x", 1))

    opened(place, work)


def test_what_waits_together_is_one_transaction(place: Place) -> None:
    xid = "SELECT CAST(pg_current_xact_id() AS text)"

    async def work(database: PostgresqlDatabase) -> None:
        together = await asyncio.gather(*(database.execute(xid) for _ in range(20)))
        alone = await database.execute(xid)

        assert len({rows[0] for rows in together}) == 1
        assert alone[0] not in {rows[0] for rows in together}

    opened(place, work)


def test_a_write_is_done_although_its_waiter_was_cancelled(place: Place) -> None:
    async def work(database: PostgresqlDatabase) -> None:
        waiter = asyncio.create_task(database.write(adding("a")))
        await asyncio.sleep(0)
        waiter.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiter

        await database.execute(ADD, ("b", 1))

        assert await keys(database) == ["a", "b"]

    opened(place, work)


def test_what_waits_is_written_before_the_end_and_nothing_after_it(place: Place) -> None:
    async def work(database: PostgresqlDatabase) -> None:
        waiting = [database.write(adding(f"{number}")) for number in range(3)]
        tasks = [asyncio.ensure_future(each) for each in waiting]
        await asyncio.sleep(0)

        await database.aclose()

        assert await asyncio.gather(*tasks) == [1, 1, 1]
        with pytest.raises(StorageError, match="is closed"):
            await database.execute(ADD, ("late", 1))

    opened(place, work)


def test_what_a_deadlock_broke_off_is_done_again(place: Place) -> None:
    change = "UPDATE login_failure SET count = count + 1 WHERE key = "
    waits = "SELECT 1 FROM pg_locks WHERE NOT granted"

    def crossing() -> Work[str]:
        yield f"{change} ?", ("a",)
        yield f"{change} ?", ("b",)
        return "done"

    async def work(database: PostgresqlDatabase) -> None:
        await database.write(adding("a", "b"))
        other = await asyncpg.connect(place.url)
        try:
            await other.execute("SET deadlock_timeout = '1h'")  # not this one is broken off
            await other.execute(f"BEGIN; {change} 'b'")
            waiting = asyncio.create_task(database.write(crossing))
            while not await other.fetch(waits):  # noqa: ASYNC110 - no event tells of locks
                await asyncio.sleep(0)
            await other.execute(f"{change} 'a'")
            await other.execute("COMMIT")

            assert await waiting == "done"
        finally:
            await other.close()
        assert await database.read("SELECT key, count FROM login_failure") == [("a", 3), ("b", 3)]

    opened(place, work)


def test_text_keeps_everything_but_nul_which_shows_as_its_sign(place: Place) -> None:
    async def work(database: PostgresqlDatabase) -> None:
        for key in ("a\0b", "", "\r\n\x7f", "测试🙂", "'; --?", "\\"):
            await database.execute(ADD, (key, 1))

        assert {*await keys(database)} == {"a␀b", "", "\r\n\x7f", "测试🙂", "'; --?", "\\"}

    opened(place, work)


def test_entries_that_may_still_come_hold_back_the_log_after_them(place: Place) -> None:
    async def work(database: PostgresqlDatabase) -> None:
        log, mail = LogStore(database), MailStore(database, lambda: "")
        first, second, last = entry(), entry(), entry()

        async def seen(after: str | None = None) -> list[str]:
            found = await log.entries(LogFilter(after=after), limit=10)
            return [each.id for each in found]

        await mail.log(first)
        slow = await asyncpg.connect(place.url)
        try:
            transaction = slow.transaction()
            await transaction.start()
            await slow.execute(
                "INSERT INTO send_log (id, app_id, at, door, ip, recipient, title, status, reason,"
                f" account) VALUES ('{second.id}', '', 0, '', '', '', '', '', '', '')"
            )
            await mail.log(last)

            assert await seen() == [first.id]
            assert await seen(after=first.id) == []
            await transaction.commit()
            assert await seen(after=first.id) == [second.id, last.id]
        finally:
            await slow.close()

    opened(place, work)


def test_what_was_undone_holds_back_nothing(place: Place) -> None:
    async def work(database: PostgresqlDatabase) -> None:
        mail = MailStore(database, lambda: "")
        first = entry()
        await mail.log(first)
        with pytest.raises(UniqueViolationError):
            await mail.log(first)
        last = entry()
        await mail.log(last)

        found = await LogStore(database).entries(LogFilter(after=first.id), limit=10)

        assert [each.id for each in found] == [last.id]

    opened(place, work)


def test_it_proves_that_it_can_commit_and_that_it_lasts(place: Place) -> None:
    async def allowed(database: PostgresqlDatabase) -> None:
        await database.prove()

    async def strict() -> None:
        from postroad.storage.cipher import Cipher

        cipher = Cipher.open(place.folder / "key")
        database = await PostgresqlDatabase.open(place.url, cipher=cipher)
        try:
            with pytest.raises(StorageError, match="fsync and full_page_writes and synch"):
                await database.prove()
        finally:
            await database.aclose()

    opened(place, allowed)
    asyncio.run(strict())


def test_the_memory_follows_every_transaction_that_changes_a_tenant(place: Place) -> None:
    insert = "INSERT INTO developer (id, name, created_at, state) VALUES (?, 'Kim', ?, 'active')"

    async def work(database: PostgresqlDatabase) -> None:
        async def version() -> int:
            return int((await database.read("SELECT number FROM tenant_version"))[0][0])

        at = int(NOW.timestamp())

        def many() -> Work[None]:
            for number in range(50):
                yield insert, (f"{number}", at)

        before = await version()
        await database.write(many)
        after = await version()
        await database.execute("UPDATE developer SET name = 'Lee' WHERE id = '1'")
        await database.execute("DELETE FROM developer WHERE id = '2'")

        assert after == before + 1
        assert await version() == after + 2

    opened(place, work)


def test_a_newer_version_may_change_a_table_while_servers_work(place: Place) -> None:
    asked = "SELECT * FROM login_failure WHERE key = ?"

    def looking() -> Work[int]:
        found = yield asked, ("a",)
        return len(found[0])

    async def work(database: PostgresqlDatabase) -> None:
        await database.write(adding("a"))
        before = await database.write(looking)
        read_before = await database.read(asked, ("a",))
        other = await asyncpg.connect(place.url)
        try:
            await other.execute("ALTER TABLE login_failure ADD COLUMN more integer")
        finally:
            await other.close()

        assert await database.write(looking) == before + 1
        assert len((await database.read(asked, ("a",)))[0]) == len(read_before[0]) + 1

    opened(place, work)
