"""A TCP proxy on loopback that holds every octet back for a while, in each direction.

Arguments: the port to forward to and the delay in milliseconds. Prints its own port. It reads as
fast as it can, so throughput is not limited; it runs until it is terminated.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from typing import cast


class End(asyncio.Protocol):
    """One end of a forwarded connection; what it reads leaves at `other` after the delay."""

    def __init__(self, delay_s: float) -> None:
        self.other: End | None = None
        self._loop = asyncio.get_running_loop()
        self._delay_s = delay_s
        self._held: deque[tuple[float, bytes]] = deque()  # due at, octets; b"" for the end
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is ours."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Octets arrived: hold them."""
        if not self._held:
            self._loop.call_later(self._delay_s, self._release)
        self._held.append((self._loop.time() + self._delay_s, data))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """The end travels as long as octets do."""
        self.data_received(b"")

    def write(self, data: bytes) -> None:
        """Send octets, or end with b""."""
        if self._transport is None:
            return
        if data:
            self._transport.write(data)
        else:
            self._transport.close()

    def _release(self) -> None:
        now = self._loop.time()
        while self._held and self._held[0][0] <= now:
            _, data = self._held.popleft()
            if self.other is not None:
                self.other.write(data)
        if self._held:
            self._loop.call_at(self._held[0][0], self._release)


class Front(End):
    """The client's end: opens the server's when it is connected to."""

    def __init__(self, port: int, delay_s: float) -> None:
        super().__init__(delay_s)
        self._port = port
        self._opening: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client came: nothing is read before the server's end is there."""
        super().connection_made(transport)
        cast(asyncio.Transport, transport).pause_reading()
        self._opening = self._loop.create_task(self._open(cast(asyncio.Transport, transport)))

    async def _open(self, transport: asyncio.Transport) -> None:
        back = End(self._delay_s)
        back.other = self
        try:
            await self._loop.create_connection(lambda: back, "127.0.0.1", self._port)
        except OSError:
            transport.close()
            return
        self.other = back
        transport.resume_reading()


async def main() -> None:
    port, delay_s = int(sys.argv[1]), float(sys.argv[2]) / 1000
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Front(port, delay_s), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
