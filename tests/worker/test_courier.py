"""Whatever happens on the way, what became of a message is stored once, and told truly."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta

import pytest
from tests.worker.bench import TOKEN, Bench, at_bench

from postroad.delivery.messages import Claim, Lease
from postroad.delivery.states import State
from postroad.errors import Code, ConnectError
from postroad.simulators import hostile
from postroad.simulators.misbehaviour.server import HostileSimulator
from postroad.tenancy.records import InDoubtPolicy
from postroad.transport.relay import Relay
from postroad.worker.courier import Errand
from postroad.worker.leases import LENGTH as LEASE

SLOW_S = 0.02  # an octet of the last reply, of which there are some thirty


def errand(claim: Claim, server: HostileSimulator, limit_s: float | None = None) -> Errand:
    """One attempt as a door that waits makes it."""
    relay = Relay("127.0.0.1", server.port, "none")
    return Errand(claim, relay, InDoubtPolicy.HOLD, is_sync=True, limit_s=limit_s)


async def until_sending(bench: Bench, server: HostileSimulator) -> None:
    """Wait until the relay has the content."""
    await asyncio.to_thread(server.wait_for_message)
    assert bench.courier.under_way == 1


def test_an_acceptance_that_cannot_be_stored_is_in_doubt_for_the_caller_and_stored_later() -> None:
    with hostile() as server:

        async def work(bench: Bench) -> None:
            await bench.put()
            bench.trouble.left["settle"] = 1

            told = await bench.courier.carry(errand(await bench.claim(), server))

            assert told.code is Code.IN_DOUBT
            assert [str(error) for error in bench.troubles] == ["the disk is full"]
            assert bench.courier.under_way == 1
            assert bench.settled.empty()
            assert await bench.state() is State.SENDING
            await bench.courier.drain(10)
            assert (await bench.next_settled()).code is Code.OK
            assert await bench.state() is State.ACCEPTED
            assert bench.trouble.calls["settle"] == 2
            assert bench.courier.under_way == 0

        at_bench(work)
        assert len(server.messages) == 1


def test_a_refusal_that_cannot_be_stored_is_told_as_it_is() -> None:
    with hostile("550@rcpt") as server:

        async def work(bench: Bench) -> None:
            await bench.put()
            bench.trouble.left["settle"] = 1

            told = await bench.courier.carry(errand(await bench.claim(), server))

            assert [(fate.state, fate.code) for fate in told.fates] == [(State.BOUNCED, 550)]
            assert await bench.state() is State.SENDING
            await bench.courier.drain(10)
            assert await bench.state() is State.BOUNCED

        at_bench(work)


def test_who_waits_no_more_does_not_stop_the_sending() -> None:
    with hostile("drip@dot", pace_s=SLOW_S) as server:

        async def work(bench: Bench) -> None:
            await bench.put()
            waiting = asyncio.create_task(bench.courier.carry(errand(await bench.claim(), server)))
            await until_sending(bench, server)

            waiting.cancel()
            await asyncio.wait({waiting})

            assert waiting.cancelled()
            assert bench.courier.under_way == 1
            assert (await bench.next_settled()).code is Code.OK
            assert await bench.state() is State.ACCEPTED

        at_bench(work)


def test_who_waits_no_more_does_not_stop_the_storing() -> None:
    with hostile() as server:

        async def work(bench: Bench) -> None:
            await bench.put()
            bench.trouble.left["settle"] = 1
            waiting = asyncio.create_task(bench.courier.carry(errand(await bench.claim(), server)))
            await asyncio.sleep(0)

            waiting.cancel()

            await bench.trouble.until("settle", 2)
            assert (await bench.next_settled()).code is Code.OK
            assert await bench.state() is State.ACCEPTED

        at_bench(work)


@pytest.mark.parametrize("is_storable", [True, False])
def test_past_the_time_limit_it_is_in_doubt_until_the_truth_is_known(is_storable: bool) -> None:
    gate = threading.Event()
    with hostile(on_message=lambda _: gate.wait(10)) as server:

        async def work(bench: Bench) -> None:
            await bench.put()
            bench.trouble.left["doubt"] = 0 if is_storable else 1
            carried = errand(await bench.claim(), server, limit_s=0.5)

            answer = await bench.courier.carry(carried)

            assert answer.code is Code.IN_DOUBT
            assert [fate.state for fate in answer.fates] == [State.IN_DOUBT]
            assert await bench.state() is (State.IN_DOUBT if is_storable else State.SENDING)
            assert bench.doubted == ([carried] if is_storable else [])
            assert bench.courier.under_way == 1
            gate.set()
            assert (await bench.next_settled()).code is Code.OK
            assert await bench.state() is State.ACCEPTED
            assert bench.trouble.calls["settle"] == 1

        at_bench(work)
        gate.set()


def test_before_the_final_dot_the_time_limit_takes_the_message_back() -> None:
    with hostile("silence@rcpt") as server:

        async def work(bench: Bench) -> None:
            await bench.put()

            answer = await bench.courier.carry(errand(await bench.claim(), server, limit_s=0.2))

            assert answer.code is Code.TIMEOUT
            assert "0.2 s" in answer.error
            assert bench.courier.under_way == 0
            assert await bench.state() is State.FAILED

        at_bench(work)
        assert server.messages == []


def test_who_lost_the_lease_stores_nothing_and_says_so() -> None:
    with hostile("drip@dot", pace_s=SLOW_S) as server:

        async def work(bench: Bench) -> None:
            await bench.put()
            carried = errand(await bench.claim(), server)
            waiting = asyncio.create_task(bench.courier.carry(carried))
            await until_sending(bench, server)
            assert await bench.queue.expire(now=bench.clock() + timedelta(minutes=1)) == 1

            answer = await waiting

            assert answer.code is Code.OK
            assert bench.lost == [carried]
            assert bench.settled.empty()
            assert await bench.state() is State.IN_DOUBT

        at_bench(work)


def test_a_lease_that_was_lost_and_taken_again_is_not_settled_by_the_first() -> None:
    with hostile("drip@dot", pace_s=SLOW_S) as server:

        async def work(bench: Bench) -> None:
            await bench.put()
            first = asyncio.create_task(bench.courier.carry(errand(await bench.claim(), server)))
            await until_sending(bench, server)
            bench.clock.go(minutes=1)
            await bench.queue.expire(now=bench.clock())
            second = await bench.claim()

            await first

            assert len(bench.lost) == 1
            assert await bench.state() is State.SENDING
            assert (await bench.courier.carry(errand(second, server))).code is Code.OK
            assert await bench.state() is State.ACCEPTED

        at_bench(work)


def test_an_errand_without_a_relay_ends_with_what_stood_in_its_way() -> None:
    async def work(bench: Bench) -> None:
        await bench.put()
        refusal = ConnectError("there is no way")

        answer = await bench.courier.carry(
            Errand(await bench.claim(), None, InDoubtPolicy.RETRY, refusal=refusal)
        )

        assert (answer.code, answer.error) == (Code.CONNECT, "there is no way")
        assert answer.due is not None
        assert await bench.state() is State.DEFERRED

    at_bench(work)


def test_a_hundred_errands_are_each_settled_once() -> None:
    with hostile("450@rcpt", times=30) as server:

        async def work(bench: Bench) -> None:
            await bench.put(100)
            lease = Lease(TOKEN, bench.clock() + LEASE)
            claims = await bench.queue.claim(lease, now=bench.clock(), limit=100)

            ended = await asyncio.gather(
                *(bench.courier.carry(errand(claim, server)) for claim in claims)
            )

            assert bench.trouble.calls["settle"] == bench.settled.qsize() == 100
            assert bench.courier.under_way == 0
            assert sum(each.code is Code.OK for each in ended) == len(server.messages) == 70
            states = [message.recipients[0].state for message in await bench.office.stored()]
            assert states.count(State.ACCEPTED) == 70
            assert states.count(State.FAILED) == 30

        at_bench(work)


def test_leases_are_renewed_while_anything_is_under_way() -> None:
    with hostile("silence@dot") as server:

        async def work(bench: Bench) -> None:
            await bench.put()
            claim = await bench.claim()
            waiting = asyncio.create_task(bench.courier.carry(errand(claim, server)))
            await until_sending(bench, server)

            bench.clock.go(seconds=25)
            await bench.trouble.until("renew", bench.trouble.calls.get("renew", 0) + 2)
            bench.clock.go(seconds=25)

            assert await bench.queue.expire(now=bench.clock()) == 0
            waiting.cancel()

        at_bench(work, renewed_every_s=0.01)
