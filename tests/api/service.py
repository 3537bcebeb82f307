"""The HTTP server with doors behind which nothing happens, and a client that says anything."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

import uvloop

from postroad.api.application import HttpOptions, application
from postroad.api.faults import Fault
from postroad.api.guards import Access, Guards
from postroad.api.server import HttpServer
from postroad.operations.danbee import DanbeeAnswer, DanbeeCall
from postroad.operations.nobase import Bound, LoggedIn, Registered
from postroad.operations.sending import NotSent, Sent
from postroad.tenancy.checks import Refusal, Request
from postroad.tenancy.limits import Kind, Standing
from postroad.tenancy.records import User

T = TypeVar("T")

HOST = "127.0.0.1"
OPTIONS = HttpOptions(cookie_key=b"k" * 32)
SEND = "/api/mail/send"
NAVER = "/api/danbee/navermailsender"

LOGGED_IN = LoggedIn(
    User(
        id="u1",
        app_id="1234567890",
        account="13800138000",
        password_hash="",
        created_at=datetime(2026, 1, 31, 20, 0, 1, tzinfo=UTC),
        nickname="小明",
        login_at=datetime(2026, 2, 28, 16, 30, 0, tzinfo=UTC),
    ),
    token="ab" * 32,
    expires_at=datetime(2026, 3, 7, 16, 30, 0, tzinfo=UTC),
)


class StandIn:
    """The operations of both dialects: they remember what they were asked, and say what is set.

    outcomes: by operation; an exception is raised.
    gate:     when there is one, operations wait for it.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str, Request | DanbeeCall, str]] = []
        self.outcomes: dict[str, Any] = {
            "send": Sent("m1"),
            "register": Registered(),
            "login": LOGGED_IN,
            "bind_mail": Bound(),
            "danbee": DanbeeAnswer(is_sent=True, code=0, message="메일을 보냈습니다."),
        }
        self.gate: asyncio.Event | None = None
        self.entered = threading.Event()
        self.on_outcome: Callable[[], None] = lambda: None

    async def _outcome(self, name: str, request: Request | DanbeeCall, session: str = "") -> Any:
        self.asked.append((name, request, session))
        self.entered.set()
        if self.gate is not None:
            await self.gate.wait()
        self.on_outcome()
        outcome = self.outcomes[name]
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    async def send(self, request: Request, session: str) -> Sent | NotSent | Refusal:
        return await self._outcome("send", request, session)  # type: ignore[no-any-return]

    async def register(self, request: Request) -> Registered | Refusal:
        return await self._outcome("register", request)  # type: ignore[no-any-return]

    async def login(self, request: Request) -> LoggedIn | Refusal:
        return await self._outcome("login", request)  # type: ignore[no-any-return]

    async def bind_mail(self, request: Request) -> Bound | Refusal:
        return await self._outcome("bind_mail", request)  # type: ignore[no-any-return]


class DanbeeStandIn:
    """The danbee side of a StandIn."""

    def __init__(self, nobase: StandIn) -> None:
        self._all = nobase

    async def send(self, call: DanbeeCall) -> DanbeeAnswer:
        return await self._all._outcome("danbee", call)  # type: ignore[no-any-return]


class HealthStandIn:
    """Health as a test wants it."""

    def __init__(self) -> None:
        self.obstacle = ""
        self.origins: dict[str, tuple[str, ...]] = {}
        self.error: Exception | None = None

    async def is_ready(self) -> str:
        return self.obstacle

    async def metrics(self) -> bytes:
        return b"postroad_up 1\n"

    async def cors_origins(self, app_id: str) -> tuple[str, ...]:
        if self.error is not None:
            raise self.error
        return self.origins.get(app_id, ("*",))


@dataclass
class Reply:
    """An answer: status 0 when the connection was closed without one."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    is_closed: bool

    def header(self, name: str) -> str | None:
        """The value of a lower-case name, None when it is missing; there may be only one."""
        found = [value for key, value in self.headers if key == name]
        assert len(found) <= 1
        return found[0] if found else None

    @property
    def said(self) -> Any:
        """The body, from JSON."""
        return json.loads(self.body)

    @property
    def code_and_data(self) -> tuple[int, Any]:
        """What the envelope of nobase says."""
        said = self.said
        assert list(said) == ["code", "msg", "data"]
        assert said["msg"] == ("success" if said["code"] == 200 else "fail")
        return said["code"], said["data"]


@dataclass
class Service:
    """A running server and what is behind it.

    most_of_address: requests of one address, 0 for any number; `counted` are those of each.
    """

    operations: StandIn = field(default_factory=StandIn)
    health: HealthStandIn = field(default_factory=HealthStandIn)
    accesses: list[Access] = field(default_factory=list)
    refused: list[tuple[Fault, int, str]] = field(default_factory=list)
    crashes: list[tuple[str, BaseException]] = field(default_factory=list)
    most_of_address: int = 0
    count_error: Exception | None = None
    counted: dict[str, int] = field(default_factory=dict)
    port: int = 0
    app: Guards = field(init=False)
    server: HttpServer = field(init=False)
    loop: asyncio.AbstractEventLoop = field(init=False)

    def start(self, options: HttpOptions, **server: Any) -> None:
        self.app = application(
            self.operations,  # type: ignore[arg-type]
            DanbeeStandIn(self.operations),  # type: ignore[arg-type]
            self.health,
            options,
            counted=self.count,
            on_access=self.accesses.append,
            on_refused=lambda *refused: self.refused.append(refused),
            on_crash=lambda *crash: self.crashes.append(crash),
        )
        self.server = HttpServer(self.app, f"{HOST}:0", **server)
        self.call(self.server.start())
        self.port = self.server.port

    async def count(self, ip: str) -> Standing | None:
        """Count a request from an address, as the operations do."""
        if self.count_error is not None:
            raise self.count_error
        if not self.most_of_address:
            return None
        self.counted[ip] = count = self.counted.get(ip, 0) + 1
        left = self.most_of_address - count
        return Standing(Kind.ADDRESS, self.most_of_address, max(left, 0), 42, is_over=left < 0)

    def call(self, what: Coroutine[Any, Any, T]) -> T:
        """Return what a coroutine returns in the server's loop."""
        return asyncio.run_coroutine_threadsafe(what, self.loop).result(30)

    def begin(self, what: Coroutine[Any, Any, T]) -> Future[T]:
        """Begin a coroutine in the server's loop."""
        return asyncio.run_coroutine_threadsafe(what, self.loop)

    def connect(self) -> Client:
        return Client(self.port)

    def exchange(self, octets: bytes) -> Reply:
        """Return the answer to octets on a connection of their own."""
        with self.connect() as client:
            client.send(octets)
            return client.reply()

    def post(
        self,
        path: str,
        body: bytes = b"",
        content_type: str | None = "application/x-www-form-urlencoded",
        *headers: str,
    ) -> Reply:
        """Return the answer to a POST."""
        return self.exchange(post(path, body, content_type, *headers))

    def get(self, target: str, *headers: str) -> Reply:
        """Return the answer to a GET."""
        return self.exchange(head("GET", target, *headers))

    def forget(self) -> None:
        """Be as after the start."""
        fresh = StandIn()
        self.operations.asked.clear()
        self.operations.outcomes = fresh.outcomes
        self.operations.entered.clear()
        self.health.obstacle, self.health.origins, self.health.error = "", {}, None
        self.most_of_address, self.count_error = 0, None
        self.counted.clear()
        for told in (self.accesses, self.refused, self.crashes):
            told.clear()

    def told(self) -> list[Access]:
        """Every request told of, once the one that was answered last is."""
        self.until(lambda: self.app.running == 0)
        return self.accesses

    def until(self, is_so: Callable[[], bool]) -> None:
        """Let the server's loop turn until `is_so`; fails when that takes too long."""

        async def turn() -> None:
            async with asyncio.timeout(10):
                while not is_so():  # noqa: ASYNC110 - what it waits for tells nobody
                    await asyncio.sleep(0)

        self.call(turn())

    @property
    def only_asked(self) -> Any:
        """The only request that an operation saw."""
        ((_, request, _),) = self.operations.asked
        return request


class Client:
    """A connection that writes what it is told."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection((HOST, port), timeout=20)
        self._got = b""

    def send(self, octets: bytes) -> None:
        # A server that has said no may close while we still write.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._socket.sendall(octets)

    def reply(self, *, has_body: bool = True) -> Reply:
        """Return the next answer, 100 (Continue) passed over; that to HEAD has no body."""
        while b"\r\n\r\n" not in self._got:
            if not self._more():
                return Reply(0, [], self._got, is_closed=True)
        start, _, self._got = self._got.partition(b"\r\n\r\n")
        line, *fields = start.decode("latin-1").split("\r\n")
        status = int(line.split(" ")[1])
        if status == 100:
            return self.reply()
        headers = [(name.lower(), value.strip()) for name, _, value in map(_cut, fields)]
        length = int(dict(headers).get("content-length", "0")) if has_body else 0
        while len(self._got) < length:
            assert self._more()
        body, self._got = self._got[:length], self._got[length:]
        is_closed = dict(headers).get("connection") == "close"
        return Reply(status, headers, body, is_closed)

    def is_closed(self) -> bool:
        """Wait until the server closes the connection; False when it talks instead."""
        return not self._got and not self._more()

    def _more(self) -> bool:
        try:
            octets = self._socket.recv(65536)
        except ConnectionResetError:
            return False
        self._got += octets
        return bool(octets)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()


def _cut(line: str) -> tuple[str, str, str]:
    return line.partition(":")


def head(method: str, target: str, *headers: str) -> bytes:
    """Return a request's head."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {HOST}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1")


def post(path: str, body: bytes, content_type: str | None, *headers: str) -> bytes:
    """Return a whole POST."""
    typed = [f"Content-Type: {content_type}"] if content_type is not None else []
    return head("POST", path, *typed, f"Content-Length: {len(body)}", *headers) + body


@contextlib.contextmanager
def running(
    change: Callable[[HttpOptions], HttpOptions] | None = None, **server: Any
) -> Iterator[Service]:
    """A service on a free port, in a thread of its own, stopped at the end."""
    service = Service()
    started: Future[None] = Future()
    done = threading.Event()

    async def main() -> None:
        service.loop = asyncio.get_running_loop()
        finished = asyncio.Event()
        threading.Thread(
            target=lambda: (done.wait(), service.loop.call_soon_threadsafe(finished.set))
        ).start()
        started.set_result(None)
        await finished.wait()

    def run() -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(main())

    thread = threading.Thread(target=run)
    thread.start()
    started.result(10)
    try:
        service.start(change(OPTIONS) if change else OPTIONS, **server)
        yield service
        service.call(service.server.stop(5))
    finally:
        done.set()
        thread.join(10)


def changed(**fields: Any) -> Callable[[HttpOptions], HttpOptions]:
    """Return what changes fields of the options."""
    return lambda options: replace(options, **fields)
