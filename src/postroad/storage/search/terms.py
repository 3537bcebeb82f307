"""Terms: the numbers that a document is found by, of its text and of its fields.

A text's terms are its characters and its pairs of neighbours. Words would not do: Chinese does not
separate them, Korean changes their ends, and in both a word is often two characters long.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from operator import add
from typing import Final
from unicodedata import is_normalized, normalize
from zlib import crc32

from postroad.delivery.states import State

_SHIFT: Final = 21  # bits of a code point
_ADDRESSES: Final = 512  # that many terms tell more than letters, and are still few
_OF_ADDRESS: Final = 5  # pairs of its beginning, besides that term
_MOST: Final = 8  # pairs looked up for one text: more of them hardly exclude anything more
_BLANKS: Final = re.compile(r"\s+")
# Written between characters and seen by nobody: soft hyphens, joiners, marks of direction.
_UNSEEN: Final = re.compile(
    "[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff]"
)

MOVING: Final = (State.QUEUED, State.SCHEDULED, State.SENDING, State.DEFERRED)
ENDED_BADLY: Final = (
    *(State.BOUNCED, State.FAILED, State.SUPPRESSED),
    *(State.EXPIRED, State.CANCELLED, State.QUARANTINED),
)


def normalised(text: str) -> str:
    """Return what two texts have in common that a reader takes for the same.

    NFKC makes full-width and half-width letters one, and composes the syllables that macOS writes
    in parts; casefold makes upper and lower case one; a line break or an ideographic space becomes
    a space; what cannot be seen is left out.
    """
    if text.isascii():  # as most are, and only case and blanks can differ
        folded = text.lower()
    else:
        # Folding takes some letters apart that were one.
        folded = _composed(_composed(text).casefold())
        if not folded.isprintable():
            folded = _composed(_UNSEEN.sub("", folded))
    if "  " in folded or not folded.isprintable():
        folded = _BLANKS.sub(" ", folded)
    return folded


def _composed(text: str) -> str:
    return text if is_normalized("NFKC", text) else normalize("NFKC", text)


def of_texts(texts_of: Iterable[Iterable[str]]) -> dict[int, list[int]]:
    """Return for each term the numbers of those that have it, given the texts of each.

    No pair reaches from one text to the next. A number may be there twice.
    """
    numbers_of: dict[str, list[int]] = defaultdict(list)  # many have the same sender or subject
    for number, texts in enumerate(texts_of):
        for text in texts:
            numbers_of[text].append(number)
    found: dict[str, list[int]] = defaultdict(list)
    for raw, numbers in numbers_of.items():
        text = normalised(raw)
        for part in {*text, *map(add, text, text[1:])}:
            found[part] += numbers
    return {_term(part): numbers for part, numbers in found.items()}


def _term(part: str) -> int:
    """Return the term of a character or a pair."""
    return ord(part) if len(part) == 1 else ord(part[0]) << _SHIFT | ord(part[1])


def within(text: str) -> tuple[int, ...]:
    """Return terms that every text has of which a normalised one is a part; none for ""."""
    if len(text) == 1:
        return (_term(text),)
    different = [*dict.fromkeys(map(add, text, text[1:]))]
    # Spread evenly: the end of an address is what many others have.
    step = max(len(different) / _MOST, 1)
    return tuple(
        _term(different[int(number * step)]) for number in range(min(len(different), _MOST))
    )


def to(address: str) -> int:
    """Return the term of what goes to an address, and to some others: all share 512 terms."""
    return -1 - crc32(address.encode(errors="surrogatepass")) % _ADDRESSES


def of_address(address: str) -> tuple[int, ...]:
    """Return terms that everything has that goes to an address as it is written."""
    return (to(address), *within(normalised(address))[:_OF_ADDRESS])


def label(kind: str, value: str) -> int:
    """Return the term of a field's value; two of them may share one."""
    digest = blake2b(f"{kind}:{value}".encode(errors="surrogatepass"), digest_size=8).digest()
    return -1 - (int.from_bytes(digest) >> 1)  # below 0, where no character is


def app(app_id: str) -> int:
    """Return the term of what belongs to an app."""
    return label("app", app_id)


def relay(relay_id: str) -> int:
    """Return the term of messages for which a relay was chosen."""
    return label("relay", relay_id)


KEPT: Final = label("is", "kept")
"""Of a log entry with a message."""

_OPEN: Final = label("state", "open")
_STATES: Final[Mapping[State, int]] = {
    each: _OPEN if each in MOVING else label("state", each.value) for each in State
}
_BADLY: Final = label("state", "ended badly")
_STATUSES: Final[Mapping[str, int]] = {
    "sent": _STATES[State.ACCEPTED],
    "captured": _STATES[State.CAPTURED],
    "queued": _OPEN,
    "sending": _OPEN,
    "failed": _BADLY,
    "in_doubt": _STATES[State.IN_DOUBT],
    "held": _STATES[State.HELD],
}

_ON_THE_WAY: Final = {
    "sending": (State.SENDING,),
    "queued": (State.QUEUED, State.SCHEDULED, State.DEFERRED),
}


def state(value: State) -> int:
    """Return the term of messages with a recipient in a state.

    What is on its way changes its state too often: these states share a term.
    """
    return _STATES[value]


def states(values: Iterable[State]) -> set[int]:
    """Return the terms of a message whose recipients are in these states."""
    found: set[int] = set()
    for value in values:
        found.add(_STATES[value])
        if value in ENDED_BADLY:
            found.add(_BADLY)
    return found


def on_the_way(status: str) -> tuple[State, ...]:
    """Return those of the states on its way that give a message's log entry a status."""
    return _ON_THE_WAY.get(status, ())


def status(value: str) -> int:
    """Return the term of log entries with a status, which follows the states of their message."""
    return _STATUSES.get(value) or as_written(value)


def as_written(status: str) -> int:
    """Return the term of log entries with a status that have no message."""
    return label("status", status)
