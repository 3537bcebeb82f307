"""The whole service in a thread of this process, on any engine, and a client that shows keys."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from typing import Any, TypeVar
from urllib.parse import urlencode

import uvloop
from tests.api.service import HealthStandIn
from tests.support.engines import Place

from postroad.api.application import HttpOptions, application
from postroad.api.faults import Fault
from postroad.api.guards import Access
from postroad.api.server import HttpServer
from postroad.delivery.messages import Envelope, Intake, LogEntry, NewMessage
from postroad.delivery.states import State
from postroad.message import Attachment, Message, build
from postroad.operations.administration import apps, keys
from postroad.operations.administration.desk import Desk
from postroad.operations.identifiers import new_id
from postroad.operations.ports import SendLog
from postroad.settings import Settings
from postroad.tenancy.audit import SYSTEM
from postroad.tenancy.records import Scope
from postroad.wiring.core import SERVER, Core
from postroad.wiring.watch import Watch

T = TypeVar("T")
HOST = "127.0.0.1"


@dataclass(frozen=True)
class Reply:
    """An answer; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def said(self) -> Any:
        """The body, from JSON."""
        return json.loads(self.body)

    @property
    def problem(self) -> Any:
        """The body of a refusal."""
        assert self.headers["content-type"] == "application/problem+json"
        assert self.said["status"] == self.status
        return self.said


@dataclass(frozen=True)
class Client:
    """Calls with one key, each on a connection of its own."""

    port: int
    key: str = ""

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
        **query: object,
    ) -> Reply:
        """Return the answer; a body that is no bytes is sent as JSON."""
        given = dict(headers or {})
        if self.key:
            given.setdefault("Authorization", f"Bearer {self.key}")
        octets = body if isinstance(body, bytes) else None
        if body is not None and octets is None:
            octets = json.dumps(body).encode()
            given.setdefault("Content-Type", "application/json")
        target = f"{path}?{urlencode(query)}" if query else path
        with contextlib.closing(HTTPConnection(HOST, self.port, timeout=30)) as connection:
            connection.request(method, target, octets, given)
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Reply(response.status, found, response.read())

    def get(self, path: str, **query: object) -> Reply:
        return self.call("GET", path, None, headers=None, **query)

    def post(self, path: str, body: object = None) -> Reply:
        return self.call("POST", path, body)

    def patch(self, path: str, body: object) -> Reply:
        return self.call("PATCH", path, body)

    def delete(self, path: str) -> Reply:
        return self.call("DELETE", path)

    def made(self, path: str, body: object) -> Any:
        """Return what a POST has made."""
        reply = self.post(path, body)
        assert reply.status == 201, reply.body
        return reply.said


@dataclass
class Managed:
    """A running service.

    crashes: defects that it met.
    """

    core: Core
    loop: asyncio.AbstractEventLoop
    port: int = 0
    operator: Client = field(init=False)
    nobody: Client = field(init=False)
    accesses: list[Access] = field(default_factory=list)
    refused: list[tuple[Fault, int, str]] = field(default_factory=list)
    crashes: list[tuple[str, BaseException]] = field(default_factory=list)

    @property
    def desk(self) -> Desk:
        return Desk(self.core.directory, self.core.passwords, actor=SYSTEM)

    def do(self, what: Coroutine[Any, Any, T]) -> T:
        """Return what a coroutine returns in the service's loop."""
        return asyncio.run_coroutine_threadsafe(what, self.loop).result(60)

    def client(self, secret: str) -> Client:
        return Client(self.port, secret)

    def new_app(self, name: str, **fields: Any) -> tuple[str, Client]:
        """Return a new app's appid, and a client with a key of it that manages."""
        made = self.do(apps.create(self.desk, name, **fields))
        key = self.do(keys.create(self.desk, made.app, name="manage", scopes=[Scope.MANAGE]))
        return made.app.id, self.client(key.secret)

    def keep(
        self,
        app_id: str,
        *,
        to: str = "bo@b.example",
        subject: str = "안녕하세요",
        state: State = State.CAPTURED,
        attachments: tuple[Attachment, ...] = (),
        content: bytes | None = None,
        from_: str = "Shop <shop@a.example>",
    ) -> str:
        """Store a message as a door does, and return its id."""
        built = build(
            Message(from_, to, subject, "text", attachments=attachments),
            date=datetime.now(UTC),
            message_id="<m@a.example>",
            boundary="boundary1",
        )
        octets = built.content if content is None else content
        now = datetime.now(UTC)
        message = NewMessage(
            id=new_id(),
            app_id=app_id,
            door="nobase",
            message_id="<m@a.example>",
            from_=from_,
            recipients=(to,),
            subject=subject,
            content=octets,
            envelope=Envelope("shop@a.example", (to,)),
            state=state,
            created_at=now,
            expires_at=now + timedelta(days=2),
        )
        entry = LogEntry(
            message.id,
            app_id,
            now,
            "nobase",
            "192.0.2.1",
            to,
            subject,
            str(state),
            "",
            "bo",
            message.id,
        )
        self.do(self.core.mail.accept(Intake(entry, message), now=now))
        return message.id


@contextlib.contextmanager
def managed(
    place: Place, send_log: Callable[[SendLog], SendLog] = lambda log: log, **options: Any
) -> Iterator[Managed]:
    """Run the service on a database, with the operator's key.

    send_log: what management reads instead of the log.
    options:  of HttpOptions.
    """
    started: Future[Managed] = Future()
    ending: list[asyncio.Event] = []

    async def main() -> None:
        core = Core(Settings(data_dir=place.folder), await place.open(), SERVER, Watch())
        service = Managed(core, asyncio.get_running_loop())
        app = application(
            core.nobase,
            core.danbee,
            HealthStandIn(),
            HttpOptions(cookie_key=b"k" * 32, **options),
            management=replace(core.management, send_log=send_log(core.send_log)),
            counted=core.limiting.address,
            on_access=service.accesses.append,
            on_refused=lambda *refused: service.refused.append(refused),
            on_crash=lambda *crash: service.crashes.append(crash),
        )
        server = HttpServer(app, f"{HOST}:0")
        await server.start()
        service.port = server.port
        key = await keys.create(service.desk, None, name="operator")
        service.operator = service.client(key.secret)
        service.nobody = Client(server.port)
        ending.append(asyncio.Event())
        started.set_result(service)
        await ending[0].wait()
        await server.stop(5)
        await core.aclose(5)

    def run() -> None:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(main())
        except BaseException as error:
            if not started.done():
                started.set_exception(error)
            raise

    thread = threading.Thread(target=run)
    thread.start()
    service = started.result(60)
    try:
        yield service
    finally:
        service.loop.call_soon_threadsafe(ending[0].set)
        thread.join(60)
    assert not service.crashes
