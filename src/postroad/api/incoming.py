"""Bodies as they come in: how large, how fast, and how many at once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Final, cast

from litestar.types import HTTPScope, Receive
from litestar.types.asgi_types import HTTPReceiveMessage

from postroad.api.faults import BadRequest, Fault

# A body up to so many times too large is read to its end and dropped: who still writes when the
# connection closes meets a reset and never sees why.
_DROPPED_TIMES: Final = 8
# Each piece costs some 20 µs whatever its size: chunks of one octet would keep the loop busy.
_FREE_PIECES: Final = 10_000
_OCTETS_PER_PIECE: Final = 512
_SMALL_OCTETS: Final = 64 * 1024  # nearly every mail and every login


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a request is waited for and kept.

    body_octets:   of one request.
    bodies_octets: of all requests together: ten thousand slow ones must not fill the memory. A
                   quarter is kept for bodies of up to 64 KiB, and one address gets half.
    receive_s:     for the next `octets_per_s` of a body, so many times; body_s: for the whole.
    octets_per_s:  what is slower than that for `receive_s` is waited for no longer.
    """

    body_octets: int = 1024 * 1024
    bodies_octets: int = 64 * 1024 * 1024
    receive_s: float = 10
    body_s: float = 60
    octets_per_s: int = 1024

    @property
    def large_octets(self) -> int:
        """Return what may be held once a body that is not small comes in."""
        return max(self.bodies_octets - self.bodies_octets // 4, self.body_octets)

    @property
    def address_octets(self) -> int:
        """Return what one address may hold."""
        return max(self.bodies_octets // 2, self.body_octets)


class Pace:
    """Until when a body that comes in has to go on.

    Every octet adds its time at the slowest pace allowed, and nobody is ahead by more than
    `grace_s`.
    """

    def __init__(self, grace_s: float, octets_per_s: int, now: float) -> None:
        self._grace_s = grace_s
        self._octets_per_s = octets_per_s
        self.due = now + grace_s

    def got(self, octets: int, now: float) -> None:
        """Note that so many have come."""
        self.due = min(self.due + octets / self._octets_per_s, now + self._grace_s)


class Room:
    """The memory that bodies share.

    When it is full, whoever has been coming in for longest goes, large bodies before small ones:
    what comes fast has come before anybody else needs the room.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.held_octets = 0  # of all bodies that are being read or worked on
        self._by_address: dict[str, int] = {}
        # Those still coming in, the one that became small or large first at the front.
        self._small: dict[Incoming, None] = {}
        self._large: dict[Incoming, None] = {}

    def take(self, body: Incoming, octets: int) -> None:
        """Count more octets of a body that comes in.

        raises: BadRequest when there is no room for them.
        """
        body.held_octets += octets
        self.held_octets += octets
        self._by_address[body.address] = self._by_address.get(body.address, 0) + octets
        is_small = body.held_octets <= _SMALL_OCTETS
        if is_small:
            self._small[body] = None
        else:
            self._small.pop(body, None)
            self._large[body] = None
        limits = self._limits
        while self._by_address.get(body.address, 0) > limits.address_octets:
            self._make_room(body, body.address)
        while self.held_octets > (limits.bodies_octets if is_small else limits.large_octets):
            self._make_room(body)

    def is_complete(self, body: Incoming) -> None:
        """Keep a body that is all here: nobody takes its room."""
        self._small.pop(body, None)
        self._large.pop(body, None)

    def give_back(self, body: Incoming) -> None:
        """Count a body no longer."""
        self.is_complete(body)
        self.held_octets -= body.held_octets
        left = self._by_address.get(body.address, 0) - body.held_octets
        if left > 0:
            self._by_address[body.address] = left
        else:
            self._by_address.pop(body.address, None)
        body.held_octets = 0

    def _make_room(self, newest: Incoming, address: str | None = None) -> None:
        """Let one body go, of any address or of one.

        raises: BadRequest when it is the newest itself.
        """
        coming_in = (self._large, self._small) if newest in self._small else (self._large,)
        slowest = next(
            (body for some in coming_in for body in some if address in (None, body.address)),
            newest,
        )
        self.give_back(slowest)
        if slowest is newest:
            raise BadRequest(Fault.BUSY)
        slowest.refuse()


class Incoming:
    """The body of one request, under its limits.

    address:     whose it is; of IPv6 the network that one customer gets.
    held_octets: what it is counted for.
    """

    def __init__(self, scope: HTTPScope, receive: Receive, limits: Limits, room: Room) -> None:
        self._receive = receive
        self._limits = limits
        self._room = room
        self._declared = next((v for n, v in scope["headers"] if n == b"content-length"), b"0")
        self._end = 0.0
        self._pace: Pace | None = None
        self._waiting: asyncio.Timeout | None = None
        self._is_refused = False
        self._octets = 0
        self._pieces = 0
        self._client = scope["client"]
        self.held_octets = 0

    @property
    def address(self) -> str:
        """Return whose it is."""
        return _network(self._client[0]) if self._client else ""

    async def receive(self) -> HTTPReceiveMessage:
        """Return the next piece.

        raises: BadRequest when a limit is reached.
        """
        limit = self._limits.body_octets
        if self._pace is None:
            now = asyncio.get_running_loop().time()
            self._pace = Pace(self._limits.receive_s, self._limits.octets_per_s, now)
            self._end = now + self._limits.body_s
            if int(self._declared) > limit * _DROPPED_TIMES:
                raise BadRequest(Fault.FAR_TOO_LARGE)
        message = await self._next(self._pace)
        if self._octets > limit:
            await self._drop(message, self._pace)
            raise BadRequest(Fault.TOO_LARGE)
        self._room.take(self, _size(message))
        if not message.get("more_body") or self._octets == int(self._declared):
            self._room.is_complete(self)
        return message

    def refuse(self) -> None:
        """Wait no longer: others need its room."""
        self._is_refused = True
        if self._waiting is not None:
            self._waiting.reschedule(asyncio.get_running_loop().time())

    def release(self) -> None:
        """Give back the memory that the body was counted for."""
        self._room.give_back(self)

    async def _next(self, pace: Pace) -> HTTPReceiveMessage:
        clock = asyncio.get_running_loop().time
        try:
            async with asyncio.timeout_at(min(pace.due, self._end)) as self._waiting:
                message = cast("HTTPReceiveMessage", await self._receive())
        except TimeoutError as error:
            fault = Fault.BUSY if self._is_refused else Fault.TOO_SLOW
            raise BadRequest(fault) from error
        finally:
            self._waiting = None
        if self._is_refused:
            raise BadRequest(Fault.BUSY)
        pace.got(_size(message), clock())
        self._octets += _size(message)
        self._pieces += 1
        if self._pieces > _FREE_PIECES + self._octets // _OCTETS_PER_PIECE:
            raise BadRequest(Fault.MALFORMED)
        return message

    async def _drop(self, message: HTTPReceiveMessage, pace: Pace) -> None:
        """Read the rest of a body without keeping it."""
        self.release()
        while message.get("more_body"):
            message = await self._next(pace)
            if self._octets > self._limits.body_octets * _DROPPED_TIMES:
                raise BadRequest(Fault.FAR_TOO_LARGE)


def _size(message: HTTPReceiveMessage) -> int:
    return len(message["body"]) if message["type"] == "http.request" else 0


@lru_cache(4096)
def _network(text: str) -> str:
    """Return an address, or the 64 bits that all of one network share (RFC 4291 §2.5.4)."""
    try:
        address = ip_address(text)
    except ValueError:
        return text
    if isinstance(address, IPv6Address):
        return address.packed[:8].hex()
    return text
