"""What CPython's `email` reads in a built message: the judge the builder never asks."""

from __future__ import annotations

import email
import email.policy
from dataclasses import dataclass
from email.header import decode_header
from email.message import EmailMessage
from email.utils import collapse_rfc2231_value, getaddresses


@dataclass(frozen=True)
class Read:
    """A message as read back."""

    fields: dict[str, list[str]]  # lower-case names, decoded values
    mailboxes: dict[str, list[tuple[str, str]]]  # name and address
    text: bytes | None
    html: bytes | None
    files: list[tuple[str, str, bytes, str | None]]  # name, type, octets, content-id


def decoded(raw: str) -> str:
    """Return an unfolded value with its encoded words decoded."""
    return "".join(
        piece if isinstance(piece, str) else piece.decode(charset or "ascii")
        for piece, charset in decode_header(raw)
    )


def read(content: bytes) -> Read:
    raw = email.message_from_bytes(content, policy=email.policy.compat32)
    unfolded = [(name.lower(), str(value).replace("\r\n", "")) for name, value in raw.items()]
    fields: dict[str, list[str]] = {}
    mailboxes: dict[str, list[tuple[str, str]]] = {}
    for name, value in unfolded:
        fields.setdefault(name, []).append(decoded(value))
        if name in ("from", "to", "cc", "reply-to", "bcc"):
            pairs = [(decoded(shown), path) for shown, path in getaddresses([value])]
            mailboxes.setdefault(name, []).extend(pairs)
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    bodies: dict[str, bytes] = {}
    files: list[tuple[str, str, bytes, str | None]] = []
    for part, plain in zip(message.walk(), raw.walk(), strict=True):
        if part.is_multipart():
            continue
        octets = part.get_payload(decode=True)
        assert isinstance(octets, bytes)
        # get_filename() strips blanks.
        parameter = plain.get_param("filename", header="content-disposition")
        if parameter is None:
            assert part.get_content_subtype() not in bodies
            bodies[part.get_content_subtype()] = octets
        else:
            cid = part["Content-ID"]
            filename = collapse_rfc2231_value(parameter)
            files.append((filename, part.get_content_type(), octets, cid and str(cid)))
        assert not part.defects
    assert not message.defects
    return Read(fields, mailboxes, bodies.get("plain"), bodies.get("html"), files)
