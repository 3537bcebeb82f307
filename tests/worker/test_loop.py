"""The loop sends what is due when it is due, ends what the dead left, and stops without loss."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta

from tests.support.core import APPID
from tests.worker.bench import TOKEN, Bench, at_bench

from postroad.delivery.messages import Lease
from postroad.delivery.states import State
from postroad.errors import Code
from postroad.simulators import hostile
from postroad.tenancy.records import InDoubtPolicy
from postroad.worker.leases import LENGTH as LEASE
from postroad.worker.leases import Leases
from postroad.worker.loop import Dispatcher, Loop

MINUTE = timedelta(minutes=1)


async def left_by(bench: Bench, token: str) -> None:
    """Put a message in, and claim it for a process that is never heard of again."""
    await bench.put()
    await bench.claim(token)
    assert await bench.state() is State.SENDING


def test_what_is_due_is_sent_the_longest_due_first() -> None:
    with hostile() as server:

        async def work(bench: Bench) -> None:
            await bench.office.core.directory.relays(APPID).change(bench.relay.id, connections=1)
            await bench.put(5)

            assert await bench.loop.start() == 0

            for _ in range(5):
                assert (await bench.next_settled()).code is Code.OK

        at_bench(work, server.port)
        subjects = [message.content.split(b"Subject: ")[1][:7] for message in server.messages]
    assert subjects == [b"title %d" % number for number in range(5)]


def test_what_comes_in_later_is_sent_at_once_when_the_loop_is_woken() -> None:
    with hostile() as server:

        async def work(bench: Bench) -> None:
            await bench.loop.start()
            await bench.trouble.until("next_due", 1)
            await bench.put()

            async with asyncio.timeout(0.8):  # it looks by itself once a second
                bench.loop.wake()

                assert (await bench.next_settled()).code is Code.OK

        at_bench(work, server.port)


def test_what_another_process_queued_is_found_without_a_word() -> None:
    with hostile() as server:

        async def work(bench: Bench) -> None:
            await bench.loop.start()
            await bench.trouble.until("next_due", 1)

            await bench.put()

            assert (await bench.next_settled()).code is Code.OK

        at_bench(work, server.port)


def test_what_is_refused_for_now_is_tried_again_later_and_later() -> None:
    with hostile("450@rcpt", times=2) as server:

        async def work(bench: Bench) -> None:
            await bench.put()
            await bench.loop.start()

            first = await bench.next_settled()
            assert first.due == bench.clock() + MINUTE
            assert await bench.state() is State.DEFERRED
            looked = bench.trouble.calls["next_due"]
            bench.clock.go(seconds=59)
            bench.loop.wake()
            await bench.trouble.until("next_due", looked + 1)
            assert [message.attempts for message in await bench.office.stored()] == [1]
            bench.clock.go(seconds=1)
            bench.loop.wake()

            second = await bench.next_settled()
            assert second.due == bench.clock() + 2 * MINUTE
            bench.clock.go(minutes=2)
            bench.loop.wake()

            assert (await bench.next_settled()).code is Code.OK
            assert await bench.state() is State.ACCEPTED
            (message,) = await bench.office.stored()
            attempts = await bench.office.core.mail.attempts(APPID, message.id)
            assert [each.number for each in attempts] == [1, 2, 3]

        at_bench(work, server.port)
        assert len(server.messages) == 1


def test_past_its_time_a_message_expires() -> None:
    with hostile("450@rcpt") as server:

        async def work(bench: Bench) -> None:
            (message,) = await bench.put()
            bench.clock.now = message.expires_at

            await bench.loop.start()

            assert (await bench.next_settled()).due is None
            assert await bench.state() is State.EXPIRED
            assert await bench.queue.next_due() is None

        at_bench(work, server.port)


def test_what_a_dead_server_left_is_in_doubt_and_tried_again_at_once() -> None:
    with hostile() as server:

        async def work(bench: Bench) -> None:
            await left_by(bench, "server:dead")

            assert await bench.loop.start(dead="server:") == 1

            assert (await bench.next_settled()).code is Code.OK
            (message,) = await bench.office.stored()
            attempts = await bench.office.core.mail.attempts(APPID, message.id)
            assert [each.code for each in attempts] == [None, Code.OK]

        at_bench(work, server.port)
        assert len(server.messages) == 1


def test_what_a_dead_server_left_of_careful_mail_waits_for_a_person() -> None:
    with hostile() as server:

        async def work(bench: Bench) -> None:
            await left_by(bench, "server:dead")

            assert await bench.loop.start(dead="server:") == 1

            await bench.trouble.until("next_due", 1)
            assert await bench.state() is State.IN_DOUBT
            assert await bench.queue.next_due() is None

        at_bench(work, server.port, in_doubt=InDoubtPolicy.HOLD)
        assert server.transcripts == []


def test_what_a_living_command_holds_is_left_to_it_until_its_lease_has_run_out() -> None:
    with hostile() as server:

        async def work(bench: Bench) -> None:
            await left_by(bench, "command:other")

            assert await bench.loop.start(dead="server:") == 0
            await bench.trouble.until("next_due", 1)
            bench.loop.wake()
            await bench.trouble.until("next_due", 2)
            assert await bench.state() is State.SENDING
            bench.clock.go(seconds=LEASE.total_seconds() + 1)
            bench.loop.wake()

            assert (await bench.next_settled()).code is Code.OK

        at_bench(work, server.port)
        assert len(server.messages) == 1


def test_a_message_whose_relay_is_gone_says_so_and_waits_for_another() -> None:
    with hostile() as server:

        async def work(bench: Bench) -> None:
            await bench.put()
            relays = bench.office.core.directory.relays(APPID)
            assert await relays.remove(bench.relay.id)
            await bench.loop.start()

            settled = await bench.next_settled()

            assert settled.code is Code.CONNECT
            assert settled.error == "the app has no relay that could be used"
            assert settled.due == bench.clock() + MINUTE
            assert await bench.state() is State.DEFERRED
            (entry,) = await bench.office.log()
            assert entry.status == "queued"
            await bench.office.add_relay(server.port)
            bench.clock.go(minutes=1)
            bench.loop.wake()
            assert (await bench.next_settled()).code is Code.OK

        at_bench(work)


def test_a_message_is_not_lost_when_its_app_or_relay_cannot_be_read() -> None:
    with hostile() as server:

        async def work(bench: Bench) -> None:
            bench.trouble.left |= {"app": 1, "relay": 1}
            await bench.put()
            await bench.loop.start()

            for minutes in (1, 2):
                settled = await bench.next_settled()
                assert "the disk is full" in settled.error
                assert await bench.state() is State.DEFERRED
                bench.clock.go(minutes=minutes)
                bench.loop.wake()

            assert (await bench.next_settled()).code is Code.OK

        at_bench(work, server.port)


def test_a_loop_whose_storage_fails_says_so_and_goes_on() -> None:
    with hostile() as server:

        async def work(bench: Bench) -> None:
            bench.trouble.left |= {"next_due": 1, "claim": 1}
            await bench.put()
            await bench.loop.start()

            for number in (1, 2):
                await bench.trouble.until("next_due", number)
                bench.loop.wake()

            assert (await bench.next_settled()).code is Code.OK
            assert [str(error) for error in bench.troubles] == ["the disk is full"] * 2

        at_bench(work, server.port)


def test_a_defect_is_told_and_costs_no_message_its_turn() -> None:
    with hostile() as server:

        async def work(bench: Bench) -> None:
            bench.trouble.defects |= {"next_due": 1, "relay": 1}
            await bench.put()
            await bench.loop.start()

            await bench.trouble.until("next_due", 1)
            bench.loop.wake()
            deferred = await bench.next_settled()

            assert deferred.code is Code.INTERNAL
            assert await bench.state() is State.DEFERRED
            assert [type(each) for each in bench.defects] == [ZeroDivisionError] * 2

        at_bench(work, server.port)


def test_a_settlement_that_could_not_be_stored_is_told_and_sends_nothing_again() -> None:
    with hostile() as server:

        async def work(bench: Bench) -> None:
            bench.trouble.left["settle"] = 1
            await bench.put()
            await bench.loop.start()

            assert (await bench.next_settled()).code is Code.OK

            assert [str(error) for error in bench.troubles] == ["the disk is full"]
            assert await bench.state() is State.ACCEPTED

        at_bench(work, server.port)
        assert len(server.messages) == 1


def test_stopping_again_and_again_in_the_middle_of_work_hands_nothing_over_twice() -> None:
    with hostile() as server:

        async def work(bench: Bench) -> None:
            await bench.put(60)
            dispatcher = Dispatcher(bench.tenants, bench.courier, bench.clock)

            rounds = 0
            while await bench.queue.next_due() is not None:
                rounds += 1
                loop = Loop(
                    bench.queue,
                    dispatcher,
                    bench.courier,
                    Leases(f"{TOKEN}{rounds}", bench.clock),
                    clock=bench.clock,
                    trouble=bench.troubles.append,
                    defect=bench.defects.append,
                )
                assert await loop.start(dead="server:") == 0  # all that was begun was ended
                for _ in range(rounds):
                    await asyncio.sleep(0)
                await loop.stop(10)

            states = Counter(each.recipients[0].state for each in await bench.office.stored())
            assert states == {State.ACCEPTED: 60}
            assert bench.troubles == []

        at_bench(work, server.port)
        titles = Counter(message.content.split(b"Subject: ")[1][:8] for message in server.messages)
    assert len(titles) == 60
    assert set(titles.values()) == {1}


def test_a_loop_that_was_stopped_claims_no_more() -> None:
    with hostile() as server:

        async def work(bench: Bench) -> None:
            await bench.loop.start()
            await bench.loop.stop(1)

            await bench.put()
            bench.loop.wake()

            assert await bench.state() is State.QUEUED
            lease = Lease(TOKEN, bench.clock() + LEASE)
            assert len(await bench.queue.claim(lease, now=bench.clock(), limit=9)) == 1

        at_bench(work, server.port)
        assert server.transcripts == []


def test_stopping_waits_for_what_is_under_way() -> None:
    with hostile("drip@dot") as server:

        async def work(bench: Bench) -> None:
            await bench.put()
            await bench.loop.start()
            await asyncio.to_thread(server.wait_for_message)
            assert bench.courier.under_way == 1

            await bench.loop.stop(10)

            assert bench.courier.under_way == 0
            assert await bench.state() is State.ACCEPTED

        at_bench(work, server.port)


def test_stopping_waits_no_longer_than_it_may() -> None:
    with hostile("silence@dot") as server:

        async def work(bench: Bench) -> None:
            await bench.put()
            await bench.loop.start()
            await asyncio.to_thread(server.wait_for_message)

            async with asyncio.timeout(5):
                await bench.loop.stop(0.05)

            assert bench.courier.under_way == 1
            assert await bench.state() is State.SENDING

        at_bench(work, server.port)


def test_what_this_process_is_sending_is_not_ended_after_the_machine_slept() -> None:
    with hostile("drip@dot", pace_s=0.02) as server:

        async def work(bench: Bench) -> None:
            await bench.put()
            await bench.loop.start()
            await asyncio.to_thread(server.wait_for_message)

            claims = bench.trouble.calls["claim"]
            bench.clock.go(minutes=5)
            bench.loop.wake()
            await bench.trouble.until("claim", claims + 1)

            assert (await bench.next_settled()).code is Code.OK
            assert await bench.state() is State.ACCEPTED
            assert not bench.lost

        at_bench(work, server.port)
        assert len(server.messages) == 1
