"""Pages of lists, and the cursors that lead from one to the next."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Generic, TypeVar

import msgspec

from postroad.api.v1.problems import BadCursorError
from postroad.operations.ports import Readable

T = TypeVar("T")

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_POINT: Final = re.compile(r"([0-9]{1,17})\.([0-9A-Za-z-]{1,64})")
_ID: Final = re.compile(r"[0-9A-Za-z-]{1,64}")


class Page(msgspec.Struct, Generic[T], frozen=True):
    """Some of a list, and the cursor of the rest; null when this is the end."""

    items: Sequence[T]
    next: str | None


async def page_of(
    shelf: Readable[Any], view: Any, *, limit: int, cursor: str | None
) -> tuple[list[Any], str | None]:
    """Return the views of a page of records, oldest first, and the next cursor.

    raises: BadCursorError.
    """
    after = None if cursor is None else _point(cursor)
    found = [*await shelf.page(after=after, limit=limit + 1)]
    page, rest = cut(found, limit, _cursor)
    return [view.of(each) for each in page], rest


def cut(
    found: Sequence[T], limit: int, cursor: Callable[[T], str]
) -> tuple[Sequence[T], str | None]:
    """Return a page of what was found, and the cursor of the rest.

    found: one more than `limit` when there is a rest.
    """
    page = found[:limit]
    return page, cursor(page[-1]) if len(found) > limit else None


def opaque(text: str) -> str:
    """Return a cursor that stands for a text."""
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def text_of(cursor: str) -> str:
    """Return the text that a cursor stands for.

    raises: BadCursorError.
    """
    try:
        octets = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        if opaque(text := octets.decode("ascii")) == cursor:
            return text
    except ValueError:
        pass
    raise BadCursorError


def id_of(cursor: str) -> str:
    """Return the id that a cursor stands for.

    raises: BadCursorError.
    """
    if not _ID.fullmatch(text := text_of(cursor)):
        raise BadCursorError
    return text


def _cursor(record: Any) -> str:
    return opaque(f"{(record.created_at - _EPOCH) // timedelta(microseconds=1)}.{record.id}")


def _point(cursor: str) -> tuple[datetime, str]:
    found = _POINT.fullmatch(text_of(cursor))
    if not found:
        raise BadCursorError
    return _EPOCH + timedelta(microseconds=int(found[1])), found[2]
