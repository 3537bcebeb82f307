"""From a message to the octets that DATA carries and the paths of its envelope."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from io import BytesIO
from typing import NamedTuple

from postroad.errors import MessageError, TooLargeError
from postroad.message import limits
from postroad.message.address import Address
from postroad.message.attachment import Attachment, part_header
from postroad.message.body import crlf, encode_text, is_7bit, write_base64
from postroad.message.header import (
    check_message_id,
    date_field,
    extra_field,
    mailbox_field,
    unstructured_field,
)
from postroad.message.message import Message
from postroad.message.text import html_to_text

# One boundary must not begin another: they differ in their third letter.
_LETTERS = {"alternative": b"a", "mixed": b"m", "related": b"r"}
_MULTIPART_HEADERS = {
    "alternative": b'Content-Type: multipart/alternative;\r\n boundary="%b"\r\n',
    "mixed": b'Content-Type: multipart/mixed;\r\n boundary="%b"\r\n',
    # RFC 2387 §3.1 asks for the type of its root.
    "related": b'Content-Type: multipart/related; type="text/html";\r\n boundary="%b"\r\n',
}
_SEED = re.compile(r"[A-Za-z0-9]{8,40}")

_Put = Callable[[bytes], object]


class _Text(NamedTuple):
    subtype: str
    text: str


class _Multipart(NamedTuple):
    subtype: str
    parts: tuple[_Part, ...]


_Part = _Text | _Multipart | Attachment


@dataclass(frozen=True, slots=True)
class BuiltMessage:
    """A message ready for a transaction.

    content:         octets; lines ended by CRLF only, at most 998 long; not dot-stuffed.
    reverse_path:    what MAIL carries between "<" and ">", "" for the null reverse-path.
    recipients:      to, cc and bcc in this order, each mailbox once; never empty.
    forward_paths:   the paths of `recipients`, one each.
    needs_smtputf8:  an address of the envelope or the header has a local part beyond ASCII.
    is_8bit:         `content` holds octets above 127; only ever so with needs_smtputf8.
    is_transparent:  no line of `content` begins with a dot: dot-stuffing would change nothing.
    message_id:      with "<" and ">", as the header has it.
    """

    content: bytes = field(repr=False)
    reverse_path: str
    forward_paths: tuple[str, ...]
    recipients: tuple[Address, ...]
    needs_smtputf8: bool
    is_8bit: bool
    is_transparent: bool
    message_id: str


def build(message: Message, *, date: datetime, message_id: str, boundary: str) -> BuiltMessage:
    """Return `message` as content and envelope; the same arguments give the same octets.

    date, message_id: used where the message has none of its own.
    boundary: 8 to 40 ASCII letters and digits that nobody could guess, fresh for each message.
    raises: MessageError for a bad argument; TooLargeError when header or content grow too large.
    source: RFC 5322 §3.6, RFC 2045, RFC 2046 §5.1, RFC 2387.
    """
    if not _SEED.fullmatch(boundary):
        raise MessageError("boundary: takes 8 to 40 ASCII letters and digits")
    if message.message_id is not None:
        message_id = message.message_id
    else:
        check_message_id(message_id)
    header = _header(message, message.date or date, message_id)
    content, is_transparent = _content(message, header.encode(), boundary.encode("ascii"))
    if len(content) > limits.MESSAGE_OCTETS:
        raise TooLargeError(f"message: more than {limits.MESSAGE_OCTETS:,} octets, encoded")

    recipients = message.to
    if len(recipients) != 1 or message.cc or message.bcc:
        unique: dict[str, Address] = {}
        for address in (*recipients, *message.cc, *message.bcc):
            unique.setdefault(address.identity, address)
        recipients = tuple(unique.values())
    sender = message.from_ if message.envelope_sender is None else message.envelope_sender
    reverse_path = sender.path if isinstance(sender, Address) else ""
    forward_paths = tuple([address.path for address in recipients])
    is_8bit = not header.isascii()
    return BuiltMessage(
        content,
        reverse_path,
        forward_paths,
        recipients,
        is_8bit or not (reverse_path.isascii() and "".join(forward_paths).isascii()),
        is_8bit,
        is_transparent,
        message_id,
    )


def _header(message: Message, date: datetime, message_id: str) -> str:
    """Return the header but for the fields of the body's type, which `_put_part` writes."""
    fields = [mailbox_field("From", (message.from_,))]
    if message.to:
        fields.append(mailbox_field("To", message.to))
    if message.cc:
        fields.append(mailbox_field("Cc", message.cc))
    if message.reply_to:
        fields.append(mailbox_field("Reply-To", message.reply_to))
    fields.append(unstructured_field("Subject", message.subject))
    fields.append(date_field(date))
    fields.append(f"Message-ID: {message_id}\r\nMIME-Version: 1.0\r\n")
    for name, value in message.headers:
        fields.append(extra_field(name, value))
    header = "".join(fields)
    if len(header) > limits.HEADER_OCTETS:
        raise TooLargeError(f"header: more than {limits.HEADER_OCTETS:,} octets")
    return header


def _content(message: Message, header: bytes, seed: bytes) -> tuple[bytes, bool]:
    """Return header and body, and whether no line of them begins with a dot."""
    part = _body(message)
    if not message.attachments:
        pieces = [header]
        is_transparent = _put_part(pieces.append, part, seed)
        if not pieces[-1].endswith(b"\r\n"):
            pieces.append(b"\r\n")
        return b"".join(pieces), is_transparent
    stream = BytesIO()  # gives its octets away without a copy: a large file is held once, encoded
    stream.write(header)
    is_transparent = _put_part(stream.write, part, seed)
    return stream.getvalue(), is_transparent


def _body(message: Message) -> _Part:
    """Return the body as a tree of parts."""
    text, html = message.text, message.html
    if text is None:
        text = html_to_text(html or "")
    related: tuple[Attachment, ...] = ()
    files = message.attachments
    if files and html:
        related = tuple([file for file in files if file.content_id])
        files = tuple([file for file in files if not file.content_id])
    body: _Part
    if html:
        body = _Text("html", html)
        if related:
            body = _Multipart("related", (body, *related))
        if text:
            body = _Multipart("alternative", (_Text("plain", text), body))
    else:
        body = _Text("plain", text)
    return _Multipart("mixed", (body, *files)) if files else body


def _put_part(put: _Put, part: _Part, seed: bytes) -> bool:
    """Write the part's own header fields, an empty line and its body, without a last line end.

    returns: whether no line begins with a dot; neither base64 nor a header has such a line.
    """
    if isinstance(part, _Text):
        encoding, octets = encode_text(part.text, seed)
        put(_text_header(part.subtype, encoding))
        put(octets)
        return encoding == "base64" or not (b"\n." in octets or octets[:1] == b".")
    if isinstance(part, Attachment):
        return _put_attachment(put, part, seed)
    # "=_" cannot stand in base64 or quoted-printable; text as it is was searched for the seed.
    boundary = b"=_%b_%b" % (_LETTERS[part.subtype], seed)
    put(_MULTIPART_HEADERS[part.subtype] % boundary)
    delimiter = b"\r\n--%b\r\n" % boundary
    is_transparent = True
    for inner in part.parts:
        put(delimiter)
        is_transparent &= _put_part(put, inner, seed)
    put(b"\r\n--%b--\r\n" % boundary)
    return is_transparent


@cache  # two subtypes by three encodings
def _text_header(subtype: str, encoding: str) -> bytes:
    return (
        f"Content-Type: text/{subtype}; charset=utf-8\r\n"
        f"Content-Transfer-Encoding: {encoding}\r\n\r\n"
    ).encode("ascii")


def _put_attachment(put: _Put, file: Attachment, seed: bytes) -> bool:
    content_type, encoding = file.content_type, "base64"
    if content_type.lower().startswith("message/"):
        # RFC 2046 §5.2.1 forbids base64 here; what cannot travel as it is goes as plain octets.
        if (
            is_7bit(file.content)
            and crlf(file.content) == file.content
            and seed not in file.content
        ):
            encoding = "7bit"
        else:
            content_type = "application/octet-stream"
    put(part_header(file.filename, content_type, file.content_id, file.inline, encoding))
    if encoding == "7bit":
        put(file.content)
        return not (b"\n." in file.content or file.content[:1] == b".")
    write_base64(file.content, put)
    return True
