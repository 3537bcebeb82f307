"""The driver for plain threads: one socket, one loop that reads while it writes."""

from __future__ import annotations

import contextlib
import selectors
import time
from collections.abc import Callable
from typing import Self

from postroad.errors import ConnectError
from postroad.smtp.session import Session
from postroad.smtp.transaction import Transaction
from postroad.transport.dialer import dial
from postroad.transport.relay import Relay
from postroad.transport.wire import Octets, Wire

_READ_OCTETS = 65_536


class BlockingConnection:
    """One connection to a relay, dialed; `open` says hello and logs in.

    deadline: when it must be connected, on `time.monotonic`; None leaves it to the phases.
    raises:   SettingsError, ConnectError.
    """

    def __init__(self, relay: Relay, deadline: float | None = None) -> None:
        self._timeouts = relay.timeouts
        credentials = relay.credentials()
        relay.prepare()
        connect_s = self._timeouts.connect_s
        if deadline is not None:
            connect_s = max(min(connect_s, deadline - time.monotonic()), 0.001)
        self._socket, peer = dial(relay.host, relay.port, connect_s, public_only=relay.public_only)
        self._unsent: Octets = b""
        local = self._socket.getsockname()[0]
        self.wire = Wire(relay, credentials, peer=peer, local=local)
        try:
            self._selector = selectors.DefaultSelector()
            self._selector.register(self._socket, selectors.EVENT_READ)
        except OSError as exc:
            self._socket.close()
            raise ConnectError(f"no more files can be opened: {exc.strerror}") from exc

    @property
    def session(self) -> Session:
        """The SMTP session on this connection."""
        return self.wire.session

    def open(self, deadline: float | None = None) -> None:
        """Run the session to readiness; a TLS failure or refused login is in `session.error`."""
        self.run(lambda: self.session.is_ready, deadline)

    def send(self, transaction: Transaction, deadline: float | None = None) -> None:
        """Run one transaction to its outcome, by `deadline` at the latest."""
        self.session.begin(transaction)
        self.run(lambda: transaction.outcome is not None, deadline)

    def run(self, is_done: Callable[[], bool], deadline: float | None = None) -> None:
        """Write what the session says and feed it what arrives, until done or closed."""
        session, timeouts = self.session, self._timeouts
        progress = -1
        due, seconds = 0.0, 0.0
        started = time.monotonic()
        while not is_done() and not session.is_closed:
            self._write()
            now = time.monotonic()
            if session.progress != progress:
                progress = session.progress
                seconds = timeouts.seconds(self.session.phase)
                due = now + seconds
                if deadline is not None and deadline < due:
                    due, seconds = deadline, deadline - started
            if now >= due:
                self.wire.timed_out(round(max(seconds, 0.0), 3), unsent=len(self._unsent))
                return
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._unsent else 0)
            self._selector.modify(self._socket, events)
            for _, ready in self._selector.select(due - now):
                if ready & selectors.EVENT_READ:
                    self._read()

    def is_usable(self) -> bool:
        """Whether the session is idle and the server has neither closed it nor spoken up."""
        if self.session.is_closed or self._unsent or not self.session.is_idle:
            return False
        if self._selector.select(0):
            self._read()  # a relay that closes an idle session says 421 or nothing
        return self.session.can_begin

    def abandon(self) -> None:
        """Close the socket and say nothing: nobody knows what was written on it."""
        self._selector.close()
        self._socket.close()

    def close(self, deadline: float | None = None) -> None:
        """Say good-bye if that is possible without waiting long, and close the socket."""
        if self.session.is_ready and self.session.is_idle and not self.session.is_closed:
            self.session.quit()
            last = time.monotonic() + self._timeouts.quit_s
            last = min(last, deadline) if deadline is not None else last
            self.run(lambda: self.session.is_closed, last)
        elif pending := self.wire.next_octets():  # a TLS alert
            with contextlib.suppress(OSError):
                self._socket.send(pending)
        self._selector.close()
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write(self) -> None:
        """Hand octets to the kernel until it takes no more or a reply has to come first."""
        while not self.session.is_closed:
            if not self._unsent:
                self._unsent = self.wire.next_octets() or b""
                if not self._unsent:
                    return
            try:
                sent = self._socket.send(self._unsent)
            except BlockingIOError:
                return
            except OSError as exc:
                self._read_last_words()
                self.wire.lost(exc, unsent=len(self._unsent))
                return
            self._unsent = self._unsent[sent:] if sent < len(self._unsent) else b""

    def _read(self) -> None:
        try:
            data = self._socket.recv(_READ_OCTETS)
        except BlockingIOError:
            return
        except OSError as exc:
            self.wire.lost(exc, unsent=len(self._unsent))
            return
        if data:
            self.wire.receive(data)
        else:
            self.wire.lost(None, unsent=len(self._unsent))

    def _read_last_words(self) -> None:
        """A server that closes may have said why before its reset arrives."""
        with contextlib.suppress(OSError):
            if data := self._socket.recv(_READ_OCTETS):
                self.wire.receive(data)
