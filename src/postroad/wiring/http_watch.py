"""What the HTTP server sees, told to the log and the metrics."""

from __future__ import annotations

from postroad.api.faults import Fault
from postroad.api.guards import OTHER, Access
from postroad.telemetry import events
from postroad.telemetry.metrics import Metrics
from postroad.telemetry.rendering import trace_of


class HttpWatch:
    """Writes and counts requests, whatever became of them."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def access(self, access: Access) -> None:
        """A request was answered."""
        events.http_request(
            method=access.method,
            route=access.route or OTHER,
            status=access.status,
            ms=round(access.duration_s * 1_000, 1),
            ip=access.ip,
        )
        self._metrics.request(access.route or OTHER, access.status, access.duration_s)

    def fault(self, fault: Fault, status: int, ip: str) -> None:
        """A request was refused before any operation saw it."""
        events.http_refused(reason=fault, status=status, ip=ip)

    def crash(self, route: str, error: BaseException) -> None:
        """A door met a defect."""
        events.defect_met(where=route, traceback=trace_of(error))
