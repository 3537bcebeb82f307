"""Header fields: which may be added, how each is folded and encoded."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from functools import lru_cache

from postroad.errors import HeaderFieldError, MessageError, TooLargeError
from postroad.message import limits
from postroad.message.address import Address, parse_address
from postroad.message.characters import forbid_controls, shown
from postroad.message.words import encoded_words, looks_encoded, phrase

_FIELD_NAME = re.compile(r"[!-9;-~]+")  # RFC 5322 §3.6.8: ftext
_ID = re.compile(
    r"<[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@(?:[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+|\[[!-Z^-~]*\])>"
)
_WORDS = re.compile(r"(?:^| )( *[^ ]+)")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# Fields the builder writes itself, with the argument that sets them (RFC 5322 §3.6: once only).
_OWN = {
    "from": "from_",
    "to": "to",
    "cc": "cc",
    "bcc": "bcc",
    "reply-to": "reply_to",
    "subject": "subject",
    "date": "date",
    "message-id": "message_id",
    "return-path": "envelope_sender",
}
# These would show to everybody who was meant to be hidden, or contradict what the builder writes.
_NEVER = {"resent-bcc", "mime-version"}
# One mailbox each.
_MAILBOX = {"sender", "disposition-notification-to", "return-receipt-to", "errors-to"}
# Fields that programs read: encoded words would break them, so they hold ASCII only.
_STRUCTURED = {
    "in-reply-to", "references", "keywords", "auto-submitted", "precedence", "importance",
    "priority", "x-priority", "sensitivity", "received", "received-spf", "dkim-signature",
    "authentication-results", "arc-seal", "arc-message-signature", "arc-authentication-results",
    "list-id", "list-unsubscribe", "list-unsubscribe-post", "list-subscribe", "list-post",
    "list-help", "list-owner", "list-archive", "resent-from", "resent-sender", "resent-to",
    "resent-cc", "resent-date", "resent-message-id", "require-recipient-valid-since", "autocrypt",
    "feedback-id", "original-message-id", "tls-required", "expires", "reply-by", "x-mailer",
}  # fmt: skip
# RFC 5322 §3.6, RFC 2369 §3.
_ONCE = _MAILBOX | {"in-reply-to", "references"}
_ONCE |= {name for name in _STRUCTURED if name.startswith("list-")}


def fold(name: str, words: Sequence[str]) -> str:
    """Return a header field of `words`, a space or a fold between any two, ended by CRLF.

    returns: lines of at most 76 octets, but for a word that is longer by itself.
    source:  RFC 5322 §2.2.3, RFC 2047 §2.
    """
    lines: list[str] = []
    line = f"{name}:"
    for word in words:
        fits = len(line) + 1 + len(word) <= limits.FOLDED_LINE_OCTETS
        # A fold right after the name is legal, and worth it only where it keeps the line short.
        if not fits and (lines or len(line) > len(name) + 1 or _is_short(word)):
            lines.append(line)
            line = ""
        line = f"{line} {word}"
    lines.append(line)
    return "\r\n".join(lines) + "\r\n"


def _is_short(word: str) -> bool:
    return len(word) < limits.FOLDED_LINE_OCTETS


def mailbox_field(name: str, addresses: Sequence[Address]) -> str:
    """Return a field that lists `addresses`, at least one."""
    if len(addresses) == 1:
        display = addresses[0].display
        if len(name) + 2 + len(display) <= limits.FOLDED_LINE_OCTETS:
            return f"{name}: {display}\r\n"
    words: list[str] = []
    for address in addresses:
        shown_name = phrase(address.name)
        words.extend(shown_name)
        words.append(f"<{address.path}>," if shown_name else f"{address.path},")
    words[-1] = words[-1][:-1]
    return fold(name, words)


def unstructured_field(name: str, value: str, longest_word: int = 66) -> str:
    """Return a field of free text; as encoded words where plain words would not survive.

    value:        without control characters.
    longest_word: octets a plain word may have.
    source:       RFC 5322 §2.2.1, §3.2.5; RFC 2047 §5 (1).
    """
    if _is_plain(value):
        if len(name) + 2 + len(value) <= limits.FOLDED_LINE_OCTETS:
            return f"{name}: {value}\r\n"
        words = value.split(" ")
        if max(map(len, words)) <= longest_word:
            return fold(name, words)
    first = limits.FOLDED_LINE_OCTETS - len(name) - 2
    return fold(name, encoded_words(value, first if first >= 24 else limits.ENCODED_WORD_OCTETS))


def _is_plain(value: str) -> bool:
    """True for text a reader sees as it is, wherever it is folded."""
    return (
        value.isascii()
        and value.isprintable()
        and "  " not in value
        and not looks_encoded(value)
        and value[:1] != " "
        and value[-1:] != " "
    )


def extra_field(name: object, value: object) -> str:
    """Return a field that the caller added, checked and folded.

    raises: HeaderFieldError when it may not stand there; TooLargeError; AddressError.
    """
    if not isinstance(name, str) or not isinstance(value, str):
        raise HeaderFieldError("headers: names and values are text")
    if len(value) <= limits.CACHED_FIELD_CHARS and len(name) <= limits.FIELD_NAME_OCTETS:
        return _cached_extra_field(name, value)
    return _extra_field(name, value)


def _extra_field(name: str, value: str) -> str:
    if len(name) > limits.FIELD_NAME_OCTETS:
        raise TooLargeError(
            f"headers: {shown(name)} is longer than {limits.FIELD_NAME_OCTETS} octets"
        )
    if not _FIELD_NAME.fullmatch(name):
        raise HeaderFieldError(f"headers: {shown(name)} is not the name of a header field")
    key = name.lower()
    if argument := _OWN.get(key):
        raise HeaderFieldError(f"headers: {name} is set by the argument {argument}")
    if key in _NEVER or key.startswith("content-"):
        raise HeaderFieldError(f"headers: {name} may not be set")
    check_value(value, name)
    if key in _MAILBOX:
        return mailbox_field(name, (parse_address(value, name),))
    if key not in _STRUCTURED:
        return unstructured_field(name, value, limits.WORD_OCTETS)
    if not value.isascii() or "\t" in value or value != value.strip():
        raise HeaderFieldError(
            f"{name}: holds ASCII only, without tabs and without spaces around it"
        )
    words: list[str] = _WORDS.findall(value)
    if max(map(len, words), default=0) > limits.WORD_OCTETS:
        raise TooLargeError(f"{name}: more than {limits.WORD_OCTETS} octets without a space")
    return fold(name, words)


_cached_extra_field = lru_cache(maxsize=limits.CACHED_FIELDS)(_extra_field)


def is_once_only(name: str) -> bool:
    """True when a message may have one such field only."""
    return name.lower() in _ONCE


def check_value(value: str, field: str) -> None:
    """Refuse a value that is too long or holds a control character.

    raises: TooLargeError, HeaderFieldError.
    """
    if len(value) > limits.FIELD_VALUE_OCTETS:
        raise TooLargeError(f"{field}: longer than {limits.FIELD_VALUE_OCTETS:,} octets")
    if value.isprintable():
        if value.isascii() or len(value) * 4 <= limits.FIELD_VALUE_OCTETS:
            return
    else:
        forbid_controls(value, field)
    if len(value.encode()) > limits.FIELD_VALUE_OCTETS:
        raise TooLargeError(f"{field}: longer than {limits.FIELD_VALUE_OCTETS:,} octets")


def check_message_id(message_id: str) -> None:
    """Refuse what is not `<left@right>`.

    raises: HeaderFieldError.
    source: RFC 5322 §3.6.4.
    """
    if not isinstance(message_id, str):
        raise HeaderFieldError("message_id: is text in the form <left@right>")
    if len(message_id) > limits.MESSAGE_ID_OCTETS or not _ID.fullmatch(message_id):
        forbid_controls(message_id, "message_id")
        raise HeaderFieldError(f"message_id: {shown(message_id)} is not in the form <left@right>")


def date_field(date: datetime) -> str:
    """Return the Date field of an aware datetime, in its own zone where that has whole minutes.

    raises: MessageError for a date without time zone, or not of the years 1900 to 9998.
    source: RFC 5322 §3.3.
    """
    if not isinstance(date, datetime):
        raise MessageError(f"date: takes a datetime, not {type(date).__name__}")
    offset = date.utcoffset()
    if offset is None:
        raise MessageError("date: takes a datetime with a time zone")
    if not 1900 <= date.year <= 9998:
        raise MessageError("date: takes a year from 1900 to 9998")
    return _date_field(date.timestamp() // 1, offset)


@lru_cache(maxsize=64)  # a run builds thousands of messages within one second
def _date_field(seconds: float, offset: timedelta) -> str:
    minutes, rest = divmod(offset, timedelta(minutes=1))
    if rest:
        minutes, offset = 0, timedelta()
    local = datetime.fromtimestamp(seconds, timezone(offset))
    if not 1900 <= local.year <= 9998:
        raise MessageError("date: takes a year from 1900 to 9998")
    sign = "-" if minutes < 0 else "+"
    hours, minutes = divmod(abs(minutes), 60)
    return (
        f"Date: {_DAYS[local.weekday()]}, {local.day} {_MONTHS[local.month - 1]} {local.year:04}"
        f" {local.hour:02}:{local.minute:02}:{local.second:02} {sign}{hours:02}{minutes:02}\r\n"
    )
