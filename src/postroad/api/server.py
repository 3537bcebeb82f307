"""The HTTP server: Granian, embedded in our own event loop; no other module knows it."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import resource
import socket
import ssl
from pathlib import Path
from typing import Any, Final, Protocol, cast

from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings
from granian.net import SocketHolder  # type: ignore[attr-defined]
from granian.server.embed import Server
from litestar.types import Receive, Scope, Send

from postroad.errors import SettingsError

_BACKLOG: Final = 1024
_MAX_CONNECTIONS: Final = 10_000
_SPARE_FILES: Final = 64  # the database, relays, logs
# Of one request's head; Node takes 16 KiB. Ten thousand of them half sent make 370 MiB in all.
_HEAD_OCTETS: Final = 20 * 1024
_HEAD_TIMEOUT_S: Final = 10.0
_CUT_S: Final = 1.0


class CuttableApp(Protocol):
    """An ASGI application whose running requests can be cut off."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        ...

    def cut(self) -> None:
        """Cut them off."""
        ...


class HttpServer:
    """Serves an application at one address, inside the running event loop.

    listen:         "127.0.0.1:8025", "[::1]:8025"; port 0 takes any that is free.
    certificate, key: PEM files; both or none.
    head_timeout_s: for a request's head, and for the next request on an open connection.
    raises:         SettingsError for an address or file that cannot work, here and in `start`.
    """

    def __init__(
        self,
        app: CuttableApp,
        listen: str,
        *,
        certificate: Path | None = None,
        key: Path | None = None,
        head_timeout_s: float = _HEAD_TIMEOUT_S,
    ) -> None:
        self._app = app
        self._listen = listen
        self._host, self._port = _address(listen)
        _check_certificate(certificate, key)
        self._certificate = certificate
        self._key = key
        self._head_timeout_s = head_timeout_s
        self._listening: socket.socket | None = None
        self._server: _Granian | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The port it listens at, once started."""
        return self._port

    @property
    def connections(self) -> int:
        """How many may be open at once, so that files are left for everything else."""
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if files == resource.RLIM_INFINITY:
            return _MAX_CONNECTIONS
        return max(1, min(files - _SPARE_FILES, _MAX_CONNECTIONS))

    async def bind(self) -> None:
        """Take the address, so that nobody else can; connections wait until `start`."""
        self._listening = await self._bound()
        self._port = self._listening.getsockname()[1]

    async def start(self) -> None:
        """Listen: from here on connections are taken."""
        if self._listening is None:
            await self.bind()
        listening = cast(socket.socket, self._listening)
        self._server = _Granian(
            listening,
            target=self._app,
            interface=Interfaces.ASGINL,
            # HTTP/2 has no time-out for a client that says nothing.
            http=HTTPModes.http1,
            http1_settings=HTTP1Settings(
                header_read_timeout=round(self._head_timeout_s * 1000),
                max_buffer_size=_HEAD_OCTETS,
            ),
            websockets=False,
            backpressure=self.connections,
            log_enabled=False,
            # Without this it sets up logging anew, and closes the handlers there are.
            log_dictconfig={"incremental": True, "formatters": {}, "handlers": {}, "loggers": {}},
            ssl_cert=self._certificate,
            ssl_key=self._key,
            ssl_protocol_min=SSLProtocols.tls12,
        )
        self._task = asyncio.create_task(self._server.serve())
        await asyncio.sleep(0)  # it starts its worker before it first waits
        if self._task.done():
            await self._task

    async def wait(self) -> None:
        """Return when the server has ended, after `stop` or by a failure of its own."""
        if self._task is not None:
            await asyncio.wait({self._task})

    async def stop(self, grace_s: float) -> None:
        """Take no more connections, let running requests finish, and cut them at `grace_s`."""
        if self._server is None or self._task is None:
            return
        self._server.stop()  # type: ignore[no-untyped-call]
        done, _ = await asyncio.wait({self._task}, timeout=grace_s)
        if not done:
            self._app.cut()
            done, _ = await asyncio.wait({self._task}, timeout=_CUT_S)
        if not done:  # a client that does not read its answer
            self._server.abandon()
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _bound(self) -> socket.socket:
        """Return a listening socket of our own: Granian's would share its port with others."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(
                self._host, self._port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )
            family, _, _, _, address = found[0]
            with contextlib.ExitStack() as undo:
                listening = undo.enter_context(socket.socket(family, socket.SOCK_STREAM))
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listening.bind(address)
                listening.listen(_BACKLOG)
                listening.setblocking(False)
                undo.pop_all()
                return listening
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise SettingsError(
                    f"{self._listen} is in use: give another port with --listen"
                    " HOST:PORT (0 is any free one)"
                ) from error
            reason = error.strerror or "no such address"
            raise SettingsError(f"listen: {self._listen}: {reason}") from error


class _Granian(Server):
    """Granian's embedded server on a socket that already listens."""

    def __init__(self, listening: socket.socket, **settings: Any) -> None:
        super().__init__(**settings)
        self._listening = listening

    def _init_shared_socket(self) -> None:
        # It takes the file over and closes it. Its typing lacks the arguments that pickling needs.
        self._shd = SocketHolder(self._listening.detach(), False, _BACKLOG)  # type: ignore[call-arg,assignment]

    def abandon(self) -> None:
        """Wait no longer for connections that do not end."""
        for worker in self.wrks:
            worker.kill()  # type: ignore[no-untyped-call]


def _address(listen: str) -> tuple[str, int]:
    host, colon, port = listen.rpartition(":")
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise SettingsError(f"listen: {listen!r} is not an address and a port, as 127.0.0.1:8025")
    return host, int(port)


def _check_certificate(certificate: Path | None, key: Path | None) -> None:
    """Refuse files that Granian would fail on, without asking a terminal for a pass phrase."""
    if certificate is None and key is None:
        return
    if certificate is None or key is None:
        raise SettingsError("tls_certificate and tls_key: one without the other")
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key, password=lambda: "")
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"tls_certificate {certificate} and tls_key {key} cannot be used: {error}"
        ) from error
