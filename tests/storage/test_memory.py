"""What is remembered of those who send, and when it is forgotten."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from postroad.errors import StorageError
from postroad.storage.memory import Memory

TENANTS = ("developer", "app", "app_user", "user_token", "api_key", "relay", "route")


class Facts:
    """A fact that changes, its version, and a clock that a test turns."""

    def __init__(self) -> None:
        self.version = 1
        self.now = 0.0
        self.reads = 0
        self.memory = Memory(self._version, 0.001, lambda: self.now)

    def get(self, asked: str = "app") -> str:
        async def read() -> str:
            self.reads += 1
            return f"{asked} {self.version}"

        return asyncio.run(self.memory.get(asked, read))

    async def _version(self) -> int:
        return self.version


def test_a_fact_is_read_once_while_nothing_changes() -> None:
    facts = Facts()

    answers = []
    for facts.now in (0.0, 0.5, 1.0):
        answers.append(facts.get())

    assert answers == ["app 1"] * 3
    assert facts.reads == 1


def test_a_change_elsewhere_is_seen_a_millisecond_later() -> None:
    facts = Facts()
    facts.get()

    facts.version, facts.now = 2, 0.0005
    within = facts.get()
    facts.now = 0.001
    after = facts.get()

    assert (within, after) == ("app 1", "app 2")


def test_who_asks_while_it_is_being_looked_waits_and_hears_of_the_change() -> None:
    facts = Facts()
    facts.get()
    facts.version, facts.now = 2, 60.0

    async def at_once() -> list[str]:
        gate = asyncio.Event()

        async def slow() -> int:
            await gate.wait()
            return facts.version

        facts.memory._version = slow

        async def read() -> str:
            return f"app {facts.version}"

        asked = [asyncio.create_task(facts.memory.get("app", read)) for _ in range(3)]
        await asyncio.sleep(0)
        gate.set()
        return await asyncio.gather(*asked)

    assert asyncio.run(at_once()) == ["app 2"] * 3


def test_a_look_that_fails_makes_nobody_believe_what_is_old() -> None:
    facts = Facts()
    facts.get()
    facts.now = 60.0

    async def at_once() -> list[str | BaseException]:
        async def broken() -> int:
            await asyncio.sleep(0)
            raise StorageError("gone")

        facts.memory._version = broken

        async def read() -> str:
            return "old"

        asked = [facts.memory.get("app", read) for _ in range(3)]
        return await asyncio.gather(*asked, return_exceptions=True)

    assert [str(answer) for answer in asyncio.run(at_once())] == ["gone"] * 3


def test_that_there_is_no_such_thing_is_not_remembered() -> None:
    facts = Facts()
    answers: list[str | None] = [None, "made meanwhile"]

    async def read() -> str | None:
        return answers.pop(0)

    found = [asyncio.run(facts.memory.get("user", read)) for _ in range(3)]

    assert found == [None, "made meanwhile", "made meanwhile"]


def test_many_who_ask_at_once_look_for_changes_once() -> None:
    looks = 0

    async def version() -> int:
        nonlocal looks
        looks += 1
        await asyncio.sleep(0)
        return looks

    async def answer() -> str:
        return "app"

    async def asked() -> list[str]:
        memory = Memory(version, 0.001, lambda: 1.0)
        return await asyncio.gather(*(memory.get("app", answer) for _ in range(20)))

    assert asyncio.run(asked()) == ["app"] * 20
    assert looks == 1


def test_a_look_that_failed_is_made_again() -> None:
    versions: list[int | StorageError] = [StorageError("away"), 7]

    async def version() -> int:
        found = versions.pop(0)
        if isinstance(found, StorageError):
            raise found
        return found

    async def answer() -> str:
        return "app"

    memory = Memory(version, 0.001, lambda: 1.0)
    with pytest.raises(StorageError):
        asyncio.run(memory.get("app", answer))

    assert asyncio.run(memory.get("app", answer)) == "app"
    assert versions == []


def test_a_change_of_our_own_is_seen_at_once() -> None:
    facts = Facts()
    facts.get()

    facts.version = 2
    facts.memory.forget()

    assert facts.get() == "app 2"


def test_that_there_is_none_is_remembered_too() -> None:
    async def version() -> int:
        return 1

    memory = Memory(version, 0.001, lambda: 0.0)
    reads: list[str] = []

    async def read() -> list[str]:
        reads.append("read")
        return []

    assert [asyncio.run(memory.get("app", read)) for _ in range(2)] == [[], []]
    assert reads == ["read"]


def test_what_was_being_read_when_it_changed_is_not_remembered() -> None:
    facts = Facts()

    async def old() -> str:
        facts.memory.forget()
        return "old"

    assert asyncio.run(facts.memory.get("app", old)) == "old"
    assert facts.get() == "app 1"


def test_what_is_remembered_is_bounded() -> None:
    facts = Facts()

    for number in range(50_000):
        facts.get(str(number))

    assert len(facts.memory._known) <= 20_000


@pytest.mark.parametrize("table", TENANTS)
@pytest.mark.parametrize("change", ["INSERT", "UPDATE", "DELETE"])
def test_every_change_of_a_tenants_table_counts(path: Path, table: str, change: str) -> None:
    connection = sqlite3.connect(path)
    triggers = connection.execute(
        "SELECT sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ?", (table,)
    ).fetchall()
    connection.close()

    assert [sql for (sql,) in triggers if f"AFTER {change} ON {table}" in sql]
