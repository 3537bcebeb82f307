from __future__ import annotations

from datetime import timedelta

import pytest

from postroad.tenancy.elapsed import elapsed

TICK = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("delta", "text"),
    [
        (timedelta(0), "1分钟"),
        (TICK, "1分钟"),
        (timedelta(minutes=2) - TICK, "1分钟"),
        (timedelta(minutes=2), "2分钟"),
        (timedelta(minutes=30), "30分钟"),
        (timedelta(hours=1) - TICK, "59分钟"),
        (timedelta(hours=1), "1时"),
        (timedelta(hours=2) - TICK, "1时"),
        (timedelta(days=1) - TICK, "23时"),
        (timedelta(days=1), "1天"),
        (timedelta(days=2) - TICK, "1天"),
        (timedelta(days=2), "2天"),
        (timedelta(days=30), "30天"),
        (timedelta(days=31) - TICK, "30天"),
        (timedelta(days=31), "1月"),
        (timedelta(days=60) - TICK, "1月"),
        (timedelta(days=60), "2月"),
        (timedelta(days=120), "4月"),
        (timedelta(days=365), "12月"),
        (timedelta(days=-1), "1分钟"),
    ],
)
def test_the_largest_unit_tells_how_long(delta: timedelta, text: str) -> None:
    assert elapsed(delta) == text
