"""A pool for each relay: messages one by one, connections shared, kept, replaced and closed."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine
from typing import Any

import pytest
from tests.transport.puppet import WAIT_S, Puppet, Visitor

from postroad import Relay
from postroad.errors import Code, ConnectionLost, Phase
from postroad.simulators import HostileSimulator, hostile
from postroad.smtp.envelope import Envelope
from postroad.smtp.transaction import Outcome
from postroad.transport.pools import Pools, Ticket

CONTENT = b"Subject: hi\r\n\r\nbody\r\n"


def to(server: HostileSimulator, password: str = "pass word", **fields: Any) -> Relay:
    return Relay(
        "127.0.0.1", server.port, security="none", username="user", password=password, **fields
    )


def submit(pools: Pools, relay: Relay, number: int = 0, connections: int = 10) -> Ticket:
    envelope = Envelope("a@x.example", (f"r{number}@y.example",))
    return pools.submit(relay, envelope, CONTENT, connections=connections)


def run(test: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(3 * WAIT_S):
            await test

    asyncio.run(bounded())


async def outcomes(tickets: list[Ticket]) -> list[Outcome]:
    return list(await asyncio.gather(*(ticket.done for ticket in tickets)))


async def forgotten(pools: Pools) -> None:
    """Wait until no relay has a pool."""
    while pools.relays:  # noqa: ASYNC110 - nothing tells, and it is soon
        await asyncio.sleep(0)


# Sharing.


def test_messages_one_after_the_other_share_one_connection() -> None:
    async def test(server: HostileSimulator) -> None:
        pools = Pools(10, 60)
        for number in range(5):
            outcome = await submit(pools, to(server), number).done
            assert outcome.code is Code.OK
        await pools.aclose(5)

    with hostile("polite") as server:
        run(test(server))

        assert [mail.connection for mail in server.messages] == [1] * 5


def test_a_burst_spreads_over_as_many_connections_as_it_may_have() -> None:
    async def test() -> None:
        async with Puppet() as server:
            pools = Pools(10, 60)
            tickets = [submit(pools, server.relay(), n, connections=4) for n in range(64)]
            visitors = [await server.visitor()]
            await visitors[0].opens()
            visitors += [await server.visitor() for _ in range(3)]
            for visitor in visitors[1:]:
                await visitor.opens()

            serving = [asyncio.create_task(visitor.serves()) for visitor in visitors]

            assert {each.code for each in await outcomes(tickets)} == {Code.OK}
            await pools.aclose(WAIT_S)
            taken = [await task for task in serving]
            assert all(taken)
            paths = sorted(path for each in taken for path in each)
            assert paths == sorted(f"r{n}@y.example" for n in range(64))
            assert server.visits == 4

    run(test())


def test_while_a_connection_is_busy_its_next_message_goes_along() -> None:
    async def test() -> None:
        async with Puppet() as server:
            pools = Pools(10, 60)
            first, second = (submit(pools, server.relay(), n, connections=1) for n in range(2))
            visitor = await server.visitor()
            await visitor.opens()
            await visitor.envelope()
            visitor.accepts()
            await visitor.content()

            assert await visitor.envelope() == "r1@y.example"

            visitor.say("250 taken", "250 ok", "250 ok", "354 go")
            await visitor.content()
            visitor.say("250 taken too")
            assert [each.code for each in await outcomes([first, second])] == [Code.OK] * 2
            await pools.aclose(1)

    run(test())


def test_a_password_is_never_used_on_a_connection_opened_with_another() -> None:
    async def test(server: HostileSimulator) -> None:
        pools = Pools(10, 60)
        for password in ("right", "wrong", "right"):
            await submit(pools, to(server, password)).done
        assert pools.relays == 2
        await pools.aclose(5)

    with hostile("polite") as server:
        run(test(server))

        assert [mail.connection for mail in server.messages] == [1, 2, 1]


def test_a_dead_relay_is_nothing_to_another() -> None:
    async def test(server: HostileSimulator, dead: Relay) -> None:
        pools = Pools(10, 60)
        tickets = [submit(pools, relay, n) for n in range(6) for relay in (to(server), dead)]
        found = await outcomes(tickets)
        await pools.aclose(5)
        assert [outcome.code for outcome in found] == [Code.OK, Code.CONNECT] * 6

    with hostile("polite") as gone:
        dead = to(gone)
    with hostile("polite") as server:
        run(test(server, dead))


def test_a_refused_login_is_tried_again_for_the_next_message() -> None:
    async def test(server: HostileSimulator) -> None:
        pools = Pools(10, 60)
        refused = await outcomes([submit(pools, to(server), n) for n in range(8)])
        accepted = await submit(pools, to(server)).done
        await pools.aclose(5)
        assert {outcome.code for outcome in refused} == {Code.AUTH}
        assert accepted.code is Code.OK

    with hostile("auth-535", times=1) as server:
        run(test(server))

        assert len(server.transcripts) == 2


def test_a_message_the_relay_cannot_take_has_its_outcome_and_harms_no_other() -> None:
    async def test(server: HostileSimulator) -> None:
        pools = Pools(10, 60)
        envelope = Envelope("a@x.example", ("보@y.example",), needs_smtputf8=True)
        tickets = [submit(pools, to(server)), pools.submit(to(server), envelope, CONTENT)]
        tickets.append(submit(pools, to(server)))
        found = await outcomes(tickets)
        await pools.aclose(5)
        assert [outcome.code for outcome in found] == [Code.OK, Code.CAPABILITY, Code.OK]

    with hostile("polite") as server:
        run(test(server))


def test_the_transcript_is_the_whole_dialogue() -> None:
    async def test(server: HostileSimulator) -> str:
        pools = Pools(10, 60)
        ticket = submit(pools, to(server))
        await ticket.done
        await pools.aclose(5)
        return ticket.transcript()

    with hostile("polite") as server:
        shown = asyncio.run(test(server))

    lines = ("* connected to 127.0.0.1:", "C: AUTH PLAIN ***", "RCPT TO:<r0@", "octets of message>")
    assert all(line in shown for line in lines)


def test_cancelling_the_wait_does_not_stop_the_message() -> None:
    async def test() -> None:
        async with Puppet() as server:
            pools = Pools(10, 60)
            ticket = submit(pools, server.relay())
            visitor = await server.visitor()
            await visitor.opens()
            await visitor.envelope()

            ticket.done.cancel()

            visitor.accepts()
            assert await visitor.content()
            visitor.say("250 taken")
            await pools.aclose(1)

    run(test())


# Connections that end.


@pytest.mark.parametrize("behaviour", ["idle-close", "idle-421", "421@mail", "close@mail"])
def test_a_connection_that_the_server_ended_costs_no_message(behaviour: str) -> None:
    async def test(server: HostileSimulator) -> None:
        pools = Pools(10, 60)
        for number in range(4):
            outcome = await submit(pools, to(server), number).done
            assert outcome.code is Code.OK, outcome.error
        await pools.aclose(5)

    with hostile(behaviour, after=1, times=1) as server:
        run(test(server))

        assert len(server.messages) == 4


@pytest.mark.parametrize("connections", [1, 3])
def test_a_server_that_takes_one_message_for_each_connection_gets_them_all(
    connections: int,
) -> None:
    async def test(server: HostileSimulator) -> None:
        pools = Pools(10, 60)
        tickets = [submit(pools, to(server), n, connections) for n in range(40)]
        found = await outcomes(tickets)
        await pools.aclose(5)
        assert {outcome.code for outcome in found} == {Code.OK}

    with hostile("idle-close") as server:
        run(test(server))

        paths = Counter(mail.forward_paths for mail in server.messages)
        assert paths == Counter((f"r{n}@y.example",) for n in range(40))


def test_all_idle_connections_may_have_been_closed_at_once() -> None:
    async def test() -> None:
        async with Puppet() as server:
            pools = Pools(10, 60)
            tickets = [submit(pools, server.relay(), n, connections=3) for n in range(3)]
            visitors = []
            for _ in range(3):
                visitors.append(await server.visitor())
                await visitors[-1].opens()
            await asyncio.gather(*(visitor.takes() for visitor in visitors))
            await outcomes(tickets)
            ticket = submit(pools, server.relay(), connections=3)

            for visitor in visitors:
                visitor.close()

            visitor = await server.visitor()
            await visitor.opens()
            await visitor.takes()
            assert (await ticket.done).code is Code.OK
            await pools.aclose(1)

    run(test())


def test_a_connection_nobody_uses_is_closed_and_its_relay_forgotten() -> None:
    async def test(server: HostileSimulator) -> None:
        pools = Pools(10, idle_s=0.02)
        await submit(pools, to(server)).done

        await forgotten(pools)

        assert (await submit(pools, to(server)).done).code is Code.OK
        await pools.aclose(5)

    with hostile("polite") as server:
        run(test(server))

        assert server.wait_for_transcript(1).from_client.endswith(b"QUIT\r\n")
        assert [mail.connection for mail in server.messages] == [1, 2]


def test_a_relay_without_connection_is_forgotten_too() -> None:
    async def test(dead: Relay) -> None:
        pools = Pools(10, idle_s=0.02)
        await submit(pools, dead).done

        await forgotten(pools)

        await pools.aclose(0)

    with hostile("polite") as gone:
        dead = to(gone)
    run(test(dead))


def test_the_longest_unused_relay_makes_room() -> None:
    async def test(server: HostileSimulator) -> None:
        pools = Pools(10, 60, max_pools=2)
        relays = [to(server, client_name=name) for name in ("one", "two", "three")]
        for relay in (relays[0], relays[1], relays[0], relays[2]):
            await submit(pools, relay).done

        assert pools.relays == 2
        await asyncio.to_thread(server.wait_for_transcript, 2)
        await submit(pools, relays[0]).done
        await pools.aclose(5)

    with hostile("polite") as server:
        run(test(server))

        assert [mail.connection for mail in server.messages] == [1, 2, 1, 3, 1]
        assert b"EHLO two" in server.wait_for_transcript(2).from_client


def test_a_relay_with_mail_under_way_never_has_to_make_room() -> None:
    async def test() -> None:
        async with Puppet() as server:
            pools = Pools(10, 60, max_pools=1)
            relays = [server.relay(client_name=name) for name in ("one", "two")]
            tickets = [submit(pools, relay) for relay in relays]
            visitors = [await server.visitor(), await server.visitor()]
            for visitor in visitors:
                await visitor.opens()
            await asyncio.gather(*(visitor.takes() for visitor in visitors))

            assert [each.code for each in await outcomes(tickets)] == [Code.OK] * 2
            await pools.aclose(1)

    run(test())


# The end.


async def three_under_way(server: Puppet, pools: Pools) -> tuple[list[Ticket], Visitor]:
    """One whose final dot was written, one whose envelope was, and one that waits."""
    tickets = [submit(pools, server.relay(), n, connections=1) for n in range(3)]
    visitor = await server.visitor()
    await visitor.opens()
    await visitor.envelope()
    visitor.accepts()
    await visitor.content()
    await visitor.envelope()
    return tickets, visitor


def test_closing_finishes_what_was_submitted() -> None:
    async def test() -> None:
        async with Puppet() as server:
            pools = Pools(10, 60)
            tickets, visitor = await three_under_way(server, pools)

            closing = asyncio.create_task(pools.aclose(WAIT_S))

            visitor.say("250 taken", "250 ok", "250 ok", "354 go on")
            await visitor.content()
            visitor.say("250 taken")
            await visitor.takes()
            assert await visitor.rest() == b"QUIT\r\n"
            await closing
            assert [each.code for each in await outcomes(tickets)] == [Code.OK] * 3

    run(test())


def test_closing_in_a_hurry_leaves_no_ticket_without_an_outcome() -> None:
    async def test() -> None:
        async with Puppet() as server:
            pools = Pools(10, 60)
            tickets, visitor = await three_under_way(server, pools)

            await pools.aclose(0.01)

            found = [ticket.done.result() for ticket in tickets]
            assert [each.code for each in found] == [Code.IN_DOUBT, Code.PROTOCOL, Code.PROTOCOL]
            assert all("Postroad is being stopped" in str(each.error) for each in found)
            assert await visitor.rest() == b""

    run(test())


def test_closing_does_not_wait_for_a_relay_that_does_not_answer() -> None:
    async def test() -> None:
        async with Puppet() as server:
            pools = Pools(10, 60)
            silent = submit(pools, server.relay(client_name="silent"))
            visitor = await server.visitor()

            await pools.aclose(0.01)

            assert isinstance(silent.done.result().error, ConnectionLost)
            assert await visitor.rest() == b""

    run(test())


def test_after_closing_a_message_is_lost_at_once_and_another_relay_is_left_alone() -> None:
    async def test() -> None:
        async with Puppet() as server:
            pools = Pools(10, 60)
            tickets, visitor = await three_under_way(server, pools)
            closing = asyncio.create_task(pools.aclose(WAIT_S))
            await asyncio.sleep(0)

            late = submit(pools, server.relay())

            assert isinstance(late.done.result().error, ConnectionLost)
            assert not late.withdraw(1)
            visitor.say("250 taken", "250 ok", "250 ok", "354 go on")
            await visitor.content()
            visitor.say("250 taken")
            await visitor.takes()
            await closing
            assert [each.code for each in await outcomes(tickets)] == [Code.OK] * 3

    run(test())


def test_closing_twice_is_harmless() -> None:
    async def test() -> None:
        pools = Pools(10, 60)
        await pools.aclose(1)
        await pools.aclose(1)

    run(test())


def test_a_phase_has_its_time_in_a_pool_too() -> None:
    async def test() -> None:
        async with Puppet() as server:
            pools = Pools(0.02, 60)
            ticket = submit(pools, server.relay())
            outcome = await ticket.done
            assert (outcome.code, outcome.phase) == (Code.TIMEOUT, Phase.GREETING)
            await pools.aclose(1)

    run(test())
