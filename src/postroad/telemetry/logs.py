"""The log: set up once, written to from every room, never in anybody's way."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Iterator, MutableMapping
from datetime import UTC, datetime
from typing import Any, TextIO

from postroad.telemetry.lines import Lines

LEVELS = ("debug", "info", "warning", "error")
FORMATS = ("auto", "json", "text")

_loggers: list[tuple[Any, Callable[[], None]]] = []  # the last one is written to


class Logs:
    """A log that was set up; `close` ends it."""

    def __init__(self, lines: Lines, logger: Any) -> None:
        self._lines = lines
        self._unwritten = 0
        self._entry = (logger, self._count)
        self._handler = _LibraryHandler()

    @property
    def lost(self) -> int:
        """Events that nobody will ever read."""
        return self._lines.lost + self._unwritten

    def open(self) -> None:
        """Let every event, and what libraries warn of, go here."""
        _loggers.append(self._entry)
        logging.getLogger().addHandler(self._handler)

    def close(self) -> None:
        """Write what still waits; further events go where they went before."""
        if self._entry in _loggers:
            _loggers.remove(self._entry)
        logging.getLogger().removeHandler(self._handler)
        self._lines.close()

    def _count(self) -> None:
        self._unwritten += 1


def set_up(
    stream: TextIO | None,
    *,
    format: str = "auto",  # noqa: A002 - the setting's own word
    level: str = "info",
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Logs:
    """Write every event from now on to `stream`, and return what closes it.

    stream: stderr as a rule; None, or one that is no file, loses (and counts) everything.
    format: "json": an object a line; "text": for people; "auto": text on a terminal.
    level:  the least important one that is written.
    """
    from postroad.telemetry.rendering import as_json, as_text

    descriptor, is_terminal = _opened(stream)
    lines = Lines(descriptor)
    render = as_text if format == "text" or (format == "auto" and is_terminal) else as_json
    logs = Logs(lines, _logger(lines, level, now, render))
    logs.open()
    return logs


@contextlib.contextmanager
def recorded(level: str = "debug") -> Iterator[list[dict[str, Any]]]:
    """Collect the events of a block instead of writing them, secrets masked; for tests."""
    import structlog

    found: list[dict[str, Any]] = []

    def collect(_logger: object, _level: str, event: MutableMapping[str, Any]) -> bytes:
        found.append(dict(event))
        raise structlog.DropEvent

    logger = _logger(Lines(None), level, lambda: datetime.now(UTC), collect)
    entry = (logger, _raise_again)
    _loggers.append(entry)
    try:
        yield found
    finally:
        _loggers.remove(entry)


def write(level: str, event: str, fields: dict[str, Any]) -> None:
    """Write one event; whatever is wrong with it is counted and costs the caller nothing."""
    if not _loggers:
        return
    logger, failed = _loggers[-1]
    try:
        getattr(logger, level)(event, **fields)
    except Exception:  # noqa: BLE001 - a line of the log must never cost a mail
        failed()


def _logger(
    lines: Lines, level: str, now: Callable[[], datetime], render: Callable[..., Any]
) -> Any:
    import structlog

    from postroad.telemetry.rendering import clean

    def stamped(
        _logger: object, name: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        return {
            "time": now().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": name,
            "event": event.pop("event"),
            **event,
        }

    return structlog.wrap_logger(
        lines,
        processors=[stamped, clean, render],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        context_class=dict,
    ).bind()


def _opened(stream: TextIO | None) -> tuple[int | None, bool]:
    """Return a descriptor of our own for `stream`, and whether it is a terminal.

    Its own: whoever closes or replaces stderr later cannot make the log end up in another file.
    """
    try:
        return (None, False) if stream is None else (os.dup(stream.fileno()), stream.isatty())
    except (OSError, ValueError):
        return None, False


def _raise_again() -> None:
    """Let a test see what was wrong with its event."""
    raise  # noqa: PLE0704 - called while the exception is handled


class _LibraryHandler(logging.Handler):
    """Takes what libraries warn of through `logging`."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record as library.warned or library.failed."""
        from postroad.telemetry import events
        from postroad.telemetry.rendering import masked, trace_of

        try:
            text = masked(record.getMessage())
        except Exception:  # noqa: BLE001 - its arguments do not fit its text
            text = "a message that could not be put together"
        exc = record.exc_info[1] if record.exc_info else None
        traceback = None if exc is None else trace_of(exc)
        if record.levelno >= logging.ERROR:
            events.library_failed(library=record.name, text=text, traceback=traceback)
        else:
            events.library_warned(library=record.name, text=text)
