"""The MIME parts of a stored message, taken apart for those who look at it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import policy
from email.message import Message
from email.parser import BytesParser
from typing import Any, Final

from postroad.errors import NotFoundError

# The judge of the tests reads what we build; what a hostile sender built, it only has to survive.
_PARSER: Final = BytesParser(policy=policy.compat32)
_READ_ASIDE_OCTETS: Final = 16 * 1024
_MOST_PARTS: Final = 1_000
# The parser hands every line through every part around it: a message that nests some hundred of
# them would keep a core busy for minutes. Mail that people forward stays far below.
_NESTING: Final = re.compile(rb"(?i)multipart/|message/rfc822")
_MOST_NESTING: Final = 30
_MOST_CHARACTERS: Final = 255
_UNKNOWN: Final = "application/octet-stream"
_WORD: Final = r"[!#-'*+.0-9A-Z^_`a-z{|}~-]{1,127}"  # RFC 2045 §5.1; as long as RFC 6838 §4.2
_TYPE: Final = re.compile(f"{_WORD}/{_WORD}")


@dataclass(frozen=True, slots=True)
class Part:
    """One part that is no multipart.

    number:   from 1, in the order of the message.
    filename: as the sender gave it, "" for none; it is nothing to open a file by.
    octets:   decoded.
    """

    number: int
    content_type: str
    filename: str
    content_id: str
    is_attachment: bool
    octets: bytes = field(repr=False)


async def parts_of(content: bytes) -> list[Part]:
    """Return the parts of a message; what cannot be taken apart is one part."""
    if len(content) > _READ_ASIDE_OCTETS:
        return await asyncio.to_thread(_parts, content)
    return _parts(content)


async def part_of(content: bytes, number: int) -> Part:
    """Return one part.

    raises: NotFoundError.
    """
    for part in await parts_of(content):
        if part.number == number:
            return part
    raise NotFoundError(f"there is no part {number}")


def _parts(content: bytes) -> list[Part]:
    if len(_NESTING.findall(content)) > _MOST_NESTING:
        return [_whole(content)]
    try:
        leaves = [*_leaves(_PARSER.parsebytes(content))]
        return [_part(number, leaf) for number, leaf in enumerate(leaves, 1)]
    # The parser promises nothing of what it raises for a message made to break it.
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return [_whole(content)]


def _whole(content: bytes) -> Part:
    return Part(1, _UNKNOWN, "", "", is_attachment=False, octets=content)


def _leaves(message: Message) -> Iterator[Message]:
    """Yield every part that is no multipart; a message in the message is one part."""
    waiting, found = [message], 0
    while waiting and found < _MOST_PARTS:
        part = waiting.pop()
        inner: Any = part.get_payload()
        if part.get_content_maintype() == "multipart" and isinstance(inner, list):
            waiting.extend(reversed(inner))
        else:
            found += 1
            yield part


def _part(number: int, leaf: Message) -> Part:
    return Part(
        number,
        _kind(leaf),
        _line(leaf.get_filename() or ""),
        _line(str(leaf.get("Content-ID", ""))),
        leaf.get_content_disposition() == "attachment",
        _octets(leaf),
    )


def _kind(leaf: Message) -> str:
    """Return its media type; a folded one is unfolded, and what cannot be one is unknown."""
    found = "".join(leaf.get_content_type().split())
    return found if _TYPE.fullmatch(found) else _UNKNOWN


def _octets(leaf: Message) -> bytes:
    if leaf.is_multipart():  # message/rfc822
        inner: Any = leaf.get_payload()
        return b"".join(each.as_bytes() for each in inner)
    decoded: Any = leaf.get_payload(decode=True)
    return decoded if isinstance(decoded, bytes) else b""


def _line(text: str) -> str:
    """Return text on one line, short, and encodable."""
    whole = text.encode("utf-8", "replace").decode("utf-8")
    return "".join(each for each in whole if each.isprintable())[:_MOST_CHARACTERS]
