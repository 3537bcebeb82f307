"""Text as a header carries it: encoded words, phrases and parameters."""

from __future__ import annotations

import re
from binascii import b2a_base64

from postroad.message import limits

_OVERHEAD = len("=?UTF-8?B??=")
_Q_SAFE = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/ "  # RFC 2047 §5 (3)
_ATTRIBUTE_SAFE = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_PLAIN_FILE_NAME = re.compile(r"[A-Za-z0-9._+-]+(?: [A-Za-z0-9._+-]+)*")
_PHRASE_WORD_OCTETS = limits.FOLDED_LINE_OCTETS - len("Reply-To: ")  # the first word fits any field
_QUOTED_OCTETS = 60  # a longer name is written as encoded words, which can be folded


def encoded_words(text: str, first: int, rest: int = limits.ENCODED_WORD_OCTETS) -> list[str]:
    """Return `text` as encoded words in UTF-8, in B or Q, whichever is shorter.

    first:  octets the first word may have, at least 24; `rest` those of each further one.
    returns: one or more words, to be joined by a space or a fold; none cuts a character.
    source: RFC 2047 §2, §4, §5.
    """
    data = text.encode()
    # Of n octets of UTF-8 for c characters at least 4/3 (n - c) are above 127; Q takes 3 for each.
    base64_octets = (len(data) + 2) // 3 * 4
    if (
        len(data) + (len(data) - len(text)) * 8 // 3 >= base64_octets
        or len(data) + 2 * len(data.translate(None, _Q_SAFE)) >= base64_octets
    ):
        if base64_octets + _OVERHEAD <= first:
            return [f"=?UTF-8?B?{b2a_base64(data, newline=False).decode('ascii')}?="]
        return _b_words(data, first, rest)
    return _q_words(text, first, rest)


def _b_words(data: bytes, first: int, rest: int) -> list[str]:
    words = []
    start, room = 0, first
    while start < len(data):
        end = start + (room - _OVERHEAD) // 4 * 3
        if end < len(data):
            while data[end] & 0xC0 == 0x80:  # in the middle of a character
                end -= 1
        encoded = b2a_base64(data[start:end], newline=False).decode("ascii")
        words.append(f"=?UTF-8?B?{encoded}?=")
        start, room = end, rest
    return words


def _q_words(text: str, first: int, rest: int) -> list[str]:
    words: list[str] = []
    pieces: list[str] = []
    room = first - _OVERHEAD
    for character in text:
        piece = "_" if character == " " else _escaped(character, _Q_SAFE, "=")
        if len(piece) > room:
            words.append(f"=?UTF-8?Q?{''.join(pieces)}?=")
            pieces, room = [], rest - _OVERHEAD
        pieces.append(piece)
        room -= len(piece)
    words.append(f"=?UTF-8?Q?{''.join(pieces)}?=")
    return words


def _escaped(character: str, safe: bytes, mark: str) -> str:
    octets = character.encode()
    if len(octets) == 1 and octets in safe:
        return character
    return "".join([f"{mark}{octet:02X}" for octet in octets])


def looks_encoded(text: str) -> bool:
    """True when a reader might take part of `text` for an encoded word and decode it."""
    return "=?" in text and "?=" in text


def phrase(name: str) -> tuple[str, ...]:
    """Return a display name as the words of a phrase: atoms, one quoted string, or encoded words.

    returns: no words for ""; a fold may stand between any two.
    source:  RFC 5322 §3.2.5, RFC 2047 §5 (3).
    """
    if not name:
        return ()
    plain = name.isascii() and name.isprintable() and len(name) <= _QUOTED_OCTETS
    if not plain or looks_encoded(name):
        return tuple(encoded_words(name, _PHRASE_WORD_OCTETS, _PHRASE_WORD_OCTETS))
    if _ATOMS.fullmatch(name):
        return (name,)
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return (f'"{escaped}"',)


def name_parameter(filename: str) -> str:
    """Return Content-Type's `name` parameter, each of its words on a new line.

    The standard wants RFC 2231 here too; Outlook, QQ and Naver read an encoded word only.
    """
    if _is_plain(filename):
        return f';\r\n name="{filename}"'
    words = encoded_words(filename, limits.FOLDED_LINE_OCTETS - len(' name="";'))
    return ';\r\n name="' + "\r\n ".join(words) + '"'


def filename_parameter(filename: str) -> str:
    """Return Content-Disposition's `filename` parameter, folded, cut in sections when long.

    source: RFC 2231 §3, §4; RFC 2183 §2.3.
    """
    if _is_plain(filename):
        return f';\r\n filename="{filename}"'
    pieces = [_escaped(character, _ATTRIBUTE_SAFE, "%") for character in filename]
    whole = "".join(pieces)
    if len(whole) <= limits.FOLDED_LINE_OCTETS - len(" filename*=UTF-8'';"):
        return f";\r\n filename*=UTF-8''{whole}"
    sections: list[str] = []
    section, room = ["UTF-8''"], limits.FOLDED_LINE_OCTETS - len(" filename*00*=UTF-8'';")
    for piece in pieces:
        if len(piece) > room:
            sections.append("".join(section))
            section, room = [], limits.FOLDED_LINE_OCTETS - len(" filename*000*=;")
        section.append(piece)
        room -= len(piece)
    sections.append("".join(section))
    return "".join([f";\r\n filename*{n}*={text}" for n, text in enumerate(sections)])


def _is_plain(filename: str) -> bool:
    return len(filename) <= _QUOTED_OCTETS and _PLAIN_FILE_NAME.fullmatch(filename) is not None
