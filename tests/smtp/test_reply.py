from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroad.errors import Reason, Retry
from postroad.smtp.reply import (
    MAX_LINE_OCTETS,
    MAX_REPLY_LINES,
    MAX_REPLY_OCTETS,
    Reply,
    ReplyParser,
    printable,
)

Heard = tuple[list[Reply], str, Reason | None]


def parse(octets: bytes, *, every_split: bool = True) -> Heard:
    """Return replies, error and its reason, the same however the octets arrive."""

    def run(pieces: list[bytes]) -> Heard:
        parser, replies = ReplyParser(), []
        for piece in pieces:
            if parser.error is None:
                replies += parser.feed(piece)
        error = parser.error
        return replies, str(error or ""), None if error is None else error.reason

    whole = run([octets])
    if every_split:
        for place in range(1, len(octets)):
            assert run([octets[:place], octets[place:]]) == whole
        assert run([octets[place : place + 1] for place in range(len(octets))]) == whole
    return whole


@pytest.mark.parametrize(
    ("octets", "code", "lines"),
    [
        (b"250 ok\r\n", 250, ("ok",)),
        (b"250\r\n", 250, ("",)),
        (b"250 \r\n", 250, ("",)),
        (b"250-\r\n250 \r\n", 250, ("", "")),
        (b"250-a\r\n250\r\n", 250, ("a", "")),
        (b"250-a\r\n250-b\r\n250 c\r\n", 250, ("a", "b", "c")),
        (b"591 5.7.1 no\r\n", 591, ("5.7.1 no",)),
        (b"299 x\r\n", 299, ("x",)),
        (b"250  two\r\n", 250, (" two",)),
        (b"250 a\rb\r\n", 250, ("a\\rb",)),
        (b"250 a\r\r\n", 250, ("a\\r",)),
        (b"250 nul\0\x07\x1b[2J\r\n", 250, ("nul\\x00\\x07\\x1b[2J",)),
        (b"250 tab\there\r\n", 250, ("tab\there",)),
        (b"250 \xec\x95\x88\xeb\x85\x95\r\n", 250, ("안녕",)),
        (b"250 \xbe\xc8\xff\r\n", 250, ("\\xbe\\xc8\\xff",)),
        ("250 a\u202eb\u2028\u0085\r\n".encode(), 250, ("a\\u202eb\\u2028\\x85",)),
    ],
)
def test_a_reply_is_read(octets: bytes, code: int, lines: tuple[str, ...]) -> None:
    replies, error, _ = parse(octets)

    assert replies == [Reply(code, lines)]
    assert not error


@pytest.mark.parametrize(
    "line",
    [
        b"000 no",
        b"999 no",
        b"199 no",
        b"600 no",
        b"abc no",
        b"25 no",
        b"2500 ok",
        b"250_ok",
        b"",
        b" ",
        b"-",
        b"250\tok",
        b"\xff\xfe",
        b"HTTP/1.1 400 Bad Request",
        b"25\xb2 x",
        "２５０ ok".encode(),
        b"+25 x",
        b" 250 ok",
        b"250+ok",
        b"\0" * 99,
    ],
)
def test_what_is_no_reply_is_an_error(line: bytes) -> None:
    replies, error, reason = parse(line + b"\r\n")

    assert replies == []
    assert error.startswith("not an SMTP reply: ")
    assert printable(error) == error
    assert len(error) <= 110
    assert reason is Reason.GARBAGE


@pytest.mark.parametrize("octets", [b"250 ok\n", b"\n", b"250 a\nb\r\n", b"250 ok\n\r\n"])
def test_a_line_that_ends_with_lf_alone_is_an_error(octets: bytes) -> None:
    replies, error, reason = parse(octets)

    assert replies == []
    line = octets.partition(b"\n")[0].decode()
    assert error == f'a reply line that ends with LF alone: "{line}"'
    assert reason is Reason.GARBAGE


@pytest.mark.parametrize("octets", [b"250-a\r\n251 b\r\n", b"250-a\r\n550-b\r\n"])
def test_a_reply_that_changes_its_code_is_an_error(octets: bytes) -> None:
    replies, error, _ = parse(octets)

    assert replies == []
    assert error.startswith("a reply changes its code from 250 to ")


@pytest.mark.parametrize("octets", [b"garbage\r\n", b"250 b\n", b"250-a\r\n251 b\r\n"])
def test_replies_before_an_error_still_count(octets: bytes) -> None:
    replies, error, _ = parse(b"250-a\r\n250 b\r\n354 go\r\n" + octets + b"250 never\r\n")

    assert replies == [Reply(250, ("a", "b")), Reply(354, ("go",))]
    assert error


@pytest.mark.parametrize("line", [b"250 %s", b"250-%s\r\n250 x"])
def test_a_line_at_the_limit_is_read_and_one_octet_more_is_an_error(line: bytes) -> None:
    fitting = line.replace(b"%s", b"x" * (MAX_LINE_OCTETS - 4)) + b"\r\n"
    longer = line.replace(b"%s", b"x" * (MAX_LINE_OCTETS - 3)) + b"\r\n"

    assert len(parse(fitting)[0]) == 1
    assert parse(longer) == (
        [],
        f"a reply line longer than {MAX_LINE_OCTETS} octets",
        Reason.OVERFLOW,
    )


@pytest.mark.parametrize("place", [MAX_LINE_OCTETS - 1, MAX_LINE_OCTETS])
def test_the_first_fault_of_a_line_decides(place: int) -> None:
    octets = b"x" * place + b"\n" + b"x" * MAX_LINE_OCTETS + b"\r\n"

    assert parse(octets)[2] is Reason.GARBAGE


def test_a_line_without_end_is_refused_at_the_limit() -> None:
    parser = ReplyParser()

    parser.feed(b"x" * MAX_LINE_OCTETS)
    before = parser.error
    parser.feed(b"x")

    assert before is None
    assert parser.error is not None
    assert parser.error.retry is Retry.LATER


def test_a_reply_has_at_most_512_lines() -> None:
    fitting = b"250-\r\n" * (MAX_REPLY_LINES - 1) + b"250 \r\n"
    longer = b"250-\r\n" + fitting

    assert len(parse(fitting, every_split=False)[0][0].lines) == MAX_REPLY_LINES
    assert parse(longer, every_split=False)[2] is Reason.OVERFLOW
    assert parse(b"250-\r\n" * (MAX_REPLY_LINES + 1), every_split=False)[2] is Reason.OVERFLOW


def test_a_reply_has_at_most_64_kib() -> None:
    line = b"250-" + b"x" * 1018 + b"\r\n"
    fitting = line * 63 + line.replace(b"-", b" ")
    assert len(fitting) == MAX_REPLY_OCTETS

    assert len(parse(fitting, every_split=False)[0]) == 1
    assert parse(fitting.replace(b"250 ", b"250 y"), every_split=False)[2] is Reason.OVERFLOW


def test_the_limits_are_those_of_each_reply() -> None:
    one = b"250-\r\n" * (MAX_REPLY_LINES - 1) + b"250 \r\n"

    replies, error, _ = parse(one * 40, every_split=False)

    assert len(replies) == 40
    assert not error


def test_a_flood_is_read_in_linear_time_and_little_memory() -> None:
    parser, octets = ReplyParser(), b"250 ok\r\n" * 8_192

    counts = [len(parser.feed(octets)) for _ in range(20)]

    assert counts == [8_192] * 20
    assert parser.is_between_replies


def test_a_line_like_one_before_may_end_a_longer_reply() -> None:
    replies, _, _ = parse(b"250 ok\r\n250-a\r\n250 ok\r\n250 ok\r\n")

    assert [reply.lines for reply in replies] == [("ok",), ("a", "ok"), ("ok",)]


@given(
    st.lists(
        st.sampled_from(
            [b"250 ok\r\n", b"250-a\r\n", b"354 go\r\n", b"\r", b"\n", b"x", b"\xff", b"2", b"5 0 "]
        ),
        max_size=12,
    )
)
def test_any_octets_give_the_same_however_they_arrive(pieces: list[bytes]) -> None:
    _, error, _ = parse(b"".join(pieces))

    assert printable(error) == error


@pytest.mark.parametrize(
    ("lines", "enhanced", "text"),
    [
        (("5.7.1 no",), "5.7.1", "5.7.1 no"),
        (("5.7.1",), "5.7.1", "5.7.1"),
        (("5.7.1 a", "5.7.1 b", "c"), "5.7.1", "5.7.1 a b c"),
        (("a", "5.7.1 b"), "", "a 5.7.1 b"),
        (("5.7.1234 no",), "", "5.7.1234 no"),
        (("3.7.1 no",), "", "3.7.1 no"),
        (("5.7.1no",), "", "5.7.1no"),
        (("5.7.1 a", "5.7.1"), "5.7.1", "5.7.1 a"),
        (("",), "", ""),
    ],
)
def test_a_reply_has_text_and_enhanced_status_code(
    lines: tuple[str, ...], enhanced: str, text: str
) -> None:
    reply = Reply(550, lines)

    assert (reply.enhanced, reply.text) == (enhanced, text)
    assert str(reply) == f"550 {text}".rstrip()


@pytest.mark.parametrize(("code", "kind"), [(250, 0), (354, 1), (450, 2), (550, 3)])
def test_a_code_is_of_one_class(code: int, kind: int) -> None:
    reply = Reply(code, ("",))

    classes = [reply.is_positive, reply.is_intermediate, reply.is_transient, reply.is_permanent]
    assert classes == [index == kind for index in range(4)]


def test_a_reply_shows_as_it_was_written() -> None:
    assert Reply(250, ("a", "", "b")).wire_lines() == ["250-a", "250-", "250 b"]


def test_printable_text_stays_as_it_is() -> None:
    assert printable("안녕 a") == "안녕 a"
    assert printable("\0\t\u200b") == "\\x00\t\\u200b"
