"""The driver for asyncio: one protocol object that writes what the session says."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol, cast

from postroad.errors import ConnectionLost, PostroadError
from postroad.smtp.session import Session
from postroad.smtp.transaction import Transaction, Withdrawal
from postroad.transport.dialer import dial_async
from postroad.transport.relay import Relay
from postroad.transport.wire import Wire


class Work(Protocol):
    """Where a connection gets its transactions and reports what became of them."""

    def take(self, connection: Connection) -> Transaction | None:
        """Return the next transaction for `connection`, None when there is none now."""
        ...

    def ended(self, transaction: Transaction) -> None:
        """`transaction` has its outcome."""
        ...

    def displaced(self, transaction: Transaction) -> None:
        """`transaction` ended, its content unwritten, because another one was taken back."""
        ...

    def dialed(self, connection: Connection) -> None:
        """A connection exists; its opening dialogue begins."""
        ...

    def lost(self, connection: Connection) -> None:
        """The session of a connection that was ready is over."""
        ...


class Connection(asyncio.Protocol):
    """One connection to a relay, moved by the event loop's calls.

    timeout_s: for the opening, and for each transaction from its first command to its last reply.
    """

    def __init__(self, wire: Wire, work: Work, timeout_s: float) -> None:
        self.wire = wire
        self._loop = asyncio.get_running_loop()
        self.opened: asyncio.Future[None] = self._loop.create_future()  # or failed to
        self.closed: asyncio.Future[None] = self._loop.create_future()
        self._work = work
        self._timeout_s = timeout_s
        self._timeouts = wire.relay.timeouts
        self._transport: asyncio.Transport | None = None
        self._is_writable = True
        self._is_started = False
        self._is_finishing = False
        self._failed_write = 0  # octets that the kernel refused together with the connection
        self._begun: deque[float] = deque([self._loop.time()])  # the opening counts as the first
        self._progress = -1
        self._moved_at = 0.0
        self._look_every_s = min(timeout_s, self._timeouts.shortest_s)
        self._timer: asyncio.TimerHandle | None = None

    @property
    def session(self) -> Session:
        """The SMTP session on this connection."""
        return self.wire.session

    @property
    def is_idle(self) -> bool:
        """Ready, with nothing under way."""
        return self.session.is_ready and not self.session.is_closed and self.session.is_idle

    @property
    def moved_at(self) -> float:
        """When something last moved, on the event loop's clock."""
        return self._moved_at

    def start(self) -> None:
        """Take work from now on."""
        self._is_started = True
        self.pump()

    def pump(self) -> None:
        """Write what may be written now, taking new work where the session has room."""
        session, wire, transport = self.session, self.wire, self._transport
        if transport is None:
            return
        while self._is_writable:
            while session.can_begin and self._is_started and not self._is_finishing:
                transaction = self._work.take(self)
                if transaction is None:
                    break
                session.begin(transaction)
                if transaction.outcome is not None:
                    self._work.ended(transaction)
                else:
                    self._begun.append(self._loop.time())
            if self._is_finishing and self.is_idle:
                session.quit()
            octets = wire.next_octets()
            if octets is None:
                break
            transport.write(octets)
            if transport.is_closing():
                self._failed_write = len(octets)
                return
            if session.is_waiting:
                break
        if session.is_closed:
            self._hang_up()
        else:
            self._watch()

    def finish(self) -> None:
        """Take no more work; say good-bye after what is under way."""
        self._is_finishing = True
        self.pump()

    def withdraw(self, transaction: Transaction, seconds: float) -> bool:
        """Take back what was not sent within `seconds`; False when its final dot has left."""
        withdrawal = self.wire.withdraw(transaction, seconds, unsent=self._unsent)
        if withdrawal is Withdrawal.TOO_LATE:
            return False
        if withdrawal is Withdrawal.ABORTED:
            for displaced in self.session.lost():
                self._work.displaced(displaced)
            self._hang_up(abort=True)
            return True
        self._begun.pop()  # none begins behind one whose content is unwritten
        self.pump()
        if self.session.is_waiting_in_vain:
            if self._timer is not None:
                self._timer.cancel()
            self._look()  # a server that has been silent for long is given up at once
        return True

    def abort(self, error: PostroadError) -> None:
        """Close now; what is under way ends with `error`, or in doubt."""
        self._report(self.wire.aborted(error, unsent=self._unsent))
        self._hang_up(abort=True)

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is ours."""
        transport = cast(asyncio.Transport, transport)
        self._transport = transport
        # So that `_is_writable` means: the kernel has everything.
        transport.set_write_buffer_limits(high=0)
        self.pump()

    def data_received(self, data: bytes) -> None:
        """Octets arrived."""
        finished = self.wire.receive(data)
        if finished:
            self._report(finished)
        if self.session.is_ready and not self.opened.done():
            self._begun.clear()
            self.opened.set_result(None)
        if self.session.is_closed or not self.session.is_ready or self._is_started:
            self.pump()

    def eof_received(self) -> None:
        """The server will say no more."""
        self._report(self.wire.lost(None, unsent=self._unsent))

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone."""
        cause = exc if isinstance(exc, OSError) else None
        self._report(self.wire.lost(cause, unsent=self._unsent))
        self._hang_up()
        if not self.closed.done():
            self.closed.set_result(None)
        if self.opened.done():
            self._work.lost(self)
        else:
            self.opened.set_result(None)

    def pause_writing(self) -> None:
        """The kernel's buffer is full."""
        self._is_writable = False

    def resume_writing(self) -> None:
        """The kernel took everything."""
        self._is_writable = True
        self.pump()

    # Inside.

    @property
    def _unsent(self) -> int:
        """What the kernel does not have of the last block; at least 1 once asyncio forgot."""
        if self._failed_write or self._is_writable or self._transport is None:
            return self._failed_write
        return max(self._transport.get_write_buffer_size(), 1)

    def _report(self, finished: list[Transaction]) -> None:
        for transaction in finished:
            if self._begun:
                self._begun.popleft()
            self._work.ended(transaction)

    def _hang_up(self, *, abort: bool = False) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._transport is not None and not self._transport.is_closing():
            if self._is_writable and not abort:
                self._transport.close()
            else:
                self._transport.abort()

    def _watch(self) -> None:
        """Note that something moved; one timer looks now and then whether it still does."""
        if self.session.progress != self._progress:
            self._progress = self.session.progress
            self._moved_at = self._loop.time()
            if self._timer is None:
                self._timer = self._loop.call_later(self._look_every_s, self._look)

    def _look(self) -> None:
        """End the session when a phase or a transaction has had its time."""
        self._timer = None
        if self.session.is_closed or (self.is_idle and self._is_writable):
            return
        seconds = self._timeouts.seconds(self.session.phase)
        if self.session.is_waiting_in_vain:  # as long as a good-bye may take, for the same reason
            seconds = min(seconds, self._timeouts.quit_s)
        due = self._moved_at + seconds
        if self._begun and self._begun[0] + self._timeout_s < due:
            due, seconds = self._begun[0] + self._timeout_s, self._timeout_s
        now = self._loop.time()
        if now >= due:
            self._report(self.wire.timed_out(seconds, unsent=self._unsent))
            self._hang_up()
        else:
            next_look = min(due, now + self._look_every_s)
            self._timer = self._loop.call_at(next_look, self._look)


async def open_connection(relay: Relay, work: Work, timeout_s: float) -> Connection:
    """Return a connection to `relay` once its opening dialogue is over, well or not.

    returns: with `session.is_ready`, or with `session.error`; `start` makes it take work.
    raises:  SettingsError, ConnectError.
    """
    loop = asyncio.get_running_loop()
    if callable(relay.token):  # it may ask a server for a fresh one
        credentials = await loop.run_in_executor(None, relay.credentials)
    else:
        credentials = relay.credentials()
    relay.prepare()
    connect_s = min(relay.timeouts.connect_s, timeout_s)
    sock, peer = await dial_async(relay.host, relay.port, connect_s, public_only=relay.public_only)
    try:
        wire = Wire(relay, credentials, peer=peer, local=sock.getsockname()[0])
        _, connection = await loop.create_connection(
            lambda: Connection(wire, work, timeout_s), sock=sock
        )
    except BaseException:
        sock.close()
        raise
    work.dialed(connection)
    try:
        await connection.opened
    except asyncio.CancelledError:
        connection.abort(ConnectionLost("given up while it was being opened"))
        raise
    return connection
