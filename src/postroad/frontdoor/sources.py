"""Where the pool's jobs come from: messages sent one by one, and streams of them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable, Callable, Iterable, Iterator
from typing import Self, cast

from postroad.errors import PostroadError
from postroad.frontdoor.composing import compose
from postroad.frontdoor.result import Result, failed
from postroad.message import Message
from postroad.smtp.envelope import Envelope
from postroad.smtp.transcript import Entry
from postroad.transport.pool import Job, Source
from postroad.transport.relay import Relay

_UNREAD_RESULTS = 1_000  # a slow consumer holds up the senders, not the memory
_BUILT_MESSAGES = 64  # ahead of the connections
_BUILT_OCTETS = 262_144
_BUFFERED_MESSAGES = 100  # read ahead from an async iterable, so that connections need not wait


class _MessageJob(Job):
    """A message in the pool, built when it is taken."""

    __slots__ = ("message_id", "recipients")

    def __init__(self, message: Message, source: Source) -> None:
        built = compose(message)
        envelope = Envelope(built.reverse_path, built.forward_paths, built.needs_smtputf8)
        super().__init__(envelope, built.content, source, is_transparent=built.is_transparent)
        self.recipients = built.recipients
        self.message_id = built.message_id

    def result(self, relay: Relay, lang: str) -> Result:
        """Return what became of it."""
        return Result(self.message_id, self.ended, self.recipients, self.transcript, relay, lang)


class Single:
    """The source of messages sent one by one, each with a future for its result."""

    def __init__(self, relay: Relay, lang: str) -> None:
        self._relay = relay
        self._lang = lang
        self._queue: deque[Job] = deque()
        self._futures: dict[Job, asyncio.Future[Result]] = {}

    def put(self, message: Message) -> asyncio.Future[Result]:
        """Queue `message`; cancelling the future takes it back as long as it waits.

        raises: MessageError when it cannot be built.
        """
        job = _MessageJob(message, self)
        self._queue.append(job)
        future = self._futures[job] = asyncio.get_running_loop().create_future()
        return future

    def take(self) -> Job | None:
        """Return the next message that somebody still waits for."""
        while self._queue:
            job = self._queue.popleft()
            if self.wants(job):
                return job
        return None

    def wants(self, job: Job) -> bool:
        """Whether its future was not cancelled."""
        if not self._futures[job].cancelled():
            return True
        del self._futures[job]
        return False

    def ended(self, job: Job) -> None:
        """Wake who waits for `job`."""
        future = self._futures.pop(job)
        if not future.done():
            future.set_result(cast(_MessageJob, job).result(self._relay, self._lang))

    def dead(self, error: PostroadError, entries: list[Entry]) -> None:
        """End whatever is queued."""
        while (job := self.take()) is not None:
            job.end_failed(error)
            job.transcript = (entries,)
            self.ended(job)


class Stream:
    """The source of one `send_many`.

    results: those that are known and not yet read.
    error:   what ended it early, to be raised after the results.
    """

    def __init__(
        self,
        relay: Relay,
        lang: str,
        wake: Callable[[], None],
        messages: Iterable[Message] | AsyncIterable[Message],
    ) -> None:
        self.results: deque[Result] = deque()
        self.error: BaseException | None = None
        self._relay = relay
        self._lang = lang
        self._wake = wake
        self._built: deque[Job] = deque()
        self._under_way = 0  # taken and without a result, those built included
        self._is_exhausted = False
        self._is_held_up = False
        self._changed = asyncio.Event()
        self._messages: Iterator[Message]
        self._read_ahead: _ReadAhead | None = None
        if isinstance(messages, AsyncIterable):
            self._messages = self._read_ahead = _ReadAhead(messages, wake)
        else:
            self._messages = iter(messages)

    async def has_more(self) -> bool:
        """Wait for further results; False when every message taken has had its own."""
        if self._is_held_up:
            self._is_held_up = False
            self._wake()
        while not self.results:
            if self._is_exhausted and not self._under_way:
                return False
            self._changed.clear()
            await self._changed.wait()
        return True

    async def aclose(self) -> None:
        """Take no further message; those built and not begun are not sent."""
        self._is_exhausted = True
        self._under_way -= len(self._built)
        self._built.clear()
        if self._read_ahead is not None:
            await self._read_ahead.aclose()

    def take(self) -> Job | None:
        """Return the next message as a job; a few are built at a time, which is faster."""
        if not self._built:
            octets = 0
            while len(self._built) < _BUILT_MESSAGES and octets < _BUILT_OCTETS:
                job = self._build_next()
                if job is None:
                    break
                self._built.append(job)
                octets += len(job.content)
        return self._built.popleft() if self._built else None

    def wants(self, job: Job) -> bool:  # noqa: ARG002
        """A stream that is given up is removed from its pool, with what waits."""
        return True

    def ended(self, job: Job) -> None:
        """Keep the result for who reads them."""
        self._under_way -= 1
        self.results.append(cast(_MessageJob, job).result(self._relay, self._lang))
        self._changed.set()

    def dead(self, error: PostroadError, entries: list[Entry]) -> None:
        """Take no further message and raise `error` after the results."""
        while self._built:
            job = self._built.popleft()
            job.end_failed(error)
            job.transcript = (entries,)
            self.ended(job)
        self._end(error)

    def _build_next(self) -> Job | None:
        """Return the next message as a job; one that cannot be built becomes a result instead."""
        while not self._is_exhausted:
            if self._under_way + len(self.results) >= _UNREAD_RESULTS:
                self._is_held_up = True
                return None
            try:
                message = next(self._messages)
            except StopIteration:
                self._end(None)
                return None
            except _NothingYetError:
                return None
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException as error:  # noqa: BLE001 - the caller's own; raised to the caller
                self._end(error)
                return None
            try:
                job = _MessageJob(message, self)
            except PostroadError as error:
                self.results.append(failed(error, self._relay, self._lang))
                self._changed.set()
                continue
            self._under_way += 1
            return job
        return None

    def _end(self, error: BaseException | None) -> None:
        self._is_exhausted = True
        self.error = self.error or error
        self._changed.set()


class _NothingYetError(Exception):
    """The async iterable has not given its next message yet."""


class _ReadAhead:
    """An async iterable as an iterator that never waits: it raises _NothingYetError instead."""

    def __init__(self, messages: AsyncIterable[Message], wake: Callable[[], None]) -> None:
        self._waiting: deque[Message] = deque()
        self._has_room = asyncio.Event()
        self._error: BaseException | None = None
        self._is_closing = False
        self._reader = asyncio.get_running_loop().create_task(self._read(messages, wake))

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Message:
        if self._waiting:
            self._has_room.set()
            return self._waiting.popleft()
        if self._error is not None:
            raise self._error
        raise _NothingYetError

    async def aclose(self) -> None:
        """Stop reading."""
        self._is_closing = True
        self._reader.cancel()
        await asyncio.wait([self._reader])

    async def _read(self, messages: AsyncIterable[Message], wake: Callable[[], None]) -> None:
        try:
            async for message in messages:
                self._waiting.append(message)
                wake()
                while len(self._waiting) >= _BUFFERED_MESSAGES:
                    self._has_room.clear()
                    await self._has_room.wait()
            self._error = StopIteration()
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            if self._is_closing:
                raise
            self._error = error
        wake()
