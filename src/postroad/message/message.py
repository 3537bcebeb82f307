"""The message as a value: who, to whom, what; checked when it is made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from postroad.errors import AddressError, HeaderFieldError, MessageError, TooLargeError
from postroad.message import limits
from postroad.message.address import Address, parse_address, parse_address_list
from postroad.message.attachment import Attachment
from postroad.message.body import base64_octets
from postroad.message.characters import shown
from postroad.message.header import (
    check_message_id,
    check_value,
    date_field,
    extra_field,
    is_once_only,
)

Mailboxes = str | Address | Iterable[str | Address]
HeaderFields = Mapping[str, str] | Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True, init=False)
class Message:
    """What is sent, before it is built; whatever is wrong by itself is refused here.

    from_:           one mailbox; `to`, `cc`, `bcc`, `reply_to` hold any number, one recipient at
                     least in all. Each str is exactly one mailbox.
    text, html:      None means not given. Without `text` one is derived from `html`; "" means no
                     such part. Both None is refused.
    attachments:     those with a content_id belong to the html.
    headers:         further header fields in their order; fields the builder writes are refused.
    envelope_sender: the reverse-path when it is not `from_`; "" or "<>" is the null one, kept "".
    message_id:      `<left@right>`, else one is made for each sending.
    date:            aware, else the time of building.
    raises:          AddressError, HeaderFieldError, TooLargeError or MessageError; each names the
                     field it is about.
    source:          RFC 5322 §3.6, RFC 2045 to 2047.
    """

    from_: Address
    to: tuple[Address, ...]
    subject: str
    text: str | None = field(repr=False)
    html: str | None = field(repr=False)
    cc: tuple[Address, ...]
    bcc: tuple[Address, ...]
    reply_to: tuple[Address, ...]
    attachments: tuple[Attachment, ...]
    headers: tuple[tuple[str, str], ...]
    envelope_sender: Address | str | None
    message_id: str | None
    date: datetime | None

    def __init__(
        self,
        from_: str | Address,
        to: Mailboxes = (),
        subject: str = "",
        text: str | None = None,
        html: str | None = None,
        *,
        cc: Mailboxes = (),
        bcc: Mailboxes = (),
        reply_to: Mailboxes = (),
        attachments: Attachment | Iterable[Attachment] = (),
        headers: HeaderFields | None = None,
        envelope_sender: str | Address | None = None,
        message_id: str | None = None,
        date: datetime | None = None,
    ) -> None:
        put = object.__setattr__
        put(self, "from_", parse_address(from_, "from"))
        to = parse_address_list(to, "to")
        put(self, "to", to)
        cc = parse_address_list(cc, "cc") if cc != () else ()
        put(self, "cc", cc)
        bcc = parse_address_list(bcc, "bcc") if bcc != () else ()
        put(self, "bcc", bcc)
        if not to or cc or bcc:
            _check_recipients(len(to) + len(cc) + len(bcc))
        put(self, "reply_to", parse_address_list(reply_to, "reply_to") if reply_to != () else ())
        if not isinstance(subject, str):
            raise HeaderFieldError(f"subject: takes text, not {type(subject).__name__}")
        check_value(subject, "subject")
        put(self, "subject", subject)
        if text is None and html is None:
            raise MessageError("text: neither text nor html is given")
        put(self, "text", _body(text, "text"))
        put(self, "html", _body(html, "html"))
        put(self, "attachments", _attachments(attachments) if attachments != () else ())
        put(self, "headers", _headers(headers) if headers is not None else ())
        put(self, "envelope_sender", _envelope_sender(envelope_sender))
        if message_id is not None:
            check_message_id(message_id)
        put(self, "message_id", message_id)
        if date is not None:
            date_field(date)
        put(self, "date", date)


def _check_recipients(count: int) -> None:
    if not count:
        raise AddressError("to: there is no recipient")
    if count > limits.RECIPIENTS:
        raise TooLargeError(f"recipients: more than {limits.RECIPIENTS:,} in to, cc and bcc")


def _body(text: str | None, field: str) -> str | None:
    if text is None:
        return None
    if not isinstance(text, str):
        raise MessageError(f"{field}: takes text, not {type(text).__name__}")
    size = len(text)
    if size <= limits.BODY_OCTETS and not text.isascii():
        try:
            size = len(text.encode())
        except UnicodeEncodeError as error:
            raise MessageError(
                f"{field}: half a surrogate pair at position {error.start} is no character"
            ) from None
    if size > limits.BODY_OCTETS:
        raise TooLargeError(f"{field}: more than {limits.BODY_OCTETS:,} octets")
    if "\0" in text:
        raise MessageError(f"{field}: NUL at position {text.index(chr(0))} may not stand there")
    return text


def _attachments(value: Attachment | Iterable[Attachment]) -> tuple[Attachment, ...]:
    if isinstance(value, Attachment):
        value = (value,)
    elif not isinstance(value, Iterable):
        raise MessageError(f"attachments: takes attachments, not {type(value).__name__}")
    attachments: list[Attachment] = []
    size = 0
    for attachment in value:
        if not isinstance(attachment, Attachment):
            raise MessageError(
                f"attachments[{len(attachments)}]: takes an Attachment,"
                f" not {type(attachment).__name__}"
            )
        attachments.append(attachment)
        size += base64_octets(len(attachment.content))
        if len(attachments) > limits.ATTACHMENTS:
            raise TooLargeError(f"attachments: more than {limits.ATTACHMENTS:,}")
    if size > limits.MESSAGE_OCTETS:
        raise TooLargeError(f"attachments: more than {limits.MESSAGE_OCTETS:,} octets, encoded")
    return tuple(attachments)


def _headers(value: object) -> tuple[tuple[str, str], ...]:
    if isinstance(value, Mapping):
        value = value.items()
    elif isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise HeaderFieldError(f"headers: takes names with values, not {type(value).__name__}")
    fields: list[tuple[str, str]] = []
    once: set[str] = set()
    size = 0
    for pair in value:
        if len(fields) == limits.HEADER_FIELDS:
            raise TooLargeError(f"headers: more than {limits.HEADER_FIELDS:,} fields")
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise HeaderFieldError("headers: takes pairs of a name and a value")
        name, text = pair
        extra_field(name, text)
        size += len(name) + len(text)
        if size > limits.HEADER_OCTETS:  # its true size is only known when it is built
            raise TooLargeError(f"headers: more than {limits.HEADER_OCTETS:,} octets")
        if is_once_only(name):
            if name.lower() in once:
                raise HeaderFieldError(f"headers: {name} may stand once only")
            once.add(name.lower())
        fields.append((name, text))
    return tuple(fields)


def _envelope_sender(value: str | Address | None) -> Address | str | None:
    if value is None:
        return None
    if value in ("", "<>"):
        return ""
    address = parse_address(value, "envelope_sender")
    if address.name:
        raise AddressError(f"envelope_sender: {shown(str(value))} has a name; a path has none")
    return address
