"""The drivers read while they write, and know when a final dot has left."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from postroad import AsyncMailer, Mailer, Message, Relay, Result
from postroad.errors import Code

LONG_REPLY = b"250 2.1.5 " + b"x" * 900 + b"\r\n"


class TalkativeServer(threading.Thread):
    """Answers each command before it reads the next, at length, and through small buffers."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
        self.received = 0

    def run(self) -> None:
        connection, _ = self.listener.accept()
        with connection, connection.makefile("rb") as commands:
            connection.sendall(b"220 talkative\r\n")
            for command in commands:
                if command.startswith(b"EHLO"):
                    connection.sendall(b"250-talkative\r\n250 PIPELINING\r\n")
                elif command.startswith(b"DATA"):
                    connection.sendall(b"354 go on\r\n")
                    while commands.readline() != b".\r\n":
                        self.received += 1
                    connection.sendall(b"250 2.0.0 taken\r\n")
                elif command.startswith(b"QUIT"):
                    connection.sendall(b"221 bye\r\n")
                    break
                else:
                    connection.sendall(LONG_REPLY)


@contextmanager
def talkative() -> Iterator[TalkativeServer]:
    server = TalkativeServer()
    server.start()
    try:
        yield server
    finally:
        server.join(10)
        server.listener.close()


def send(relay: Relay, message: Message, driver: str) -> Result:
    if driver == "blocking":
        with Mailer(relay, timeout=10) as mailer:
            return mailer.send(message)

    async def run() -> Result:
        async with AsyncMailer(relay, connections=1, timeout=10) as mailer:
            return await mailer.send(message)

    return asyncio.run(run())


@pytest.mark.parametrize("driver", ["blocking", "asyncio"])
def test_a_large_group_against_small_buffers_does_not_deadlock(driver: str) -> None:
    crowd = [f"recipient-number-{number}@y.example" for number in range(2_000)]
    message = Message(from_="a@x.example", to=crowd[0], bcc=crowd[1:], text="x")

    with talkative() as server:
        relay = Relay(host="127.0.0.1", port=server.listener.getsockname()[1], security="none")
        result = send(relay, message, driver)

    assert result.code is Code.OK, result.error
    assert len(result.recipients) == 2_000
    assert server.received > 5
