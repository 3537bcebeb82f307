"""A server whose every word a test says itself, in the test's own event loop."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from postroad import Relay
from postroad.smtp.timeouts import Timeouts

WAIT_S = 10.0  # for what has to come; a test that waits so long has failed


class Visitor:
    """One connection, at the server's end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def say(self, *replies: str) -> None:
        """Write each reply as a line."""
        self.writer.write("".join(f"{reply}\r\n" for reply in replies).encode())

    async def line(self) -> str:
        """The next line, "" when the client has closed or reset the connection."""
        try:
            async with asyncio.timeout(WAIT_S):
                return (await self.reader.readline()).decode().rstrip("\r\n")
        except ConnectionError:
            return ""

    async def opens(self, *, pipelining: bool = True) -> None:
        """Greet and answer EHLO."""
        self.say("220 puppet")
        assert (await self.line()).startswith("EHLO")
        self.say("250-puppet", "250 PIPELINING" if pipelining else "250 8BITMIME")

    async def envelope(self) -> str:
        """Read MAIL, RCPT and DATA and leave them unanswered; the recipient."""
        assert (await self.line()).startswith("MAIL")
        recipient = await self.line()
        assert await self.line() == "DATA"
        return recipient.removeprefix("RCPT TO:<").removesuffix(">")

    def accepts(self) -> None:
        """Answer an envelope."""
        self.say("250 2.1.0 ok", "250 2.1.5 ok", "354 go on")

    async def content(self) -> list[str]:
        """Read up to the final dot, which is left unanswered."""
        lines: list[str] = []
        while (line := await self.line()) != ".":
            assert line or not self.reader.at_eof()
            lines.append(line)
        return lines

    async def takes(self) -> str:
        """Take one message from its envelope to its final reply; the recipient."""
        recipient = await self.envelope()
        self.accepts()
        await self.content()
        self.say("250 2.0.0 taken")
        return recipient

    async def serves(self) -> list[str]:
        """Take every message until the client has gone; the recipients."""
        taken: list[str] = []
        while line := await self.line():
            if line == "DATA":
                self.say("354 go on")
                await self.content()
            elif line.startswith("RCPT"):
                taken.append(line.removeprefix("RCPT TO:<").removesuffix(">"))
            self.say("221 bye" if line == "QUIT" else "250 ok")
        return taken

    async def rest(self) -> bytes:
        """Everything up to the end of the connection."""
        octets = b""
        try:
            async with asyncio.timeout(WAIT_S):
                while piece := await self.reader.read(65_536):
                    octets += piece
        except ConnectionError:
            pass
        return octets

    def close(self) -> None:
        """Close the connection."""
        self.writer.close()


class Puppet:
    """Listens on loopback and hands over each connection as a visitor."""

    def __init__(self) -> None:
        self._visitors: asyncio.Queue[Visitor] = asyncio.Queue()
        self._all: list[Visitor] = []
        self._server: asyncio.Server
        self.port = 0

    def relay(self, **fields: object) -> Relay:
        """This server as a relay; a good-bye need not be answered for long."""
        timeouts = Timeouts(quit_s=0.05)
        options = {"security": "none", "timeouts": timeouts} | fields
        return Relay("127.0.0.1", self.port, **options)  # type: ignore[arg-type]

    async def visitor(self) -> Visitor:
        """The next connection."""
        async with asyncio.timeout(WAIT_S):
            return await self._visitors.get()

    @property
    def visits(self) -> int:
        """How many connections there were."""
        return len(self._all)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._arrive, "127.0.0.1", 0, limit=1 << 16)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.close()
        for visitor in self._all:
            visitor.writer.transport.abort()
        await self._server.wait_closed()

    def _arrive(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visitor = Visitor(reader, writer)
        self._all.append(visitor)
        self._visitors.put_nowait(visitor)
