"""What every request passes, and what every answer carries."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final, cast

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from postroad.api.call import Header, text_answer
from postroad.api.caller import TrustedProxies
from postroad.api.incoming import Incoming, Limits, Room

OTHER: Final = "other"  # a route that is none, where one has to be named
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

_HEADERS: Final[tuple[Header, ...]] = (
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"server", b"postroad"),
)


@dataclass(frozen=True, slots=True)
class Access:
    """A request that was answered, as the access log may show it: nothing that stood in its URL.

    method: "other" for one that no door knows.
    route:  the door it reached, or a pattern such as "/v1/apps/{app_id}"; "" for none: the set of
            routes is small, that of paths is not.
    status: 0 when the connection was lost before the answer.
    """

    method: str
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
        self._room = Room(limits)

    @property
    def held_octets(self) -> int:
        """How much of all bodies is held that are being read or worked on."""
        return self._room.held_octets

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
        self._see_through_proxies(scope)
        body = Incoming(scope, receive, self._limits, self._room)
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
            if not scope["path"].startswith("/"):  # CONNECT, and "*" of OPTIONS
                await text_answer("This is no proxy.", status=400).send(answer)
            elif not _names_its_host(scope):
                await text_answer("A request names its host, once.", status=400).send(answer)
            else:
                await self._inner(scope, body.receive, answer)
        except Exception as error:  # noqa: BLE001 - the server would swallow it
            self._on_crash(self._route(scope) or OTHER, error)
            if not status:
                await text_answer("This request cannot be served.", status=500).send(answer)
        finally:
            body.release()
            self._on_access(
                Access(
                    method=scope["method"] if scope["method"] in _METHODS else "other",
                    route=self._route(scope),
                    status=status,
                    duration_s=time.perf_counter() - began,
                    ip=scope["client"][0] if scope["client"] else "",
                )
            )
            self._running.discard(task)

    def _route(self, scope: HTTPScope) -> str:
        """Return the door, or the pattern of the path that the router has found."""
        path = scope["raw_path"].decode("latin-1")  # the router writes its own form into "path"
        return path if path in self._routes else str(scope.get("path_template", ""))

    def _see_through_proxies(self, scope: HTTPScope) -> None:
        peer, port = scope["client"] or ("", 0)
        fields = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
        ip = self._proxies.caller(peer, [field.decode("latin-1") for field in fields])
        if (b"x-forwarded-proto", b"https") in scope["headers"] and self._proxies.is_trusted(peer):
            scope["scheme"] = "https"
        scope["client"] = (ip, port)


def _names_its_host(scope: HTTPScope) -> bool:
    """Whether there is one Host that is not empty; the server shows a missing one as empty.

    source: RFC 9112 §3.2, RFC 9110 §4.2.1; before HTTP/1.1 there need not be one.
    """
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    if scope["http_version"] in ("1", "1.0"):
        return len(hosts) <= 1
    return len(hosts) == 1 and hosts[0] != b""
