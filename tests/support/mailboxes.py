"""What servers have delivered into Maildirs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_TRACE = re.compile(
    rb"(Return-path|X-Original-To|Delivered-To|Envelope-to|Received):((?:.*\n[ \t])*.*)\n",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Arrived:
    """One message in one mailbox.

    reverse_path, forward_path: of the envelope, as the server noted them.
    content: octets below the server's trace fields, lines ended by LF as it stores them.
    """

    reverse_path: str
    forward_path: str
    content: bytes


def arrived_in(folder: Path) -> list[Arrived]:
    """Return every message in the Maildirs directly below `folder`, in the order of their names."""
    return [_read(file.read_bytes()) for file in sorted(folder.glob("*/new/*"))]


def empty(folder: Path) -> None:
    """Remove every message from the Maildirs directly below `folder`."""
    for file in folder.glob("*/new/*"):
        file.unlink()


def _read(octets: bytes) -> Arrived:
    trace: dict[str, str] = {}
    start = 0
    while field := _TRACE.match(octets, start):
        trace.setdefault(field[1].decode().lower(), field[2].decode().strip())
        start = field.end()
    forward_path = trace.get("x-original-to") or trace["envelope-to"]
    return Arrived(trace["return-path"].strip("<>"), forward_path, octets[start:])
