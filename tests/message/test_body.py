"""The transfer encoding is chosen by content and keeps every octet."""

from __future__ import annotations

import base64
import quopri
from collections.abc import Callable
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.message.strategies import bodies

from postroad.message.body import (
    base64_lines,
    base64_octets,
    crlf,
    encode_text,
    quoted_printable,
    write_base64,
)

MARKER = b"Seed0123456789"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("", "7bit"),
        ("plain\ntext\t\n", "7bit"),
        ("x" * 998, "7bit"),
        ("x" * 998 + "\r\n" + "y" * 998, "7bit"),
        ("x" * 999, "quoted-printable"),
        ("=" * 999, "base64"),
        ("=_a_Seed0123456789", "quoted-printable"),
        ("page\x0cbreak and more", "quoted-printable"),
        ("\x1b\x1b", "base64"),
        ("Il est né le divin enfant", "quoted-printable"),
        ("안녕하세요", "base64"),
        ("<p class='a-rather-long-name'>안</p>", "quoted-printable"),
    ],
)
def test_the_encoding_suits_the_text(text: str, encoding: str) -> None:
    assert encode_text(text, MARKER)[0] == encoding


@given(bodies)
def test_the_text_comes_back_with_crlf_and_in_the_shortest_way(text: str) -> None:
    encoding, octets = encode_text(text, MARKER)

    wanted = crlf(text.encode())
    decode: dict[str, Callable[[bytes], bytes]] = {
        "7bit": bytes,
        "quoted-printable": quopri.decodestring,
        "base64": base64.b64decode,
    }
    assert decode[encoding](octets) == wanted
    if encoding != "7bit":
        assert max(map(len, octets.split(b"\r\n"))) <= 76
        assert len(octets) <= min(len(base64_lines(wanted)), len(quoted_printable(wanted)))
        assert b"=_" not in octets


@given(st.text(st.sampled_from("ab .=\t\n가"), max_size=300))
def test_quoted_printable_never_ends_a_line_with_a_blank(text: str) -> None:
    quoted = quoted_printable(crlf(text.encode()))

    for line in quoted.split(b"\r\n"):
        assert not line.endswith((b" ", b"\t"))
        assert len(line) <= 76
    assert quopri.decodestring(quoted) == crlf(text.encode())


@pytest.mark.parametrize("length", range(70, 80))
@pytest.mark.parametrize("blank", [" ", "\t", "=", "."])
def test_a_blank_at_the_edge_of_a_line_is_kept(length: int, blank: str) -> None:
    octets = b"x" * length + blank.encode() + b"\r\ny"

    quoted = quoted_printable(octets)

    assert quopri.decodestring(quoted) == octets
    assert max(map(len, quoted.split(b"\r\n"))) <= 76


@pytest.mark.parametrize(
    ("octets", "lines"),
    [
        (b"a\rb\nc\r\nd", b"a\r\nb\r\nc\r\nd"),
        (b"\r\r\n\n", b"\r\n\r\n\r\n"),
        (b"", b""),
        (b"a", b"a"),
    ],
)
def test_every_line_end_becomes_crlf(octets: bytes, lines: bytes) -> None:
    assert crlf(octets) == lines


@pytest.mark.parametrize(
    "size", [0, 1, 56, 57, 58, 113, 114, 115, 58_367, 58_368, 58_369, 116_736, 200_000]
)
def test_base64_is_the_same_in_one_piece_and_in_chunks(size: int) -> None:
    octets = bytes(range(251)) * (size // 251 + 1)
    octets = octets[:size]
    stream = BytesIO()

    write_base64(octets, stream.write)

    wanted = base64.encodebytes(octets).replace(b"\n", b"\r\n").removesuffix(b"\r\n")
    assert stream.getvalue() == base64_lines(octets) == wanted
    assert len(wanted) == base64_octets(size)
