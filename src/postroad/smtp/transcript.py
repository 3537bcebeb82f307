"""The record of a dialogue: references are kept while it runs, text is made when asked for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from postroad.smtp.reply import Reply, printable


@dataclass(frozen=True, slots=True)
class Sent:
    """Client octets that are shown as `shown` because they hold credentials."""

    shown: str


@dataclass(frozen=True, slots=True)
class Note:
    """What has no line on the wire: a connection, TLS, a time-out."""

    text: str


Entry = bytes | int | Reply | Sent | Note
"""Commands as written, the size of elided content in octets, a reply, or one of the above."""


def render(entries: Iterable[Entry]) -> str:
    """Return the entries as text, one line per protocol line, each ended by a line feed.

    `S: ` marks the server, `C: ` the client, `* ` what has no line on the wire.
    """
    lines: list[str] = []
    for entry in entries:
        match entry:
            case Reply():
                lines += (f"S: {line}" for line in entry.wire_lines())
            case bytes():
                commands = entry.decode("utf-8", "backslashreplace").split("\r\n")
                lines += (f"C: {printable(command)}" for command in commands[:-1])
            case int():
                lines.append(f"C: <{entry} octets of message>")
            case Sent():
                lines.append(f"C: {entry.shown}")
            case Note():
                lines.append(f"* {printable(entry.text)}")
    return "".join(f"{line}\n" for line in lines)
