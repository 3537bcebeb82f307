from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.delivery.records import NOW

from postroad.delivery.retry import next_due

NEVER_EXPIRES = NOW + timedelta(days=365)
MIDDLE = 0.5


@pytest.mark.parametrize(
    ("attempt", "minutes"),
    [
        *((0, 1), (1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 32), (7, 64), (8, 128)),
        *((9, 240), (10, 240), (1000, 240), (10**9, 240)),
    ],
)
def test_the_delay_doubles_from_a_minute_up_to_four_hours(attempt: int, minutes: int) -> None:
    due = next_due(attempt, NOW, MIDDLE, NEVER_EXPIRES)

    assert due == NOW + timedelta(minutes=minutes)


@pytest.mark.parametrize(("jitter", "seconds"), [(0.0, 48), (0.25, 54), (0.5, 60), (1.0, 72)])
def test_the_delay_is_jittered_by_a_fifth_either_way(jitter: float, seconds: int) -> None:
    assert next_due(1, NOW, jitter, NEVER_EXPIRES) == NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("expires_in_s", "is_tried"), [(60.000001, True), (60, True), (59.999999, False), (-1, False)]
)
def test_what_expires_before_its_turn_is_not_tried_again(
    expires_in_s: float, is_tried: bool
) -> None:
    due = next_due(1, NOW, MIDDLE, NOW + timedelta(seconds=expires_in_s))

    assert (due is not None) is is_tried


@given(st.integers(1, 100), st.floats(0, 1))
def test_a_retry_is_never_sooner_than_48_seconds_nor_later_than_288_minutes(
    attempt: int, jitter: float
) -> None:
    due = next_due(attempt, NOW, jitter, NEVER_EXPIRES)

    assert due is not None
    assert timedelta(seconds=48) <= due - NOW <= timedelta(minutes=288)
