"""Every event of the log: its name, its level, its fields, and what each field means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import ParamSpec

from postroad.telemetry import logs

P = ParamSpec("P")

FIELDS = {
    "app": "the app's `appid`",
    "attempt": "number of the attempt, from 1",
    "check": "the check that refused the request",
    "code": "the [word](errors.md) of what became of it",
    "data_dir": "the data folder",
    "door": "where it came in: `nobase`, `danbee-naver`, …",
    "error": "one sentence, secrets masked",
    "ip": "the caller's address, by way of trusted proxies only",
    "library": "the library that said it",
    "message": "our id of the message",
    "messages": "how many messages",
    "method": "the request's method",
    "ms": "how long it took, in milliseconds",
    "phase": "where in the dialogue it stopped",
    "recipients": "how many recipients",
    "reason": "why, in a word",
    "relay": "our id of the relay",
    "revision": "the schema's revision",
    "route": "the route, never what stood in the URL; `other` for none",
    "seconds": "how long, in seconds",
    "signal": "the signal that asked for it",
    "state": "the state of the message, or of its recipients, each once",
    "status": "the HTTP status",
    "text": "what it said",
    "traceback": "where it happened and through which calls",
    "url": "where the service listens",
    "version": "Postroad's version",
    "where": "the part of Postroad",
}


@dataclass(frozen=True, slots=True)
class Event:
    """One event as the reference shows it."""

    name: str
    level: str
    meaning: str
    fields: tuple[str, ...]


EVENTS: list[Event] = []


def _event(name: str, level: str) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Return the decorator that makes a declaration write its event."""

    def declared(declaration: Callable[P, None]) -> Callable[P, None]:
        code = declaration.__code__
        fields = code.co_varnames[: code.co_kwonlyargcount]
        EVENTS.append(Event(name, level, (declaration.__doc__ or "").strip(), fields))

        @wraps(declaration)
        def write(*_: P.args, **values: P.kwargs) -> None:
            logs.write(level, name, values)

        return write

    return declared


@_event("server.started", "info")
def server_started(*, url: str, data_dir: str, version: str) -> None:
    """The service takes requests."""


@_event("server.stopping", "info")
def server_stopping(*, signal: str, seconds: float) -> None:
    """It takes no more requests; what is under way has so many seconds."""


@_event("server.stopped", "info")
def server_stopped(*, ms: float, messages: int) -> None:
    """It has ended; so many messages were still under way."""


@_event("storage.migrated", "info")
def storage_migrated(*, revision: str, ms: float) -> None:
    """The database has a new schema."""


@_event("storage.broken", "error")
def storage_broken(*, error: str) -> None:
    """The database cannot be read or written; requests are refused until it can."""


@_event("storage.recovered", "warning")
def storage_recovered(*, seconds: float) -> None:
    """The database works again, after so long."""


@_event("http.request", "debug")
def http_request(*, method: str, route: str, status: int, ms: float, ip: str) -> None:
    """A request was answered."""


@_event("http.refused", "info")
def http_refused(*, reason: str, status: int, ip: str) -> None:
    """A request was refused before any door saw it: too large, too slow, malformed."""


@_event("request.refused", "info")
def request_refused(*, door: str, app: str, check: str, ip: str) -> None:
    """A door refused a request; `app` is empty until the caller has proven which one it is."""


@_event("message.stored", "debug")
def message_stored(*, message: str, app: str, door: str, recipients: int, state: str) -> None:
    """A message is durable: about to be sent, queued, or captured."""


@_event("message.settled", "info")
def message_settled(
    *,
    message: str,
    app: str,
    door: str,
    attempt: int,
    code: str,
    state: str,
    ms: float,
    relay: str | None = None,
    phase: str | None = None,
    error: str | None = None,
) -> None:
    """An attempt has ended."""


@_event("message.in_doubt", "warning")
def message_in_doubt(*, message: str, app: str, attempt: int, relay: str | None = None) -> None:
    """The relay may have accepted a message whose reply never came."""


@_event("lease.expired", "warning")
def lease_expired(*, messages: int) -> None:
    """Messages of a process that ended are in doubt now."""


@_event("lease.lost", "warning")
def lease_lost(*, message: str, app: str) -> None:
    """An attempt ended after its lease: what it brought is not stored."""


@_event("relay.failed", "warning")
def relay_failed(*, relay: str, app: str, code: str, phase: str, error: str) -> None:
    """No connection or no login: no message can go this way now."""


@_event("login.delayed", "warning")
def login_delayed(*, app: str, ip: str, seconds: int) -> None:
    """An account had so many wrong passwords that it has to wait."""


@_event("defect.met", "error")
def defect_met(*, where: str, traceback: str) -> None:
    """A defect in Postroad; the part of it goes on."""


@_event("library.warned", "warning")
def library_warned(*, library: str, text: str) -> None:
    """A library warned of something."""


@_event("library.failed", "error")
def library_failed(*, library: str, text: str, traceback: str | None = None) -> None:
    """A library met an error."""
