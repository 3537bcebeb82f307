"""The three languages of every hint, and words that exist in all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Language = Literal["ko", "zh", "en"]

LANGUAGES: Final[tuple[Language, ...]] = ("ko", "zh", "en")

# POSIX and BCP 47 tags begin with a code of two or three letters; Windows writes the name.
_KOREAN = frozenset({"ko", "kor", "korean"})
_CHINESE = frozenset({"zh", "zho", "chi", "cmn", "chinese"})


@dataclass(frozen=True, slots=True)
class Words:
    """The same words in Korean, Simplified Chinese and English."""

    ko: str
    zh: str
    en: str

    def in_language(self, lang: str | None) -> str:
        """Return the words in the language of the tag `lang`; English for any other."""
        language = language_of(lang)
        if language == "ko":
            return self.ko
        return self.zh if language == "zh" else self.en


def language_of(tag: str | None) -> Language:
    """Return the language a tag such as "ko_KR.UTF-8", "zh-CN" or None asks for."""
    if not tag:
        return "en"
    letters = 0
    while letters < len(tag) and tag[letters].isalpha():
        letters += 1
    first = tag[:letters].lower()
    if first in _KOREAN:
        return "ko"
    return "zh" if first in _CHINESE else "en"
