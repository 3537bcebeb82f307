"""The parameters in a query or a body, pair by pair, in the three ways that clients write them."""

from __future__ import annotations

import json
import re
from enum import Enum
from functools import lru_cache
from typing import Final

from multipart import (  # type: ignore[import-untyped]
    MultipartError,
    MultipartSegment,
    PushMultipartParser,
    parse_options_header,
)

from postroad.api.faults import BadRequest, Fault

MAX_PAIRS: Final = 100  # nobody's API has more, and a body of 1 MiB can hold half a million

FORM: Final = "application/x-www-form-urlencoded"
MULTIPART: Final = "multipart/form-data"
JSON: Final = "application/json"


class Odd(Enum):
    """A value that is no text."""

    ILLEGAL = "illegal"  # not UTF-8, a file, a list, an object, true or false
    NULL = "null"  # JSON's way to leave something out


Pair = tuple[str, str | Odd]

# One call for a whole run: Chinese text is nearly nothing but such runs.
_ESCAPES = re.compile(rb"(?:%[0-9A-Fa-f]{2})+")


def pairs_of_body(content_type: str, body: bytes) -> list[Pair]:
    """Return the pairs of a body; its charset is UTF-8 whatever `content_type` says.

    raises: BadRequest when the body is not of its type, or the type is none of the three.
    """
    if not body:
        return []
    media_type, options = _media_type(content_type)
    if media_type == FORM:
        return pairs_of_form(body)
    if media_type == JSON:
        return _pairs_of_json(body)
    if media_type == MULTIPART:
        return _pairs_of_multipart(options.get("boundary", ""), body)
    raise BadRequest(Fault.MALFORMED)


@lru_cache(64)
def _media_type(content_type: str) -> tuple[str, dict[str, str]]:
    """Return the type and its options; nearly every request has the same."""
    media_type, options = parse_options_header(content_type)
    return media_type, options


def pairs_of_form(octets: bytes) -> list[Pair]:
    """Return the pairs of a query or a form body: separated by "&", "+" is a space.

    A "%" that no two hexadecimal digits follow stands for itself.
    source: https://url.spec.whatwg.org/#urlencoded-parsing
    """
    if not octets:
        return []
    if octets.count(b"&") > MAX_PAIRS:
        raise BadRequest(Fault.TOO_MANY)
    pairs: list[Pair] = []
    for piece in octets.split(b"&"):
        if piece:
            name, _, value = piece.partition(b"=")
            key = _text(_decoded(name))
            if isinstance(key, str):  # else it is no name that anybody asks for
                pairs.append((key, _text(_decoded(value))))
    return _counted(pairs)


def _decoded(octets: bytes) -> bytes:
    if b"+" in octets:
        octets = octets.replace(b"+", b" ")
    return _ESCAPES.sub(_unescaped, octets) if b"%" in octets else octets


def _unescaped(run: re.Match[bytes]) -> bytes:
    return bytes.fromhex(run[0].replace(b"%", b"").decode("ascii"))


def _pairs_of_multipart(boundary: str, body: bytes) -> list[Pair]:
    pairs: list[Pair] = []
    pieces: list[bytes] = []
    segment: MultipartSegment | None = None
    try:
        with PushMultipartParser(boundary, strict=True) as parser:
            for event in parser.parse(body):
                if isinstance(event, MultipartSegment):
                    segment, pieces = event, []
                elif event is not None:
                    pieces.append(event)
                elif segment is not None:
                    is_file = segment.filename is not None
                    value = Odd.ILLEGAL if is_file else _text(b"".join(pieces))
                    pairs.append((segment.name or "", value))
                    _counted(pairs)
    except (MultipartError, UnicodeError) as error:
        raise BadRequest(Fault.MALFORMED) from error
    return pairs


class _Members(list[tuple[str, object]]):
    """The members of a JSON object, those of the same name too."""


def _pairs_of_json(body: bytes) -> list[Pair]:
    try:
        members = json.loads(
            body.decode("utf-8", "surrogateescape"),
            object_pairs_hook=_Members,
            parse_int=str,
            parse_float=str,
            parse_constant=_no_constant,
        )
    except (ValueError, RecursionError) as error:
        raise BadRequest(Fault.MALFORMED) from error
    if not isinstance(members, _Members):
        raise BadRequest(Fault.MALFORMED)
    return _counted([(name, _json_value(value)) for name, value in members])


def _json_value(value: object) -> str | Odd:
    if value is None:
        return Odd.NULL
    if not isinstance(value, str):
        return Odd.ILLEGAL
    try:
        value.encode()
    except UnicodeEncodeError:  # octets that were not UTF-8, or half of a surrogate pair
        return Odd.ILLEGAL
    return value


def _no_constant(name: str) -> object:
    raise ValueError(name)


def _text(octets: bytes) -> str | Odd:
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return Odd.ILLEGAL


def _counted(pairs: list[Pair]) -> list[Pair]:
    if len(pairs) > MAX_PAIRS:
        raise BadRequest(Fault.TOO_MANY)
    return pairs
