"""How long logins wait after failures: slower for who guesses, never shut for who owns it."""

from __future__ import annotations

from datetime import datetime, timedelta

FREE_FAILURES = 10  # a person who mistypes gives up before
MAX_DELAY_S = 900  # of an attack by hand or by program nothing is left, and the owner gets in


def delay_s(failures: int, last: datetime, now: datetime) -> int:
    """Return whole seconds until the next login is tried, 0 for at once.

    failures: in a row; nothing waits below ten of them, then 1, 2, 4, … s up to 15 minutes.
    last:     when the last failed.
    """
    if failures < FREE_FAILURES:
        return 0
    doublings = min(failures - FREE_FAILURES, MAX_DELAY_S.bit_length())
    delay = min(2**doublings, MAX_DELAY_S)
    passed = max(now - last, timedelta(0))  # a clock set back must not make it longer
    left = timedelta(seconds=delay) - passed
    return max(0, -(-left // timedelta(seconds=1)))
