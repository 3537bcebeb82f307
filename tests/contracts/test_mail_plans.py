"""How SQLite finds what the stores of mail ask for: by an index, always."""

from __future__ import annotations

import itertools
from typing import Any

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

# A list of ids; the few rows that an inner query was limited to.
MAY_BE_SCANNED = {"SCAN json_each", "SCAN page", "SCAN p"}
# Without any restriction, the newest are read in the order of their key, up to the limit.
ALL_OF_THEM = {"SCAN m", "SCAN e"}


async def traced(stores: Stores) -> list[str]:
    """Return every statement that the engine is given from now on, values filled in."""
    statements: list[str] = []
    database = stores.database
    await database.read_aside("SELECT 1")  # which opens its connection
    assert database._aside is not None
    database._aside.set_trace_callback(statements.append)
    database._reader.set_trace_callback(statements.append)
    await database.write(lambda engine: engine.set_trace_callback(statements.append))
    statements.clear()  # of the end of that transaction
    return statements


async def scans(stores: Stores, statements: list[str]) -> dict[str, set[str]]:
    """Return which tables are gone through from end to end, for each statement that does so."""
    stores.database._reader.set_trace_callback(None)
    found: dict[str, set[str]] = {}
    for statement in {each for each in statements if not each.startswith(("--", "PRAGMA"))}:
        steps = [row[3] for row in stores.database.read(f"EXPLAIN QUERY PLAN {statement}")]
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
            await stores.queue.renew("here", until=NOW + MINUTE)
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


def test_listings_by_app_address_and_rare_state_scan_no_table(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        statements = await traced(stores)
        for app_id, state, to in itertools.product(
            (None, APP), (None, State.HELD, State.CAPTURED, State.ACCEPTED), (None, "a@a.example")
        ):
            if app_id or to or state not in {None, State.ACCEPTED}:
                await stores.messages.list(app_id=app_id, state=state, to=to, limit=10)

        assert len({*statements}) == 14
        assert await scans(stores, statements) == {}
        assert not [each for each in statements if "DISTINCT" not in each]

    run(scenario)


def test_the_log_by_app_recipient_and_place_scans_no_table(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        statements = await traced(stores)
        asked: dict[str, Any] = {
            "app_id": APP,
            "to": "a@a.example",
            "after": "some",
            "status": "sent",
        }
        for count in range(1, 5):
            for names in itertools.combinations(asked, count):
                if names != ("status",):
                    await stores.logged(**{name: asked[name] for name in names})

        assert len({*statements}) == 14
        assert await scans(stores, statements) == {}

    run(scenario)


def test_without_restriction_only_the_newest_are_read(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        statements = await traced(stores)
        await stores.messages.list(app_id=None, state=None, to=None, limit=10)
        await stores.logged()
        found = await scans(stores, statements)

        assert set().union(*found.values()) == ALL_OF_THEM
        # What sorts does so after the limit: the inner queries come in order as they are.
        for statement in found:
            inner = statement[statement.rindex("FROM (") + 6 : statement.rindex("LIMIT")]
            steps = stores.database.read(f"EXPLAIN QUERY PLAN {inner}")
            assert not [row for row in steps if "TEMP B-TREE" in row[3]]

    run(scenario)
