"""Messages, recipients and attempts between rows and values."""

from __future__ import annotations

import asyncio
import zlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from postroad.delivery.messages import Attempt, Envelope, Recipient, StoredMessage
from postroad.delivery.states import State
from postroad.errors import Code
from postroad.storage.rows import moment

Row = Sequence[Any]

# What `stored_messages` reads of a message `m`; its recipients follow in their own rows.
MESSAGE = """
    m.id, m.app_id, m.door, m.message_id, m.from_, m.subject, m.reverse_path,
    m.needs_smtputf8, m.is_transparent, m.created_at, m.expires_at, m.relay_id,
    m.is_kept_out_of_retry, m.size_octets,
    (SELECT coalesce(max(a.number), 0) FROM attempt AS a WHERE a.message_id = m.id),
    (SELECT q.due FROM queue AS q WHERE q.message_id = m.id)
"""
MESSAGE_COLUMNS = 16

# What `recipients` reads of a recipient `r`, its message's id first.
RECIPIENT = """
    r.message_id, r.position, r.address, r.path, r.state, r.updated_at, r.code, r.enhanced, r.text
"""

ATTEMPT = """
    id, message_id, number, started_at, ended_at, relay_id, code, phase, error, transcript
"""

_CODES = {int(code): code for code in Code}

_COMPRESSED_FROM = 8 * 1024  # octets; below, a page of SQLite is hardly saved
_PAYS = 0.9  # of the size: base64 that holds compressed files stays as it is
_ASIDE_FROM = 256 * 1024  # octets; from here zlib takes milliseconds, and the event loop must run


def moment_or_none(at: int | None) -> datetime | None:
    """Return a time, None for none."""
    return None if at is None else moment(at)


def recipients_by_message(rows: Iterable[Row]) -> dict[str, list[Recipient]]:
    """Return the recipients of each message, from rows of RECIPIENT in their order."""
    found: dict[str, list[Recipient]] = defaultdict(list)
    for message_id, position, address, path, state, updated_at, code, enhanced, text in rows:
        found[message_id].append(
            Recipient(
                position=position,
                address=address,
                path=path,
                state=State(state),
                updated_at=moment(updated_at),
                code=code,
                enhanced=enhanced,
                text=text,
            )
        )
    return found


def stored_message(row: Row, recipients: Sequence[Recipient]) -> StoredMessage:
    """Return a message, from a row of MESSAGE (what follows is left alone)."""
    return StoredMessage(
        id=row[0],
        app_id=row[1],
        door=row[2],
        message_id=row[3],
        from_=row[4],
        subject=row[5],
        envelope=Envelope(
            reverse_path=row[6],
            forward_paths=tuple(recipient.path for recipient in recipients),
            needs_smtputf8=bool(row[7]),
            is_transparent=bool(row[8]),
        ),
        created_at=moment(row[9]),
        expires_at=moment(row[10]),
        relay_id=row[11],
        is_kept_out_of_retry=bool(row[12]),
        size_octets=row[13],
        attempts=row[14],
        due=moment_or_none(row[15]),
        recipients=tuple(recipients),
    )


def joined_messages(rows: Iterable[Row]) -> list[StoredMessage]:
    """Return messages, from rows of MESSAGE and RECIPIENT, those of a message side by side."""
    messages: list[StoredMessage] = []
    for message_id, group in groupby(rows, key=lambda row: row[0]):
        of_one = [*group]
        recipients = recipients_by_message(row[MESSAGE_COLUMNS:] for row in of_one)
        messages.append(stored_message(of_one[0], recipients[message_id]))
    return messages


def attempt(row: Row) -> Attempt:
    """Return an attempt, from a row of ATTEMPT."""
    id_, message_id, number, started_at, ended_at, relay_id, code, phase, error, transcript = row
    return Attempt(
        id=id_,
        message_id=message_id,
        number=number,
        started_at=moment(started_at),
        ended_at=moment_or_none(ended_at),
        relay_id=relay_id,
        code=None if code is None else _CODES[code],
        phase=phase,
        error=error,
        transcript=unpack_text(transcript),
    )


async def pack(content: bytes) -> tuple[bool, bytes]:
    """Return the octets to keep and, before them, whether they are compressed."""
    if len(content) < _COMPRESSED_FROM:
        return False, content
    compressed = await _aside(zlib.compress, content, 1)
    if len(compressed) > len(content) * _PAYS:
        return False, content
    return True, compressed


async def unpack(is_compressed: int, octets: bytes) -> bytes:
    """Return what `pack` was given."""
    return await _aside(zlib.decompress, octets) if is_compressed else octets


def pack_text(text: str) -> bytes | None:
    """Return a text to keep, compressed; None for none."""
    return zlib.compress(text.encode(), 1) if text else None


def unpack_text(octets: bytes | None) -> str:
    """Return what `pack_text` was given."""
    return zlib.decompress(octets).decode() if octets else ""


async def _aside(work: Any, octets: bytes, *rest: int) -> bytes:
    if len(octets) < _ASIDE_FROM:
        done: bytes = work(octets, *rest)
    else:
        done = await asyncio.to_thread(work, octets, *rest)
    return done
