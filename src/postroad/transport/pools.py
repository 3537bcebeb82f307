"""One pool for each relay that has mail: messages go in one by one, each gets a ticket."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from itertools import chain
from typing import cast

from postroad.errors import ConnectionLost, PostroadError
from postroad.smtp.envelope import Envelope
from postroad.smtp.transaction import Outcome
from postroad.smtp.transcript import Entry, render
from postroad.transport.pool import Job, Pool, Source
from postroad.transport.relay import Relay

MAX_POOLS = 1_000  # with mail under way there may be more; what they hold is bounded elsewhere


class Ticket:
    """A message that was handed to the pools.

    done: its outcome, never an exception. Cancelling it ends the waiting and not the message, which
          `withdraw` does.
    """

    __slots__ = ("_job", "_line", "done")

    def __init__(self, job: _Submitted, line: _Line) -> None:
        self.done = job.done
        self._job = job
        self._line = line

    def transcript(self) -> str:
        """Return the dialogue so far."""
        return render(chain.from_iterable(self._job.transcript))

    def withdraw(self, seconds: float) -> bool:
        """Take back a message that was not sent within `seconds`; False when that is too late.

        It is too late once the final dot was handed to the kernel. Before, the outcome is known at
        once: timed out, unless its sender or all recipients had been refused. No other message is
        lost, doubled or put in doubt.
        """
        return self._line.withdraw(self._job, seconds)


class Pools:
    """A pool of connections for each relay, opened when it has mail and closed when it has none.

    The whole relay tells pools apart, its password included: no message travels on a connection
    that was opened with another.

    timeout_s: for opening a connection, and for each message from its first command to its last
               reply.
    idle_s:    how long a connection is kept without work; it may be half as long again.
    max_pools: how many relays are kept connected; beyond, the longest unused one is closed.
    """

    def __init__(self, timeout_s: float, idle_s: float, max_pools: int = MAX_POOLS) -> None:
        self._timeout_s = timeout_s
        self._idle_s = idle_s
        self._max_pools = max_pools
        self._lines: dict[Relay, _Line] = {}
        self._leaving: dict[_Line, asyncio.Task[None]] = {}
        self._sweeper: asyncio.TimerHandle | None = None
        self._is_closing = False

    def submit(
        self,
        relay: Relay,
        envelope: Envelope,
        content: bytes,
        *,
        is_transparent: bool = False,
        connections: int = 10,
    ) -> Ticket:
        """Hand over one message; it leaves at once when a connection is free.

        content:     octets with CRLF line ends, not dot-stuffed.
        connections: how many the relay may have; the last one given counts.
        """
        line = None if self._is_closing else self._lines.get(relay)
        line = line or self._new_line(relay)
        line.pool.limit = connections
        job = line.put(envelope, content, is_transparent=is_transparent)
        if self._is_closing:
            line.dead(ConnectionLost("the connections are being closed"), [])
        else:
            line.pool.wake()
        return Ticket(job, line)

    @property
    def relays(self) -> int:
        """How many relays have a pool."""
        return len(self._lines)

    async def aclose(self, grace_s: float) -> None:
        """Take no more, finish what was submitted, say good-bye and close.

        grace_s: then the rest is cut off: a message whose final dot was written is in doubt, the
                 others end as lost.
        """
        self._is_closing = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        lines = [*self._lines.values(), *self._leaving]
        try:
            async with asyncio.timeout(grace_s):
                await asyncio.gather(*(line.finish() for line in lines))
        except TimeoutError:
            pass
        finally:
            error = ConnectionLost("cut off because Postroad is being stopped")
            await asyncio.gather(*(line.pool.abort(error) for line in lines))
            self._lines.clear()

    def _new_line(self, relay: Relay) -> _Line:
        """Return a new line to `relay`, making room for it; a lone one when all are closing."""
        line = _Line(Pool(relay, 1, self._timeout_s))
        if self._is_closing:
            return line
        if len(self._lines) >= self._max_pools:
            idle = [known for known, line in self._lines.items() if not line.pending]
            if idle:
                self._leave(min(idle, key=lambda known: self._lines[known].used_at))
        self._lines[relay] = line
        if self._sweeper is None:
            self._sweep_later()
        return line

    def _leave(self, relay: Relay) -> None:
        """Close the pool of a relay that has no mail."""
        line = self._lines.pop(relay)
        if line.pool.is_empty:
            return
        task = asyncio.get_running_loop().create_task(line.pool.aclose())
        self._leaving[line] = task
        task.add_done_callback(lambda _: self._leaving.pop(line))

    def _sweep_later(self) -> None:
        loop = asyncio.get_running_loop()
        self._sweeper = loop.call_later(self._idle_s / 2, self._sweep)

    def _sweep(self) -> None:
        """Close the connections nobody uses; forget the relays that have none left."""
        since = asyncio.get_running_loop().time() - self._idle_s
        for relay, line in list(self._lines.items()):
            line.pool.close_idle(since)
            if not line.pending and line.pool.is_empty and line.used_at <= since:
                del self._lines[relay]
        self._sweeper = None
        if self._lines:
            self._sweep_later()


class _Submitted(Job):
    """A job with a future for its outcome."""

    __slots__ = ("done",)

    def __init__(
        self,
        envelope: Envelope,
        content: bytes,
        source: Source,
        done: asyncio.Future[Outcome],
        *,
        is_transparent: bool,
    ) -> None:
        super().__init__(envelope, content, source, is_transparent=is_transparent)
        self.done = done


class _Line:
    """What waits for one relay, and its pool.

    pending: how many messages have no outcome yet.
    used_at: when the last was submitted, on the event loop's clock.
    """

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.pending = 0
        self.used_at = 0.0
        self._queue: deque[_Submitted] = deque()
        self._drained: asyncio.Future[None] | None = None
        pool.add(self)

    def put(self, envelope: Envelope, content: bytes, *, is_transparent: bool) -> _Submitted:
        """Queue a message and return its job."""
        loop = asyncio.get_running_loop()
        self.used_at = loop.time()
        done = loop.create_future()
        job = _Submitted(envelope, content, self, done, is_transparent=is_transparent)
        self._queue.append(job)
        self.pending += 1
        return job

    def withdraw(self, job: _Submitted, seconds: float) -> bool:
        """Take `job` back, wherever it is."""
        if not self.pool.withdraw(job, seconds):
            return False
        with contextlib.suppress(ValueError):
            self._queue.remove(job)
        self.ended(job)
        return True

    async def finish(self) -> None:
        """Wait until nothing is pending, then say good-bye."""
        if self.pending:
            self._drained = asyncio.get_running_loop().create_future()
            await self._drained
        await self.pool.aclose()

    # As the pool's source.

    def take(self) -> Job | None:
        """Return the next message."""
        return self._queue.popleft() if self._queue else None

    def wants(self, job: Job) -> bool:  # noqa: ARG002
        """One that is taken back is removed."""
        return True

    def ended(self, job: Job) -> None:
        """Tell its ticket."""
        done = cast(_Submitted, job).done
        self.pending -= 1
        if not done.done():
            done.set_result(job.ended)
        if not self.pending and self._drained is not None and not self._drained.done():
            self._drained.set_result(None)

    def dead(self, error: PostroadError, entries: list[Entry]) -> None:
        """End whatever is queued."""
        while self._queue:
            job = self._queue.popleft()
            job.end_failed(error)
            job.transcript = (entries,)
            self.ended(job)
