"""What a simulator remembers: the mails it took and what each connection said."""

from __future__ import annotations

import base64
import binascii
import re
import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Callable

TRANSCRIPT_LIMIT_OCTETS = 1 << 20  # a server that floods must not fill our own memory

_SECRETS_REMEMBERED = 40  # of one connection: a client that logs in for ever must not cost for ever
_RESPONSES = {"PLAIN": 1, "LOGIN": 2, "CRAM-MD5": 1, "XOAUTH2": 1, "OAUTHBEARER": 1}

Direction = Literal["C", "S"]  # who spoke: the client or the server


@dataclass(frozen=True, slots=True)
class Received:
    """One mail as it arrived: the envelope, the content, and who brought it.

    content:     octets after removing the transparency dots; the final dot is not part of it.
    username:    who logged in, as the client wrote it, or None.
    tls_version: "TLSv1.3", "TLSv1.2" or None.
    number:      1 for the first mail of this server, in order of arrival.
    connection:  1 for the first connection of this server.
    """

    reverse_path: str
    forward_paths: tuple[str, ...]
    content: bytes
    username: str | None
    tls_version: str | None
    mail_parameters: tuple[str, ...]
    number: int
    connection: int


@dataclass(frozen=True, slots=True)
class Transcript:
    """What one connection said, in order, as octets after decryption.

    parts:     ("C" or "S", octets) for each read and write.
    ended:     True once the connection is closed.
    truncated: True when it outgrew `TRANSCRIPT_LIMIT_OCTETS`.
    """

    connection: int
    parts: tuple[tuple[Direction, bytes], ...]
    ended: bool
    truncated: bool

    @property
    def from_client(self) -> bytes:
        """Every octet the client wrote."""
        return b"".join(octets for who, octets in self.parts if who == "C")

    @property
    def from_server(self) -> bytes:
        """Every octet the server wrote."""
        return b"".join(octets for who, octets in self.parts if who == "S")

    def text(self, *, masked: bool = True) -> str:
        """The dialogue as lines "C: …" and "S: …", control characters escaped.

        masked: credentials become ***, in whatever form either side wrote them.
        """
        lines = [
            f"{who}: {line.decode('utf-8', 'backslashreplace')}"
            for who, octets in self._turns()
            for line in octets.splitlines()
        ]
        printable = [_escaped(line) for line in lines]
        return "\n".join(_masked(printable) if masked else printable)

    def _turns(self) -> list[tuple[Direction, bytes]]:
        turns: list[tuple[Direction, bytes]] = []
        for who, octets in self.parts:
            if turns and turns[-1][0] == who:
                turns[-1] = (who, turns[-1][1] + octets)
            else:
                turns.append((who, octets))
        return turns


def _escaped(line: str) -> str:
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in line)


def _secrets_of(word: str) -> set[str]:
    """The forms of a credential: as written, decoded, and each part of the decoded text."""
    found = {word}
    try:
        decoded = base64.b64decode(word, validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return found
    for part in re.split("[\x00\x01]", decoded):
        octets = part.encode()
        found |= {part, quote(part), octets.hex(), base64.b64encode(octets).decode()}
    return {secret for secret in found if len(secret) > 3}  # shorter ones would mask plain words


def _masked(lines: list[str]) -> list[str]:
    """The lines without credentials, also those a client wrote before it was asked for them."""
    secrets: deque[str] = deque(maxlen=_SECRETS_REMEMBERED)
    responses = 0  # client lines that are to come for the AUTH before them
    hidden: list[str] = []
    for line in lines:
        shown = line
        if match := re.match(r"C:\s*(AUTH\s+(\S+))\s*(.*)", line, re.IGNORECASE):
            secrets.extend(_secrets_of(match[3]))
            shown = f"C: {match[1]} ***"
            responses = max(_RESPONSES.get(match[2].upper(), 0) - bool(match[3]), 0)
        elif responses > 0 and line.startswith("C: "):
            secrets.extend(_secrets_of(line[3:]))
            shown = "C: ***"
            responses -= 1
        elif line.startswith("S: 334"):
            responses = max(responses, 1)
        elif line.startswith("S: "):
            responses = responses if line.startswith(("S: 2", "S: 3")) else 0
            for secret in sorted(set(secrets), key=len, reverse=True):
                shown = shown.replace(secret, "***")
        hidden.append(shown)
    return hidden


class _Connection:
    """One connection while it is being recorded."""

    def __init__(self) -> None:
        self.parts: list[tuple[Direction, bytes]] = []
        self.octets = 0
        self.ended = False

    def frozen(self, number: int) -> Transcript:
        truncated = self.octets > TRANSCRIPT_LIMIT_OCTETS
        return Transcript(number, tuple(self.parts), self.ended, truncated)


class Record:
    """The memory of one server, written by its threads and read by any other.

    keep:       how many mails and connections are remembered; the oldest go first.
    on_message: called in the server's thread with each mail, after it is remembered.
    on_end:     called in the server's thread with the transcript of each ended connection.
    """

    def __init__(
        self,
        *,
        keep: int | None = None,
        on_message: Callable[[Received], None] | None = None,
        on_end: Callable[[Transcript], None] | None = None,
    ) -> None:
        self._changed = threading.Condition()
        self._messages: deque[Received] = deque(maxlen=keep)
        self._connections: dict[int, _Connection] = {}
        self._keep = keep
        self._message_count = 0
        self._connection_count = 0
        self._on_message = on_message
        self._on_end = on_end

    # What the servers write.

    def open(self) -> int:
        """Begin a connection; its number comes back."""
        with self._changed:
            self._connection_count += 1
            self._connections[self._connection_count] = _Connection()
            if self._keep is not None and len(self._connections) > self._keep:
                ended = [n for n, c in self._connections.items() if c.ended]
                for number in ended[: len(self._connections) - self._keep]:
                    del self._connections[number]
            return self._connection_count

    def add(self, connection: int, who: Direction, octets: bytes) -> None:
        """Remember octets that were read or written."""
        with self._changed:
            entry = self._connections[connection]
            room = TRANSCRIPT_LIMIT_OCTETS - entry.octets
            entry.octets += len(octets)
            if room > 0 and octets:
                entry.parts.append((who, bytes(octets[:room])))

    def end(self, connection: int) -> None:
        """The connection is closed."""
        with self._changed:
            entry = self._connections[connection]
            if entry.ended:
                return
            entry.ended = True
            self._changed.notify_all()
            frozen = entry.frozen(connection)
        if self._on_end is not None:
            self._on_end(frozen)

    def deliver(
        self,
        *,
        connection: int,
        reverse_path: str,
        forward_paths: tuple[str, ...],
        content: bytes,
        username: str | None,
        tls_version: str | None,
        mail_parameters: tuple[str, ...] = (),
    ) -> None:
        """Remember a mail."""
        with self._changed:
            self._message_count += 1
            received = Received(
                reverse_path=reverse_path,
                forward_paths=forward_paths,
                content=content,
                username=username,
                tls_version=tls_version,
                mail_parameters=mail_parameters,
                number=self._message_count,
                connection=connection,
            )
            self._messages.append(received)
            self._changed.notify_all()
        if self._on_message is not None:
            self._on_message(received)

    # What the tests and the command line read.

    @property
    def messages(self) -> list[Received]:
        """The mails that arrived, in order."""
        with self._changed:
            return list(self._messages)

    @property
    def transcripts(self) -> list[Transcript]:
        """What each connection said, in the order they were opened."""
        with self._changed:
            return [entry.frozen(number) for number, entry in self._connections.items()]

    def wait_for_message(self, nth: int, timeout_s: float) -> Received:
        """The nth mail, as soon as it is there.

        raises: TimeoutError when it does not come within `timeout_s`.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._message_count >= nth, timeout_s):
                raise TimeoutError(f"{self._message_count} mails after {timeout_s} s, not {nth}")
            return next(m for m in self._messages if m.number == nth)

    def wait_for_transcript(self, nth: int, timeout_s: float) -> Transcript:
        """The transcript of the nth connection, as soon as that connection has ended.

        raises: TimeoutError when it does not end within `timeout_s`.
        """

        def has_ended() -> bool:
            return nth in self._connections and self._connections[nth].ended

        with self._changed:
            if not self._changed.wait_for(has_ended, timeout_s):
                raise TimeoutError(f"connection {nth} has not ended after {timeout_s} s")
            return self._connections[nth].frozen(nth)
