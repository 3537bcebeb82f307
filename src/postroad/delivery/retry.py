"""When a message is tried again."""

from __future__ import annotations

from datetime import datetime, timedelta

FIRST = timedelta(minutes=1)
LONGEST = timedelta(hours=4)
JITTER = 0.2  # of the time, either way: what failed together must not come back together
_MAX_DOUBLINGS = 8  # 1 min × 2⁸ is beyond the longest


def next_due(
    attempt_number: int, now: datetime, jitter: float, expires_at: datetime
) -> datetime | None:
    """Return when a message is tried again after this attempt, None when it expires before.

    attempt_number: from 1; after it 1 min, then 2, 4, … up to 4 h, give or take a fifth.
    jitter:         0 to 1, where in that fifth.
    """
    doublings = min(max(attempt_number - 1, 0), _MAX_DOUBLINGS)
    delay = min(FIRST * 2**doublings, LONGEST)
    due = now + delay * (1 - JITTER + 2 * JITTER * jitter)
    return due if due <= expires_at else None
