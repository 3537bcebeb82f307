"""Every built message says, to CPython's `email`, exactly what was asked for."""

from __future__ import annotations

import re
from email import message_from_bytes
from email.utils import collapse_rfc2231_value, parsedate_to_datetime

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.message.judge import decoded, read
from tests.message.strategies import NOW, attachments, bodies, build_now, field_text, messages

from postroad.message import Address, Attachment, Message, build
from postroad.message.body import crlf


def _pairs(addresses: tuple[Address, ...]) -> list[tuple[str, str]]:
    return [(address.name, address.path) for address in addresses]


def _as_sent(text: str) -> bytes:
    return crlf(text.encode())


def _without_last_line_end(octets: bytes | None) -> bytes | None:
    return octets.removesuffix(b"\r\n") if octets is not None else None


def check_lines(content: bytes) -> None:
    """What every relay may rely on (RFC 5321 §2.3.8, RFC 5322 §2.1.1)."""
    assert content.isascii()
    assert b"\0" not in content
    assert content.endswith(b"\r\n")
    assert b"\r" not in content.replace(b"\r\n", b"")
    assert b"\n" not in content.replace(b"\r\n", b"")
    assert max(map(len, content.split(b"\r\n"))) <= 998
    for line in content.partition(b"\r\n\r\n")[0].split(b"\r\n"):
        foldable = re.search(rb"[^ :] +[^ ]", re.sub(rb"^[!-9;-~]+:", b"", line))
        assert len(line) <= 78 or not foldable
        assert line.strip()


@settings(max_examples=400, deadline=None)
@given(messages)
def test_a_built_message_reads_back_as_what_was_asked_for(message: Message) -> None:
    built = build_now(message)

    check_lines(built.content)
    back = read(built.content)
    assert back.mailboxes["from"] == _pairs((message.from_,))
    assert back.mailboxes["to"] == _pairs(message.to)
    assert back.mailboxes.get("cc", []) == _pairs(message.cc)
    assert back.mailboxes.get("reply-to", []) == _pairs(message.reply_to)
    assert "bcc" not in back.mailboxes
    assert back.fields["subject"] == [message.subject]
    assert [parsedate_to_datetime(date) for date in back.fields["date"]] == [message.date or NOW]
    assert back.fields["message-id"] == ["<made.1@host.example>"] == [built.message_id]
    assert back.fields["mime-version"] == ["1.0"]
    for name, value in message.headers:
        assert value in back.fields[name.lower()]
    html = message.html or None
    assert (back.html is None) == (html is None)
    if html is not None:
        assert _without_last_line_end(back.html) == _without_last_line_end(_as_sent(html))
    text = message.text if message.text or not html else None
    assert (back.text is None) == (text is None)
    if text is not None:
        assert _without_last_line_end(back.text) == _without_last_line_end(_as_sent(text))
    wanted = sorted(
        (
            file.filename,
            file.content_type.partition(";")[0],
            file.content,
            f"<{file.content_id}>" if file.content_id else "",
        )
        for file in message.attachments
    )
    assert sorted((*file[:3], file[3] or "") for file in back.files) == wanted


@settings(max_examples=200, deadline=None)
@given(bodies.filter(bool), bodies.filter(bool))
def test_both_bodies_of_an_alternative_keep_every_octet(text: str, html: str) -> None:
    message = Message("a@b.example", "c@d.example", text=text, html=html)

    back = read(build_now(message).content)

    assert back.html == _as_sent(html)
    assert back.text == _as_sent(text)


@settings(max_examples=100, deadline=None)
@given(messages)
def test_an_smtputf8_mailbox_makes_its_fields_utf_8_and_nothing_else(message: Message) -> None:
    sender = Address("사용자@한국.kr", message.from_.name)
    changed = Message(sender, message.to, message.subject, message.text, message.html)

    built = build_now(changed)

    assert built.needs_smtputf8
    assert built.is_8bit
    head, _, rest = built.content.partition(b"\r\nTo: ")
    assert head.decode().endswith("사용자@xn--3e0b707e.kr" + ">" * bool(sender.name))
    check_lines(b"From: a@b\r\nTo: " + rest)


@given(messages, st.text("abcdefgh01234567", min_size=8, max_size=40))
def test_building_is_a_function_of_its_arguments(message: Message, seed: str) -> None:
    first = build(message, date=NOW, message_id="<1@x.example>", boundary=seed)
    again = build(message, date=NOW, message_id="<1@x.example>", boundary=seed)

    assert first == again


@settings(max_examples=100, deadline=None)
@given(st.lists(attachments, min_size=1, max_size=4), field_text())
def test_file_names_are_folded_and_written_in_both_places(
    files: list[Attachment], subject: str
) -> None:
    message = Message("a@b.example", "c@d.example", subject, "x", attachments=files)

    content = build_now(message).content

    parts = [part for part in message_from_bytes(content).walk() if not part.is_multipart()][1:]
    for part, file in zip(parts, files, strict=True):
        name = part.get_param("name")
        assert isinstance(name, str)
        assert decoded(name.replace("\r\n", "")) == file.filename
        disposition = part.get_param("filename", header="content-disposition")
        assert collapse_rfc2231_value(disposition or "") == file.filename
    for line in content.split(b"\r\n"):
        assert len(line) <= 78 or line.startswith(b"Content-Type: ")  # a media type is one word
