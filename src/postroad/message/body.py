"""Transfer encodings: octets as lines of ASCII that every relay takes."""

from __future__ import annotations

import re
from binascii import b2a_base64, b2a_qp
from collections.abc import Callable
from functools import lru_cache
from struct import Struct

from postroad.message import limits

_ROW = 57  # octets that make one line of 76
_CHUNK_ROWS = 1024
_TEXT_OCTETS = bytes([9, 10, 13, *range(32, 127)])
_QP_SAFE = bytes([9, 10, 13, *(octet for octet in range(32, 127) if octet != ord("="))])
_QP_OVERLONG = re.compile(rb"^([^\r\n]{74,})(=20|=09)(?=\r\n)", re.MULTILINE)


def crlf(octets: bytes) -> bytes:
    """Return `octets` with every line end, be it CRLF, CR or LF, as CRLF."""
    if b"\r" in octets:
        octets = octets.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return octets.replace(b"\n", b"\r\n")


def encode_text(text: str, marker: bytes) -> tuple[str, bytes]:
    """Return the transfer encoding that suits `text` best, and its octets in it.

    marker:  octets that may not appear in the result: part of every boundary.
    returns: "7bit" where that is possible, else the shorter of quoted-printable and base64; the
             octets do not end with a line end that the text has not.
    source:  RFC 2045 §6.
    """
    octets = text.encode()
    beyond = len(octets) - len(text)
    octets = crlf(octets)
    if text.isascii() and marker not in octets and is_7bit(octets):
        return "7bit", octets
    # At least 4/3 of `beyond` octets are above 127 and would grow threefold, while base64 adds 37 %
    # and at most 4: for Korean and Chinese the comparison is done before it begins.
    if beyond * 7 < len(octets) + 28:
        base64_size = base64_octets(len(octets))
        unsafe = len(octets.translate(None, _QP_SAFE))
        if len(octets) + 2 * unsafe < base64_size:
            quoted = quoted_printable(octets)
            if len(quoted) < base64_size:
                return "quoted-printable", quoted
    return "base64", base64_lines(octets)


def is_7bit(octets: bytes) -> bool:
    """True when `octets`, lines ended by CRLF, may travel as they are."""
    if octets.translate(None, _TEXT_OCTETS):
        return False
    start = 0  # of a line; from the last line end within reach to the next
    while len(octets) - start > limits.LINE_OCTETS:
        end = octets.rfind(b"\r\n", start, start + limits.LINE_OCTETS + 2)
        if end < 0:
            return False
        start = end + 2
    return True


def quoted_printable(octets: bytes) -> bytes:
    """Return `octets`, lines ended by CRLF, in quoted-printable: lines of at most 76.

    source: RFC 2045 §6.7.
    """
    # With a CRLF in sight b2a_qp writes its soft line breaks with CRLF, too.
    quoted = b2a_qp(octets + b"\r\n", quotetabs=False, istext=True, header=False)[:-2]
    if b" \r\n" in octets or b"\t\r\n" in octets or octets[-1:] in (b" ", b"\t"):
        # It also lets a line that ends with a blank grow to 78.
        quoted = _QP_OVERLONG.sub(rb"\1=\r\n\2", quoted + b"\r\n")[:-2]
    return quoted


def base64_octets(size: int) -> int:
    """Return how many octets `size` octets become in base64 lines, without a last line end."""
    encoded = (size + 2) // 3 * 4
    return encoded + 2 * max(0, (encoded - 1) // 76)


def base64_lines(octets: bytes) -> bytes:
    """Return `octets` in base64, lines of 76 ended by CRLF, the last one without.

    source: RFC 2045 §6.8.
    """
    if len(octets) > _ROW * _CHUNK_ROWS:
        pieces: list[bytes] = []
        write_base64(octets, pieces.append)
        return b"".join(pieces)
    encoded = b2a_base64(octets, newline=False)
    if len(encoded) <= 76:
        return encoded
    # One struct cuts all full lines in C: twice as fast as slicing.
    rows = (len(encoded) - 1) // 76
    return b"\r\n".join((*_rows(rows).unpack_from(encoded), encoded[rows * 76 :]))


def write_base64(octets: bytes, write: Callable[[bytes], object]) -> None:
    """Write `octets` as `base64_lines` returns them, chunk by chunk: memory stays small."""
    view = memoryview(octets)
    step = _ROW * _CHUNK_ROWS
    for start in range(0, len(octets), step):
        if start:
            write(b"\r\n")
        write(base64_lines(bytes(view[start : start + step])))


@lru_cache(maxsize=_CHUNK_ROWS + 1)
def _rows(count: int) -> Struct:
    return Struct("76s" * count)
