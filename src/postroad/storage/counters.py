"""Counters of limits: each is counted by one statement, so that it holds for all processes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from postroad.storage.engine import Database, Row, Statement, Work
from postroad.storage.rows import micros, moment
from postroad.tenancy.limits import Limit, Standing, standing

FORGET_EVERY: Final = 64  # requests that count; eight times as many counters go

# Whoever finds the window past begins another; else it counts while there is something left. One
# that ends too late to be right is past too: a clock that was ahead keeps nobody waiting.
_COUNT: Final = """
    INSERT INTO quota_counter (app_id, key, count, until) VALUES (?, ?, 1, ?)
    ON CONFLICT (app_id, key) DO UPDATE SET
        count = CASE WHEN quota_counter.until > ? AND quota_counter.until <= ?
            THEN quota_counter.count + 1 ELSE 1 END,
        until = CASE WHEN quota_counter.until > ? AND quota_counter.until <= ?
            THEN quota_counter.until ELSE excluded.until END
    WHERE quota_counter.until <= ? OR quota_counter.until > ? OR quota_counter.count < ?
    RETURNING count, until
"""
_TAKE_BACK: Final = "UPDATE quota_counter SET count = count - 1 WHERE app_id = ? AND key = ?"
_COUNTED: Final = "SELECT count, until FROM quota_counter WHERE app_id = ? AND key = ?"
_FORGET: Final = """
    DELETE FROM quota_counter WHERE (app_id, key) IN
        (SELECT q.app_id, q.key FROM quota_counter AS q
         WHERE q.until <= ? ORDER BY q.until LIMIT 512{skip_locked})
"""


class CounterStore:
    """Counts requests; a port of `operations`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._counted = 0

    async def count(self, limit: Limit, *, now: datetime) -> Standing:
        """Count one request, unless the limit is reached, and return how it stands to it."""
        self._counted += 1
        if self._counted % FORGET_EVERY == 0:
            await self._database.execute(*forgetting(self._database, now))
        if rows := await self._database.execute(*_counting(limit, now)):
            return counted(limit, rows, now)
        rows = await self._database.read(_COUNTED, (limit.app_id, limit.key))
        return counted(limit, rows, now, is_over=True)


def count(limits: Sequence[Limit], now: datetime) -> Work[list[Standing]]:
    """Count a message for each of its limits, unless one is reached.

    returns: how it stands to each; to the one that is reached alone, and then nothing is counted.
    """
    standings: list[Standing] = []
    for limit in limits:
        rows = yield _counting(limit, now)
        if not rows:
            for before in limits[: len(standings)]:
                yield _TAKE_BACK, (before.app_id, before.key)
            rows = yield _COUNTED, (limit.app_id, limit.key)
            return [counted(limit, rows, now, is_over=True)]
        standings.append(counted(limit, rows, now))
    return standings


def counted(limit: Limit, rows: Sequence[Row], now: datetime, *, is_over: bool = False) -> Standing:
    """Return the standing that a row of a count and the end of its window tells.

    Without a row the counter has been forgotten in this moment: the next request begins another.
    """
    number, until = rows[0] if rows else (limit.most, micros(now))
    return standing(limit, number, moment(until), now, is_over=is_over)


def forgetting(database: Database, now: datetime) -> Statement:
    """Return what removes some of the counters whose windows have passed."""
    return _FORGET.format(skip_locked=database.dialect.skip_locked), (micros(now),)


def _counting(limit: Limit, now: datetime) -> Statement:
    """Return what counts one; it returns no row when the limit is reached."""
    at, latest = micros(now), micros(limit.latest)
    window = (at, latest, at, latest, at, latest)
    return _COUNT, (limit.app_id, limit.key, micros(limit.until), *window, limit.most)
