"""What a server answers: replies as values, and the parser that reads them from octets."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from postroad.errors import Reason, RemoteProtocolError

MAX_LINE_OCTETS = 2048  # RFC 5321 §4.5.3.1.5 asks for 512; Office 365 and Gmail write longer ones
MAX_REPLY_OCTETS = 65_536  # no real reply comes near; a flood must not fill memory
MAX_REPLY_LINES = 512  # an EHLO answer has some 20, a DNSBL refusal some 10
_CACHED_LINES = 64  # a session hears the same few lines again and again

_CODE = re.compile(rb"[2-5][0-9][0-9]")  # RFC 5321 §4.2 stops at x5z; real servers say 571 and 591
_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?=\s|$)")  # RFC 3463 §2


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply of the server.

    code:   200 to 599.
    lines:  the text of each line after its code, printable, at least one, maybe empty.
    source: RFC 5321 §4.2.
    """

    code: int
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """The lines joined by a space, each enhanced status code but the first left out."""
        if len(self.lines) == 1:
            return self.lines[0]
        enhanced = self.enhanced
        if not enhanced:
            return " ".join(self.lines)
        rest = (line.removeprefix(enhanced).lstrip() for line in self.lines[1:])
        return " ".join([self.lines[0], *rest]).rstrip()

    @property
    def enhanced(self) -> str:
        """The enhanced status code such as "5.7.1", or "" (RFC 3463, RFC 2034)."""
        match = _ENHANCED.match(self.lines[0])
        return match[1] if match else ""

    @property
    def is_positive(self) -> bool:
        """2yz: done."""
        return self.code < 300

    @property
    def is_intermediate(self) -> bool:
        """3yz: go on."""
        return 300 <= self.code < 400

    @property
    def is_transient(self) -> bool:
        """4yz: refused for now."""
        return 400 <= self.code < 500

    @property
    def is_permanent(self) -> bool:
        """5yz: refused for good."""
        return self.code >= 500

    def wire_lines(self) -> list[str]:
        """The reply as the server wrote it, a line each, without line ends."""
        last = len(self.lines) - 1
        return [
            f"{self.code}{' ' if index == last else '-'}{line}".rstrip()
            for index, line in enumerate(self.lines)
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.text}".rstrip()


def printable(text: str) -> str:
    r"""Return `text` with every unprintable character as an escape such as \x00."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char == "\t" else char.encode("unicode_escape").decode()
        for char in text
    )


def _unchanged(text: str) -> str:
    return text


class ReplyParser:
    """Reads replies from octets as they arrive.

    redact: called on the text of every line before anything else sees it.
    error:  what arrived that is no reply or beyond a limit; then nothing more may be fed.
    """

    def __init__(self, redact: Callable[[str], str] = _unchanged) -> None:
        self.error: RemoteProtocolError | None = None
        self._redact = redact
        self._rest = b""
        self._code = 0
        self._lines: list[str] = []
        self._octets = 0
        self._cache: dict[bytes, Reply] = {}

    @property
    def is_between_replies(self) -> bool:
        """No octet of a further reply, or of what is none, has been read."""
        return not self._rest and not self._lines and self.error is None

    def feed(self, data: bytes) -> list[Reply]:
        """Return the replies that `data` completes, in order; those before an error too."""
        *lines, self._rest = (self._rest + data).split(b"\r\n")
        replies: list[Reply] = []
        cache = self._cache
        try:
            for line in lines:
                reply = cache.get(line)
                if reply is None or self._lines:
                    reply = self._take(line)
                    if reply is None:
                        continue
                    if len(cache) < _CACHED_LINES and len(reply.lines) == 1:
                        cache[line] = reply
                replies.append(reply)
            if len(self._rest) > MAX_LINE_OCTETS or b"\n" in self._rest:
                self._check(self._rest.removesuffix(b"\r"))  # half a line end is no part of it
        except RemoteProtocolError as error:
            self.error = error
        return replies

    def _take(self, line: bytes) -> Reply | None:
        """Add one line; return the reply it ends, or None when more lines follow."""
        self._check(line)
        code, mark = line[:3], line[3:4]
        if not _CODE.fullmatch(code) or mark not in (b" ", b"-", b""):
            raise RemoteProtocolError(f"not an SMTP reply: {_excerpt(line, self._redact)}")
        if self._lines and int(code) != self._code:
            raise RemoteProtocolError(
                f"a reply changes its code from {self._code} to {int(code)} between two lines"
            )
        self._code = int(code)
        self._octets += len(line) + 2
        self._lines.append(self._redact(printable(line[4:].decode("utf-8", "backslashreplace"))))
        if len(self._lines) > MAX_REPLY_LINES or self._octets > MAX_REPLY_OCTETS:
            raise RemoteProtocolError(
                f"a reply longer than {MAX_REPLY_LINES} lines or {MAX_REPLY_OCTETS} octets",
                reason=Reason.OVERFLOW,
            )
        if mark == b"-":
            return None
        reply = Reply(self._code, tuple(self._lines))
        self._lines.clear()
        self._octets = 0
        return reply

    def _check(self, line: bytes) -> None:
        """Refuse a line, or what there is of it, by the first octet that is wrong."""
        bare_lf = line.find(b"\n", 0, MAX_LINE_OCTETS + 1)
        if bare_lf >= 0:
            raise RemoteProtocolError(
                f"a reply line that ends with LF alone: {_excerpt(line[:bare_lf], self._redact)}"
            )
        if len(line) > MAX_LINE_OCTETS:
            raise RemoteProtocolError(
                f"a reply line longer than {MAX_LINE_OCTETS} octets", reason=Reason.OVERFLOW
            )


def _excerpt(line: bytes, redact: Callable[[str], str]) -> str:
    """Return the beginning of `line`, cut only after redaction: half a secret is not recognized."""
    shown = redact(printable(line.decode("utf-8", "backslashreplace")))
    return f'"{shown[:80]}"'
