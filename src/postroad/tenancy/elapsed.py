"""How long something is overdue, in Chinese, by its largest unit."""

from __future__ import annotations

from datetime import timedelta

_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_DAYS_OF_A_MONTH = 30


def elapsed(delta: timedelta) -> str:
    """Return `delta` in whole units: 30分钟, 1时, 1天, 4月.

    Minutes below an hour, at least one; hours below a day; days up to 30 whole ones; then months
    of 30 days.
    """
    if delta < _HOUR:
        return f"{max(1, delta // _MINUTE)}分钟"
    if delta < _DAY:
        return f"{delta // _HOUR}时"
    days = delta // _DAY
    return f"{days}天" if days <= _DAYS_OF_A_MONTH else f"{days // _DAYS_OF_A_MONTH}月"
