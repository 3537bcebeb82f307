"""Chunks: some 2,000 documents numbered from 0, and which of them have which terms.

A set of documents is a number with a bit for each; of a chunk it takes 256 octets at most, and two
sets are compared in an instant.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

DOCUMENTS: Final = 2_048
_BITS_OCTETS: Final = DOCUMENTS // 8
_ID_OCTETS: Final = 16
_OCTETS: Final = _ID_OCTETS + 8
_ONE: Final = ord("1")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a document is in the lists: messages are in the order of ids, log entries of `seq`."""

    id: str
    seq: int


@dataclass(frozen=True, slots=True)
class Document:
    """A log entry with its message.

    times: of either, in microseconds.
    """

    place: Place
    times: tuple[int, ...]
    texts: frozenset[str]
    labels: frozenset[int]


def packed(places: Iterable[Place]) -> bytes:
    """Return the documents of a chunk as octets."""
    return b"".join(
        bytes.fromhex(each.id.replace("-", "")) + each.seq.to_bytes(8) for each in places
    )


def places(octets: bytes, wanted: int | None) -> Iterator[Place]:
    """Yield those documents of a chunk that are in a set, the last first; None is all."""
    everything = (1 << len(octets) // _OCTETS) - 1
    rest = everything if wanted is None else wanted & everything
    while rest:
        last = rest.bit_length() - 1
        rest ^= 1 << last
        at = last * _OCTETS
        digits = octets[at : at + _ID_OCTETS].hex()
        parts = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
        yield Place("-".join(parts), int.from_bytes(octets[at + _ID_OCTETS : at + _OCTETS]))


def pack(numbers: Sequence[int]) -> bytes:
    """Return a set, not empty, as octets: a bit for each document, or if shorter two octets."""
    if len(numbers) * 2 < _BITS_OCTETS:
        return struct.pack(f"<{len(numbers)}H", *numbers)
    digits = bytearray(b"0") * DOCUMENTS  # of base 2; quicker than adding up
    for number in numbers:
        digits[~number] = _ONE
    return int(digits, 2).to_bytes(_BITS_OCTETS, "little")


def unpack(octets: bytes) -> int:
    """Return a set again."""
    if len(octets) < _BITS_OCTETS:
        found = 0
        for number in struct.unpack(f"<{len(octets) // 2}H", octets):
            found |= 1 << number
        return found
    return int.from_bytes(octets, "little")


def having_all(sets: Mapping[int, bytes], terms: Sequence[int], among: int | None) -> int:
    """Return the set of documents that have every term, given the sets of a chunk's terms.

    among: a set that they are in; None is all.
    """
    if any(term not in sets for term in terms):
        return 0
    found = -1 if among is None else among
    for octets in sorted((sets[term] for term in terms), key=len):
        found &= unpack(octets)
        if not found:
            break
    return found
