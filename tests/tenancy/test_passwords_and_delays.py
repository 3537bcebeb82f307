from __future__ import annotations

from datetime import timedelta
from hashlib import md5

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.tenancy.world import NOW

from postroad.tenancy.delays import delay_s
from postroad.tenancy.passwords import password_form

HEX = "e10adc3949ba59abbe56e057f20f883e"  # of 123456


@pytest.mark.parametrize("text", ["123456", HEX, HEX.upper()])
def test_a_password_and_its_md5_have_one_form(text: str) -> None:
    assert password_form(text) == HEX


@pytest.mark.parametrize("text", [HEX[:-1], f"{HEX}0", f"{HEX[:-1]}g", f"{HEX}\n", "ａ" * 32])
def test_what_is_nearly_an_md5_is_a_password(text: str) -> None:
    assert password_form(text) == md5(text.encode()).hexdigest()


@given(st.text(st.characters()))
def test_every_text_has_a_form(text: str) -> None:
    form = password_form(text)

    assert len(form) == 32
    assert password_form(form) == form


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [
        *((0, 0), (1, 0), (9, 0), (10, 1), (11, 2), (12, 4), (13, 8), (14, 16), (15, 32)),
        *((16, 64), (17, 128), (18, 256), (19, 512), (20, 900), (21, 900), (10**9, 900)),
    ],
)
def test_the_delay_doubles_from_the_tenth_failure_up_to_fifteen_minutes(
    failures: int, seconds: int
) -> None:
    assert delay_s(failures, NOW, NOW) == seconds


@pytest.mark.parametrize(
    ("passed_s", "left_s"),
    [(-1000, 16), (0, 16), (0.001, 16), (1, 15), (15, 1), (15.999, 1), (16, 0), (1e6, 0)],
)
def test_what_has_passed_counts_and_a_part_of_a_second_is_one(passed_s: float, left_s: int) -> None:
    assert delay_s(14, NOW, NOW + timedelta(seconds=passed_s)) == left_s
