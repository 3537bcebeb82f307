"""A ticket taken back: wherever its message is, it is not sent, and every other one is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from tests.transport.puppet import WAIT_S, Puppet

from postroad import Timeouts
from postroad.errors import Code, Phase, PhaseTimeout
from postroad.simulators import hostile
from postroad.smtp.envelope import Envelope
from postroad.transport.pools import Pools, Ticket

CONTENT = b"Subject: hi\r\n\r\nbody\r\n"
LARGE = (b"x" * 76 + b"\r\n") * 400_000  # more than the buffers between two sockets take

Test = Callable[[Puppet, Pools], Coroutine[Any, Any, None]]


def run(test: Test) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(3 * WAIT_S), Puppet() as server:
            pools = Pools(60, 60)
            await test(server, pools)
            await pools.aclose(1)

    asyncio.run(bounded())


def submit(
    pools: Pools, server: Puppet, number: int = 0, content: bytes = CONTENT, **fields: Any
) -> Ticket:
    """A message over the only connection there may be."""
    envelope = Envelope("a@x.example", (f"r{number}@y.example",))
    return pools.submit(server.relay(**fields), envelope, content, connections=1)


def assert_withdrawn(ticket: Ticket, phase: Phase) -> None:
    outcome = ticket.done.result()
    assert (outcome.code, outcome.phase) == (Code.TIMEOUT, phase)
    assert isinstance(outcome.error, PhaseTimeout)
    assert str(outcome.error) == "not sent within 9 s"
    assert ticket.transcript().count("* not sent within 9 s\n") == 1


def test_while_the_connection_is_being_opened() -> None:
    async def test(server: Puppet, pools: Pools) -> None:
        first = submit(pools, server, 1)
        visitor = await server.visitor()
        visitor.say("220 puppet")
        await visitor.line()

        assert first.withdraw(9)

        assert_withdrawn(first, Phase.EHLO)
        assert first.transcript().startswith("* connected to 127.0.0.1:")
        second = submit(pools, server, 2)
        visitor.say("250-puppet", "250 PIPELINING")
        assert await visitor.takes() == "r2@y.example"
        assert (await second.done).code is Code.OK

    run(test)


def test_before_there_is_a_connection() -> None:
    async def test(server: Puppet, pools: Pools) -> None:
        first, second = (submit(pools, server, number) for number in (1, 2))

        assert first.withdraw(9)
        assert second.withdraw(9)

        assert_withdrawn(first, Phase.CONNECT)
        assert_withdrawn(second, Phase.CONNECT)

    run(test)


def test_while_it_waits_for_a_connection() -> None:
    async def test(server: Puppet, pools: Pools) -> None:
        tickets = [submit(pools, server, number) for number in range(4)]
        visitor = await server.visitor()
        await visitor.opens()
        await visitor.envelope()

        assert tickets[1].withdraw(9)
        assert tickets[2].withdraw(9)

        assert_withdrawn(tickets[1], Phase.MAIL)
        visitor.accepts()
        await visitor.content()
        visitor.say("250 taken")
        assert await visitor.takes() == "r3@y.example"
        assert [(await tickets[n].done).code for n in (0, 3)] == [Code.OK] * 2

    run(test)


def test_in_lock_step_the_connection_is_used_for_the_next() -> None:
    async def test(server: Puppet, pools: Pools) -> None:
        first = submit(pools, server, 1)
        visitor = await server.visitor()
        await visitor.opens(pipelining=False)
        assert (await visitor.line()).startswith("MAIL")

        assert first.withdraw(9)

        assert_withdrawn(first, Phase.MAIL)
        second = submit(pools, server, 2)
        visitor.say("250 ok")
        assert await visitor.line() == "RSET"
        for reply in ("250 reset", "250 ok", "250 ok"):
            visitor.say(reply)
            await visitor.line()
        visitor.say("354 go on")
        await visitor.content()
        visitor.say("250 taken")
        assert (await second.done).code is Code.OK

    run(test)


def test_a_server_that_wants_the_content_gets_none_and_the_next_goes_elsewhere() -> None:
    async def test(server: Puppet, pools: Pools) -> None:
        slow = Timeouts(quit_s=60)
        first = submit(pools, server, 1, timeouts=slow)
        visitor = await server.visitor()
        await visitor.opens()
        await visitor.envelope()

        assert first.withdraw(9)

        assert_withdrawn(first, Phase.MAIL)
        second = submit(pools, server, 2, timeouts=slow)
        visitor.accepts()
        assert await visitor.rest() == b""
        other = await server.visitor()
        await other.opens()
        assert await other.takes() == "r2@y.example"
        assert (await second.done).code is Code.OK
        other.close()

    run(test)


def test_a_server_that_refuses_data_keeps_its_connection() -> None:
    async def test(server: Puppet, pools: Pools) -> None:
        slow = Timeouts(quit_s=60)
        first = submit(pools, server, 1, timeouts=slow)
        visitor = await server.visitor()
        await visitor.opens()
        await visitor.envelope()

        assert first.withdraw(9)

        second = submit(pools, server, 2, timeouts=slow)
        visitor.say("250 ok", "250 ok", "451 later")
        assert await visitor.line() == "RSET"
        visitor.say("250 reset")
        await visitor.takes()
        assert (await second.done).code is Code.OK
        visitor.close()

    run(test)


def test_a_server_that_says_nothing_more_is_left_soon() -> None:
    async def test(server: Puppet, pools: Pools) -> None:
        first = submit(pools, server, 1)
        visitor = await server.visitor()
        await visitor.opens()
        await visitor.envelope()

        assert first.withdraw(9)

        assert await visitor.rest() == b""
        assert_withdrawn(first, Phase.MAIL)

    run(test)


def test_content_that_is_under_way_is_cut_off_and_the_one_behind_it_is_sent() -> None:
    async def test(server: Puppet, pools: Pools) -> None:
        first, second = submit(pools, server, 1, LARGE), submit(pools, server, 2)
        visitor = await server.visitor()
        await visitor.opens()
        await visitor.envelope()
        visitor.accepts()
        await visitor.line()  # and then reads no more

        assert first.withdraw(9)

        assert_withdrawn(first, Phase.CONTENT)
        octets = await visitor.rest()
        assert len(octets) < len(LARGE) - 78
        assert b"\r\n.\r\n" not in octets
        other = await server.visitor()
        await other.opens()
        assert await other.takes() == "r2@y.example"
        assert (await second.done).code is Code.OK
        assert server.visits == 2

    run(test)


def test_after_the_final_dot_it_is_too_late() -> None:
    async def test(server: Puppet, pools: Pools) -> None:
        ticket = submit(pools, server)
        visitor = await server.visitor()
        await visitor.opens()
        await visitor.envelope()
        visitor.accepts()
        await visitor.content()

        assert not ticket.withdraw(9)

        assert not ticket.done.done()
        visitor.say("250 taken")
        assert (await ticket.done).code is Code.OK
        assert not ticket.withdraw(9)

    run(test)


@pytest.mark.parametrize("final", ["250 taken", "554 spam"])
def test_one_before_it_keeps_its_reply_however_long_it_takes(final: str) -> None:
    async def test(server: Puppet, pools: Pools) -> None:
        first, second = (submit(pools, server, number) for number in (1, 2))
        visitor = await server.visitor()
        await visitor.opens()
        await visitor.envelope()
        visitor.accepts()
        await visitor.content()
        await visitor.envelope()

        assert second.withdraw(9)

        assert_withdrawn(second, Phase.MAIL)
        with pytest.raises(TimeoutError):  # longer than a silent server is given otherwise
            async with asyncio.timeout(0.15):
                await asyncio.shield(first.done)
        visitor.say(final, "250 ok", "250 ok", "354 go on")
        assert (await first.done).code is (Code.OK if final[0] == "2" else Code.CONTENT)
        assert await visitor.rest() == b""

    run(test)


def test_taken_back_twice_is_too_late_the_second_time() -> None:
    async def test(server: Puppet, pools: Pools) -> None:
        ticket = submit(pools, server)

        assert ticket.withdraw(9)
        assert not ticket.withdraw(9)

        assert_withdrawn(ticket, Phase.CONNECT)

    run(test)


def test_whatever_is_taken_back_whenever_the_server_has_what_is_reported() -> None:
    async def test(port: int) -> tuple[set[str], set[str]]:
        pools = Pools(60, 60)
        puppet = Puppet()
        puppet.port = port
        tickets: list[Ticket] = []
        for number in range(600):
            envelope = Envelope("a@x.example", (f"r{number}@y.example",))
            tickets.append(pools.submit(puppet.relay(), envelope, CONTENT, connections=3))
            if number % 3 == 0:
                await asyncio.sleep(0)
            if number % 2:
                tickets[number * 7919 % len(tickets)].withdraw(9)
        found = await asyncio.gather(*(ticket.done for ticket in tickets))
        await pools.aclose(5)
        assert {outcome.code for outcome in found} == {Code.OK, Code.TIMEOUT}
        named = {
            code: {f"r{n}@y.example" for n, each in enumerate(found) if each.code is code}
            for code in (Code.OK, Code.TIMEOUT)
        }
        return named[Code.OK], named[Code.TIMEOUT]

    with hostile("polite") as server:
        accepted, withdrawn = asyncio.run(test(server.port))

        paths = [path for mail in server.messages for path in mail.forward_paths]
        assert len(paths) == len(set(paths))
        assert set(paths) == accepted
        assert not withdrawn & set(paths)
