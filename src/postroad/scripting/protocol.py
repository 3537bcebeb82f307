"""Frames between the runner and the child that holds the JavaScript engine.

A frame is one octet of kind, four of length (big-endian), and the payload. The child imports this
module too, so it needs nothing but the standard library.
"""

from __future__ import annotations

import struct
from enum import Enum

HEADER = struct.Struct(">cI")

# A mail with 25 MB of attachments is 34 MB in base64 (the largest a common provider takes).
MAX_REQUEST_OCTETS = 40 << 20
# An error's text, an exit code: whatever is neither a mail nor the script's own output.
MAX_NOTE_OCTETS = 64 << 10


class Kind(Enum):
    """What a frame says; the first two go to the child, the others come from it."""

    START = b"S"  # JSON: name, source, config, and the limits the child itself must know
    ANSWER = b"A"  # JSON: what send_email returned

    READY = b"r"  # the engine stands and the script begins: from here its time counts
    OUT = b"o"  # text for stdout
    ERR = b"e"  # text for stderr
    SEND = b"m"  # JSON: the config of one send_email
    EXIT = b"x"  # the exit code, as digits
    THREW = b"t"  # the text of an error nobody caught
    STOPPED = b"k"  # the word of a limit that the child met
    UNABLE = b"u"  # why the engine could not be set up


def frame(kind: Kind, payload: bytes) -> bytes:
    """One frame, as octets."""
    return HEADER.pack(kind.value, len(payload)) + payload
