"""Two processes on one database: what holds for one holds for both together."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

import pytest
from tests.contracts import tenant_stores
from tests.contracts.mail_stores import (
    APP,
    MINUTE,
    NOW,
    OTHER,
    Stores,
    app,
    entry,
    intake,
    message,
    settlement,
    stores_on,
)
from tests.support.engines import Place

from postroad.delivery.messages import Lease, LogEntry, WindowStart
from postroad.delivery.states import State
from postroad.storage.tenants import TenantStore
from postroad.tenancy.records import SendMode

T = TypeVar("T")
ROUNDS = 10


def together(place: Place, work: Callable[[Stores, Stores], Awaitable[T]]) -> T:
    """Return what `work` returns, given the stores of a server and of a process beside it."""

    async def run() -> T:
        databases = [await place.open(), await place.open(is_server=False)]
        one, other = map(stores_on, databases)
        try:
            await one.directory.apps.add(app(APP))
            await one.directory.apps.add(app(OTHER, send=SendMode.QUEUED))
            return await work(one, other)
        finally:
            for database in reversed(databases):
                await database.aclose()

    return asyncio.run(run())


async def open_window(stores: Stores, *keys: str) -> bool:
    """Return whether a message was stored that opens windows."""
    windows = tuple(WindowStart(key, NOW + MINUTE) for key in keys)
    given = intake(message(state=State.QUEUED), windows=windows)
    return await stores.mail.accept(given, now=NOW) is None


def test_of_two_that_open_a_window_at_once_one_passes(place: Place) -> None:
    async def work(one: Stores, other: Stores) -> None:
        for number in range(ROUNDS):
            asked = [open_window(each, f"session:{number}") for each in (one, other) * 4]
            passed = await asyncio.gather(*asked)

            assert passed.count(True) == 1
        assert len(await one.logged()) == ROUNDS * 8
        assert len(await one.database.read("SELECT id FROM message")) == ROUNDS

    together(place, work)


def test_who_passes_one_of_two_windows_only_opens_neither(place: Place) -> None:
    async def work(one: Stores, other: Stores) -> None:
        for number in range(ROUNDS):
            mine, yours, ours = f"a:{number}", f"c:{number}", f"b:{number}"
            passed = await asyncio.gather(
                open_window(one, mine, ours), open_window(other, yours, ours)
            )
            again = await asyncio.gather(open_window(one, mine), open_window(other, yours))

            assert sorted(passed) == [False, True]
            assert [*again] == [not each for each in passed]

    together(place, work)


def test_every_message_is_claimed_by_one_of_them(place: Place) -> None:
    async def work(one: Stores, other: Stores) -> None:
        given = [await one.put(message(app_id=OTHER, state=State.QUEUED)) for _ in range(60)]

        claimed = await asyncio.gather(
            *(
                each.claim(token=f"{name}:{number}", limit=5)
                for number in range(10)
                for name, each in (("one", one), ("other", other))
            )
        )

        found = Counter(claim.message.id for claims in claimed for claim in claims)
        assert found == Counter(each.id for each in given)
        for claims in claimed:
            for claim in claims:
                assert await one.queue.settle(claim, settlement(claim, State.ACCEPTED))

    together(place, work)


def test_what_ran_out_ends_once_and_stays_with_who_takes_it_then(place: Place) -> None:
    async def work(one: Stores, other: Stores) -> None:
        later = NOW + 2 * MINUTE
        for number in range(ROUNDS):
            given = await one.put(message(app_id=OTHER), token="dead")

            ended, claims, again = await asyncio.gather(
                one.queue.expire(now=later),
                one.claim(token=f"one:{number}", now=later),
                other.queue.expire(now=later),
            )
            claims = claims or await other.claim(token=f"other:{number}", now=later)

            assert ended + again == 1
            (claim,) = claims
            assert claim.message.id == given.id
            assert await other.queue.settle(claim, settlement(claim, State.ACCEPTED))
            assert len(await one.mail.attempts(OTHER, given.id)) == 2

    together(place, work)


def test_a_person_and_a_worker_do_not_take_the_same_message(place: Place) -> None:
    async def work(one: Stores, other: Stores) -> None:
        for _ in range(ROUNDS):
            given = await one.put(message(app_id=OTHER, state=State.QUEUED))
            lease = Lease("person", NOW + MINUTE)

            claims, taken = await asyncio.gather(
                one.claim(), other.queue.claim_one(OTHER, given.id, lease, now=NOW)
            )

            assert len(claims) + (taken is not None) == 1

    together(place, work)


def test_of_two_who_register_an_account_one_gets_it(place: Place) -> None:
    async def work(one: Stores, other: Stores) -> None:
        accounts = [TenantStore(each.database) for each in (one, other)]
        for number in range(ROUNDS):
            users = [tenant_stores.user(f"{number}0000") for _ in range(6)]

            made = await asyncio.gather(
                *(accounts[n % 2].register(user) for n, user in enumerate(users))
            )

            assert made.count(True) == 1

    together(place, work)


def test_who_logs_in_at_both_keeps_no_more_tokens_than_he_may(place: Place) -> None:
    async def work(one: Stores, other: Stores) -> None:
        accounts = [TenantStore(each.database) for each in (one, other)]
        user = tenant_stores.user()
        assert await accounts[0].register(user)

        await asyncio.gather(
            *(
                accounts[n % 2].add_token(
                    tenant_stores.token(user, bytes([n]) * 32, at=NOW + timedelta(seconds=n)),
                    keep=3,
                )
                for n in range(12)
            )
        )

        assert len(await one.database.read("SELECT digest FROM user_token")) == 3

    together(place, work)


def test_failed_logins_at_both_are_all_counted(place: Place) -> None:
    async def work(one: Stores, other: Stores) -> None:
        accounts = [TenantStore(each.database) for each in (one, other)]

        await asyncio.gather(
            *(accounts[n % 2].login_failed(("account", "address"), NOW) for n in range(20))
        )

        assert await accounts[0].failures(("account",)) == [(20, NOW)]

    together(place, work)


def test_what_one_changes_the_other_sees_when_its_memory_is_no_longer_fresh(place: Place) -> None:
    async def work(one: Stores, other: Stores) -> None:
        facts = TenantStore(other.database)
        before = await facts.app(APP)
        await one.directory.apps.change(APP, name="another")

        other.database.facts._looked_at -= 1.0
        after = await facts.app(APP)

        assert before is not None
        assert after is not None
        assert (before.name, after.name) == (f"app {APP}", "another")

    together(place, work)


def test_what_one_adds_the_other_finds_at_once(place: Place) -> None:
    async def work(one: Stores, other: Stores) -> None:
        facts = TenantStore(other.database)
        user = tenant_stores.user()

        assert await facts.user(APP, user.account) is None
        await TenantStore(one.database).register(user)
        found = await facts.user(APP, user.account)

        assert found == user

    together(place, work)


@pytest.mark.parametrize("count", [1, 40])
def test_who_follows_the_log_of_both_misses_nothing(place: Place, count: int) -> None:
    async def work(one: Stores, other: Stores) -> None:
        seen: list[str] = [(await _logged(one)).id]
        written: list[str] = [*seen]

        async def write(stores: Stores) -> None:
            for _ in range(count):
                written.append((await _logged(stores)).id)

        writing = asyncio.gather(write(one), write(other))
        while len(seen) < 2 * count + 1:
            found = await one.logged(after=seen[-1])
            seen += [each.id for each in found]
            if writing.done() and not found:
                break
        await writing

        assert sorted(seen) == sorted(written)

    together(place, work)


async def _logged(stores: Stores) -> LogEntry:
    new = entry()
    await stores.mail.log(new)
    return new
