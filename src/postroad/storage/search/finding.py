"""Finds a page of a list: what the index leads to is looked at until there is enough."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from postroad.delivery.states import State
from postroad.storage.engine import Database
from postroad.storage.search import chunks
from postroad.storage.search.chunks import Place

Check = Callable[[Sequence[str]], Awaitable[Collection[str]]]
"""Returns those of some ids that are what is asked for."""

Key = Any  # an id, or the number of an entry

_WAITING = "SELECT id, seq FROM search_waiting"
_CHUNKS = """
    SELECT number, first_id, last_id, first_seq, last_seq, first_at, last_at FROM search_chunk
"""
_POSTINGS = """
    SELECT chunk, term, documents FROM search_posting
    WHERE chunk IN ({chunks}) AND term IN ({terms})
"""
# Named in the statement, the states are known to the planner.
_IN_STATES = """
    SELECT DISTINCT r.message_id, e.seq
    FROM recipient AS r JOIN send_log AS e ON e.id = r.message_id
    WHERE r.state <> 'accepted' AND r.state IN ({states}) LIMIT ?
"""
_DOCUMENTS = "SELECT number, documents FROM search_chunk WHERE number IN ({chunks})"

# How much is done at once: little at first, which mostly does, and then more.
_LOOKED_UP: Final = (4, 64)  # chunks; each number of them is another statement
_TERMS: Final = 3  # one after the other: the first may exclude most chunks
_OPENED: Final = (1, 2, 4, 8)  # chunks
_CHECKED: Final = (64, 128, 256, 512)  # documents
_FEW: Final = 500  # messages on their way


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which part of a list, in which order.

    terms:        that each of them has; those in no chunk are looked at anyway.
    others:       what else may be wanted, whatever its terms.
    is_in_chunks: whether anything besides those may be wanted.
    by_seq:       in the order of the log, else in that of the ids.
    is_rising:    from the first on; else from the last on backwards.
    above, below: what is between these, in that order; None is no bound.
    since, until: in microseconds; no document is left out whose time is since <= time < until.
    """

    terms: tuple[int, ...]
    by_seq: bool = False
    is_rising: bool = False
    above: Key = None
    below: Key = None
    since: int | None = None
    until: int | None = None
    others: tuple[Place, ...] = ()
    is_in_chunks: bool = True

    def key(self, place: Place) -> Key:
        """Return what a document is ordered by."""
        return place.seq if self.by_seq else place.id

    def is_before(self, one: Key, other: Key) -> bool:
        """Whether what has one key comes before what has the other."""
        return bool(one < other if self.is_rising else one > other)


async def find(database: Database, wanted: Wanted, check: Check, *, limit: int) -> list[str]:
    """Return the ids of the first `limit` documents that are wanted and pass the check, in order.

    raises: StorageError.
    """
    pool = _Pool(wanted)
    pool.add(wanted.others)
    # First what waits: it may be put into a chunk before those are read, but never taken out.
    pool.add(Place(*row) for row in await database.read_aside(_WAITING))
    among = await _chunks(database, wanted) if wanted.is_in_chunks else []
    hits = _hits(database, wanted, among)
    following = await anext(hits, None)
    found: list[str] = []
    checks, openings = _growing(_CHECKED), _growing(_OPENED)
    while len(found) < limit:
        # What comes before all of the next chunk needs to wait for none.
        ids = pool.take(next(checks), following and following[0].begins)
        if ids:
            passed = await check(ids)
            found += [each for each in ids if each in passed]
        elif following is None:
            break
        else:
            group = [following, *await _some(hits, next(openings) - 1)]
            pool.add(await _opened(database, group))
            following = await anext(hits, None)
    return found[:limit]


async def on_their_way(database: Database, states: Iterable[State]) -> tuple[Place, ...] | None:
    """Return the messages with a recipient in one of some states; None when they are many.

    What is on its way shares one term, so that few among many would take long to find.
    """
    names = ", ".join(f"'{each.value}'" for each in states)
    found = await database.read_aside(_IN_STATES.format(states=names), (_FEW + 1,))
    return tuple(Place(*row) for row in found) if len(found) <= _FEW else None


@dataclass(frozen=True, slots=True)
class _Chunk:
    """A chunk, with the keys between which its documents are, in the order wanted."""

    number: int
    begins: Key
    ends: Key


class _Pool:
    """Documents that are looked at in their turn, each once."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._seen: set[str] = set()
        self._places: list[Place] = []  # the next one stands last

    def add(self, places: Iterable[Place]) -> None:
        wanted = self._wanted
        for place in places:
            key = wanted.key(place)
            is_between = (wanted.above is None or key > wanted.above) and (
                wanted.below is None or key < wanted.below
            )
            if is_between and place.id not in self._seen:
                self._seen.add(place.id)
                self._places.append(place)
        self._places.sort(key=wanted.key, reverse=wanted.is_rising)

    def take(self, most: int, bound: Key) -> list[str]:
        """Return the ids of the next ones, all of which come before `bound`."""
        wanted, places = self._wanted, self._places
        ids: list[str] = []
        while places and len(ids) < most:
            if bound is not None and not wanted.is_before(wanted.key(places[-1]), bound):
                break
            ids.append(places.pop().id)
        return ids


_Hit = tuple[_Chunk, int | None]


async def _chunks(database: Database, wanted: Wanted) -> list[_Chunk]:
    """Return the chunks that may have something, in the order wanted."""
    found: list[_Chunk] = []
    for row in await database.read_aside(_CHUNKS):
        first, last = (row[3], row[4]) if wanted.by_seq else (row[1], row[2])
        if (
            (wanted.above is None or last > wanted.above)
            and (wanted.below is None or first < wanted.below)
            and (wanted.since is None or row[6] >= wanted.since)
            and (wanted.until is None or row[5] < wanted.until)
        ):
            ends = (first, last) if wanted.is_rising else (last, first)
            found.append(_Chunk(row[0], *ends))
    found.sort(key=lambda chunk: chunk.begins, reverse=not wanted.is_rising)
    return found


async def _hits(database: Database, wanted: Wanted, among: Sequence[_Chunk]) -> AsyncIterator[_Hit]:
    """Yield those of some chunks in which documents have all terms, and which; None is all."""
    start, sizes = 0, _growing(_LOOKED_UP)
    while start < len(among):
        size = next(sizes)
        window = among[start : start + size]
        start += size
        found = await _having_all(database, [chunk.number for chunk in window], wanted.terms)
        for chunk in window:
            if chunk.number in found:
                yield chunk, found[chunk.number]


async def _having_all(
    database: Database, numbers: list[int], terms: Sequence[int]
) -> dict[int, int | None]:
    """Return those of some chunks in which documents have all of some terms, and which."""
    found: dict[int, int | None] = dict.fromkeys(numbers)
    for start in range(0, len(terms), _TERMS):
        some = terms[start : start + _TERMS]
        size = next(each for each in _LOOKED_UP if each >= len(found))
        sql = _POSTINGS.format(chunks=_marks(size), terms=_marks(len(some)))
        sets: dict[int, dict[int, bytes]] = defaultdict(dict)
        for number, term, documents in await database.read_aside(
            sql, (*_filled([*found], size), *some)
        ):
            sets[number][term] = documents
        both = {
            number: chunks.having_all(sets[number], some, among) for number, among in found.items()
        }
        found = {number: those for number, those in both.items() if those}
        if not found:
            break
    return found


async def _some(hits: AsyncIterator[_Hit], most: int) -> list[_Hit]:
    """Return the next hits, `most` at most."""
    return [hit for _ in range(most) if (hit := await anext(hits, None)) is not None]


async def _opened(database: Database, hits: Sequence[_Hit]) -> list[Place]:
    """Return the documents of hits."""
    size = next(each for each in _OPENED if each >= len(hits))
    numbers = _filled([chunk.number for chunk, _ in hits], size)
    rows = await database.read_aside(_DOCUMENTS.format(chunks=_marks(size)), numbers)
    octets: dict[int, bytes] = dict(rows)
    return [
        place
        for chunk, found in hits
        if chunk.number in octets
        for place in chunks.places(octets[chunk.number], found)
    ]


def _marks(count: int) -> str:
    return ", ".join("?" * count)


def _filled(numbers: list[int], size: int) -> list[int]:
    """Return as many numbers as a statement has marks for."""
    return numbers + numbers[-1:] * (size - len(numbers))


def _growing(sizes: Sequence[int]) -> Any:
    """Yield sizes, the last again and again."""
    yield from sizes
    while True:
        yield sizes[-1]
