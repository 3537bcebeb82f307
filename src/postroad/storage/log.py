"""The send log, read: what became of each request, as its message stands now."""

# ruff: noqa: S608 - the statements are made of constants

from __future__ import annotations

from functools import cache
from typing import Protocol

from postroad.delivery.messages import LogEntry
from postroad.storage.database import Database
from postroad.storage.rows import moment

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
        (SELECT coalesce(nullif(a.error, ''), CASE WHEN a.code IS NULL THEN '{_NO_OUTCOME}' END)
         FROM attempt AS a WHERE a.message_id = p.message_id ORDER BY a.number DESC LIMIT 1),
        (SELECT trim(CASE r.code WHEN 0 THEN '' ELSE r.code || ' ' END || r.enhanced || ' '
            || r.text) FROM recipient AS r
         WHERE r.message_id = p.message_id AND r.state IN {_FAILED} ORDER BY r.position LIMIT 1),
        '') END
"""
# Of an entry that is not there (any more), the one before it by its id.
_AFTER = "e.seq > coalesce((SELECT seq FROM send_log WHERE id <= ? ORDER BY id DESC LIMIT 1), 0)"


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


class LogStore:
    """The send log, read."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def entries(self, which: Which, *, limit: int) -> list[LogEntry]:
        """Return entries, oldest first: the newest `limit`, or with `after` the next `limit`.

        An entry whose message is kept has the status that the message has now, and when that is
        no good end and the entry has no reason, the reason of the last attempt or of the reply.
        """
        restrictions = {
            "e.app_id = ?": which.app_id,
            "e.recipient = ?": which.to,
            _AFTER: which.after,
            f"{_STATUS} = ?": which.status,
        }
        given = {text: value for text, value in restrictions.items() if value is not None}
        is_following = which.after is not None
        sql = _select(tuple(given), "ASC" if is_following else "DESC")
        found = await self._database.read_aside(sql, (*given.values(), limit))
        return [
            LogEntry(
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
            for row in (found if is_following else reversed(found))
        ]


@cache
def _select(restrictions: tuple[str, ...], direction: str) -> str:
    """Return the query for some restrictions; there are 32 in all."""
    where = f"WHERE {' AND '.join(restrictions)}" if restrictions else ""
    page = f"""
        SELECT e.*, {_STATUS} AS status_now FROM send_log AS e
        {where} ORDER BY e.seq {direction} LIMIT ?
    """
    return f"""
        SELECT p.id, p.app_id, p.at, p.door, p.ip, p.recipient, p.title, p.status_now, {_REASON},
            p.account, p.message_id
        FROM ({page}) AS p ORDER BY p.seq {direction}
    """
