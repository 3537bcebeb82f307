"""What every request passes: limits of time and size, and what every answer carries."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final, cast

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send
from litestar.types.asgi_types import HTTPReceiveMessage

from postroad.api.call import Header, text_answer
from postroad.api.caller import TrustedProxies
from postroad.api.faults import BadRequest, Fault

# A body up to so many times too large is read to its end and dropped: who still writes when the
# connection closes meets a reset and never sees why.
_DROPPED_TIMES: Final = 8
# Each piece costs some 20 µs whatever its size: chunks of one octet would keep the loop busy.
_FREE_PIECES: Final = 10_000
_OCTETS_PER_PIECE: Final = 512
_SHOWN_CHARACTERS: Final = 200
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

_HEADERS: Final[tuple[Header, ...]] = (
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"server", b"postroad"),
)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a request is waited for and kept.

    body_octets:   of one request.
    bodies_octets: of all requests together: ten thousand slow ones must not fill the memory.
    receive_s:     for the next piece of a body; body_s: for the whole.
    """

    body_octets: int = 1024 * 1024
    bodies_octets: int = 64 * 1024 * 1024
    receive_s: float = 10
    body_s: float = 60


@dataclass(frozen=True, slots=True)
class Access:
    """A request that was answered, as the access log may show it: never its query.

    method: "other" for one that no door knows.
    route:  the door it reached, "" for none: the set of routes is small, that of paths is not.
    status: 0 when the connection was lost before the answer.
    """

    method: str
    path: str
    route: str
    status: int
    duration_s: float
    ip: str


class Guards:
    """Wraps an ASGI application; the other end of the connection becomes the caller."""

    def __init__(
        self,
        inner: ASGIApp,
        routes: Collection[str],
        proxies: TrustedProxies,
        limits: Limits,
        on_access: Callable[[Access], None],
        on_crash: Callable[[str, BaseException], None],
    ) -> None:
        self._inner = inner
        self._routes = frozenset(routes)
        self._proxies = proxies
        self._limits = limits
        self._on_access = on_access
        self._on_crash = on_crash
        self._running: set[asyncio.Task[object]] = set()
        self.held_octets = 0  # of all bodies that are being read or worked on

    @property
    def running(self) -> int:
        """How many requests are under way."""
        return len(self._running)

    def cut(self) -> None:
        """Cut off every request that still runs."""
        for task in tuple(self._running):
            task.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != ScopeType.HTTP:  # the server speaks nothing else
            return
        began = time.perf_counter()
        path = scope["path"]
        self._see_through_proxies(scope)
        body = _Body(scope, receive, self._limits, self)
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *_HEADERS]
            await send(message)

        task = cast("asyncio.Task[object]", asyncio.current_task())
        self._running.add(task)
        try:
            if path.startswith("/"):
                await self._inner(scope, body.receive, answer)
            else:  # CONNECT, and "*" of OPTIONS
                await text_answer("This is no proxy.", status=400).send(answer)
        except Exception as error:  # noqa: BLE001 - the server would swallow it
            self._on_crash(path, error)
            if not status:
                await text_answer("This request cannot be served.", status=500).send(answer)
        finally:
            body.release()
            self._on_access(
                Access(  # the router has written its own form of the path into the scope
                    method=scope["method"] if scope["method"] in _METHODS else "other",
                    path=path[:_SHOWN_CHARACTERS],
                    route=scope["path"] if scope["path"] in self._routes else "",
                    status=status,
                    duration_s=time.perf_counter() - began,
                    ip=scope["client"][0] if scope["client"] else "",
                )
            )
            self._running.discard(task)

    def _see_through_proxies(self, scope: HTTPScope) -> None:
        peer, port = scope["client"] or ("", 0)
        fields = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
        ip = self._proxies.caller(peer, [field.decode("latin-1") for field in fields])
        if (b"x-forwarded-proto", b"https") in scope["headers"] and self._proxies.is_trusted(peer):
            scope["scheme"] = "https"
        scope["client"] = (ip, port)


class _Body:
    """The body of one request, under its limits."""

    def __init__(self, scope: HTTPScope, receive: Receive, limits: Limits, guards: Guards) -> None:
        self._receive = receive
        self._limits = limits
        self._guards = guards
        self._declared = next((v for n, v in scope["headers"] if n == b"content-length"), b"0")
        self._end = 0.0
        self._octets = 0
        self._pieces = 0
        self._held = 0

    async def receive(self) -> HTTPReceiveMessage:
        """Return the next piece.

        raises: BadRequest when a limit is reached.
        """
        limit = self._limits.body_octets
        if not self._end:
            self._end = asyncio.get_running_loop().time() + self._limits.body_s
            if int(self._declared) > limit * _DROPPED_TIMES:
                raise BadRequest(Fault.FAR_TOO_LARGE)
        message = await self._next()
        self._held += _size(message)
        self._guards.held_octets += _size(message)
        if self._octets > limit:
            await self._drop(message)
            raise BadRequest(Fault.TOO_LARGE)
        if self._guards.held_octets > self._limits.bodies_octets:
            raise BadRequest(Fault.BUSY)
        return message

    def release(self) -> None:
        """Give back the memory that the body was counted for."""
        self._guards.held_octets -= self._held
        self._held = 0

    async def _next(self) -> HTTPReceiveMessage:
        now = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout_at(min(now + self._limits.receive_s, self._end)):
                message = cast("HTTPReceiveMessage", await self._receive())
        except TimeoutError as error:
            raise BadRequest(Fault.TOO_SLOW) from error
        self._octets += _size(message)
        self._pieces += 1
        if self._pieces > _FREE_PIECES + self._octets // _OCTETS_PER_PIECE:
            raise BadRequest(Fault.MALFORMED)
        return message

    async def _drop(self, message: HTTPReceiveMessage) -> None:
        """Read the rest of a body without keeping it."""
        self.release()
        while message.get("more_body"):
            message = await self._next()
            if self._octets > self._limits.body_octets * _DROPPED_TIMES:
                raise BadRequest(Fault.FAR_TOO_LARGE)


def _size(message: HTTPReceiveMessage) -> int:
    return len(message["body"]) if message["type"] == "http.request" else 0
