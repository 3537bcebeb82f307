"""What is wrong with a field, in the caller's language and by the caller's name of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from postroad.errors import PostroadError, SettingsError
from postroad.message import Address, Message
from postroad.operations import wording
from postroad.operations.wording import Wrong

FROM, TO = Address("a@b.example"), Address("c@d.example")
NAMES = {"subject": "title", "text": "content", "html": "content", "to": "mail"}


def error_of(make: Callable[[], object]) -> PostroadError:
    with pytest.raises(PostroadError) as raised:
        make()
    return raised.value


@pytest.mark.parametrize(
    ("make", "zh", "ko", "en"),
    [
        (
            lambda: Message(FROM, TO, "x" * 1_000_000, "text"),
            *("title过长", "title: 너무 깁니다", "title is too long"),
        ),
        (
            lambda: Message(FROM, TO, "x\ry", "text"),
            "title含有非法字符",
            "title: 사용할 수 없는 문자가 있습니다",
            "title holds a character that may not stand there",
        ),
        (
            lambda: Message(FROM, TO, "x", "a\0b"),
            "content含有非法字符",
            "content: 사용할 수 없는 문자가 있습니다",
            "content holds a character that may not stand there",
        ),
        (
            lambda: Message(FROM, "nobody", "x", "text"),
            "mail不是有效的邮箱地址",
            "mail: 올바른 이메일 주소가 아닙니다",
            "mail is not a valid address",
        ),
    ],
)
def test_a_refused_field_is_told_in_every_language(
    make: Callable[[], object], zh: str, ko: str, en: str
) -> None:
    error = error_of(make)

    assert [wording.refused(error, NAMES, lang) for lang in ("zh", "ko", "en")] == [zh, ko, en]


def test_what_is_no_field_of_the_caller_is_the_whole_message() -> None:
    error = SettingsError("boundary: x")

    assert wording.refused(error, NAMES, "zh") == "邮件过长或含有非法字符"


def test_a_fields_name_is_not_read_as_a_template() -> None:
    assert Wrong.TOO_LONG.of("{field}", "zh") == "{field}过长"
