"""Whether this process can take mail: it can when it can commit."""

from __future__ import annotations

import time
from typing import Final

from postroad.errors import StorageError
from postroad.storage.engine import Database
from postroad.storage.queue import QueueStore
from postroad.storage.tenants import TenantStore
from postroad.telemetry.health import Health
from postroad.telemetry.metrics import Metrics
from postroad.tenancy.keys import is_app_id
from postroad.wiring.watch import Watch

_FRESH_S: Final = 1.0  # an answer is good for so long: each look is a commit


class ServiceHealth:
    """What /readyz and /metrics ask, and the browsers' origins."""

    def __init__(
        self,
        database: Database,
        tenants: TenantStore,
        queue: QueueStore,
        metrics: Metrics,
        watch: Watch,
    ) -> None:
        self._database = database
        self._tenants = tenants
        self._queue = queue
        self._metrics = metrics
        self._watch = watch
        self._looked_at = -_FRESH_S
        self._seen = ""
        self._health = Health()
        self._health.add("storage", self._storage)

    def stop(self) -> None:
        """Be unready from now on."""
        self._health.stop()

    async def is_ready(self) -> str:
        """Return "" or why nothing can be committed now."""
        return await self._health.is_ready()

    async def metrics(self) -> bytes:
        """Return the figures in Prometheus' text format."""
        try:
            self._metrics.recipients(await self._queue.open_recipients())
        except StorageError:  # a broken database must not hide every other figure
            self._metrics.recipients(None)
        return self._metrics.render()

    async def cors_origins(self, app_id: str) -> tuple[str, ...]:
        """Return the origins whose browsers may call for an app."""
        app = await self._tenants.app(app_id) if is_app_id(app_id) else None
        return app.cors_origins if app else ("*",)

    async def _storage(self) -> str:
        if time.monotonic() - self._looked_at >= _FRESH_S:
            try:
                await self._database.prove()
            except StorageError as error:
                self._watch.trouble(error)
                self._seen = "nothing can be written"
            else:
                self._watch.recovered()
                self._seen = ""
            self._looked_at = time.monotonic()
        return self._seen
