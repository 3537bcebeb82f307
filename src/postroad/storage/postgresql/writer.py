"""Group commit: whatever waits is written in one transaction, then all who wait are woken."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, TypeVar, cast

from postroad.errors import StorageError
from postroad.storage.engine import Row, Statement, Work, refuse
from postroad.storage.postgresql.connecting import rows
from postroad.storage.postgresql.failures import ERRORS, failed, is_parting, is_passing

T = TypeVar("T")

_MOST: Final = 256  # pieces of work in one transaction; more are no faster
_TRIES: Final = 4  # of work that other servers' transactions stood in the way of
_LOST: Final = (
    "the connection to PostgreSQL was lost before it confirmed: what was written may be kept or not"
)


@dataclass(frozen=True, slots=True)
class _Item:
    """A piece of work, or one statement, and who waits for it.

    since: the loop's time when it came.
    """

    work: Callable[[], Work[Any]] | None
    statement: Statement
    future: asyncio.Future[Any]
    since: float


_Outcome = tuple[Any, BaseException | None]


class _AgainError(Exception):
    """The transaction was undone, and the same work is to be done again."""


class Writer:
    """The only task of this process that writes, with the only connection that does.

    open:      returns a connection.
    answer_s:  the longest that anybody waits. Half of it may pass before a group is begun.
    committed: told of each transaction how many items it held and the seconds it took.
    """

    def __init__(
        self,
        open_: Callable[[], Awaitable[Any]],
        *,
        answer_s: float,
        committed: Callable[[int, float], None],
    ) -> None:
        self._open = open_
        self._answer_s = answer_s
        self._committed = committed
        self._connection: Any = None
        self._waiting: deque[_Item] = deque()
        self._task: asyncio.Task[None] | None = None
        self._is_closed = False

    def write(
        self, work: Callable[[], Work[T]] | None, statement: Statement = ("", ())
    ) -> asyncio.Future[T]:
        """Return a future that has the result of `work` once it is durable.

        work: None for one statement, whose rows are the result.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        if self._is_closed:
            future.set_exception(StorageError("the database is closed"))
        else:
            self._waiting.append(_Item(work, statement, future, loop.time()))
            if self._task is None:
                self._task = loop.create_task(self._run())
        return future

    async def aclose(self) -> None:
        """Write what waits, then let the connection go."""
        self._is_closed = True
        if self._task is not None:
            await self._task
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(*ERRORS):
                await connection.close(timeout=self._answer_s)

    async def _run(self) -> None:
        try:
            while self._waiting:
                group = self._take()
                if group:
                    for item, outcome in zip(group, await self._written(group), strict=True):
                        _settle(item.future, *outcome)
        finally:
            self._task = None

    def _take(self) -> list[_Item]:
        """Return who is next; those who have waited too long are told so."""
        latest = asyncio.get_running_loop().time() - self._answer_s / 2
        group: list[_Item] = []
        while self._waiting and len(group) < _MOST:
            item = self._waiting.popleft()
            if item.since < latest:
                _settle(item.future, None, StorageError("PostgreSQL is too slow for all the work"))
            else:
                group.append(item)
        return group

    async def _written(self, group: list[_Item]) -> list[_Outcome]:
        """Do the group in one transaction and return what became of each item."""
        began = time.perf_counter()
        try:
            async with asyncio.timeout_at(group[0].since + self._answer_s):
                if self._connection is None or self._connection.is_closed():
                    self._connection = await self._open()
                outcomes = await self._done(self._connection, group)
        except ERRORS as error:
            self._give_up()
            return [(None, failed(error))] * len(group)
        except BaseException as error:
            self._give_up()
            if not isinstance(error, Exception):
                raise
            return [(None, error)] * len(group)
        self._committed(len(group), time.perf_counter() - began)
        return outcomes

    async def _done(self, connection: Any, group: list[_Item]) -> list[_Outcome]:
        """Do the group, as often as it takes.

        It is tried without savepoints first, each of which would be one more journey: nearly
        always everything goes well. A deadlock ends a whole transaction, ours or another server's.

        raises: StorageError, or the driver's errors.
        """
        is_alone = len(group) == 1
        turn = 0
        while True:
            turn += 1
            try:
                if is_alone and group[0].work is None:
                    return [await _alone(connection, group[0])]
                return await _transaction(connection, group, is_guarded=turn > 1 or is_alone)
            except _AgainError as again:
                if turn == _TRIES:
                    raise (again.__cause__ or again) from None

    def _give_up(self) -> None:
        """Let go of a connection of which nobody knows what it is doing."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()


async def _alone(connection: Any, item: _Item) -> _Outcome:
    """Do one statement, which is a transaction of its own."""
    try:
        return await rows(connection, *item.statement), None
    except StorageError as error:
        if connection.is_closed():
            raise StorageError(_LOST) from error
        _look(error)
        return None, error


async def _transaction(connection: Any, group: list[_Item], *, is_guarded: bool) -> list[_Outcome]:
    """Do the group in a transaction.

    is_guarded: an item that fails is undone alone; else nothing is kept when one does.
    raises:     _AgainError when nothing was kept; StorageError, or the driver's errors.
    """
    outcomes: list[_Outcome] = []
    needs_savepoints = is_guarded and len(group) > 1
    await connection.execute("BEGIN")
    for item in group:
        if needs_savepoints:
            await connection.execute("SAVEPOINT item")
        try:
            outcomes.append((await _result(connection, item), None))
        except Exception as error:
            if connection.is_closed() or is_parting(error.__cause__):
                raise failed(error.__cause__ or error) from error
            if not is_guarded or is_passing(error.__cause__):
                await connection.execute("ROLLBACK")
                raise _AgainError from error
            outcomes.append((None, error))
            if not needs_savepoints:
                await connection.execute("ROLLBACK")
                return outcomes
            await connection.execute("ROLLBACK TO SAVEPOINT item")
        if needs_savepoints:
            await connection.execute("RELEASE SAVEPOINT item")
    await _commit(connection)
    return outcomes


async def _commit(connection: Any) -> None:
    try:
        await connection.execute("COMMIT")
    except ERRORS as error:
        if connection.is_closed():
            raise StorageError(_LOST) from error
        _look(failed(error))
        raise


def _look(error: Exception) -> None:
    """Make sure that an error is about what was asked, and would come again.

    raises: _AgainError when it would not; StorageError when another server takes the writes now.
    """
    if is_parting(error.__cause__):
        raise error
    if is_passing(error.__cause__):
        raise _AgainError from error


async def _result(connection: Any, item: _Item) -> Any:
    if item.work is None:
        return await rows(connection, *item.statement)
    return await _ran(item.work(), connection)


async def _ran(work: Work[T], connection: Any) -> T:
    """Run a piece of work to its end and return its result."""
    try:
        sql, parameters = next(work)
        while True:
            try:
                found: Sequence[Row] = await rows(connection, sql, parameters)
            except StorageError as error:
                refuse(work, error)
            sql, parameters = work.send([*found])
    except StopIteration as end:
        return cast(T, end.value)
    finally:
        work.close()


def _settle(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.done():  # its waiter was cancelled
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
