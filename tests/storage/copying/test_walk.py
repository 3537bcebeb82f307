"""The walk from one database into another, on both engines."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import LargeBinary
from tests.storage.copying.filled import ROWS, THEN, Ends, everything
from tests.support import postgresql as server

from postroad.errors import StorageError
from postroad.storage.cipher import Cipher
from postroad.storage.copying.files import Origin, backup
from postroad.storage.copying.tables import Gathering, Tables, every_table
from postroad.storage.copying.walk import SEALED, check_secrets, copy, hold, open_recipients
from postroad.storage.engine import Row
from postroad.storage.schema import load
from postroad.storage.sqlite.migrate import migrate

# Binary, and no secret that the key file could open.
_NOT_SEALED = {
    *("content.octets", "attempt.transcript", "user_token.digest", "api_key.digest"),
    *("search_chunk.documents", "search_posting.documents"),
}


def copied(ends: Ends, place: Path | str, engine: str) -> tuple[Path | str, dict[str, int]]:
    """Copy a database into a new one."""

    async def work() -> dict[str, int]:
        async with ends.read(place) as source, ends.made(into) as target:
            return await copy(source, target)

    into = ends.new(engine, "copied")
    return into, asyncio.run(work())


def test_every_row_of_every_table_arrives_as_it_is(ends: Ends, engines: tuple[str, str]) -> None:
    place = ends.filled(engines[0], "source")
    before = ends.look(place, everything)

    into, counts = copied(ends, place, engines[1])

    assert ends.look(into, everything) == before
    assert counts == {name: len(rows) for name, rows in before.items()}
    assert {len(rows) for rows in before.values()} == {1, ROWS}


def test_a_value_arrives_with_its_type(ends: Ends, engines: tuple[str, str]) -> None:
    into, _ = copied(ends, ends.filled(engines[0], "source"), engines[1])

    found = ends.look(into, everything)

    for table in every_table():
        for row in found[table.name]:
            for value, kind in zip(row, table.kinds, strict=True):
                assert value is None or type(value) is kind, table.name


def test_what_is_added_to_the_copy_is_numbered_on(ends: Ends, engines: tuple[str, str]) -> None:
    into, _ = copied(ends, ends.filled(engines[0], "source"), engines[1])
    add = (
        "INSERT INTO send_log (id, app_id, at, door, ip, recipient, title, status, reason, account)"
        " VALUES ('new', 'a', 0, '', '', '', '', '', '', '') RETURNING seq"
    )

    if isinstance(into, Path):
        with closing(sqlite3.connect(into)) as connection:
            numbers = connection.execute(add).fetchall()
    else:
        numbers = server.rows(into, add)

    assert numbers == [(ROWS + 1,)]


def hanging(place: Path | str) -> Sequence[Row]:
    """What hangs on the tables: indexes, triggers, and whether they are on."""
    if isinstance(place, Path):
        with closing(sqlite3.connect(place)) as connection:
            return connection.execute(
                "SELECT type, name, sql FROM sqlite_schema WHERE type <> 'table' ORDER BY name"
            ).fetchall()
    return server.rows(
        place,
        "SELECT tgname, tgenabled::text FROM pg_trigger WHERE NOT tgisinternal"
        " UNION ALL SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
        " ORDER BY 1, 2",
    )


def test_triggers_and_indexes_are_as_in_every_other_database(
    ends: Ends, engines: tuple[str, str]
) -> None:
    into, _ = copied(ends, ends.filled(engines[0], "source"), engines[1])
    new = ends.new(engines[1], "new")
    if isinstance(new, Path):
        migrate(new)
    else:

        async def make() -> None:
            async with ends.made(new) as tables:
                await tables.complete()

        asyncio.run(make())

    assert hanging(into) == hanging(new)
    assert len(hanging(into)) > 20


def test_a_change_after_the_copy_is_counted_as_ever(ends: Ends, engines: tuple[str, str]) -> None:
    place = ends.filled(engines[0], "source")

    into, _ = copied(ends, place, engines[1])

    version, change = "SELECT number FROM tenant_version", "UPDATE app SET name = 'other'"
    if isinstance(into, Path):
        with closing(sqlite3.connect(into)) as connection:
            before = connection.execute(version).fetchall()
            connection.execute(change)
            after = connection.execute(version).fetchall()
    else:
        before = server.rows(into, version)
        server.execute(into, change)
        after = server.rows(into, version)
    assert before == [(1,)]  # as in the source: copying is no change
    assert after[0][0] > 1


def test_what_is_written_meanwhile_is_not_copied(ends: Ends, kind: str) -> None:
    place = ends.filled(kind, "source")
    change = "UPDATE app SET name = 'changed'"

    async def work() -> tuple[list[Row], list[Row]]:
        async with ends.read(place) as before:
            await asyncio.to_thread(execute, place, change)
            async with ends.read(place) as after:
                names = "SELECT DISTINCT name FROM app ORDER BY name"
                return await before.execute(names), await after.execute(names)

    before, after = asyncio.run(work())

    assert len(before) == ROWS
    assert after == [("changed",)]


def execute(place: Path | str, statement: str) -> None:
    if isinstance(place, str):
        server.execute(place, statement)
        return
    with closing(sqlite3.connect(place)) as connection, connection:
        connection.execute(statement)


def test_a_row_that_does_not_arrive_is_noticed(ends: Ends) -> None:
    class Forgetful:
        """A target that loses a row on its way."""

        def __init__(self, tables: Tables) -> None:
            self.batches, self.execute = tables.batches, tables.execute
            self._add = tables.add

        async def add(self, table: object, rows: Sequence[Row]) -> None:
            await self._add(table, rows[1:])  # type: ignore[arg-type]

        async def complete(self) -> None:
            """Nothing is missing for it."""

    async def work() -> None:
        async with ends.read(place) as source, ends.made(into) as target:
            await copy(source, Forgetful(target))

    place, into = ends.filled("sqlite", "source"), ends.folder / "copied.db"

    with pytest.raises(StorageError, match="table audit has 2 rows instead of 3"):
        asyncio.run(work())
    assert not into.exists()


def test_the_key_opens_every_secret_and_another_one_none(ends: Ends, kind: str) -> None:
    place = ends.filled(kind, "source")
    other = Cipher.open(ends.folder / "other")

    async def opened(tables: Tables) -> int:
        return await check_secrets(tables, ends.cipher)

    async def refused(tables: Tables) -> int:
        return await check_secrets(tables, other)

    # An app's second signature and a relay's secret may be missing.
    assert ends.look(place, opened) == ROWS + 1 + 1 + ROWS
    with pytest.raises(StorageError, match="app:app id 안녕 0:signature cannot be decrypted"):
        ends.look(place, refused)


def test_every_binary_column_is_known_as_secret_or_not() -> None:
    binary = {
        f"{table.name}.{column.name}"
        for table in load().sorted_tables
        for column in table.columns
        if isinstance(column.type, LargeBinary)
    }
    sealed = {f"{table}.{column}" for table, (_, *columns) in SEALED.items() for column in columns}

    assert binary == sealed | _NOT_SEALED


def test_open_mail_is_held_and_says_why(ends: Ends, kind: str) -> None:
    async def work() -> tuple[dict[str, int], list[Row], list[Row]]:
        async with ends.read(place) as source, ends.made(into) as target:
            await copy(source, target)
            states = await hold(target, "restored from a backup of then", 17)
            recipients = await target.execute(
                "SELECT state, code, text, updated_at FROM recipient ORDER BY message_id"
            )
            return states, recipients, await target.execute("SELECT * FROM queue")

    place = ends.filled("sqlite", "source")
    into = ends.new(kind, "held")

    states, recipients, queue = asyncio.run(work())

    assert states == {"in_doubt": 1, "queued": 1}
    assert recipients == [
        ("held", 0, "restored from a backup of then; it was queued", 17),
        ("held", 0, "restored from a backup of then; it was in_doubt", 17),
        ("accepted", 3, "recipient text 안녕 2", 3),
    ]
    assert queue == []
    assert ends.look(into, open_recipients) == {"held": 2}


def test_a_text_that_postgresql_cannot_hold_arrives_with_the_sign_for_it(
    ends: Ends, request: pytest.FixtureRequest
) -> None:
    urls = request.getfixturevalue("postgresql")
    ends = Ends(ends.folder, lambda: urls.new_database("template0"))
    place = ends.filled("sqlite", "source")
    assert isinstance(place, Path)
    with closing(sqlite3.connect(place)) as connection, connection:
        connection.execute("UPDATE send_log SET title = 'a' || char(0) || 'b' WHERE seq = 1")

    into, _ = copied(ends, place, "postgresql")

    assert isinstance(into, str)
    assert server.rows(into, "SELECT title FROM send_log WHERE seq = 1") == [("a␀b",)]


def test_heavy_rows_come_alone_and_light_ones_together(ends: Ends, kind: str) -> None:
    contents = next(table for table in every_table() if table.name == "content")
    place = ends.filled(kind, "source")

    async def sizes(tables: Tables) -> list[int]:
        return [len(rows) async for rows in tables.batches(contents)]

    assert max(ends.look(place, sizes)) <= 2  # 5 MiB each


def test_a_batch_is_handed_on_when_it_has_a_thousand_rows_or_four_mebibytes() -> None:
    gathering = Gathering()
    many = [len(gathering.add((number,))) for number in range(1_000)]
    heavy = [len(gathering.add((b"x" * (1 << 20),))) for _ in range(4)]

    assert many == [0] * 999 + [1_000]
    assert heavy == [0, 0, 0, 4]
    assert gathering.rest() == []


def test_a_backup_says_of_when_and_of_what_it_is(ends: Ends) -> None:
    of = Origin(THEN, "postgresql", "1.2.3")

    async def work() -> None:
        async with ends.made(ends.folder / "b.db", of=of) as tables:
            await tables.complete()

    asyncio.run(work())

    with backup(ends.folder / "b.db", beside=ends.folder / "b.db") as (_, origin):
        assert origin == of
