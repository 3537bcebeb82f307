"""What a message is made of, what it refuses, and the envelope it gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes
from pathlib import Path

import pytest
from tests.message.judge import read
from tests.message.strategies import NOW, build_now

from postroad.errors import AddressError, Code, HeaderFieldError, MessageError, TooLargeError
from postroad.message import Address, Attachment, Message, build, limits

FROM, TO = "a@b.example", "c@d.example"


def _message(**fields: object) -> Message:
    return Message(**({"from_": FROM, "to": TO, "text": "x"} | fields))  # type: ignore[arg-type]


def _structure(message: Message) -> str:
    def shape(part: object) -> str:
        parts = part.get_payload()  # type: ignore[attr-defined]
        name: str = part.get_content_subtype()  # type: ignore[attr-defined]
        return f"{name}({' '.join(map(shape, parts))})" if isinstance(parts, list) else name

    return shape(message_from_bytes(build_now(message).content))


def test_a_message_is_a_value() -> None:
    message = _message(cc=[TO], headers={"X-A": "1"})

    assert message == _message(cc=Address(TO), headers=[("X-A", "1")])
    assert hash(message) == hash(replace(message))
    assert replace(message, subject="y").subject == "y"
    assert message.to == (Address(TO),)
    assert "x" not in repr(message.text and replace(message, text="x" * 99)).split("(", 1)[0]
    with pytest.raises(FrozenInstanceError):
        message.subject = "y"  # type: ignore[misc]


WRONG: list[tuple[str, dict[str, object], type[MessageError], str]] = [
    ("no recipient", {"to": []}, AddressError, "to: there is no recipient"),
    ("no body", {"text": None}, MessageError, "text: neither"),
    ("two senders", {"from_": [FROM, TO]}, AddressError, "from: takes one address"),
    ("no sender", {"from_": None}, AddressError, "from: takes one address"),
    ("a subject of octets", {"subject": b"x"}, HeaderFieldError, "subject: takes text"),
    ("a text of octets", {"text": b"x"}, MessageError, "text: takes text"),
    ("an html number", {"html": 1}, MessageError, "html: takes text"),
    ("an attachment's path", {"attachments": "x.pdf"}, MessageError, "attachments[0]: takes an"),
    ("an attachment number", {"attachments": 1}, MessageError, "attachments: takes"),
    ("headers as text", {"headers": "X: y"}, HeaderFieldError, "headers: takes names"),
    ("headers as a list", {"headers": ["X: y"]}, HeaderFieldError, "headers: takes pairs"),
    ("a header number", {"headers": {"X": 1}}, HeaderFieldError, "headers: names and values"),
    ("a header without name", {"headers": {"": "x"}}, HeaderFieldError, "not the name"),
    ("a header with a space", {"headers": {"X Y": "x"}}, HeaderFieldError, "not the name"),
    ("a header with a colon", {"headers": {"X:": "x"}}, HeaderFieldError, "not the name"),
    ("a Korean header", {"headers": {"제목": "x"}}, HeaderFieldError, "not the name"),
    ("two Senders", {"headers": [("Sender", FROM)] * 2}, HeaderFieldError, "once only"),
    ("two References", {"headers": [("References", "<a@b>")] * 2}, HeaderFieldError, "once"),
    ("two mailboxes in Sender", {"headers": {"Sender": f"{FROM}, {TO}"}}, AddressError, "Sender"),
    ("Korean in References", {"headers": {"References": "<가@b>"}}, HeaderFieldError, "ASCII"),
    ("a bare message_id", {"message_id": "a@b"}, HeaderFieldError, "message_id"),
    ("a message_id with a space", {"message_id": "<a @b>"}, HeaderFieldError, "message_id"),
    ("two message_ids", {"message_id": "<a@b> <c@d>"}, HeaderFieldError, "message_id"),
    ("a message_id number", {"message_id": 1}, HeaderFieldError, "message_id"),
    ("a naive date", {"date": datetime(2026, 1, 1)}, MessageError, "date"),  # noqa: DTZ001
    ("a date as text", {"date": "today"}, MessageError, "date"),
    ("the year 1899", {"date": datetime(1899, 1, 1, tzinfo=UTC)}, MessageError, "date"),
    (
        "the first year",
        {"date": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))},
        MessageError,
        "date",
    ),
    ("the last year", {"date": datetime(9999, 12, 31, tzinfo=UTC)}, MessageError, "date"),
    ("an envelope name", {"envelope_sender": f"Bo <{FROM}>"}, AddressError, "envelope_sender"),
    ("an envelope word", {"envelope_sender": "bounce"}, AddressError, "envelope_sender"),
]


@pytest.mark.parametrize(
    ("fields", "error", "words"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG]
)
def test_what_is_wrong_by_itself_is_refused_at_once(
    fields: dict[str, object], error: type[MessageError], words: str
) -> None:
    with pytest.raises(error) as caught:
        _message(**fields)

    assert words in str(caught.value)
    assert caught.value.code is Code.CONFIG


OWN = [
    "From", "To", "Cc", "Bcc", "Reply-To", "Subject", "Date", "Message-ID", "MIME-Version",
    "Return-Path", "Resent-Bcc", "Content-Type", "Content-Transfer-Encoding", "Content-ID",
]  # fmt: skip


@pytest.mark.parametrize("name", [spelled for own in OWN for spelled in (own, own.lower())])
def test_a_field_the_builder_writes_cannot_be_added(name: str) -> None:
    with pytest.raises(HeaderFieldError, match=name):
        _message(headers={name: "x@y.example"})


def test_extra_fields_keep_their_order_and_may_repeat() -> None:
    message = _message(
        headers=[
            ("X-Tag", "one"),
            ("Sender", "비서 <s@b.example>"),
            ("X-Tag", "둘"),
            ("References", " ".join(f"<{n:030}@host.example>" for n in range(5))),
            ("X-Api", '{"a":"' + "b" * 300 + '"}'),
            ("List-Unsubscribe", "<https://x.example/" + "u" * 600 + "?a=?b>"),
        ]
    )

    head = build_now(message).content.decode("ascii").partition("\r\n\r\n")[0]

    extra = head.partition("MIME-Version: 1.0\r\n")[2].split("\r\n")
    assert extra == [
        "X-Tag: one",
        "Sender: =?UTF-8?B?67mE7ISc?= <s@b.example>",
        "X-Tag: =?UTF-8?B?65GY?=",
        "References: <000000000000000000000000000000@host.example>",
        *(f" <{n:030}@host.example>" for n in range(1, 5)),
        'X-Api: {"a":"' + "b" * 300 + '"}',
        "List-Unsubscribe: <https://x.example/" + "u" * 600 + "?a=?b>",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 7bit",
    ]


STRUCTURES: list[tuple[dict[str, object], str]] = [
    ({"text": "t"}, "plain"),
    ({"text": ""}, "plain"),
    ({"text": "t", "html": ""}, "plain"),
    ({"text": "t", "html": "<p>h"}, "alternative(plain html)"),
    ({"text": None, "html": "<p>h"}, "alternative(plain html)"),
    ({"text": "", "html": "<p>h"}, "html"),
    ({"text": None, "html": "<img src=x>"}, "html"),
    ({"text": None, "html": ""}, "plain"),
    ({"attachments": Attachment("a.pdf", b"")}, "mixed(plain pdf)"),
    ({"attachments": Attachment("a.png", b"", content_id="a")}, "mixed(plain png)"),
    (
        {"html": "<p>h", "attachments": [Attachment("a.png", b"", content_id="a")]},
        "alternative(plain related(html png))",
    ),
    (
        {"text": "", "html": "<p>h", "attachments": [Attachment("a.png", b"", content_id="a")]},
        "related(html png)",
    ),
    (
        {
            "html": "<p>h",
            "attachments": [
                Attachment("a.pdf", b""),
                Attachment("a.png", b"", content_id="a"),
                Attachment("b.gif", b"", inline=True),
            ],
        },
        "mixed(alternative(plain related(html png)) pdf gif)",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "structure"), STRUCTURES)
def test_the_parts_are_nested_as_readers_expect(fields: dict[str, object], structure: str) -> None:
    assert _structure(_message(**fields)) == structure


def test_text_is_derived_from_html_when_none_is_given() -> None:
    html = '<h1>안녕</h1><p>보세요: <a href="https://x.example/">여기</a></p>'

    back = read(build_now(_message(text=None, html=html)).content)

    assert back.text == "안녕\r\n\r\n보세요: 여기 (https://x.example/)".encode()


def test_every_mailbox_is_in_the_envelope_once_and_bcc_in_no_header() -> None:
    message = _message(
        to=[TO, "x@B.example"],
        cc=["x@b.example", "y@e.example"],
        bcc=["hidden@f.example", TO],
    )

    built = build_now(message)

    assert built.forward_paths == (TO, "x@B.example", "y@e.example", "hidden@f.example")
    assert tuple(address.path for address in built.recipients) == built.forward_paths
    assert b"hidden" not in built.content
    assert b"cc: " in built.content.lower()
    assert b"bcc" not in built.content.lower()


def test_a_message_to_bcc_only_has_no_to_field() -> None:
    built = build_now(_message(to=(), bcc=[TO]))

    assert built.forward_paths == (TO,)
    assert b"\r\nTo:" not in built.content


@pytest.mark.parametrize(
    ("sender", "path"),
    [
        (None, FROM),
        ("", ""),
        ("<>", ""),
        ("bounce+c=d.example@한국.kr", "bounce+c=d.example@xn--3e0b707e.kr"),
        (Address("v@b.example"), "v@b.example"),
    ],
)
def test_the_reverse_path_is_the_sender_unless_another_is_given(
    sender: str | Address | None, path: str
) -> None:
    assert build_now(_message(envelope_sender=sender)).reverse_path == path


@pytest.mark.parametrize("field", ["from_", "to", "cc", "bcc", "reply_to", "envelope_sender"])
def test_one_mailbox_beyond_ascii_needs_smtputf8(field: str) -> None:
    built = build_now(_message(**{field: "사용자@b.example"}))

    assert built.needs_smtputf8
    assert built.is_8bit is (field not in ("bcc", "envelope_sender"))
    assert built.is_8bit is not built.content.isascii()


def test_own_date_and_message_id_win_over_those_of_the_sending() -> None:
    seoul = timezone(timedelta(hours=9))
    message = _message(
        date=datetime(2026, 1, 2, 3, 4, 5, 999_999, seoul), message_id="<mine@b.example>"
    )

    built = build_now(message)

    assert built.message_id == "<mine@b.example>"
    assert b"\r\nDate: Fri, 2 Jan 2026 03:04:05 +0900\r\n" in built.content
    assert b"\r\nMessage-ID: <mine@b.example>\r\n" in built.content
    assert b"made.1" not in built.content


@pytest.mark.parametrize(
    ("zone", "written"),
    [
        (timedelta(hours=-3, minutes=-30), "Thu, 5 Mar 2026 02:37:08 -0330"),
        (timedelta(hours=5, minutes=45), "Thu, 5 Mar 2026 11:52:08 +0545"),
        (timedelta(seconds=61), "Thu, 5 Mar 2026 06:07:08 +0000"),
    ],
)
def test_the_date_keeps_its_zone_where_the_field_can_say_it(zone: timedelta, written: str) -> None:
    built = build_now(_message(date=NOW.astimezone(timezone(zone))))

    assert f"\r\nDate: {written}\r\n".encode() in built.content


@pytest.mark.parametrize(
    "seed", ["", "short", "with space", "a" * 41, "semi;colon", "가나다라마바사아"]
)
def test_a_boundary_that_could_be_guessed_or_misread_is_refused(seed: str) -> None:
    with pytest.raises(MessageError, match="boundary"):
        build(_message(), date=NOW, message_id="<a@b>", boundary=seed)


@pytest.mark.parametrize("message_id", ["", "a@b", "<a@b>\r\nBcc: x@y", "<a b@c>"])
def test_a_message_id_that_is_none_is_refused_when_building(message_id: str) -> None:
    with pytest.raises(HeaderFieldError, match="message_id"):
        build(_message(), date=NOW, message_id=message_id, boundary="Seed0123")


def test_text_that_holds_the_boundary_is_encoded() -> None:
    text = "--=_a_Seed0123456789--\n"

    back = read(build_now(_message(text=text, html=text)).content)

    assert back.text == back.html == text.replace("\n", "\r\n").encode()


def test_an_attached_message_travels_as_it_is_or_as_octets(tmp_path: Path) -> None:
    clean = b"Subject: x\r\n\r\nhi\r\n"
    path = tmp_path / "forward.eml"
    path.write_bytes(clean)
    attachments = [
        Attachment.from_path(path),
        Attachment("unix.eml", clean.replace(b"\r\n", b"\n")),
        Attachment("seed.eml", b"Subject: x\r\n\r\n--=_m_Seed0123456789\r\n"),
    ]

    content = build_now(_message(attachments=attachments)).content

    parts = message_from_bytes(content).get_payload()
    kinds = [part.get_content_type() for part in parts]  # type: ignore[union-attr]
    assert kinds == [
        "text/plain",
        "message/rfc822",
        "application/octet-stream",
        "application/octet-stream",
    ]
    assert clean in content


def _many(number: int) -> list[str]:
    return [f"a{n}@b.example" for n in range(number)]


LIMITS: list[tuple[str, Callable[[], object], str]] = [
    ("a subject of 1 MB", lambda: _message(subject="x" * 1_000_000), "subject: "),
    ("a Korean subject", lambda: _message(subject="가" * 11_000), "subject: "),
    ("10 k recipients", lambda: _message(to=_many(10_000)), "to: "),
    ("recipients in all", lambda: _message(to=_many(1500), bcc=_many(501)), "recipients: "),
    ("a body of 30 MB", lambda: _message(text="x" * 30_000_000), "text: "),
    ("a Korean body of 30 MB", lambda: _message(html="가" * 10_000_000), "html: "),
    (
        "1,000 attachments",
        lambda: _message(attachments=[Attachment("x", b"")] * 1000),
        "attachments: ",
    ),
    ("100 k headers", lambda: _message(headers=[("X-A", "b")] * 100_000), "headers: "),
    ("a long header name", lambda: _message(headers={"X" * 77: "b"}), "headers: "),
    ("a long header value", lambda: _message(headers={"X-A": "b" * 40_000}), "X-A: "),
    ("one long word", lambda: _message(headers={"References": "b" * 1000}), "References: "),
    ("a long file name", lambda: Attachment("x" * 1025, b""), "filename: "),
    ("a long Korean file name", lambda: Attachment("가" * 342, b""), "filename: "),
    (
        "more octets than any relay takes",
        lambda: _message(attachments=[Attachment("x", bytes(60_000_000))] * 2),
        "attachments: ",
    ),
    (
        "a header of 1 MiB",
        lambda: build_now(_message(to=[Address("a@b.example", "가" * 300)] * 1000)),
        "header: ",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("make", "words"), [row[1:] for row in LIMITS], ids=[row[0] for row in LIMITS]
)
def test_beyond_a_limit_the_error_names_the_field(make: Callable[[], object], words: str) -> None:
    with pytest.raises(TooLargeError) as caught:
        make()

    assert str(caught.value).startswith(words)


def test_at_the_limits_a_message_is_built() -> None:
    message = _message(
        to=_many(limits.RECIPIENTS),
        subject="x" * limits.FIELD_VALUE_OCTETS,
        headers=[("X-A", "b")] * limits.HEADER_FIELDS,
        attachments=[Attachment("x", b"")] * limits.ATTACHMENTS,
    )

    built = build_now(message)

    assert len(built.forward_paths) == limits.RECIPIENTS
    assert max(map(len, built.content.split(b"\r\n"))) <= 78


def test_a_large_attachment_is_held_once_encoded() -> None:
    import tracemalloc

    size = 25_000_000
    message = _message(attachments=[Attachment("x.bin", bytes(size))])
    tracemalloc.start()

    built = build_now(message)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(built.content) > size * 4 // 3
    assert peak < 2 * size
