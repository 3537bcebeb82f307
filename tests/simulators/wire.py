"""A client that writes exactly what a test says and shows exactly what comes back."""

from __future__ import annotations

import base64
import socket
import ssl
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from postroad.simulators import Simulator

TIMEOUT_S = 10.0


class Wire:
    """A raw connection; `until` is how far to read."""

    def __init__(self, server: Simulator, *, timeout_s: float = TIMEOUT_S) -> None:
        self._cafile = server.cafile
        self._socket = socket.create_connection((server.host, server.port), timeout=timeout_s)
        self._unread = b""
        if server.security == "tls":
            self.encrypt()

    def encrypt(self) -> None:
        context = ssl.create_default_context(cafile=self._cafile)
        self._socket = context.wrap_socket(self._socket, server_hostname="localhost")

    def write(self, octets: bytes) -> None:
        self._socket.sendall(octets)

    def reply(self) -> str:
        """One whole reply, its lines joined by "\\n"."""
        lines = []
        while True:
            lines.append(self.line().decode("utf-8", "backslashreplace").rstrip("\r\n"))
            if lines[-1][3:4] != "-":
                return "\n".join(lines)

    def replies(self, count: int) -> list[str]:
        return [self.reply() for _ in range(count)]

    def ask(self, line: str) -> str:
        self.write(line.encode() + b"\r\n")
        return self.reply()

    def line(self) -> bytes:
        return self.until(b"\n")

    def until(self, end: bytes) -> bytes:
        while end not in self._unread:
            octets = self._socket.recv(65536)
            if not octets:
                raise EOFError(self._unread)
            self._unread += octets
        taken, _, self._unread = self._unread.partition(end)
        return taken + end

    def some(self, octets: int) -> bytes:
        while len(self._unread) < octets:
            more = self._socket.recv(65536)
            if not more:
                raise EOFError(self._unread)
            self._unread += more
        taken, self._unread = self._unread[:octets], self._unread[octets:]
        return taken

    def rest(self) -> bytes:
        """Everything until the server closes."""
        while octets := self._socket.recv(65536):
            self._unread += octets
        return self._unread

    def log_in(self, server: Simulator) -> None:
        """Greeting, EHLO, STARTTLS where there is one, AUTH."""
        self.reply()
        self.ask("EHLO client.example")
        if server.security == "starttls":
            assert self.ask("STARTTLS").startswith("220")
            self.encrypt()
            self.ask("EHLO client.example")
        self.ask("AUTH LOGIN " + in_base64(server.username))
        assert self.ask(in_base64(server.password)).startswith("235")

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def in_base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
