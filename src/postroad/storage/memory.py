"""What was read of those who send, remembered until any of it changes."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import Any, Final, TypeVar, cast

T = TypeVar("T")

_MOST: Final = 20_000  # some 20 MB; then everything is read anew
_FRESH_S: Final = 0.001


class Memory:
    """Facts by what was asked for.

    version: reads the number that every change of a tenant's table adds to, whichever process makes
             it. It is read at most once a millisecond: one short read instead of six for each
             message. Who changes something in this process says `forget` himself.
    clock:   seconds that only grow.
    """

    def __init__(
        self, version: Callable[[], int], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._version = version
        self._clock = clock
        self._known: dict[Hashable, Any] = {}
        self._number = -1
        self._looked_at = -_FRESH_S

    def get(self, asked: Hashable, read: Callable[[], T]) -> T:
        """Return the answer of `read`, which is only called when it is not remembered."""
        self._look()
        if asked in self._known:
            return cast(T, self._known[asked])
        answer = read()
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[asked] = answer
        return answer

    def forget(self) -> None:
        """Something has just changed."""
        self._known.clear()

    def _look(self) -> None:
        now = self._clock()
        if now - self._looked_at < _FRESH_S:
            return
        number = self._version()  # before anything is read: what is newer is only read again
        if number != self._number:
            self._known.clear()
            self._number = number
        self._looked_at = now
