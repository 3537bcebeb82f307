"""Encoded words, folding and parameters keep to their lengths and cut no character."""

from __future__ import annotations

import re
from base64 import b64decode
from email.header import decode_header

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.message.strategies import field_text

from postroad.message.header import fold, unstructured_field
from postroad.message.words import encoded_words, filename_parameter

_B_WORD = re.compile(r"=\?UTF-8\?B\?([A-Za-z0-9+/]+=*)\?=")
_Q_WORD = re.compile(r"=\?UTF-8\?Q\?([A-Za-z0-9!*+/=_-]+)\?=")


def _word_octets(word: str) -> bytes:
    if matched := _B_WORD.fullmatch(word):
        return b64decode(matched[1])
    matched = _Q_WORD.fullmatch(word)
    assert matched
    [(octets, _)] = decode_header(word)
    assert isinstance(octets, bytes)
    return octets


@given(field_text(300).filter(bool), st.integers(24, 75))
def test_each_encoded_word_is_short_and_whole(text: str, first: int) -> None:
    words = encoded_words(text, first)

    assert len(words[0]) <= first
    assert all(len(word) <= 75 for word in words)
    assert "".join(_word_octets(word).decode() for word in words) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("안녕", ["=?UTF-8?B?7JWI64WV?="]),
        ("café au lait", ["=?UTF-8?Q?caf=C3=A9_au_lait?="]),
        ("😀😀", ["=?UTF-8?B?8J+YgPCfmIA=?="]),
        ("a=?b?=", ["=?UTF-8?B?YT0/Yj89?="]),
    ],
)
def test_the_shorter_of_b_and_q_is_taken(text: str, words: list[str]) -> None:
    assert encoded_words(text, 75) == words


def test_a_long_ascii_word_in_a_subject_is_encoded() -> None:
    field = unstructured_field("Subject", "x" * 200)

    lines = field.removesuffix("\r\n").split("\r\n")
    assert all(len(line) <= 76 for line in lines)
    assert len(lines) == 4


def test_plain_words_are_folded_at_spaces_and_stay_plain() -> None:
    value = " ".join(["word"] * 40)

    field = unstructured_field("Subject", value)

    assert field.replace("\r\n", "") == f"Subject: {value}"
    assert all(len(line) <= 76 for line in field.split("\r\n"))


@pytest.mark.parametrize("value", [" x", "x ", "a  b", "a\tb", "=?x?= y", "=?UTF-8?B?eA==?="])
def test_what_plain_text_would_lose_is_encoded(value: str) -> None:
    field = unstructured_field("Subject", value)

    assert field.startswith("Subject: =?UTF-8?")


def test_a_field_name_that_fills_its_line_is_followed_by_a_fold() -> None:
    field = unstructured_field("X" * 76, "안녕 " * 30)

    assert field.startswith("X" * 76 + ":\r\n =?UTF-8?B?")
    assert fold("To", ["x" * 73]) == "To:\r\n " + "x" * 73 + "\r\n"
    assert fold("To", ["x" * 200]) == "To: " + "x" * 200 + "\r\n"


@given(field_text(300).filter(bool))
def test_a_file_name_s_sections_cut_no_character(filename: str) -> None:
    parameter = filename_parameter(filename)

    for line in parameter.split("\r\n")[1:]:
        assert len(line) <= 76
        encoded = re.fullmatch(r" filename(?:\*\d+)?\*=(?:UTF-8'')?([A-Za-z0-9._~%-]*);?", line)
        if encoded:
            octets = re.sub(r"%(..)", lambda pair: chr(int(pair[1], 16)), encoded[1])
            octets.encode("latin-1").decode()
        else:
            assert line == f' filename="{filename}"'
