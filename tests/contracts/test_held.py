"""Held mail, counted and let go in bulk, on every engine."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.contracts.mail_stores import (
    APP,
    MINUTE,
    NOW,
    OTHER,
    Runner,
    Stores,
    message,
    settlement,
)

from postroad.delivery.held import TIME_AGAIN, Held
from postroad.delivery.messages import NewMessage
from postroad.delivery.states import State
from postroad.storage.audit import AuditLog
from postroad.storage.held import HeldStore
from postroad.storage.rows import micros
from postroad.tenancy.audit import Actor, AuditFilter

BY = Actor("cli:ann")
LATER = NOW + timedelta(days=3)


async def hold(stores: Stores, *states: State, **fields: Any) -> NewMessage:
    """Store a message whose recipients are in these states after an attempt."""
    to = [f"{number}@b.example" for number in range(len(states))]
    stored = await stores.put(message(*to, state=State.QUEUED, **fields))
    (claim,) = await stores.claim()
    due = NOW + MINUTE if State.DEFERRED in states else None
    assert await stores.queue.settle(claim, settlement(claim, *states, due=due))
    return stored


async def say(stores: Stores, stored: NewMessage, text: str) -> None:
    """Say of a message's recipients why they are held."""
    await stores.database.execute(
        "UPDATE recipient SET code = 0, text = ? WHERE message_id = ?", (text, stored.id)
    )


def test_held_mail_is_counted_by_app(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        held = HeldStore(stores.database)
        assert await held.count() == []
        doubtful = await hold(stores, State.HELD, State.HELD, State.ACCEPTED)
        await say(stores, doubtful, "restored from a backup of then; it was in_doubt")
        plain = await hold(stores, State.HELD)
        await say(stores, plain, "restored from a backup of then; it was queued")
        await hold(stores, State.HELD, is_kept_out_of_retry=True)
        await hold(stores, State.HELD, app_id=OTHER)
        await hold(stores, State.ACCEPTED)

        ours = Held(APP, messages=2, recipients=3, doubtful=2, unsendable=1, oldest=NOW)
        others = Held(OTHER, messages=1, recipients=1, doubtful=0, unsendable=0, oldest=NOW)
        assert await held.count() == [ours, others]
        assert await held.count(APP) == [ours]

    run(scenario)


def test_what_is_let_go_is_queued_and_sent_once(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        stored = await hold(stores, State.HELD, State.ACCEPTED, State.HELD)

        assert await HeldStore(stores.database).release(None, now=NOW, by=BY) == 1

        assert await stores.states(stored) == [State.QUEUED, State.ACCEPTED, State.QUEUED]
        (claim,) = await stores.claim()
        assert [each.position for each in claim.recipients] == [0, 2]
        assert await stores.queue.settle(claim, settlement(claim, State.ACCEPTED, State.ACCEPTED))
        assert await HeldStore(stores.database).release(None, now=NOW, by=BY) == 0
        assert await stores.claim() == []

    run(scenario)


def test_only_the_mail_of_the_app_that_was_named_goes(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        ours, others = await hold(stores, State.HELD), await hold(stores, State.HELD, app_id=OTHER)

        assert await HeldStore(stores.database).release(OTHER, now=NOW, by=BY) == 1

        assert await stores.states(ours) == [State.HELD]
        assert await stores.states(others) == [State.QUEUED]

    run(scenario)


def test_mail_whose_login_was_not_kept_stays_held(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        stored = await hold(stores, State.HELD, is_kept_out_of_retry=True)

        assert await HeldStore(stores.database).release(None, now=NOW, by=BY) == 0

        assert await stores.states(stored) == [State.HELD]

    run(scenario)


def test_more_than_fits_into_one_step_goes_too(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        for _ in range(1_201):
            await stores.put(message(state=State.QUEUED))
        await stores.database.execute("UPDATE recipient SET state = 'held'")
        await stores.database.execute("DELETE FROM queue")

        assert await HeldStore(stores.database).release(None, now=NOW, by=BY) == 1_201

        queued = await stores.database.read(
            "SELECT count(*) FROM queue WHERE due = ?", (micros(NOW),)
        )
        assert queued == [(1_201,)]

    run(scenario)


def test_a_message_under_way_to_others_is_left_alone(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        stored = await hold(stores, State.HELD, State.DEFERRED)
        (claim,) = await stores.claim(now=NOW + MINUTE)

        assert await HeldStore(stores.database).release(None, now=NOW, by=BY) == 0

        assert await stores.states(stored) == [State.HELD, State.SENDING]
        assert await stores.queue.settle(claim, settlement(claim, State.ACCEPTED))
        assert await HeldStore(stores.database).release(None, now=NOW, by=BY) == 1

    run(scenario)


def test_what_waits_for_its_time_goes_with_it(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        stored = await hold(stores, State.HELD, State.DEFERRED)

        assert await HeldStore(stores.database).release(None, now=NOW, by=BY) == 1

        assert await stores.states(stored) == [State.QUEUED, State.DEFERRED]
        (claim,) = await stores.claim()
        assert len(claim.recipients) == 2

    run(scenario)


def test_what_ran_out_of_time_while_it_was_held_gets_time_again(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        late = await hold(stores, State.HELD)
        early = await hold(stores, State.HELD, expires_at=LATER + MINUTE)

        await HeldStore(stores.database).release(None, now=LATER, by=BY)

        assert (await stores.get(late)).expires_at == LATER + TIME_AGAIN
        assert (await stores.get(early)).expires_at == LATER + MINUTE

    run(scenario)


def test_who_let_it_go_is_in_the_audit_log(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        await hold(stores, State.HELD)
        await hold(stores, State.HELD)

        await HeldStore(stores.database).release(None, now=NOW, by=BY)

        entries = await AuditLog(stores.database).entries(AuditFilter(), limit=1)
        (found,) = entries
        assert (found.actor, found.action, found.app_id) == (BY.name, "message.release", APP)
        assert found.changes == {"messages": (None, 2), "state": ("held", "queued")}

    run(scenario)


def test_the_log_says_why_it_is_held(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        stored = await hold(stores, State.HELD)
        why = "restored from a backup of then; it was queued"

        await say(stores, stored, why)

        (entry,) = await stores.logged()
        assert (entry.status, entry.reason) == ("held", why)

    run(scenario)
