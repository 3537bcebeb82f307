"""What is wrong with a caller's field: in his language, and by the name that he gave it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from postroad.errors import AddressError, MessageError, PostroadError, TooLargeError
from postroad.providers import Words


class Wrong(Enum):
    """Why a field is refused; `{field}` is its name."""

    TOO_LONG = Words(
        ko="{field}: 너무 깁니다",
        zh="{field}过长",
        en="{field} is too long",
    )
    ILLEGAL = Words(
        ko="{field}: 사용할 수 없는 문자가 있습니다",
        zh="{field}含有非法字符",
        en="{field} holds a character that may not stand there",
    )
    ADDRESS = Words(
        ko="{field}: 올바른 이메일 주소가 아닙니다",
        zh="{field}不是有效的邮箱地址",
        en="{field} is not a valid address",
    )
    OTHER = Words(
        ko="{field}: 너무 길거나 사용할 수 없는 문자가 있습니다",
        zh="{field}过长或含有非法字符",
        en="{field} is too long, or holds a character that may not stand there",
    )

    def of(self, field: str, lang: str | None) -> str:
        """Return the sentence about `field`, without a full stop."""
        return self.value.in_language(lang).replace("{field}", field)


_WHOLE = Words(ko="메시지", zh="邮件", en="The message")


def refused(error: PostroadError, names: Mapping[str, str], lang: str | None) -> str:
    """Return what an error says of a field.

    error: its message begins with our name of the field and a colon.
    names: the caller's names by ours; a field without one is the whole message.
    """
    ours, _, _ = str(error).partition(":")
    return _wrong(error).of(names.get(ours) or _WHOLE.in_language(lang), lang)


def _wrong(error: PostroadError) -> Wrong:
    if isinstance(error, TooLargeError):
        return Wrong.TOO_LONG
    if isinstance(error, AddressError):
        return Wrong.ADDRESS
    return Wrong.ILLEGAL if isinstance(error, MessageError) else Wrong.OTHER
