"""The handle on a running simulator: where it listens, what it received, and how it ends."""

from __future__ import annotations

import asyncio
import errno
import socket
import tempfile
import threading
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from postroad.errors import SettingsError
from postroad.simulators.recording import Record

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from postroad.simulators.certificates import CertificateKind
    from postroad.simulators.profiles import Security
    from postroad.simulators.recording import Received, Transcript
    from postroad.simulators.rules import Live, Rules

WAIT_S = 10.0  # how long the wait_for methods wait unless told otherwise


class Simulator(ABC):
    """A server on loopback, from `with` to the end of its block, in threads of its own.

    host, port:         where it listens; the port is known once it runs.
    cafile:             PEM of the throwaway authority that signed its certificate; gone at the end.
    username, password, token: the account it accepts.
    security:           "none", "starttls" or "tls", as a client has to be told.
    """

    def __init__(
        self,
        name: str,
        *,
        host: str,
        port: int,
        security: Security,
        username: str,
        password: str,
        token: str,
        certificate: CertificateKind,
        certificate_host: str,
        record: Record,
    ) -> None:
        self.name = name
        self.host = host
        self.port = port
        self.security = security
        self.username = username
        self.password = password
        self.token = token
        self._certificate = certificate
        self._certificate_host = certificate_host
        self._record = record
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._cafile: Path | None = None
        self._listener: socket.socket | None = None

    # What arrived.

    @property
    def cafile(self) -> str:
        """The path of the authority a client has to trust."""
        if self._cafile is None:
            raise RuntimeError("the simulator does not run")
        return str(self._cafile)

    @property
    def messages(self) -> list[Received]:
        """The mails that arrived, in order."""
        return self._record.messages

    @property
    def transcripts(self) -> list[Transcript]:
        """What each connection said, in the order they were opened."""
        return self._record.transcripts

    def wait_for_message(self, nth: int = 1, *, timeout_s: float = WAIT_S) -> Received:
        """The nth mail (from 1), as soon as it is there; TimeoutError when it does not come."""
        return self._record.wait_for_message(nth, timeout_s)

    def wait_for_transcript(self, nth: int = 1, *, timeout_s: float = WAIT_S) -> Transcript:
        """The nth connection's transcript, as soon as it has ended; else TimeoutError."""
        return self._record.wait_for_transcript(nth, timeout_s)

    # Beginning and end.

    def start(self) -> Self:
        """Listen and answer; `with` does it.

        raises: SettingsError when the port is taken or not allowed.
        """
        from postroad.simulators.certificates import make_certificates

        listener = _listen(self.host, self.port)
        self._listener = listener
        self.port = listener.getsockname()[1]
        self._folder = tempfile.TemporaryDirectory(prefix="postroad-simulator-")
        try:
            certificates = make_certificates(
                Path(self._folder.name), self._certificate, host=self._certificate_host
            )
            self._cafile = certificates.cafile
            self._serve(listener, certificates.context)
        except BaseException:
            self.close()
            raise
        return self

    def close(self) -> None:
        """Cut every connection, end every thread and remove the folder; twice is harmless."""
        if self._listener is not None:
            self._stop()
            self._listener.close()
            self._listener = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = self._cafile = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @abstractmethod
    def _serve(self, listener: socket.socket, context: ssl.SSLContext) -> None:
        """Answer connections of the listener from now on, in other threads."""

    @abstractmethod
    def _stop(self) -> None:
        """Cut the connections and join the threads; harmless before `_serve`."""


def _listen(host: str, port: int) -> socket.socket:
    if not 0 <= port <= 65535:
        raise SettingsError(f"port {port} is not one of 0 to 65535")
    try:
        return socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=128
        )
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise SettingsError(
                f"port {port} of {host} is in use: give another with --port (0 is any free one)"
            ) from error
        # asyncio's words, which name host and port again, are left out.
        reason = (error.strerror or str(error)).partition(" (while ")[0]
        raise SettingsError(f"cannot listen on {host} port {port}: {reason}") from error


class ProviderSimulator(Simulator):
    """A provider's simulator: aiosmtpd on an event loop in one thread."""

    def __init__(
        self,
        rules: Rules,
        *,
        host: str,
        port: int,
        certificate: CertificateKind,
        record: Record,
    ) -> None:
        super().__init__(
            rules.profile.name,
            host=host,
            port=port,
            security=rules.security,
            username=rules.username,
            password=rules.password,
            token=rules.token,
            certificate=certificate,
            certificate_host=rules.profile.host,
            record=record,
        )
        self._rules = rules
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None

    def _serve(self, listener: socket.socket, context: ssl.SSLContext) -> None:
        ready = threading.Event()

        async def run() -> None:
            self._loop = asyncio.get_running_loop()
            self._loop.set_exception_handler(_complain)
            self._stopping = asyncio.Event()
            ready.set()
            await _accept_until(self._stopping, listener, context, self._rules, self._record)

        self._thread = threading.Thread(
            target=asyncio.run, args=(run(),), name=f"postroad-{self.name}", daemon=True
        )
        listener.setblocking(False)
        self._thread.start()
        ready.wait()

    def _stop(self) -> None:
        if self._loop is not None and self._stopping is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._loop = None
        if self._thread is not None:
            self._thread.join()
            self._thread = None


def _complain(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Let asyncio report what went wrong here, not what clients did to their connections."""
    if not isinstance(context.get("exception"), OSError):
        loop.default_exception_handler(context)


async def _accept_until(
    stopping: asyncio.Event,
    listener: socket.socket,
    context: ssl.SSLContext,
    rules: Rules,
    record: Record,
) -> None:
    """Take connections until told to stop, then cut those that are open."""
    from postroad.simulators.rules import Shared
    from postroad.simulators.smtpd import ProviderSmtp

    loop = asyncio.get_running_loop()
    shared = Shared(record)
    opening: set[asyncio.Task[None]] = set()

    async def open_one(connection: socket.socket) -> None:
        protocol = ProviderSmtp(rules, shared, context, loop)
        try:
            await loop.connect_accepted_socket(
                lambda: protocol, connection, ssl=context if rules.security == "tls" else None
            )
        except (OSError, asyncio.CancelledError):  # ssl.SSLError is an OSError
            connection.close()
            protocol.gone()

    def take() -> None:
        try:
            connection, _ = listener.accept()
        except OSError:  # the client has left already
            return
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        task = loop.create_task(open_one(connection))
        opening.add(task)
        task.add_done_callback(opening.discard)
        # a task that is cancelled before it began never saw its connection
        task.add_done_callback(lambda done: connection.close() if done.cancelled() else None)

    loop.add_reader(listener, take)
    await stopping.wait()
    loop.remove_reader(listener)
    for task in list(opening):
        task.cancel()
    await asyncio.gather(*opening, return_exceptions=True)
    await _cut(shared.live)


async def _cut(live: set[Live]) -> None:
    """Abort the connections and let the loop tell them so."""
    for protocol in list(live):
        protocol.abort()
    for _ in range(8):  # an abort takes two or three turns of the loop, through TLS five
        await asyncio.sleep(0)
    for protocol in list(live):
        protocol.gone()


def simulate_provider(
    name: str,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    username: str | None = None,
    password: str | None = None,
    token: str | None = None,
    security: Security | None = None,
    certificate: CertificateKind = "good",
    basic_auth: bool = True,
    max_connections: int | None = None,
    per_minute: int | None = None,
    daily: int | None = None,
    slow_s: float = 0.0,
    clock: Callable[[], float] = time.monotonic,
    keep: int | None = None,
    on_message: Callable[[Received], None] | None = None,
    on_end: Callable[[Transcript], None] | None = None,
) -> ProviderSimulator:
    """A provider's simulator that is not yet running; see `simulate`."""
    from postroad.simulators.profiles import PROFILES
    from postroad.simulators.rules import Rules

    profile = PROFILES[name]
    rules = Rules(
        profile=profile,
        security=security or profile.security,
        username=username or profile.username,
        password=profile.password if password is None else password,
        token=profile.token if token is None else token,
        basic_auth=basic_auth,
        max_connections=max_connections,
        per_minute=per_minute,
        daily=daily,
        slow_s=slow_s,
        clock=clock,
    )
    record = Record(keep=keep, on_message=on_message, on_end=on_end)
    return ProviderSimulator(rules, host=host, port=port, certificate=certificate, record=record)
