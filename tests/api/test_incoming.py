"""Who gives way when bodies fill the memory there is for them, and how slow one may be."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from litestar.types.asgi_types import HTTPReceiveMessage

from postroad.api.faults import BadRequest, Fault
from postroad.api.incoming import Incoming, Limits, Pace, Room

KIB = 1024
LIMITS = Limits(body_octets=400 * KIB, bodies_octets=1600 * KIB)  # 1,200 for large, 800 for one


class Sender:
    """The other end of a body: says what it is told, and waits for ever after that."""

    def __init__(self, room: Room, address: str, limits: Limits = LIMITS, **scope: Any) -> None:
        self._pieces: asyncio.Queue[HTTPReceiveMessage] = asyncio.Queue()
        given: dict[str, Any] = {"headers": [], "client": (address, 1)} | scope
        self.body = Incoming(given, self._pieces.get, limits, room)  # type: ignore[arg-type]

    async def says(self, octets: int, *, more: bool = True) -> None:
        self._pieces.put_nowait({"type": "http.request", "body": bytes(octets), "more_body": more})
        await self.body.receive()

    def goes_on(self) -> asyncio.Task[Fault]:
        """Wait for the next piece; the task's result is what is said instead."""
        return asyncio.create_task(self._refusal())

    async def _refusal(self) -> Fault:
        with pytest.raises(BadRequest) as refused:
            await self.body.receive()
        return refused.value.fault


def each_address() -> Iterator[str]:
    return (f"192.0.2.{number}" for number in range(1, 255))


def test_who_has_come_in_for_longest_goes_when_large_bodies_fill_the_room() -> None:
    async def scenario() -> None:
        room, addresses = Room(LIMITS), each_address()
        slow = [Sender(room, next(addresses)) for _ in range(4)]
        for each in slow:
            await each.says(300 * KIB)
        waiting = [each.goes_on() for each in slow]
        await asyncio.sleep(0)

        newest = Sender(room, next(addresses))
        await newest.says(200 * KIB, more=False)

        assert await waiting[0] is Fault.BUSY
        assert [each.done() for each in waiting] == [True, False, False, False]
        assert room.held_octets == 1100 * KIB
        for left in waiting:
            left.cancel()

    asyncio.run(scenario())


def test_small_bodies_find_room_when_large_ones_take_all_they_can() -> None:
    async def scenario() -> None:
        room, addresses = Room(LIMITS), each_address()
        for _ in range(3):
            await Sender(room, next(addresses)).says(400 * KIB)

        small = [Sender(room, next(addresses)) for _ in range(6)]
        for each in small:
            await each.says(64 * KIB)

        assert room.held_octets == (1200 + 6 * 64) * KIB

    asyncio.run(scenario())


def test_no_large_body_drives_a_small_one_out() -> None:
    async def scenario() -> None:
        room, addresses = Room(LIMITS), each_address()
        for _ in range(25):
            await Sender(room, next(addresses)).says(64 * KIB)

        with pytest.raises(BadRequest) as refused:
            await Sender(room, next(addresses)).says(65 * KIB)

        assert refused.value.fault is Fault.BUSY
        assert room.held_octets == 1600 * KIB

    asyncio.run(scenario())


def test_a_small_body_drives_out_a_large_one_first() -> None:
    async def scenario() -> None:
        room, addresses = Room(LIMITS), each_address()
        small = [Sender(room, next(addresses)) for _ in range(6)]
        for each in small:
            await each.says(64 * KIB)
        for _ in range(3):
            await Sender(room, next(addresses)).says(400 * KIB)

        await Sender(room, next(addresses)).says(64 * KIB)

        assert [each.body.held_octets for each in small] == [64 * KIB] * 6
        assert room.held_octets == (800 + 7 * 64) * KIB

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "addresses",
    [["192.0.2.1"] * 3, ["2001:db8::1", "2001:db8::2", "2001:db8:0:0:9::3"]],
)
def test_an_address_gets_half_and_drives_out_its_own(addresses: list[str]) -> None:
    async def scenario() -> None:
        room = Room(LIMITS)
        other = Sender(room, "198.51.100.7")
        await other.says(300 * KIB)
        first, second, third = (Sender(room, address) for address in addresses)
        await first.says(400 * KIB)
        await second.says(400 * KIB)
        waiting = first.goes_on()
        await asyncio.sleep(0)

        await third.says(100 * KIB)

        assert await waiting is Fault.BUSY
        assert (first.body.held_octets, second.body.held_octets) == (0, 400 * KIB)
        assert other.body.held_octets == 300 * KIB

    asyncio.run(scenario())


@pytest.mark.parametrize("is_told", [True, False])
def test_nobody_takes_the_room_of_a_body_that_is_all_here(is_told: bool) -> None:
    async def scenario() -> None:
        room, addresses = Room(LIMITS), each_address()
        length = str(400 * KIB).encode()
        whole = [
            Sender(room, next(addresses), headers=[(b"content-length", length)] * is_told)
            for _ in range(3)
        ]
        for each in whole:
            await each.says(400 * KIB, more=is_told)

        with pytest.raises(BadRequest) as refused:
            await Sender(room, next(addresses)).says(65 * KIB)

        assert refused.value.fault is Fault.BUSY
        assert room.held_octets == 1200 * KIB
        for each in whole:
            each.body.release()
        assert room.held_octets == 0

    asyncio.run(scenario())


def test_who_was_refused_while_he_did_not_wait_hears_it_next_time() -> None:
    async def scenario() -> None:
        room, addresses = Room(LIMITS), each_address()
        slow = [Sender(room, next(addresses)) for _ in range(3)]
        for each in slow:
            await each.says(400 * KIB)
        await Sender(room, next(addresses)).says(65 * KIB)

        with pytest.raises(BadRequest) as refused:
            await slow[0].says(1)

        assert refused.value.fault is Fault.BUSY

    asyncio.run(scenario())


# Pace


def test_a_body_may_rest_as_long_as_the_grace() -> None:
    pace = Pace(10, 1000, now=100)

    pace.got(5_000, now=109)

    assert pace.due == 115


def test_nobody_is_ahead_by_more_than_the_grace() -> None:
    pace = Pace(10, 1000, now=100)

    pace.got(10**6, now=101)

    assert pace.due == 111


def test_single_octets_do_not_buy_another_grace() -> None:
    pace = Pace(10, 1000, now=100)

    for second in range(9):
        pace.got(1, now=101 + second)

    assert pace.due == pytest.approx(110.009)


class TurnedLoop(asyncio.SelectorEventLoop):
    """A loop whose clock a test turns."""

    now = 0.0

    def time(self) -> float:
        return self.now


def test_a_body_that_drips_is_not_waited_for() -> None:
    loop = TurnedLoop()

    async def drip() -> HTTPReceiveMessage:
        loop.now += 6
        for _ in range(3):  # what is due has its turn
            await asyncio.sleep(0)
        return {"type": "http.request", "body": b"a", "more_body": True}

    async def scenario() -> None:
        scope: Any = {"headers": [], "client": None}
        body = Incoming(scope, drip, LIMITS, Room(LIMITS))
        await body.receive()
        with pytest.raises(BadRequest) as refused:
            await body.receive()
        assert refused.value.fault is Fault.TOO_SLOW

    _run(loop, scenario)


def test_a_body_in_good_time_is_read_to_its_end() -> None:
    loop = TurnedLoop()

    async def flow() -> HTTPReceiveMessage:
        loop.now += 5
        for _ in range(3):
            await asyncio.sleep(0)
        return {"type": "http.request", "body": bytes(6 * KIB), "more_body": True}

    async def scenario() -> None:
        scope: Any = {"headers": [], "client": None}
        body = Incoming(scope, flow, LIMITS, Room(LIMITS))
        for _ in range(11):
            await body.receive()
        assert body.held_octets == 66 * KIB

    _run(loop, scenario)


def _run(loop: TurnedLoop, scenario: Callable[[], Any]) -> None:
    try:
        loop.run_until_complete(scenario())
    finally:
        loop.close()
