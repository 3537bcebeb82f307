"""Text in columns is as wide as a terminal shows it."""

from __future__ import annotations

import click
import pytest

from postroad.cli.layout import Column, display_width, indented, table, wrapped


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("naver", 5),
        ("네이버", 6),
        ("网易", 4),
        ("（）", 4),
        ("e\u0301", 1),
        ("\u1112\u1161\u11ab", 2),  # a decomposed 한
        ("✓ – ✗", 5),
        (click.style("네", fg="red"), 2),
        ("", 0),
    ],
)
def test_a_width_is_counted_in_columns(text: str, columns: int) -> None:
    assert display_width(text) == columns


def test_korean_is_wrapped_at_spaces() -> None:
    assert wrapped("네이버가 로그인을 거부했습니다", 12) == ["네이버가", "로그인을", "거부했습니다"]


def test_chinese_is_wrapped_anywhere_but_before_a_full_stop() -> None:
    assert wrapped("邮箱密码错误。", 12) == ["邮箱密码错", "误。"]
    assert wrapped("请打开「设置」页面", 8) == ["请打开", "「设置」", "页面"]


def test_a_word_that_is_too_long_stands_out_unless_it_may_be_cut() -> None:
    address = "https://help.naver.com/support"

    assert wrapped(f"at {address}", 12) == ["at", address]
    assert wrapped(address, 12, cuts=True) == ["https://", "help.naver.", "com/support"]
    assert wrapped("x" * 25, 10, cuts=True) == ["x" * 10, "x" * 10, "x" * 5]
    assert wrapped("글" * 6, 5, cuts=True) == ["글글"] * 3


def test_nothing_is_wrapped_without_a_width() -> None:
    assert wrapped("word " * 50, None) == ["word " * 50]
    assert indented("word " * 50, "  ", None) == ["  " + "word " * 50]


def test_a_table_is_aligned_whatever_the_script() -> None:
    columns = (Column("이름"), Column("Title", 6), Column("ms", is_right=True))

    lines = table(columns, [("naver", "네이버 메일", "7"), ("qq", "QQ 邮箱", "12")], None)

    assert lines == [
        "이름   Title        ms",
        "naver  네이버 메일   7",
        "qq     QQ 邮箱      12",
    ]


def test_a_table_is_narrowed_where_its_columns_allow() -> None:
    columns = (Column("a"), Column("b", 6), Column("c"))

    lines = table(columns, [("first", "some words that are many", "last")], 24)

    assert max(map(display_width, lines)) < 24
    assert " ".join(line[7:19].strip() for line in lines[1:]).split() == [
        *("some", "words", "that", "are", "many")
    ]
