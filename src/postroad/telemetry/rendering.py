"""From an event's fields to one line: secrets masked, controls visible, JSON or readable text."""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from functools import lru_cache
from traceback import extract_tb
from typing import Any

import msgspec

from postroad.errors import PostroadError

MASK = "***"
MAX_CHARACTERS = 4_096  # of one value: a traceback has some 3,000
_CUT = "…"
_MAX_DEPTH = 4
_MAX_FRAMES = 30

_SECRET_NAME = re.compile(
    r"pass|secret|token|signature|authori[sz]ation|cookie|credential|(?:^|[_-])key$|apikey",
    re.IGNORECASE,
)
# In free text of libraries: name=value, "name": "value", Authorization: Bearer value.
_SECRET_IN_TEXT = re.compile(
    r"""((?:pass(?:word|wd)?|secret|token|signature|authorization|cookie|api[_-]?key)["']?\s*[=:]\s*)"""
    r"""(?:(?:bearer|basic)\s+)?("[^"]*"|'[^']*'|[^\s&;,"']+)""",
    re.IGNORECASE,
)
_TRACE = "traceback"
_PLAIN = re.compile(r"[^\s\"=]+")
_encode = msgspec.json.Encoder(enc_hook=str).encode


@lru_cache(maxsize=512)
def is_secret(name: str) -> bool:
    """Whether a field of this name is never shown."""
    return _SECRET_NAME.search(name) is not None


def masked(text: str) -> str:
    """Return free text with what looks like a named secret masked."""
    return _SECRET_IN_TEXT.sub(rf"\g<1>{MASK}", text)


def visible(text: str) -> str:
    """Return `text`, cut where it is long, with controls and marks of direction as escapes."""
    if len(text) > MAX_CHARACTERS:
        text = text[:MAX_CHARACTERS] + _CUT
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in text
    )


def clean(_logger: object, _level: str, event: MutableMapping[str, Any]) -> dict[str, Any]:
    """Return the fields as they may be shown; those that are None are left out."""
    return {
        name: value if type(value) is int else _shown(name, value, 0)
        for name, value in event.items()
        if value is not None
    }


def as_json(_logger: object, _level: str, event: Mapping[str, Any]) -> bytes:
    """Return the event as one JSON object."""
    return _encode(event)


def as_text(_logger: object, _level: str, event: MutableMapping[str, Any]) -> bytes:
    """Return the event as a line for a person; a traceback follows on lines of its own."""
    fields = dict(event)
    head = f"{fields.pop('time', '')} {fields.pop('level', ''):<7} {fields.pop('event', '')}"
    trace = fields.pop(_TRACE, "")
    words = [head, *(f"{name}={_word(value)}" for name, value in fields.items())]
    lines = [" ".join(words)]
    if trace:
        lines += [f"    {line}" for line in str(trace).split("\n")]
    return "\n".join(lines).encode("utf-8", "backslashreplace")


def trace_of(exc: BaseException) -> str:
    """Return where `exc` was raised and through which calls it came, a line each.

    Only what is known to hold nobody's data is repeated of the exceptions' own words: those of
    Postroad's errors, of the operating system and of the database.
    """
    lines: list[str] = []
    seen: set[int] = set()
    current: BaseException | None = exc
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        lines.append(_said(current))
        frames = extract_tb(current.__traceback__)[-_MAX_FRAMES:]
        lines += [f"  {frame.filename}:{frame.lineno} {frame.name}" for frame in reversed(frames)]
        current = current.__cause__ or (
            None if current.__suppress_context__ else current.__context__
        )
    return "\n".join(lines)


def _said(exc: BaseException) -> str:
    name = type(exc).__name__
    if isinstance(exc, PostroadError) or type(exc).__module__ == "sqlite3":
        return f"{name}: {masked(str(exc))}"
    if isinstance(exc, OSError) and exc.strerror:
        return f"{name}: {exc.strerror}"
    return name


def _shown(name: str, value: Any, depth: int) -> Any:
    if is_secret(name):
        return MASK
    if isinstance(value, str):
        return "\n".join(map(visible, value.split("\n"))) if name == _TRACE else visible(value)
    if value is None or isinstance(value, int | float):
        return value
    if depth >= _MAX_DEPTH:
        return _CUT
    if isinstance(value, Mapping):
        return {visible(str(key)): _shown(str(key), item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_shown("", item, depth + 1) for item in value]
    return visible(str(value))


def _word(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    text = value if isinstance(value, str) else _encode(value).decode()
    return text if _PLAIN.fullmatch(text) else _encode(text).decode()
