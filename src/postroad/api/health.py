"""Whether the service lives, whether it can take mail, and its figures."""

from __future__ import annotations

from typing import Protocol

from postroad.api.call import LATER_S, Answer, Call, text_answer
from postroad.api.faults import Fault

GREETING = (
    "Postroad sends mail for applications. "
    "Doors: /api/mail/send, /api/user/register, /api/user/login, /api/user/bind_mail, "
    "/api/danbee/navermailsender, /api/danbee/gmailsender, /api/danbee/awssessender. "
    "Health: /healthz, /readyz, /metrics."
)

_METHODS = frozenset({"GET", "HEAD"})
_STATUS = {Fault.METHOD: 405, Fault.STORAGE: 503, Fault.STOPPING: 503, Fault.CRASHED: 500}


class Health(Protocol):
    """What the service knows of itself."""

    async def is_ready(self) -> str:
        """Return why nothing can be committed now, "" when it can; in good time, either way."""
        ...

    async def metrics(self) -> bytes:
        """Return the figures in Prometheus' text format."""
        ...

    async def cors_origins(self, app_id: str) -> tuple[str, ...]:
        """Return the origins whose browsers may call for an app; ("*",) for an unknown one.

        raises: StorageError.
        """
        ...


class _Plain:
    """A page that is only looked at."""

    async def answer(self, call: Call) -> Answer:
        """Return the page."""
        if call.method not in _METHODS:
            return self.refuse(Fault.METHOD, call)
        return await self.page()

    async def page(self) -> Answer:
        """Return what stands there."""
        raise NotImplementedError

    def refuse(self, fault: Fault, call: Call, seconds: int = LATER_S) -> Answer:  # noqa: ARG002
        """Return an error in one line of text."""
        headers = ((b"allow", b"GET, HEAD"),) if fault is Fault.METHOD else ()
        return text_answer(
            f"not possible: {fault}", status=_STATUS.get(fault, 400), headers=headers
        )


class Greeting(_Plain):
    """Tells who asks by hand where he is."""

    async def page(self) -> Answer:
        """Return one line."""
        return text_answer(GREETING)


class Living(_Plain):
    """The process lives: restart it when this does not answer."""

    async def page(self) -> Answer:
        """Return "ok"."""
        return text_answer("ok")


class Ready(_Plain):
    """Mail can be taken: send none while this says no."""

    def __init__(self, health: Health) -> None:
        self._health = health

    async def page(self) -> Answer:
        """Return "ready", or 503 and why not."""
        if obstacle := await self._health.is_ready():
            return text_answer(f"not ready: {obstacle}", status=503)
        return text_answer("ready")


class Metrics(_Plain):
    """The figures, for Prometheus."""

    def __init__(self, health: Health) -> None:
        self._health = health

    async def page(self) -> Answer:
        """Return them all."""
        return Answer(await self._health.metrics(), b"text/plain; version=0.0.4; charset=utf-8")
