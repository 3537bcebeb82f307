"""The audit log: each entry written by the transaction of the change that it tells of."""

# ruff: noqa: S608 - the statements are made of constants

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import Final

from postroad.errors import StorageError
from postroad.storage.engine import Database, Row, Work
from postroad.storage.rows import micros, moment
from postroad.tenancy.audit import (
    BEGINNING,
    SYSTEM,
    Actor,
    AuditEntry,
    AuditFilter,
    Changes,
    End,
    Note,
    Verification,
    canonical,
    chained,
    misfit,
)

_COLUMNS = "seq, at, actor, address, action, app_id, target, changes, hash"
# Whoever comes next waits here, and then sees what was written before him.
_NEXT = "UPDATE audit_end SET seq = seq + 1 RETURNING seq, hash"
_ADD = f"INSERT INTO audit ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_END = "UPDATE audit_end SET hash = ?"
_LAST = "SELECT seq, hash FROM audit_end"
_ONE = f"SELECT {_COLUMNS} FROM audit WHERE seq = ?"
_ON = f"SELECT {_COLUMNS} FROM audit WHERE seq > ? ORDER BY seq LIMIT ?"
_BEFORE = "SELECT seq FROM audit WHERE seq <= ? ORDER BY seq LIMIT 1"

_AT_ONCE: Final = 1_000  # entries of a walk, some 500 KB
_DAMAGE = (ValueError, TypeError, OverflowError, RecursionError)


def _now() -> datetime:
    return datetime.now(UTC)


def append(note: Note, at: datetime) -> Work[None]:
    """Write an entry at the end of the chain, inside the transaction of what it tells of.

    raises: StorageError when the chain has lost its end.
    """
    ended = yield _NEXT, ()
    if len(ended) != 1:
        raise StorageError("the audit log has lost its end: restore a backup")
    seq, previous = ended[0]
    entry = AuditEntry(
        seq=seq,
        at=at,
        actor=note.by.name,
        address=note.by.address,
        action=note.action,
        app_id=note.app_id,
        target=note.target,
        changes=note.changes,
        hash="",
    )
    entry = replace(entry, hash=chained(previous, entry))
    yield _ADD, _values(entry)
    yield _END, (entry.hash,)


@dataclass(frozen=True, slots=True)
class Author:
    """In whose name changes are noted.

    action: what each is called; "" for the kind of its record and what is done to it.
    """

    by: Actor = SYSTEM
    action: str = ""
    clock: Callable[[], datetime] = _now

    def note(self, action: str, app_id: str | None, target: str, changes: Changes) -> Work[None]:
        """Note a change; one that changed nothing leaves no entry."""
        if changes:
            note = Note(self.by, self.action or action, app_id, target, changes)
            yield from append(note, self.clock())


class AuditLog:
    """The audit log, read and verified."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def entries(self, which: AuditFilter, *, limit: int) -> list[AuditEntry]:
        """Return entries, oldest first: the newest `limit`, or with `after` the next `limit`.

        raises: StorageError, also when one of them cannot be read any more.
        """
        kind = None if which.action is None or "." in which.action else f"{which.action}."
        restrictions: dict[str, tuple[object, ...]] = {
            "app_id = ?": (which.app_id,),
            "actor = ?": (which.actor,),
            "action = ?": (which.action if kind is None else None,),
            "substr(action, 1, length(CAST(? AS TEXT))) = ?": (kind, kind),
            "seq > ?": (which.after,),
        }
        given = {text: values for text, values in restrictions.items() if values[0] is not None}
        is_following = which.after is not None
        sql = _select(tuple(given), "ASC" if is_following else "DESC")
        parameters = [value for values in given.values() for value in values]
        rows = await self._database.read_aside(sql, (*parameters, limit))
        return [_read(row) for row in (rows if is_following else reversed(rows))]

    async def end(self) -> End:
        """Return the end of the chain as the last entry left it.

        raises: StorageError when it is lost.
        """
        found = await self._database.read(_LAST)
        if len(found) != 1:
            raise StorageError("the audit log has lost its end: restore a backup")
        return End(*found[0])

    async def verify(self, noted: End = BEGINNING, *, newest: int | None = None) -> Verification:
        """Walk along the chain and return how far it fits.

        noted:  an end that was written down somewhere else: the chain must go through it.
        newest: look only at so many of the newest entries, taking the one before for right.
        """
        wanted = await self.end()
        at = BEGINNING
        if newest is not None and wanted.seq > newest:
            found = await self._database.read(_ONE, (wanted.seq - newest,))
            try:
                at = _end_of(found[0]) if found else at
            except _DAMAGE:
                at = BEGINNING
        return await self._walked(at, wanted, noted)

    async def _walked(self, start: End, wanted: End, noted: End) -> Verification:
        at = start
        wrong = await self._before(start)
        while not wrong:
            rows = await self._database.read_aside(_ON, (at.seq, _AT_ONCE))
            if not rows:
                wrong = _truncated(at, noted) or await self._cut(at, wanted)
                break
            for row in rows:
                if wrong := _misfit(at, row, noted):
                    break
                at = End(row[0], row[8])
        return Verification(at.seq - start.seq, at, wrong)

    async def _before(self, start: End) -> str:
        """Return what stands where nothing may: an entry with a number below 1."""
        if start != BEGINNING:
            return ""
        found = await self._database.read(_BEFORE, (0,))
        return f"entry {found[0][0]} stands before the first" if found else ""

    async def _cut(self, at: End, wanted: End) -> str:
        """Return what is wrong with the end of a chain that was walked to `at`.

        wanted: the end before the walk; the log may have grown since.
        """
        if at.seq < wanted.seq:
            return f"the newest are missing: {wanted.seq} were written, {at.seq} are there"
        now = await self.end()
        if at.seq > now.seq:
            return f"entry {now.seq + 1} was not written by Postroad: {now.seq} were"
        if at.seq == now.seq and at.hash != now.hash:
            return f"entry {at.seq} is not the last that was written: {_REWRITTEN}"
        return ""


_REWRITTEN = "the log was written anew from some entry on"


def _misfit(at: End, row: Row, noted: End) -> str:
    """Return why the entry of a row does not follow the end of a chain, "" when it does."""
    try:
        entry = _read(row)
        if wrong := misfit(at, entry):
            return wrong
    except (StorageError, *_DAMAGE):
        return f"entry {row[0]} cannot be read: it was changed after it was written"
    if entry.seq == noted.seq and entry.hash != noted.hash:
        return f"entry {entry.seq} is not the one whose hash was noted: {_REWRITTEN}"
    return ""


def _truncated(at: End, noted: End) -> str:
    if at.seq >= noted.seq:
        return ""
    return f"the newest are missing: {noted.seq} were noted, {at.seq} are there"


def _values(entry: AuditEntry) -> tuple[object, ...]:
    return (
        *(entry.seq, micros(entry.at), entry.actor, entry.address, entry.action, entry.app_id),
        *(entry.target, canonical(entry.changes), entry.hash),
    )


def _read(row: Row) -> AuditEntry:
    """Return the entry of a row.

    raises: StorageError when it was not written like this.
    """
    try:
        changes = {name: tuple(values) for name, values in json.loads(row[7]).items()}
        if canonical(changes) != row[7]:
            raise ValueError("not canonical")
        seq, at, actor, address, action, app_id, target, _, hash_ = row
        return AuditEntry(seq, moment(at), actor, address, action, app_id, target, changes, hash_)
    except (*_DAMAGE, AttributeError) as error:
        raise StorageError(
            f"entry {row[0]} of the audit log cannot be read: `postroad audit verify`"
        ) from error


def _end_of(row: Row) -> End:
    bytes.fromhex(row[8])
    return End(row[0], row[8])


@cache
def _select(restrictions: tuple[str, ...], direction: str) -> str:
    where = f"WHERE {' AND '.join(restrictions)}" if restrictions else ""
    return f"SELECT {_COLUMNS} FROM audit {where} ORDER BY seq {direction} LIMIT ?"
