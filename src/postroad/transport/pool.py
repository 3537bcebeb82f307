"""Which connection carries which transaction: opens what is needed, replaces what is lost."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import Protocol, cast

from postroad.errors import (
    ConnectionLost,
    LocalProtocolError,
    Phase,
    PhaseTimeout,
    PostroadError,
)
from postroad.smtp.envelope import Envelope
from postroad.smtp.transaction import Transaction
from postroad.smtp.transcript import Entry, Note
from postroad.transport.relay import Relay
from postroad.transport.streaming import Connection, open_connection

_REFUSED_AGAIN_S = 10.0  # how long no more connections are tried after the relay refused one


class Job(Transaction):
    """A transaction in a pool.

    source: where it came from, and who hears what became of it.
    tries:  how many sessions lost it before its content was written.
    """

    __slots__ = ("source", "tries")

    def __init__(
        self,
        envelope: Envelope,
        content: bytes,
        source: Source,
        *,
        is_transparent: bool = False,
    ) -> None:
        super().__init__(envelope, content, is_transparent=is_transparent)
        self.source = source
        self.tries = 0


class Source(Protocol):
    """Gives a pool its jobs."""

    def take(self) -> Job | None:
        """Return the next job, None when there is none now."""
        ...

    def wants(self, job: Job) -> bool:
        """Whether anybody still waits for `job`, which was taken and has not begun."""
        ...

    def ended(self, job: Job) -> None:
        """`job` has its outcome."""
        ...

    def dead(self, error: PostroadError, entries: list[Entry]) -> None:
        """No connection to the relay is possible; the jobs already taken have ended."""
        ...


class Pool:
    """Up to `connections` connections to one relay, opened as work asks for them.

    A wrong password counts once: the first connection logs in before a second is tried. A relay
    that refuses one more connection keeps those it has. A job that a used session lost before its
    content was written is tried again, on a new connection where one can be had and at most once
    for each there may be: the server may have closed them all.

    limit: how many connections there may be; a change counts from the next one on.
    """

    def __init__(self, relay: Relay, connections: int, timeout_s: float) -> None:
        self._relay = relay
        self.limit = connections
        self._timeout_s = timeout_s
        self._sources: deque[Source] = deque()
        self._waiting: deque[Job] = deque()  # taken from a source, without a connection yet
        self._stale: deque[Job] = deque()  # the same, lost by a used session before
        self._dialed: set[Connection] = set()  # not yet logged in
        self._connections: set[Connection] = set()  # logged in
        self._opening: set[asyncio.Task[None]] = set()
        self._refused_until = 0.0
        self._is_dry = False  # the last `take` found nothing
        self.is_closing = False

    def add(self, source: Source) -> None:
        """Take jobs from `source` too."""
        self._sources.append(source)
        self.wake()

    def remove(self, source: Source) -> None:
        """Take no more from `source`; what is under way goes on."""
        if source in self._sources:
            self._sources.remove(source)
        self._waiting = deque(job for job in self._waiting if job.source is not source)
        self._stale = deque(job for job in self._stale if job.source is not source)

    @property
    def is_empty(self) -> bool:
        """No connection exists or is being opened."""
        return not self._connections and not self._opening

    def wake(self) -> None:
        """There may be more work: use idle connections, then open more."""
        self._is_dry = False
        if self._stale:
            self._open_more()
        for connection in list(self._connections):
            if connection.is_idle:
                connection.pump()
                if self._is_dry:
                    return
        self._open_more()

    def withdraw(self, job: Job, seconds: float) -> bool:
        """Take back what was not sent within `seconds`; False when its final dot has left.

        The job then has its outcome and its source is not told. Nothing becomes of other jobs.
        """
        if job.outcome is not None:
            return False
        carrier = next((each for each in self._connections if each.session.carries(job)), None)
        if carrier is not None:
            is_back = carrier.withdraw(job, seconds)
            self.wake()  # for those that stood behind it
            return is_back
        for waiting in (self._waiting, self._stale):
            with contextlib.suppress(ValueError):
                waiting.remove(job)
        opening = next((each.session for each in self._dialed), None)
        if self._connections:
            phase = Phase.MAIL  # it waits for one of them
        elif opening is None:
            phase = Phase.CONNECT
        else:
            phase = opening.phase
            job.transcript = (opening.entries, job.entries)
        error = PhaseTimeout(f"not sent within {seconds:g} s", phase=phase)
        job.entries.append(Note(str(error)))
        job.end_failed(error)
        return True

    def close_idle(self, since: float) -> None:
        """Say good-bye on the connections that have been idle since then, on the loop's clock."""
        for connection in list(self._connections):
            if connection.is_idle and connection.moved_at <= since:
                connection.finish()

    async def abort(self, error: PostroadError) -> None:
        """Close all at once: a job whose final dot was written is in doubt, others end as lost."""
        self.is_closing = True
        for task in self._opening:
            task.cancel()
        self._fail_waiting(error, [])
        for source in list(self._sources):
            source.dead(error, [])
        connections = list(self._connections)
        for connection in connections:
            connection.abort(error)
        if closing := [*self._opening, *(connection.closed for connection in connections)]:
            await asyncio.wait(closing)

    async def aclose(self) -> None:
        """Finish what is under way, say good-bye and close; what never began ends as lost."""
        self.is_closing = True
        for task in self._opening:
            task.cancel()
        if self._opening:
            await asyncio.wait(self._opening)
        error = ConnectionLost("the mailer was closed before the message's turn")
        self._fail_waiting(error, [])
        for source in list(self._sources):
            source.dead(error, [])
        connections = list(self._connections)
        for connection in connections:
            connection.finish()
        if connections:
            await asyncio.wait([connection.closed for connection in connections])

    # What connections ask and tell.

    def take(self, connection: Connection) -> Job | None:
        """Return the next job: first what waits, then from each source in turn."""
        while self._stale and (connection.session.begun == 0 or not self._expects_another):
            job = self._stale.popleft()
            if job.source.wants(job):
                return job
        while self._waiting:
            job = self._waiting.popleft()
            if job.source.wants(job):
                return job
        following = self._next()
        self._is_dry = following is None
        return following

    def ended(self, transaction: Transaction) -> None:
        """A job ended; one whose session was stale waits for another connection."""
        job = cast(Job, transaction)
        if job.was_stale and job.tries < self.limit and not self.is_closing:
            job.reset()
            job.tries += 1
            self._stale.append(job)
        else:
            job.source.ended(job)

    def displaced(self, transaction: Transaction) -> None:
        """A job ended because another was taken back: it is the next, and no try is counted."""
        job = cast(Job, transaction)
        if self.is_closing:
            job.source.ended(job)
        else:
            job.reset()
            self._waiting.appendleft(job)

    def dialed(self, connection: Connection) -> None:
        """A connection exists; its opening dialogue begins."""
        self._dialed.add(connection)

    def lost(self, connection: Connection) -> None:
        """The session of a connection that was ready is over."""
        self._connections.discard(connection)
        if not self.is_closing:
            self.wake()

    # Inside.

    def _open_more(self) -> None:
        """Open a connection for each job that waits for one."""
        while self._may_open() and self._has_waiting(len(self._opening) + 1):
            task = asyncio.get_running_loop().create_task(self._open())
            self._opening.add(task)

    def _may_open(self) -> bool:
        if self.is_closing or len(self._connections) + len(self._opening) >= self.limit:
            return False
        if not self._connections:
            return not self._opening
        return asyncio.get_running_loop().time() >= self._refused_until

    @property
    def _expects_another(self) -> bool:
        """A connection is being opened, or will be in place of one that is gone."""
        return bool(self._opening) or any(each.session.is_closed for each in self._connections)

    def _next(self) -> Job | None:
        sources = self._sources
        for _ in range(len(sources)):
            job = sources[0].take()
            sources.rotate(-1)
            if job is not None:
                return job
        return None

    def _has_waiting(self, count: int) -> bool:
        """Whether `count` jobs wait for a connection, taking them from their sources to know."""
        lacking = count - len(self._waiting) - len(self._stale)
        taken: list[Job] = []
        while len(taken) < lacking and (job := self._next()) is not None:
            taken.append(job)
        self._waiting.extend(taken)
        return len(taken) >= lacking

    async def _open(self) -> None:
        """Open one connection, to the end of its login."""
        task = cast("asyncio.Task[None]", asyncio.current_task())
        try:
            connection = await open_connection(self._relay, self, self._timeout_s)
        except Exception as exc:  # noqa: BLE001 - who waits for this connection must hear of it
            error = exc if isinstance(exc, PostroadError) else _defect(exc)
            self._opening.discard(task)
            self._refused(error, [Note(str(error))])
            return
        finally:
            self._opening.discard(task)
        self._dialed.discard(connection)
        session = connection.session
        if session.is_closed or not session.is_ready:
            error = session.error or ConnectionLost("the server closed the connection")
            self._refused(error, session.entries)
            return
        self._connections.add(connection)
        connection.start()
        self.wake()

    def _refused(self, error: PostroadError, entries: list[Entry]) -> None:
        """A connection could not be opened: live with those there are, else all is over."""
        if self._connections:
            self._refused_until = asyncio.get_running_loop().time() + _REFUSED_AGAIN_S
            self.wake()
        elif not self._opening:
            self._fail_waiting(error, entries)
            for source in list(self._sources):
                source.dead(error, entries)

    def _fail_waiting(self, error: PostroadError, entries: list[Entry]) -> None:
        waiting = [*self._stale, *self._waiting]
        self._stale.clear()
        self._waiting.clear()
        for job in waiting:
            job.end_failed(error)
            job.transcript = (entries,)
            job.source.ended(job)


def _defect(exc: Exception) -> PostroadError:
    error = LocalProtocolError(f"opening a connection failed: {type(exc).__name__}: {exc}")
    error.__cause__ = exc
    return error
