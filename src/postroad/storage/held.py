"""Mail that waits for a person, of any app: counted, and let go in bulk."""

# ruff: noqa: S608 - the statements are made of constants

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from typing import Final

from postroad.delivery.held import TIME_AGAIN, Held
from postroad.storage.audit import append
from postroad.storage.engine import Database, Work
from postroad.storage.rows import micros, moment
from postroad.tenancy.audit import Actor, Note

# The index of states has no accepted ones, and is used where that is said.
_HELD: Final = "r.state = 'held' AND r.state <> 'accepted'"
_WITH_CONTENT: Final = """
    recipient AS r JOIN message AS m ON m.id = r.message_id JOIN content AS c ON c.message_id = m.id
"""
_COUNT: Final = f"""
    SELECT m.app_id,
        count(DISTINCT CASE WHEN NOT m.is_kept_out_of_retry THEN m.id END),
        sum(CASE WHEN NOT m.is_kept_out_of_retry THEN 1 ELSE 0 END),
        sum(CASE WHEN NOT m.is_kept_out_of_retry
            AND (r.text LIKE '%; it was in_doubt' OR r.text LIKE '%; it was sending')
            THEN 1 ELSE 0 END),
        count(DISTINCT CASE WHEN m.is_kept_out_of_retry THEN m.id END),
        min(m.created_at)
    FROM {_WITH_CONTENT} WHERE {_HELD} {{of_app}} GROUP BY m.app_id ORDER BY m.app_id
"""
_NEXT: Final = f"""
    SELECT DISTINCT m.id, m.app_id FROM {_WITH_CONTENT}
    WHERE {_HELD} AND NOT m.is_kept_out_of_retry AND m.id > ? {{of_app}} ORDER BY m.id LIMIT ?
"""
# A message that a process is sending just now, to others of its recipients, is left alone.
_QUEUE: Final = f"""
    INSERT INTO queue (message_id, due) SELECT value, CAST(? AS bigint) FROM {{each}}
    WHERE EXISTS (SELECT 1 FROM recipient AS r WHERE r.message_id = value AND {_HELD})
    ON CONFLICT (message_id) DO UPDATE SET due = excluded.due WHERE queue.lease_token IS NULL
    RETURNING message_id
"""
_LET_GO: Final = """
    UPDATE recipient SET state = 'queued', code = 0, enhanced = '', text = '', updated_at = ?
    WHERE message_id IN (SELECT value FROM {each}) AND state = 'held' RETURNING message_id
"""
_TIME: Final = """
    UPDATE message SET expires_at = ? WHERE id IN (SELECT value FROM {each}) AND expires_at <= ?
"""
_OF_APP: Final = "AND m.app_id = ?"
_AT_ONCE: Final = 500


class HeldStore:
    """Held mail."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def count(self, app_id: str | None = None) -> list[Held]:
        """Return what is held of each app, or of one; apps without any are left out."""
        sql = _COUNT.format(of_app=_OF_APP if app_id else "")
        found = await self._database.read_aside(sql, (app_id,) if app_id else ())
        return [
            Held(each, int(messages), int(recipients), int(doubtful), int(kept_out), moment(oldest))
            for each, messages, recipients, doubtful, kept_out, oldest in found
        ]

    async def release(self, app_id: str | None, *, now: datetime, by: Actor) -> int:
        """Queue what is held of all apps, or of one; return how many messages.

        It is due at once, the oldest first. It is done in steps, so that nobody waits for all of
        it; broken off, the same call goes on where it ended.

        by: who says so, for the audit log.
        """
        released, last = 0, ""
        while True:
            batch = await self._next(app_id, last)
            if not batch:
                return released
            released += await self._release(batch, now, by)
            last = batch[-1][0]

    async def _next(self, app_id: str | None, after: str) -> list[tuple[str, str]]:
        """Return messages with their apps, in the order of their ids."""
        sql = _NEXT.format(of_app=_OF_APP if app_id else "")
        given = (after, app_id, _AT_ONCE) if app_id else (after, _AT_ONCE)
        return [(row[0], row[1]) for row in await self._database.read_aside(sql, given)]

    async def _release(self, batch: list[tuple[str, str]], now: datetime, by: Actor) -> int:
        apps, at, each = dict(batch), micros(now), self._database.dialect.each

        def work() -> Work[int]:
            ids = json.dumps([*apps])
            queued = yield _QUEUE.format(each=each), (at, ids)
            free = json.dumps([row[0] for row in queued])
            yield _TIME.format(each=each), (micros(now + TIME_AGAIN), free, at)
            let_go = yield _LET_GO.format(each=each), (at, free)
            released = {row[0] for row in let_go}
            for app_id, number in Counter(apps[message_id] for message_id in released).items():
                changes = {"state": ("held", "queued"), "messages": (None, number)}
                yield from append(Note(by, "message.release", app_id, "", changes), now)
            return len(released)

        return await self._database.write(work)
