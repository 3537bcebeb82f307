"""The send log, read: what became of each request, as its message stands now."""

# ruff: noqa: S608 - the statements are made of constants

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from postroad.delivery.messages import LogEntry
from postroad.storage.engine import Database, Row
from postroad.storage.rows import micros, moment
from postroad.storage.search import terms
from postroad.storage.search.chunks import Place
from postroad.storage.search.finding import Wanted, find, on_their_way

# The least decided recipient speaks for the message. No rank: no message, or it was erased.
_RANK = """
    (SELECT min(CASE r.state
        WHEN 'sending' THEN 0
        WHEN 'queued' THEN 1 WHEN 'scheduled' THEN 1 WHEN 'deferred' THEN 1
        WHEN 'in_doubt' THEN 2
        WHEN 'held' THEN 3
        WHEN 'accepted' THEN 5
        WHEN 'captured' THEN 6
        ELSE 4 END)
     FROM recipient AS r WHERE r.message_id = e.message_id)
"""
_STATUS = f"""
    coalesce(CASE {_RANK}
        WHEN 0 THEN 'sending' WHEN 1 THEN 'queued' WHEN 2 THEN 'in_doubt' WHEN 3 THEN 'held'
        WHEN 4 THEN 'failed' WHEN 5 THEN 'sent' WHEN 6 THEN 'captured' END, e.status)
"""
_NO_OUTCOME = "Postroad ended before the relay answered"
_FAILED = "('bounced', 'failed', 'suppressed', 'expired', 'cancelled', 'quarantined')"
_REASON = f"""
    CASE WHEN p.reason <> '' OR p.status_now NOT IN ('failed', 'in_doubt', 'held', 'queued')
    THEN p.reason ELSE coalesce(
        (SELECT r.text FROM recipient AS r WHERE p.status_now = 'held'
            AND r.message_id = p.message_id AND r.state = 'held' AND r.code = 0 AND r.text <> ''
         ORDER BY r.position LIMIT 1),
        (SELECT coalesce(nullif(a.error, ''), CASE WHEN a.code IS NULL THEN '{_NO_OUTCOME}' END)
         FROM attempt AS a WHERE a.message_id = p.message_id ORDER BY a.number DESC LIMIT 1),
        (SELECT trim(CASE r.code WHEN 0 THEN '' ELSE r.code || ' ' END || r.enhanced || ' '
            || r.text) FROM recipient AS r
         WHERE r.message_id = p.message_id AND r.state IN {_FAILED} ORDER BY r.position LIMIT 1),
        '') END
"""
# Of an entry that is not there (any more), the one before it by its id.
_PLACE = "SELECT id, seq FROM send_log WHERE id <= ? ORDER BY id DESC LIMIT 1"
_IS_ONE = "SELECT e.id, e.title, e.recipient FROM send_log AS e WHERE {restrictions}"
_RELAY = "EXISTS (SELECT 1 FROM message AS m WHERE m.id = e.message_id AND m.relay_id = ?)"
_PAGE = f"""
    SELECT p.id, p.app_id, p.at, p.door, p.ip, p.recipient, p.title, p.status_now, {_REASON},
        p.account, p.message_id
    FROM (
        SELECT e.*, {_STATUS} AS status_now FROM send_log AS e
        WHERE e.id IN (SELECT value FROM {{each}})
    ) AS p ORDER BY p.seq
"""
_AT_ONCE = 500  # entries of a long list


class Which(Protocol):
    """Which entries; what is None restricts nothing."""

    @property
    def app_id(self) -> str | None:
        """Of this app."""

    @property
    def to(self) -> str | None:
        """To this recipient, as it was given."""

    @property
    def status(self) -> str | None:
        """With this status now."""

    @property
    def after(self) -> str | None:
        """Stored after the one with this id."""

    @property
    def relay_id(self) -> str | None:
        """With a message for which this relay was chosen when it came in."""

    @property
    def since(self) -> datetime | None:
        """Asked for then or later."""

    @property
    def until(self) -> datetime | None:
        """Asked for earlier."""

    @property
    def text(self) -> str | None:
        """With this text in the title or the recipient."""

    @property
    def before(self) -> str | None:
        """Stored before the one with this id."""


class LogStore:
    """The send log, read."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def entries(self, which: Which, *, limit: int) -> list[LogEntry]:
        """Return entries, oldest first: the newest `limit`, or with `after` the next `limit`.

        An entry whose message is kept has the status that the message has now, and when that is
        no good end and the entry has no reason, the reason of the last attempt or of the reply.
        """
        database = self._database
        check = _Check(database, which)
        is_following = which.after is not None
        found_by = check.terms
        others: tuple[Place, ...] = ()
        if which.status is not None:
            status, others = await self._status(which.status)
            found_by = (status, *found_by)
        wanted = Wanted(
            found_by,
            by_seq=True,
            is_rising=is_following,
            above=await self._above(which.after),
            below=await self._below(which.before),
            since=check.since,
            until=check.until,
            others=others,
        )
        ids = await find(database, wanted, check, limit=limit)
        if not is_following:
            ids.reverse()
        sql = _PAGE.format(each=database.dialect.each)
        found: list[LogEntry] = []
        for start in range(0, len(ids), _AT_ONCE):
            given = json.dumps(ids[start : start + _AT_ONCE])
            found += map(_entry, await database.read_aside(sql, (given,)))
        return found

    async def _status(self, status: str) -> tuple[int, tuple[Place, ...]]:
        """Return the term of a status, and what else may have it."""
        few = None
        if states := terms.on_the_way(status):
            few = await on_their_way(self._database, states)
        # Besides those few, it may be the entry of a message that is gone.
        return (terms.status(status), ()) if few is None else (terms.as_written(status), few)

    async def _above(self, after: str | None) -> int | None:
        """Return the number after which what came after an entry begins."""
        if after is None:
            return None
        found = await self._database.read_aside(_PLACE, (after,))
        return found[0][1] if found else 0

    async def _below(self, before: str | None) -> int | None:
        """Return the number before which what came before an entry ends."""
        bounds: list[int] = []
        if self._database.dialect.log_end:
            # What comes after may still get something put before it, and whoever goes on after
            # the last entry that he saw would miss that.
            ((end,),) = await self._database.read_aside(self._database.dialect.log_end)
            bounds.append(end + 1)
        if before is not None:
            found = await self._database.read_aside(_PLACE, (before,))
            bounds.append(found[0][1] + (found[0][0] != before) if found else 0)
        return min(bounds, default=None)


class _Check:
    """Tells which of some entries are asked for, and by which terms they may be found."""

    def __init__(self, database: Database, which: Which) -> None:
        self._database = database
        self.since = None if which.since is None else micros(which.since)
        self.until = None if which.until is None else micros(which.until)
        self._text = None if which.text is None else terms.normalised(which.text)
        restrictions = {
            "e.app_id = ?": which.app_id,
            "e.recipient = ?": which.to,
            "e.at >= ?": self.since,
            "e.at < ?": self.until,
            _RELAY: which.relay_id,
            f"{_STATUS} = ?": which.status,
        }
        given = {each: value for each, value in restrictions.items() if value is not None}
        among = f"e.id IN (SELECT value FROM {database.dialect.each})"
        self._sql = _IS_ONE.format(restrictions=" AND ".join([among, *given]))
        self._given = tuple(given.values())
        self.terms = _terms(which, self._text)

    async def __call__(self, ids: Sequence[str]) -> Collection[str]:
        rows = await self._database.read_aside(self._sql, (json.dumps(ids), *self._given))
        text = self._text
        return {
            id_
            for id_, *texts in rows
            if text is None or any(text in terms.normalised(each) for each in texts)
        }


def _terms(which: Which, text: str | None) -> tuple[int, ...]:
    found: list[int] = []
    if which.app_id is not None:
        found.append(terms.app(which.app_id))
    if which.relay_id is not None:
        found.append(terms.relay(which.relay_id))
    if which.to is not None:
        found += terms.of_address(which.to)
    if text is not None:
        found += terms.within(text)
    return (*dict.fromkeys(found),)


def _entry(row: Row) -> LogEntry:
    return LogEntry(
        id=row[0],
        app_id=row[1],
        at=moment(row[2]),
        door=row[3],
        ip=row[4],
        recipient=row[5],
        title=row[6],
        status=row[7],
        reason=row[8],
        account=row[9],
        message_id=row[10],
    )
