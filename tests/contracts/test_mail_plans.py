"""How SQLite finds what the stores of mail ask for: by an index, always."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from tests.contracts.mail_stores import (
    APP,
    MINUTE,
    NOW,
    OTHER,
    Runner,
    Stores,
    entry,
    held,
    intake,
    message,
    settlement,
)

from postroad.delivery.messages import Lease, WindowStart
from postroad.delivery.states import State
from postroad.operations.ports import MessageFilter
from postroad.storage.sqlite.database import SqliteDatabase

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)

# A list of ids; the few rows that an inner query was limited to.
MAY_BE_SCANNED = {"SCAN json_each", "SCAN page", "SCAN p"}


def sqlite(stores: Stores) -> SqliteDatabase:
    assert isinstance(stores.database, SqliteDatabase)
    return stores.database


async def traced(stores: Stores) -> list[str]:
    """Return every statement that the engine is given from now on, values filled in."""
    statements: list[str] = []
    database = sqlite(stores)
    await database.read_aside("SELECT 1")  # which opens its connection
    assert database._aside is not None
    database._aside.set_trace_callback(statements.append)
    database._reader.set_trace_callback(statements.append)
    await database.on_connection(lambda engine: engine.set_trace_callback(statements.append))
    statements.clear()  # of the end of that transaction
    return statements


async def scans(stores: Stores, statements: list[str]) -> dict[str, set[str]]:
    """Return which tables are gone through from end to end, for each statement that does so."""
    sqlite(stores)._reader.set_trace_callback(None)
    found: dict[str, set[str]] = {}
    for statement in {each for each in statements if not each.startswith(("--", "PRAGMA"))}:
        steps = [row[3] for row in await stores.database.read(f"EXPLAIN QUERY PLAN {statement}")]
        whole = {" ".join(step.split()[:2]) for step in steps if step.startswith("SCAN")}
        if "AUTOMATIC" in " ".join(steps):
            whole.add("AUTOMATIC INDEX")
        if whole - MAY_BE_SCANNED:
            found[statement] = whole - MAY_BE_SCANNED
    return found


def test_nothing_on_the_way_of_a_message_scans_a_table(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        statements = await traced(stores)
        windows = (WindowStart("session:1", NOW), WindowStart("user:1", NOW))
        for _ in range(64):
            await stores.mail.accept(intake(None, windows=windows), now=NOW)
        for app_id in (APP, OTHER):
            given = message("a@a.example", "b@b.example", app_id=app_id)
            lease = Lease("here", NOW + MINUTE)
            await stores.mail.accept(intake(given, lease=lease, windows=windows), now=NOW)
            claim = held(given)
            await stores.queue.renew("here", [given.id], until=NOW + MINUTE)
            states = (State.ACCEPTED, State.DEFERRED)
            assert await stores.queue.settle(claim, settlement(claim, *states, due=NOW))
            assert len(await stores.claim()) == 1
            assert await stores.queue.expire(now=NOW, dead="work") == 1
            assert await stores.queue.next_due() == (NOW if app_id == OTHER else None)
            again = await stores.claim_one(given, app_id=app_id)
            assert again is not None
            assert await stores.queue.settle(again, settlement(again, State.ACCEPTED))
            await stores.queue.expire(now=NOW)
            await stores.mail.attempts(app_id, given.id)
            await stores.mail.content(app_id, given.id)
            await stores.mail.find_app(given.id)
            await stores.get(given)
        await stores.mail.log(entry())

        assert len({*statements}) > 60
        assert await scans(stores, statements) == {}

    run(scenario)


async def listed(stores: Stores) -> None:
    """Ask for every combination of filters, of messages and of the log, while some are indexed."""
    for _ in range(2):
        await stores.mail.log(entry())
        await stores.put(message(state=State.CAPTURED))
        await stores.search.catch_up(least=1)
    await stores.put(message())
    shared: dict[str, Any] = {
        "app_id": APP,
        "to": "bo@b.example",
        "relay_id": "relay-1",
        "since": NOW - MINUTE,
        "until": NOW + MINUTE,
        "text": "测试",
    }
    of_messages: list[dict[str, Any]] = [
        {},
        {"state": State.ACCEPTED},
        {"state": State.SENDING},
    ]
    of_log: list[dict[str, Any]] = [
        {},
        {"status": "sent"},
        {"status": "queued"},
        {"after": "some"},
        {"before": "some"},
    ]
    for count in range(len(shared) + 1):
        for names in itertools.combinations(shared, count):
            given = {name: shared[name] for name in names}
            for more in of_messages:
                which = MessageFilter(**given, **more)
                await stores.messages.page(which, before=None, limit=10)
            for more in of_log:
                await stores.logged(**given, **more)


def test_whatever_is_listed_no_table_is_scanned_but_those_of_chunks(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        statements = await traced(stores)
        await listed(stores)
        statements = [each for each in statements if each.lstrip().startswith("SELECT")]

        assert len({*statements}) > 300
        found = set().union(*(await scans(stores, statements)).values())
        # A row for 2,000 messages, and those that are in no chunk yet.
        assert found == {"SCAN search_chunk", "SCAN search_waiting"}

    run(scenario)
