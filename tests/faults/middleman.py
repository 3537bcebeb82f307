"""A way to PostgreSQL that a test can hold up, or cut where it hurts most."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.programs import LOOPBACK

from postroad.storage.postgresql.connecting import SERVER

_OCTETS = 1 << 16
# CommandComplete of what is durable then: a transaction; a mail taken in; an attempt settled, which
# ends in the words of a SELECT.
_TAGS = (b"COMMIT\x00", b"INSERT 0 ", b"SELECT 1\x00")
_IDLE = b"Z\x00\x00\x00\x05I"  # ReadyForQuery, outside of a transaction


class Middleman:
    """Passes octets on between clients and a server on loopback.

    port: where clients find it.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server((LOOPBACK, 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._flows = threading.Event()
        self._flows.set()
        self._changed = threading.Condition()
        self._passing = -1  # confirmations that still come through; below 0: all
        self.is_cut = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self, *, after: int = 0) -> None:
        """Let `after` confirmations of writes through, and cut the connection before the next."""
        with self._changed:
            self._passing = after
            self.is_cut.clear()

    def hold(self) -> None:
        """Pass nothing on any more, and keep every connection."""
        self._flows.clear()

    def release(self) -> None:
        """Pass on what was held, and what comes."""
        self._flows.set()

    def close(self) -> None:
        """Close every connection."""
        self._flows.set()
        for each in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection((LOOPBACK, self._target))
                self._open |= {client, server}
                _Pair(self, client, server).start()

    def _is_to_be_cut(self, octets: bytes) -> bool:
        """Whether these octets to a client that writes are the confirmation to be kept back."""
        if not (octets.endswith(_IDLE) and any(tag in octets for tag in _TAGS)):
            return False
        with self._changed:
            if self._passing < 0:
                return False
            self._passing -= 1
            return self._passing < 0


class _Pair:
    """One connection through the middleman."""

    def __init__(self, owner: Middleman, client: socket.socket, server: socket.socket) -> None:
        self._owner = owner
        self._client = client
        self._server = server
        self._writes = False

    def start(self) -> None:
        for work in (self._up, self._down):
            threading.Thread(target=work, daemon=True).start()

    def _up(self) -> None:
        with contextlib.suppress(OSError):
            while octets := self._client.recv(_OCTETS):
                self._writes = self._writes or SERVER.encode() in octets
                self._owner._flows.wait()
                self._server.sendall(octets)
        self._end()

    def _down(self) -> None:
        with contextlib.suppress(OSError):
            while octets := self._server.recv(_OCTETS):
                self._owner._flows.wait()
                if self._writes and self._owner._is_to_be_cut(octets):
                    self._owner.is_cut.set()
                    break
                self._client.sendall(octets)
        self._end()

    def _end(self) -> None:
        for each in (self._client, self._server):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


@contextmanager
def between(port: int) -> Iterator[Middleman]:
    """Stand before the server on a loopback port."""
    middleman = Middleman(port)
    try:
        yield middleman
    finally:
        middleman.close()
