"""What people do to messages, in the audit log."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.contracts.mail_stores import (
    APP,
    NOW,
    OTHER,
    Runner,
    Stores,
    held,
    message,
    settlement,
)

from postroad.delivery.messages import Lease
from postroad.delivery.states import State
from postroad.errors import StorageError
from postroad.storage.audit import AuditLog
from postroad.tenancy.audit import Actor, AuditEntry, AuditFilter

KIM = Actor("cli:kim")
LEASE = Lease("person", NOW + timedelta(minutes=1))


async def entries(stores: Stores) -> list[AuditEntry]:
    log = AuditLog(stores.database)
    assert (await log.verify()).misfit == ""
    return await log.entries(AuditFilter(action="message"), limit=100)


def test_who_releases_a_message_is_noted_with_what_it_was(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        given = await stores.put(message("a@b.example", "b@b.example", "c@b.example"))
        first = held(given)
        states = (State.HELD, State.IN_DOUBT, State.BOUNCED)
        await stores.queue.settle(first, settlement(first, *states))

        assert await stores.queue.claim_one(APP, given.id, LEASE, now=NOW, by=KIM)

        (entry,) = await entries(stores)
        assert (entry.actor, entry.action) == ("cli:kim", "message.release")
        assert (entry.app_id, entry.target, entry.at) == (APP, given.id, NOW)
        assert entry.changes == {"state": (["held", "in_doubt"], "sending")}

    run(scenario)


def test_what_could_not_be_released_is_not_noted(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        given = await stores.put(message(state=State.CAPTURED))

        assert await stores.queue.claim_one(OTHER, given.id, LEASE, now=NOW, by=KIM) is None
        assert await stores.queue.claim_one(APP, "unknown", LEASE, now=NOW, by=KIM) is None
        assert await stores.queue.claim_one(APP, given.id, LEASE, now=NOW, by=KIM)
        assert await stores.queue.claim_one(APP, given.id, LEASE, now=NOW, by=KIM) is None

        assert [each.target for each in await entries(stores)] == [given.id]

    run(scenario)


def test_what_the_service_sends_by_itself_is_not_noted(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        await stores.put(message(state=State.QUEUED))
        captured = await stores.put(message(state=State.CAPTURED))

        assert await stores.claim()
        assert await stores.claim_one(captured)

        assert await entries(stores) == []

    run(scenario)


def test_a_release_that_cannot_be_noted_is_none(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        given = await stores.put(message(state=State.CAPTURED))
        await stores.database.execute("DELETE FROM audit_end")

        with pytest.raises(StorageError, match="lost its end"):
            await stores.queue.claim_one(APP, given.id, LEASE, now=NOW, by=KIM)

        assert await stores.states(given) == [State.CAPTURED]
        assert await stores.queue.next_due() is None

    run(scenario)
