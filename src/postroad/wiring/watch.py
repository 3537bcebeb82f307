"""What happens inside, told to the log and the metrics."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from postroad.delivery.messages import NewMessage, Settlement
from postroad.delivery.states import State
from postroad.errors import Code, Phase, StorageError
from postroad.telemetry import events
from postroad.tenancy.checks import Refusal
from postroad.worker.courier import Errand

if TYPE_CHECKING:  # a command counts nothing, and does without the library
    from postroad.telemetry.metrics import Metrics

_ABOUT_THE_RELAY = frozenset({Code.CONNECT, Code.TLS, Code.AUTH})


class Watch:
    """Writes the events of one process and counts them; a command counts nothing."""

    def __init__(self, metrics: Metrics | None = None) -> None:
        self._metrics = metrics
        self._broken_since: float | None = None

    def accepted(self, message: NewMessage) -> None:
        """A message is durable."""
        events.message_stored(
            message=message.id,
            app=message.app_id,
            door=message.door,
            recipients=len(message.recipients),
            state=message.state,
        )
        if self._metrics is not None and message.state is State.CAPTURED:
            self._metrics.message(message.door, State.CAPTURED)

    def settled(self, errand: Errand, settlement: Settlement, seconds: float) -> None:
        """An attempt has ended and its outcome is stored."""
        self.recovered()
        message, code = errand.claim.message, settlement.code
        is_sent = code is Code.OK
        events.message_settled(
            message=message.id,
            app=message.app_id,
            door=message.door,
            attempt=errand.claim.number,
            code=code.word,
            state=" ".join(sorted({fate.state.value for fate in settlement.fates})),
            ms=round(seconds * 1_000, 1),
            relay=settlement.relay_id,
            phase=None if is_sent else settlement.phase,
            error=None if is_sent else settlement.error,
        )
        if self._metrics is not None:
            self._metrics.message(message.door, code.word, seconds)
        if code is Code.IN_DOUBT:
            self.doubted(errand)
        elif code in _ABOUT_THE_RELAY and settlement.relay_id is not None:
            events.relay_failed(
                relay=settlement.relay_id,
                app=message.app_id,
                code=code.word,
                phase=Phase(settlement.phase),
                error=settlement.error,
            )

    def doubted(self, errand: Errand) -> None:
        """The relay may have a message, and has not said so."""
        message = errand.claim.message
        events.message_in_doubt(
            message=message.id,
            app=message.app_id,
            attempt=errand.claim.number,
            relay=errand.relay_id,
        )

    def lease_lost(self, errand: Errand) -> None:
        """What an attempt brought is not stored: another process took the message over."""
        events.lease_lost(message=errand.claim.message.id, app=errand.claim.message.app_id)

    def refused(self, door: str, refusal: Refusal, ip: str) -> None:
        """A door refused a request."""
        self.request_refused(door, refusal.app.id if refusal.app else "", refusal.check, ip)

    def request_refused(self, door: str, app: str, check: str, ip: str) -> None:
        """A door refused a request by the check of that name."""
        events.request_refused(door=door, app=app, check=check, ip=ip)
        if self._metrics is not None:
            self._metrics.refusal(door, check)

    def defect(self, defect: Exception) -> None:
        """The worker met a defect of ours, and goes on."""
        from postroad.telemetry.rendering import trace_of

        events.defect_met(where="worker", traceback=trace_of(defect))

    def trouble(self, error: StorageError) -> None:
        """Storage failed; told once until it works again."""
        if self._broken_since is None:
            self._broken_since = time.monotonic()
            events.storage_broken(error=str(error))

    def recovered(self) -> None:
        """Storage works."""
        if self._broken_since is not None:
            events.storage_recovered(seconds=round(time.monotonic() - self._broken_since, 1))
            self._broken_since = None
