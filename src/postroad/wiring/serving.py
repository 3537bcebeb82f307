"""The service as one process: opens the folder, runs the doors and the loop, drains at the end."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from postroad import __version__
from postroad.api.application import HttpOptions, application
from postroad.api.server import HttpServer
from postroad.operations.first_start import first_operator
from postroad.settings import Settings
from postroad.storage.engine import Database
from postroad.telemetry import events, logs
from postroad.telemetry.metrics import Metrics
from postroad.wiring import databases
from postroad.wiring.core import SERVER, Core, now
from postroad.wiring.demo import Demo, demo
from postroad.wiring.health import ServiceHealth
from postroad.wiring.http_watch import HttpWatch
from postroad.wiring.watch import Watch

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
_NO_SIGNAL: Final = "none: the HTTP server has ended"
_HURRY_S: Final = 1.0  # what a second signal leaves to what is under way


@dataclass(frozen=True, slots=True)
class Running:
    """What a person has to know of a service that is ready.

    setup_password: the operator's one-time password, at the first start only.
    demo:           the demo apps, when they were asked for.
    """

    url: str
    data_dir: str
    setup_password: str | None
    warnings: tuple[str, ...]
    demo: Demo | None = None


def serve(
    settings: Settings, on_ready: Callable[[Running], None], *, with_demo: bool = False
) -> int:
    """Run the service until SIGTERM or SIGINT; return its exit code.

    with_demo: make two apps to try it with, at the first start.
    raises:    SettingsError, StorageError when it cannot start.
    """
    import uvloop

    log = logs.set_up(sys.stderr, format=settings.log_format, level=settings.log_level)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_Service(settings, log).run(on_ready, with_demo=with_demo))
    finally:
        log.close()


class _Service:
    """One run of the service."""

    def __init__(self, settings: Settings, log: logs.Logs) -> None:
        self._settings = settings
        self._metrics = Metrics()
        self._metrics.watch_lost_lines(lambda: log.lost)
        self._watch = Watch(self._metrics)
        self._hurrying = asyncio.Event()

    async def run(self, on_ready: Callable[[Running], None], *, with_demo: bool) -> int:
        """Open the database, serve, drain."""
        settings, began = self._settings, time.monotonic()
        is_old = not await databases.is_current(settings)
        async with databases.opened_for_server(settings, self._metrics.commit) as database:
            if is_old:
                ms = round((time.monotonic() - began) * 1_000, 1)
                events.storage_migrated(revision=databases.HEAD, ms=ms)
            return await self._served(database, on_ready, with_demo=with_demo)

    async def _served(
        self, database: Database, on_ready: Callable[[Running], None], *, with_demo: bool
    ) -> int:
        settings = self._settings
        core = Core(settings, database, SERVER, self._watch)
        health = ServiceHealth(database, core.tenants, core.queue, self._metrics, self._watch)
        server = self._server(core, health)
        stopping = self._heed_signals()
        try:
            await server.bind()
            password = await first_operator(core.directory, core.passwords, now)
            shown = await demo(core, settings.data_dir) if with_demo else None
            if ended := await core.loop.start(dead=databases.dead(settings)):
                events.lease_expired(messages=ended)
            await server.start()
            core.indexing.start()
        except BaseException:
            await core.aclose(0)
            raise
        _relax_collector()
        url = self._url(server.port)
        events.server_started(url=url, data_dir=str(settings.data_dir), version=__version__)
        on_ready(Running(url, str(settings.data_dir), password, settings.warnings, shown))
        ended_by_itself = asyncio.create_task(server.wait())
        ended_by_itself.add_done_callback(
            lambda _: None if stopping.done() else stopping.set_result(_NO_SIGNAL)
        )
        name = await stopping
        await self._drain(name, core, health, server)
        return 1 if name == _NO_SIGNAL else 0

    def _server(self, core: Core, health: ServiceHealth) -> HttpServer:
        settings, watch = self._settings, HttpWatch(self._metrics)
        options = HttpOptions(
            cookie_key=core.database.cipher.subkey("session cookie"),
            trusted_proxies=settings.trusted_proxies,
            get_door=settings.get_door,
            is_tls=settings.is_tls,
            max_body_octets=settings.max_body,
        )
        app = application(
            core.nobase,
            core.danbee,
            health,
            options,
            management=core.management,
            counted=core.limiting.address,
            on_access=watch.access,
            on_refused=watch.fault,
            on_crash=watch.crash,
        )
        return HttpServer(
            app,
            str(settings.listen),
            certificate=settings.tls_certificate,
            key=settings.tls_key,
        )

    def _heed_signals(self) -> asyncio.Future[str]:
        """Return what resolves with the name of the first signal; a second one hurries."""
        loop = asyncio.get_running_loop()
        stopping: asyncio.Future[str] = loop.create_future()

        def heed(name: str) -> None:
            if stopping.done():
                self._hurrying.set()
            else:
                stopping.set_result(name)

        for number in _SIGNALS:
            loop.add_signal_handler(number, heed, number.name)
        return stopping

    async def _drain(
        self, name: str, core: Core, health: ServiceHealth, server: HttpServer
    ) -> None:
        """Take no more; let what is under way end within the time there is."""
        began = time.monotonic()
        grace_s = self._settings.drain_s
        health.stop()
        events.server_stopping(signal=name, seconds=grace_s)
        hurry = asyncio.create_task(self._hurry(core, server))
        await server.stop(grace_s)
        messages = core.courier.under_way
        await core.aclose(max(grace_s - (time.monotonic() - began), 0.0))
        hurry.cancel()
        ms = round((time.monotonic() - began) * 1_000, 1)
        events.server_stopped(ms=ms, messages=messages)

    async def _hurry(self, core: Core, server: HttpServer) -> None:
        """After a second signal, cut off what is under way; what may have been sent is in doubt."""
        await self._hurrying.wait()
        await core.pools.aclose(_HURRY_S)
        await server.stop(0)

    def _url(self, port: int) -> str:
        listen = self._settings.listen
        scheme = "https" if self._settings.is_tls else "http"
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(listen.host, listen.host)  # noqa: S104
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def _relax_collector() -> None:
    """Let the collector of reference cycles leave alone what stays, and come less often.

    What a request makes dies with its references; looking through it every 700 objects took a
    tenth of the time of every message.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
