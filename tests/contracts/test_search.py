"""The index behind the lists: it changes how they are found, and nothing of what they show."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import timedelta
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
    message,
    settlement,
)

from postroad.delivery.messages import LogEntry, NewMessage, StoredMessage
from postroad.delivery.states import State
from postroad.operations.ports import LogFilter, MessageFilter
from postroad.storage.search.terms import normalised

STATES = (State.ACCEPTED, State.CAPTURED, State.BOUNCED, State.HELD, State.IN_DOUBT)
ADDRESSES = ("ann@a.example", "BO@b.example", "cy@c.example", "cy@cc.example")
SUBJECTS = ("서버 경고", "测试邮件", "ＦＵＬＬ width", "a", "Straße 12")
RELAYS = ("relay-1", "relay-2", None)
TEXTS = ("경고", "测试", "full W", "STRASSE", "a", "cy@c", "ann@", "없음", "")


async def settled(stores: Stores, number: int, chance: random.Random) -> NewMessage:
    """Store a message of random fields, and end it."""
    to = tuple(chance.sample(ADDRESSES, chance.randint(1, 3)))
    given = message(
        *to,
        app_id=chance.choice((APP, OTHER)),
        subject=chance.choice(SUBJECTS),
        relay_id=chance.choice(RELAYS),
        created_at=NOW + number * MINUTE,
    )
    await stores.put(given, recipient=to[0], title=given.subject, at=given.created_at)
    claim = held(given)
    states = [chance.choice(STATES) for _ in to]
    await stores.queue.settle(claim, settlement(claim, *states))
    return given


async def fill(stores: Stores, count: int = 60) -> list[NewMessage]:
    """Store messages and requests without one, some in chunks and some not."""
    chance = random.Random(11)
    found = []
    for number in range(count):
        found.append(await settled(stores, number, chance))
        if number % 5 == 0:
            refused = entry(
                chance.choice((APP, OTHER)),
                recipient=chance.choice(ADDRESSES),
                title=chance.choice(SUBJECTS),
                at=NOW + number * MINUTE,
                status=chance.choice(("refused", "failed")),
            )
            await stores.mail.log(refused)
        if number in {10, 30, 45}:
            assert await stores.search.catch_up(least=1)
    return found


def is_listed(which: MessageFilter, each: StoredMessage) -> bool:
    """Tell as plainly as possible whether a message is asked for."""
    texts = (each.subject, each.from_, *(one.address for one in each.recipients))
    return (
        which.app_id in {None, each.app_id}
        and which.relay_id in {None, each.relay_id}
        and (which.since is None or each.created_at >= which.since)
        and (which.until is None or each.created_at < which.until)
        and (which.text is None or any(normalised(which.text) in normalised(t) for t in texts))
        and any(
            which.state in {None, one.state} and which.to in {None, one.address}
            for one in each.recipients
        )
    )


def is_logged(which: LogFilter, each: LogEntry, relays: dict[str | None, str | None]) -> bool:
    """Tell the same of an entry."""
    texts = (each.title, each.recipient)
    return (
        which.app_id in {None, each.app_id}
        and which.to in {None, each.recipient}
        and which.status in {None, each.status}
        and (which.relay_id is None or relays.get(each.message_id) == which.relay_id)
        and (which.since is None or each.at >= which.since)
        and (which.until is None or each.at < which.until)
        and (which.text is None or any(normalised(which.text) in normalised(t) for t in texts))
    )


def some(chance: random.Random, kind: type[Any], values: dict[str, Sequence[Any]]) -> Any:
    """Return a filter of random values, each left out more often than not."""
    return kind(
        **{name: chance.choice(given) for name, given in values.items() if chance.random() < 0.45}
    )


SHARED: dict[str, Sequence[Any]] = {
    "app_id": (APP, OTHER, "none"),
    "to": (*ADDRESSES, "bo@b.example"),
    "relay_id": ("relay-1", "relay-2", "relay-3"),
    "since": (NOW, NOW + 20 * MINUTE, NOW + timedelta(days=1)),
    "until": (NOW, NOW + 40 * MINUTE, NOW + timedelta(days=1)),
    "text": TEXTS,
}


def test_every_combination_of_filters_lists_what_it_says(run: Runner) -> None:
    chance = random.Random(5)

    async def scenario(stores: Stores) -> None:
        stored = [await stores.get(each) for each in await fill(stores)]
        states = {"state": (*STATES, State.QUEUED)}
        assert {each.name for each in fields(MessageFilter)} == {*SHARED, *states}

        for _ in range(300):
            which = some(chance, MessageFilter, SHARED | states)
            limit = chance.choice((1, 5, 100))
            before = chance.choice((None, None, chance.choice(stored).id))
            page = await stores.messages.page(which, before=before, limit=limit)

            assert (
                page
                == [
                    each
                    for each in reversed(stored)
                    if is_listed(which, each) and (before is None or each.id < before)
                ][:limit]
            )

    run(scenario)


def test_every_combination_of_filters_logs_what_it_says(run: Runner) -> None:
    chance = random.Random(6)

    async def scenario(stores: Stores) -> None:
        relays: dict[str | None, str | None] = {
            each.id: each.relay_id for each in await fill(stores)
        }
        stored = await stores.logged()
        statuses = {"status": ("sent", "captured", "failed", "held", "in_doubt", "refused")}
        assert {each.name for each in fields(LogFilter)} == {*SHARED, *statuses, "after", "before"}

        for _ in range(300):
            which: LogFilter = some(chance, LogFilter, SHARED | statuses)
            limit = chance.choice((1, 5, 100))
            place, turn = chance.randrange(len(stored)), chance.randrange(4)
            rest, id_ = stored, stored[place].id
            if turn == 1:
                which, rest = replace(which, before=id_), stored[:place]
            elif turn == 2:
                which, rest = replace(which, after=id_), stored[place + 1 :]
            expected = [each for each in rest if is_logged(which, each, relays)]
            chosen = expected[:limit] if turn == 2 else expected[-limit:]

            assert await stores.log.entries(which, limit=limit) == chosen, which

    run(scenario)


@pytest.mark.parametrize("indexed", [False, True], ids=["not-yet", "in-a-chunk"])
def test_what_came_in_is_found_at_once(run: Runner, indexed: bool) -> None:
    async def scenario(stores: Stores) -> None:
        given = await stores.put(message(subject="디스크 경고"), title="디스크 경고")
        if indexed:
            assert await stores.search.catch_up(least=1)
        found = await stores.messages.page(MessageFilter(text="경고"), before=None, limit=10)

        assert [each.id for each in found] == [given.id]
        assert len(await stores.logged(text="경고")) == 1
        assert await stores.search.catch_up(least=1) is not indexed
        assert not await stores.search.catch_up(least=1)

    run(scenario)


def test_a_message_is_found_by_its_new_state_and_no_longer_by_the_old_one(run: Runner) -> None:
    async def listed(stores: Stores, state: State) -> list[str]:
        which = MessageFilter(state=state)
        return [each.id for each in await stores.messages.page(which, before=None, limit=10)]

    async def scenario(stores: Stores) -> None:
        given = await stores.put(message(state=State.CAPTURED), status="captured")
        await stores.search.catch_up(least=1)
        assert await listed(stores, State.CAPTURED) == [given.id]

        claim = await stores.claim_one(given)
        assert claim is not None
        assert await listed(stores, State.CAPTURED) == []
        assert await listed(stores, State.SENDING) == [given.id]
        for _ in range(2):
            await stores.search.catch_up(least=1)
            assert await listed(stores, State.SENDING) == [given.id]
            assert [each.status for each in await stores.logged(status="sending")] == ["sending"]

        await stores.queue.settle(claim, settlement(claim, State.BOUNCED))
        for _ in range(2):
            assert await listed(stores, State.BOUNCED) == [given.id]
            assert await listed(stores, State.SENDING) == []
            assert len(await stores.logged(status="failed")) == 1
            assert await stores.logged(status="sending") == []
            await stores.search.catch_up(least=1)

    run(scenario)


def test_the_entry_of_an_erased_message_is_found_by_the_status_it_was_written_with(
    run: Runner,
) -> None:
    async def scenario(stores: Stores) -> None:
        await stores.put(message(state=State.QUEUED), status="queued")
        (claim,) = await stores.claim()
        await stores.queue.settle(claim, settlement(claim, State.ACCEPTED))
        await stores.search.catch_up(least=1)
        await stores.database.execute("DELETE FROM message")

        for _ in range(2):
            assert len(await stores.logged(status="queued")) == 1
            assert await stores.logged(status="sent") == []
            assert await stores.messages.page(MessageFilter(), before=None, limit=10) == []
            await stores.search.catch_up(least=1)

    run(scenario)


def test_pages_neither_repeat_nor_miss_anything_while_mail_comes_in(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        given = [each.id for each in await fill(stores)]
        entries = [each.id for each in await stores.logged()]
        messages: list[str] = []
        log: list[str] = []
        chance = random.Random(3)
        for number in range(40):
            page = await stores.messages.page(
                MessageFilter(), before=messages[-1] if messages else None, limit=4
            )
            messages += [each.id for each in page]
            before = log[-1] if log else None
            log += [each.id for each in reversed(await stores.logged(4, before=before))]
            await settled(stores, 100 + number, chance)
            if number % 7 == 3:
                await stores.search.catch_up(least=1)

        assert messages == given[::-1]
        assert log == entries[::-1]

    run(scenario)


def test_a_page_goes_on_after_an_entry_that_is_gone(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        given = [entry() for _ in range(5)]
        for each in given:
            await stores.mail.log(each)
        await stores.search.catch_up(least=1)
        await stores.database.execute("DELETE FROM send_log WHERE id = ?", (given[3].id,))

        assert await stores.logged(before=given[3].id) == given[:3]
        assert await stores.logged(after=given[3].id) == given[4:]
        assert await stores.logged(before="") == []

    run(scenario)


def test_a_message_comes_in_with_the_id_of_its_log_entry(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        with pytest.raises(ValueError, match="has the id of its log entry"):
            await stores.put(message(), id=entry().id)
        assert await stores.logged() == []

    run(scenario)


def test_nothing_is_put_into_two_chunks_by_two_servers(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        await fill(stores, 8)
        done = await asyncio.gather(*(stores.search.catch_up(least=1) for _ in range(3)))

        assert sorted(done) == [False, False, True]
        assert await stores.database.read("SELECT count(*) FROM search_chunk") == [(1,)]
        assert await stores.database.read("SELECT count(*) FROM search_waiting") == [(0,)]

    run(scenario)
