"""A mail that arrived, as a person reads it: who, to whom, about what, and how it begins."""

from __future__ import annotations

import unicodedata
from email import message_from_bytes
from email.errors import MessageError
from email.header import decode_header, make_header
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from email.message import Message

    from postroad.simulators.recording import Received

PREVIEW_LINES = 12
PREVIEW_CHARACTERS = 1000
SHOWN_HEADERS = ("From", "To", "Cc", "Subject", "Date", "Message-ID")
PARTS_SHOWN = 40
LINE_CHARACTERS = 500  # a subject may have a megabyte


def printable(text: str) -> str:
    """`text` with every character that could do something to a terminal made visible.

    Control characters, line separators and the characters that turn the direction of writing become
    their escapes; tab stays, and so do spaces of any width.
    """
    return "".join(
        c
        if c == "\t" or unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}
        else _seen(c)
        for c in text
    )


def _seen(character: str) -> str:
    if character == "\u200d":  # joins emoji
        return character
    return character.encode("unicode_escape").decode("ascii")


def summary(received: Received) -> str:
    """Several lines about a mail; nothing in it can raise or move the cursor."""
    lines = [
        f"mail {received.number}: {_size(len(received.content))}, {_how(received)}",
        f"  envelope    <{received.reverse_path}> → "
        + ", ".join(f"<{path}>" for path in received.forward_paths),
    ]
    try:
        lines += _content(received.content)
    except Exception as exc:  # noqa: BLE001 - `email` raises many things at hostile content
        lines.append(f"  content     cannot be shown ({type(exc).__name__})")
    return "\n".join(_cut(printable(line)) for line in lines)


def _content(content: bytes) -> list[str]:
    """Header fields, parts and the beginning of the text."""
    message = message_from_bytes(content)
    lines = [
        f"  {name:<11} {_decoded(str(value))}"
        for name in SHOWN_HEADERS
        for value in message.get_all(name, [])
    ]
    parts = [part for part in message.walk() if not part.is_multipart()]
    if message.is_multipart():
        lines += [f"  part        {_part(part)}" for part in parts[:PARTS_SHOWN]]
    text = next((part for part in parts if part.get_content_type() == "text/plain"), None)
    if text is None:
        text = next((part for part in parts if part.get_content_maintype() == "text"), None)
    if text is not None:
        lines += ["", *(f"    {line}" for line in _preview(text))]
    return lines


def _cut(line: str) -> str:
    return line if len(line) <= LINE_CHARACTERS else line[:LINE_CHARACTERS] + "…"


def _how(received: Received) -> str:
    who = f"logged in as {received.username}" if received.username is not None else "no login"
    return f"{received.tls_version or 'not encrypted'}, {who}"


def _size(octets: int) -> str:
    return f"{octets:,} octets"


def _decoded(value: str) -> str:
    unfolded = " ".join(value.split())
    try:
        return str(make_header(decode_header(unfolded)))
    except (LookupError, ValueError, MessageError):  # an unknown charset or broken encoding
        return unfolded


def _part(part: Message) -> str:
    name = part.get_filename()
    payload = part.get_payload(decode=True)
    size = _size(len(payload) if isinstance(payload, bytes) else 0)
    return f"{part.get_content_type()}, {size}" + (f", {_decoded(name)}" if name else "")


def _preview(part: Message) -> list[str]:
    payload = part.get_payload(decode=True)
    octets = payload if isinstance(payload, bytes) else b""
    charset = part.get_content_charset() or "utf-8"
    try:
        text = octets.decode(charset, "backslashreplace")
    except (LookupError, ValueError):
        text = octets.decode("utf-8", "backslashreplace")
    shown = text[:PREVIEW_CHARACTERS].splitlines()
    is_cut = len(shown) > PREVIEW_LINES or len(text) > PREVIEW_CHARACTERS
    return shown[:PREVIEW_LINES] + (["…"] if is_cut else [])
