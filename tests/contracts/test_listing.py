"""The port `Messages`: what operators see of all messages."""

from __future__ import annotations

import itertools
import random

import pytest
from tests.contracts.mail_stores import (
    APP,
    OTHER,
    Runner,
    Stores,
    held,
    message,
    settlement,
)

from postroad.delivery.messages import NewMessage
from postroad.delivery.states import State
from postroad.operations.ports import MessageFilter

A, B, C = "a@a.example", "b@b.example", "c@c.example"
STATES = (State.ACCEPTED, State.CAPTURED, State.BOUNCED, State.HELD, State.IN_DOUBT)


async def settled(stores: Stores, to: tuple[str, ...], app_id: str, *states: State) -> NewMessage:
    given = await stores.put(message(*to, app_id=app_id))
    claim = held(given)
    await stores.queue.settle(claim, settlement(claim, *states))
    return given


async def listed(
    stores: Stores,
    app_id: str | None = None,
    state: State | None = None,
    to: str | None = None,
    limit: int = 100,
) -> list[str]:
    found = await stores.messages.page(MessageFilter(app_id, state, to), before=None, limit=limit)
    return [each.id for each in found]


def test_the_newest_come_first_each_as_its_app_sees_it(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        given = [
            await stores.put(message(A, B)),
            await stores.put(message(app_id=OTHER, state=State.QUEUED)),
            await settled(stores, (A, B, C), APP, *STATES[:3]),
        ]
        found = await stores.messages.page(MessageFilter(), before=None, limit=10)

        assert found == [await stores.get(each) for each in reversed(given)]
        assert await listed(stores, limit=2) == [given[2].id, given[1].id]

    run(scenario)


def test_without_messages_there_is_nothing_to_list(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        assert await listed(stores) == []
        assert await listed(stores, APP, State.HELD, A) == []

    run(scenario)


def test_state_and_address_are_of_the_same_recipient(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        given = await settled(stores, (A, B), APP, State.HELD, State.ACCEPTED)

        assert await listed(stores, state=State.HELD, to=A) == [given.id]
        assert await listed(stores, state=State.HELD, to=B) == []

    run(scenario)


def test_a_message_is_listed_once_for_all_its_recipients(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        given = [
            await settled(stores, (A, B, A), APP, State.HELD, State.HELD, State.HELD)
            for _ in range(3)
        ]
        newest = [each.id for each in reversed(given)][:2]

        assert await listed(stores, limit=2) == newest
        assert await listed(stores, to=A, limit=2) == newest
        assert await listed(stores, state=State.HELD, limit=2) == newest
        assert await listed(stores, APP, State.HELD, A, limit=2) == newest

    run(scenario)


@pytest.mark.parametrize("limit", [3, 100])
def test_every_restriction_and_all_together_hold(run: Runner, limit: int) -> None:
    chance = random.Random(7)

    async def scenario(stores: Stores) -> None:
        stored = []
        for _ in range(60):
            to = tuple(chance.sample((A, B, C), chance.randint(1, 3)))
            states = [chance.choice(STATES) for _ in to]
            given = await settled(stores, to, chance.choice((APP, OTHER)), *states)
            stored.append(await stores.get(given))

        for app_id, state, address in itertools.product(
            (None, APP, OTHER, "none"), (None, *STATES, State.EXPIRED), (None, A, B, C, "no@one")
        ):
            assert (
                await listed(stores, app_id, state, address, limit)
                == [
                    each.id
                    for each in reversed(stored)
                    if app_id in {None, each.app_id}
                    and any(
                        state in {None, recipient.state} and address in {None, recipient.address}
                        for recipient in each.recipients
                    )
                ][:limit]
            )

    run(scenario)
