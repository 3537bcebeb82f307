"""The small values of the room: envelopes, dot-stuffing, time-outs, redaction, transcripts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroad.errors import LocalProtocolError, SettingsError
from postroad.smtp.dot_stuffing import END_OF_DATA, dot_stuff
from postroad.smtp.envelope import Envelope
from postroad.smtp.redaction import MASK, Redactor
from postroad.smtp.reply import Reply
from postroad.smtp.timeouts import Timeouts
from postroad.smtp.transcript import Entry, Note, Sent, render


@pytest.mark.parametrize(
    "path",
    [
        "",
        " ",
        "a b@c",
        "a<b@c",
        "a>b@c",
        "a@c>",
        "a@b\r\nDATA",
        "a\0@b",
        "a\x7f@b",
        "a\u2028@b",
        "x" * 1001,
        "\ud800@b",
        "é@b",
        '"a"@x> NOTIFY=NEVER Y="z',
        '"a b@c',
        '"a\\" b@c',
        'a"b"@c',
        '"a""b c"@d',
        "a@b\n",
        "a@b\t",
    ],
)
def test_a_path_that_could_change_its_command_is_refused(path: str) -> None:
    with pytest.raises(LocalProtocolError):
        Envelope("an@a.example", (path,))
    if path:
        with pytest.raises(LocalProtocolError):
            Envelope(path, ("bo@b.example",))


@pytest.mark.parametrize("path", ['"a b"@c', '"a\\"> b"@c', '"<>"@c', "a@[192.0.2.1]", "a=b/c+d@e"])
def test_a_path_may_have_a_quoted_local_part(path: str) -> None:
    assert Envelope(path, (path,)).forward_paths == (path,)


def test_an_envelope_needs_a_forward_path_and_no_reverse_path() -> None:
    assert Envelope("", ("bo@b.example",)).reverse_path == ""
    with pytest.raises(LocalProtocolError):
        Envelope("", ())


def test_a_path_in_utf8_needs_smtputf8() -> None:
    assert Envelope("é@b", ("보@b",), needs_smtputf8=True).needs_smtputf8
    with pytest.raises(LocalProtocolError):
        Envelope("é\u3000@b", ("보@b",), needs_smtputf8=True)


@pytest.mark.parametrize(
    ("content", "stuffed"),
    [
        (b"", b""),
        (b".", b"..\r\n"),
        (b"a", b"a\r\n"),
        (b"\r\n.\r\n", b"\r\n..\r\n"),
        (b"..\r\n.\r\n", b"...\r\n..\r\n"),
        (b"a.\r\n", b"a.\r\n"),
    ],
)
def test_leading_dots_are_doubled(content: bytes, stuffed: bytes) -> None:
    assert dot_stuff(content) == stuffed


@pytest.mark.parametrize("content", [b"\r", b"\n", b"a\r\n\nb", b"\n\r", b"a\r\r\n", b"\r\n\n\r"])
def test_bare_line_ends_are_refused(content: bytes) -> None:
    with pytest.raises(LocalProtocolError):
        dot_stuff(content)


@given(st.lists(st.sampled_from([b".", b"a", b"\r\n", b"\r\n.\r\n", b"\r", b"\n"]), max_size=12))
def test_only_our_own_dot_ends_the_data_and_a_server_reads_what_was_meant(
    pieces: list[bytes],
) -> None:
    content = b"".join(pieces)
    try:
        wire = dot_stuff(content) + END_OF_DATA
    except LocalProtocolError:
        rest = content.replace(b"\r\n", b"")
        assert b"\r" in rest or b"\n" in rest
        return

    lines = wire.split(b"\r\n")
    assert lines.index(b".") == len(lines) - 2
    read = b"".join(line.removeprefix(b".") + b"\r\n" for line in lines[:-2])
    assert read in (content, content + b"\r\n")


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), 1e9])
@pytest.mark.parametrize("name", Timeouts.__slots__)
def test_a_time_out_that_cannot_work_is_named(name: str, seconds: float) -> None:
    with pytest.raises(SettingsError, match=name):
        Timeouts(**{name: seconds})


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("no secret here", "no secret here"),
        ("hunter2hunter2", MASK),
        ("ahunter2hunter2b hunter2hunter2", f"a{MASK}b {MASK}"),
        ("hunter2hunter", MASK),
        ("hunter2hunte!", f"{MASK}!"),
        ("hunter2hunt", "hunter2hunt"),
        ("pa%2Fss pa%2fss pa/ss", f"{MASK} {MASK} {MASK}"),
        ("abc", "abc"),
    ],
)
def test_secrets_are_masked_whole_or_cut_short(text: str, shown: str) -> None:
    redact = Redactor(["hunter2hunter2", "pa/ss", "abc", ""])

    assert redact(text) == shown


def test_of_two_secrets_that_begin_alike_nothing_remains() -> None:
    redact = Redactor(["abcdefghijklmnop", "abcdefghijklXYZW1234"])

    assert redact("abcdefghijklmnop abcdefghijklXYZW1234 abcdefghijklXY") == f"{MASK} {MASK} {MASK}"


def test_what_is_concealed_later_is_masked_from_then_on() -> None:
    redact = Redactor()
    before = redact("c2VjcmV0")

    redact.conceal("c2VjcmV0")

    assert (before, redact("c2VjcmV0")) == ("c2VjcmV0", MASK)


def test_a_transcript_has_a_line_for_every_protocol_line() -> None:
    entries: list[Entry] = [
        Note("connected\nto it"),
        Reply(250, ("a", "b\\x00")),
        b"MAIL FROM:<\xc3\xa9>\r\nDATA\r\n",
        Sent("AUTH PLAIN ***"),
        2154,
    ]

    assert render(entries) == (
        "* connected\\nto it\nS: 250-a\nS: 250 b\\x00\nC: MAIL FROM:<é>\nC: DATA\n"
        "C: AUTH PLAIN ***\nC: <2154 octets of message>\n"
    )


def test_a_token_folded_over_the_lines_of_a_reply_is_masked() -> None:
    token = "".join(f"{number:04x}" for number in range(300))
    redact = Redactor([token])

    pieces = [token[start : start + 200] for start in range(0, len(token), 200)]
    shown = [redact(f"5.7.8 {piece}") for piece in pieces]

    assert shown == ["5.7.8 ***"] * len(pieces)
