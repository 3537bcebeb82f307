"""Where words go: stdout and stderr, never a traceback because of a closed pipe or an encoding."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from typing import Any, TextIO

import click


class OutputError(Exception):
    """The output could not be written; the message says why."""


def say(text: str = "", *, err: bool = False) -> None:
    """Write a line to stdout or stderr; a pipe nobody reads any more swallows it.

    raises: OutputError when it cannot be written for any other reason.
    """
    stream = sys.stderr if err else sys.stdout
    try:
        click.echo(text, file=stream)
    except BrokenPipeError:
        silence(stream)
    except OSError as exc:
        silence(stream)
        raise OutputError(exc.strerror or str(exc)) from exc


def say_json(value: dict[str, Any] | list[Any]) -> None:
    """Write `value` as JSON, over several lines."""
    say(as_json(value, indent=2))


def as_json(value: dict[str, Any] | list[Any], *, indent: int | None = None) -> str:
    """Return `value` as JSON, beyond ASCII as it is where the output is UTF-8."""
    import json

    encoding = (getattr(sys.stdout, "encoding", None) or "").lower().replace("-", "")
    return json.dumps(value, ensure_ascii=encoding != "utf8", indent=indent)


def say_octets(octets: bytes) -> None:
    """Write octets to stdout as they are.

    raises: OutputError as `say`.
    """
    try:
        click.echo(octets, file=sys.stdout, nl=False)
    except BrokenPipeError:
        silence(sys.stdout)
    except OSError as exc:
        silence(sys.stdout)
        raise OutputError(exc.strerror or str(exc)) from exc


def output_failure(exc: Exception) -> str | None:
    """Return why stdout cannot be written, if that is what `exc` is about."""
    if isinstance(exc, OutputError):
        return str(exc)
    if isinstance(exc, OSError) and exc.errno in _NO_ROOM:  # from click, a script or a simulator
        silence(sys.stdout)
        return exc.strerror
    return None


_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def can_show(characters: str, *, err: bool = False) -> bool:
    """Whether the stream's encoding has all of `characters`."""
    stream = sys.stderr if err else sys.stdout
    try:
        characters.encode(getattr(stream, "encoding", None) or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def line_width(*, err: bool = False) -> int | None:
    """Return the columns to wrap to; None for output that is no terminal: nothing is wrapped.

    COLUMNS, where it is set, decides.
    """
    columns = os.environ.get("COLUMNS", "")
    if columns.isascii() and columns.isdigit() and int(columns[:5]) > 0:
        return max(int(columns[:5]), _NARROWEST)
    stream = sys.stderr if err else sys.stdout
    try:
        if not stream.isatty():
            return None
        return max(os.get_terminal_size(stream.fileno()).columns, _NARROWEST)
    except (AttributeError, OSError, ValueError):
        return None


_NARROWEST = 40


def prepare() -> None:
    """Let both streams escape what their encoding cannot show."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def finish() -> None:
    """Flush both streams, so that the interpreter finds nothing to complain about at its end."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            silence(stream)


def silence(stream: TextIO | None) -> None:
    """Let everything further that is written to `stream` vanish."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, stream.fileno())  # type: ignore[union-attr]
        finally:
            os.close(nowhere)
