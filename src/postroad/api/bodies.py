"""The parameters in a query or a body, pair by pair, in the three ways that clients write them."""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache
from typing import Final

import msgspec
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
    try:
        parser = PushMultipartParser(boundary, strict=True)
    except (MultipartError, UnicodeError) as error:
        raise BadRequest(Fault.MALFORMED) from error
    try:
        return _pairs_of_segments(parser, body)
    except (MultipartError, UnicodeError) as error:
        # The parser keeps the error, and so does a variable in its own frames: circles that would
        # hold the whole body until the collector comes by.
        parser.error = None
        raise BadRequest(Fault.MALFORMED) from error.with_traceback(None)


def _pairs_of_segments(parser: PushMultipartParser, body: bytes) -> list[Pair]:
    pairs: list[Pair] = []
    pieces: list[bytes] = []
    segment: MultipartSegment | None = None
    with parser:
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
    return pairs


class _Name:
    """The name of one member; two of the same text are two."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


# An escaped backslash or a whole surrogate pair stays; the half of one is taken out.
_SURROGATES = re.compile(
    rb"(\\\\|\\u[dD][89abAB][0-9A-Fa-f]{2}\\u[dD][c-fC-F][0-9A-Fa-f]{2})"
    rb"|\\u[dD][89a-fA-F][0-9A-Fa-f]{2}"
)
_NO_TEXT = b"\xff"  # never in UTF-8


def _pairs_of_json(body: bytes) -> list[Pair]:
    members = _members(body)
    if members is None and b"\\u" in body:  # half a surrogate pair spoils one value, not all
        members = _members(_SURROGATES.sub(lambda found: found[1] or _NO_TEXT, body))
    if members is None:
        raise BadRequest(Fault.MALFORMED)
    return [(name.text, _json_value(bytes(raw))) for name, raw in members.items()]


def _members(body: bytes) -> dict[_Name, msgspec.Raw] | None:
    """Return the members of the outermost object, each as it stands; None when it is none.

    Nothing deeper becomes objects: of a megabyte of empty lists they would be 40 MB, and all of
    Python would stand still for as long as it took.
    """
    count = 0

    def name(_: type, text: str) -> _Name:
        nonlocal count
        count += 1
        if count > MAX_PAIRS:
            raise BadRequest(Fault.TOO_MANY)
        return _Name(text)

    try:
        return msgspec.json.decode(body, type=dict[_Name, msgspec.Raw], dec_hook=name)
    except (ValueError, RecursionError):  # DecodeError and UnicodeDecodeError among them
        return None


def _json_value(octets: bytes) -> str | Odd:
    """Return a string or a number; a number as it was written."""
    if octets == b"null":
        return Odd.NULL
    if octets[:1] == b'"':
        try:
            text: str = msgspec.json.decode(octets, type=str)
        except ValueError:
            return Odd.ILLEGAL
        return text
    return octets.decode() if octets[:1] in b"-0123456789" else Odd.ILLEGAL


def _text(octets: bytes) -> str | Odd:
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return Odd.ILLEGAL


def _counted(pairs: list[Pair]) -> list[Pair]:
    if len(pairs) > MAX_PAIRS:
        raise BadRequest(Fault.TOO_MANY)
    return pairs
