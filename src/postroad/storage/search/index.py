"""Puts what has come in, and what has changed, into chunks, some thousands at a time.

What stands in no chunk is looked through one by one, so that nothing waits to be found.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from postroad.delivery.states import State
from postroad.storage.engine import Database, Row, Work
from postroad.storage.search import chunks, terms
from postroad.storage.search.chunks import Document, Place

# So many may wait: what is on its way has then mostly ended, and is put into its chunk once.
_LEAST: Final = chunks.DOCUMENTS * 3 // 2
_ROWS: Final = 512  # of one statement

_WAITING = "SELECT id FROM search_waiting ORDER BY id LIMIT ?"
_ENTRIES = """
    SELECT e.id, e.seq, e.at, e.app_id, e.recipient, e.title, e.status,
        m.id, m.created_at, m.from_, m.subject, m.relay_id
    FROM send_log AS e LEFT JOIN message AS m ON m.id = e.message_id
    WHERE e.id IN (SELECT value FROM {each}) ORDER BY e.id
"""
_ADDRESSES = """
    SELECT message_id, address FROM recipient WHERE message_id IN (SELECT value FROM {each})
"""
# Held until the end of the transaction: whoever changes a message locks its row here as well.
_TAKE = "SELECT q.id FROM search_waiting AS q WHERE q.id IN (SELECT value FROM {each})"
_STATES = "SELECT message_id, state FROM recipient WHERE message_id IN (SELECT value FROM {each})"
_TAKEN = "DELETE FROM search_waiting WHERE id IN (SELECT value FROM {each})"
_NUMBER = "SELECT coalesce(max(number), 0) + 1 FROM search_chunk"
_ADD_CHUNK = """
    INSERT INTO search_chunk
        (number, first_id, last_id, first_seq, last_seq, first_at, last_at, documents)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
_ADD_POSTINGS = "INSERT INTO search_posting (chunk, term, documents) VALUES "


class SearchIndex:
    """The index that the lists are found by; any number of processes may keep it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def catch_up(self, *, least: int = _LEAST) -> bool:
        """Put the oldest of what waits into a chunk when there is so much; return whether it did.

        raises: StorageError.
        """
        waiting = await self._database.read_aside(_WAITING, (max(least, chunks.DOCUMENTS),))
        if len(waiting) < max(least, 1):
            return False
        ids = [row[0] for row in waiting[: chunks.DOCUMENTS]]
        documents = await self._documents(ids)
        # Some 20 ms, during which the event loop goes on.
        found = await asyncio.to_thread(_sets, documents)
        return await self._database.write(lambda: self._store(ids, documents, found))

    async def _documents(self, ids: Sequence[str]) -> list[Document]:
        """Return what never changes of some log entries and their messages."""
        each, given = self._database.dialect.each, json.dumps(ids)
        addresses: dict[str, list[str]] = defaultdict(list)
        for message_id, address in await self._database.read_aside(
            _ADDRESSES.format(each=each), (given,)
        ):
            addresses[message_id].append(address)
        rows = await self._database.read_aside(_ENTRIES.format(each=each), (given,))
        return [_document(row, addresses[row[0]]) for row in rows]

    def _store(
        self, ids: Sequence[str], documents: Sequence[Document], sets: dict[int, bytes]
    ) -> Work[bool]:
        """Store a chunk; what another process is at goes on waiting, though the chunk has it."""
        dialect = self._database.dialect
        each = dialect.each
        taken = yield (_TAKE + dialect.skip_locked).format(each=each), (json.dumps(ids),)
        if not taken:
            return False
        given = json.dumps([row[0] for row in taken])
        states: dict[str, list[State]] = defaultdict(list)
        for message_id, state in (yield _STATES.format(each=each), (given,)):
            states[message_id].append(State(state))
        if documents:
            ((number,),) = yield _NUMBER, ()
            yield _ADD_CHUNK, _chunk(number, documents)
            labels = _labels(
                each.labels | terms.states(states[each.place.id]) for each in documents
            )
            rows = [(number, *each) for each in sorted((sets | labels).items())]
            for start in range(0, len(rows), _ROWS):
                some = rows[start : start + _ROWS]
                values = ", ".join(["(?, ?, ?)"] * len(some))
                yield _ADD_POSTINGS + values, [value for row in some for value in row]
        yield _TAKEN.format(each=each), (given,)
        return True


def _document(row: Row, addresses: Iterable[str]) -> Document:
    id_, seq, at, app_id, recipient, title, status = row[:7]
    message_id, created_at, from_, subject, relay_id = row[7:]
    times, texts = [at], {title, recipient}
    labels = {terms.app(app_id), terms.to(recipient)}
    if message_id is None:
        labels |= {terms.status(status), terms.as_written(status)}
    else:
        times.append(created_at)
        texts.update((subject, from_, *addresses))
        labels.add(terms.KEPT)
        labels.update(map(terms.to, addresses))
        if relay_id is not None:
            labels.add(terms.relay(relay_id))
    return Document(Place(id_, seq), tuple(times), frozenset(texts), frozenset(labels))


def _sets(documents: Sequence[Document]) -> dict[int, bytes]:
    """Return the documents that have each term of a text."""
    found = terms.of_texts(each.texts for each in documents)
    return {term: chunks.pack(numbers) for term, numbers in found.items()}


def _labels(labels: Iterable[Iterable[int]]) -> dict[int, bytes]:
    """Return the documents that have each label, given those of each."""
    found: dict[int, list[int]] = defaultdict(list)
    for number, theirs in enumerate(labels):
        for label in theirs:
            found[label].append(number)
    return {label: chunks.pack(numbers) for label, numbers in found.items()}


def _chunk(number: int, documents: Sequence[Document]) -> tuple[object, ...]:
    """Return the row of a chunk."""
    places = [each.place for each in documents]
    ids, numbers = [each.id for each in places], [each.seq for each in places]
    times = [at for each in documents for at in each.times]
    return (
        *(number, min(ids), max(ids), min(numbers), max(numbers), min(times), max(times)),
        chunks.packed(places),
    )
