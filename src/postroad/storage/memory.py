"""What was read of those who send, remembered until any of it changes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, Final, TypeVar, cast

T = TypeVar("T")

_MOST: Final = 20_000  # some 20 MB; then everything is read anew


class Memory:
    """Facts by what was asked for.

    version: reads the number that every change of a tenant's table adds to, whichever process makes
             it: one short read instead of six for each message. Who changes something in this
             process says `forget` himself.
    fresh_s: how long what was read of it is good for, in seconds.
    clock:   seconds that only grow.
    """

    def __init__(
        self,
        version: Callable[[], Awaitable[int]],
        fresh_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._version = version
        self._fresh_s = fresh_s
        self._clock = clock
        self._known: dict[Hashable, Any] = {}
        self._number = -1
        self._looked_at = -fresh_s
        self._looking: asyncio.Future[bool] | None = None  # whether the look went well

    async def get(self, asked: Hashable, read: Callable[[], Awaitable[T]]) -> T:
        """Return the answer of `read`, which is only called when it is not remembered.

        That there is no such thing is not: another process may be making it, and its caller asks
        here next.
        """
        if self._clock() - self._looked_at >= self._fresh_s:
            await self._look()
        known = self._known
        if asked in known:
            return cast(T, known[asked])
        answer = await read()
        if answer is None:
            return answer
        if len(known) >= _MOST:
            self.forget()
        known[asked] = answer  # in vain when `forget` was said meanwhile: it may be old
        return answer

    def forget(self) -> None:
        """Something has just changed."""
        self._known = {}

    async def _look(self) -> None:
        """Forget what is known if anything changed; who asks meanwhile waits for the same look."""
        while self._looking is not None:
            if await asyncio.shield(self._looking):
                return
        looking = self._looking = asyncio.get_running_loop().create_future()
        began = self._clock()
        try:
            number = await self._version()  # before our reading: what is newer is only read again
            if number != self._number:
                self.forget()
                self._number = number
            self._looked_at = began
        finally:
            self._looking = None
            looking.set_result(self._looked_at == began)
