"""Passwords as Argon2id, computed beside the event loop, a few at a time and in fair turns."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# OWASP's Password Storage Cheat Sheet: 19 MiB, two passes, one lane.
_MEMORY_KIB, _PASSES, _LANES = 19_456, 2, 1
_AT_ONCE = 2  # two hundred wrong logins must not take every core from the mail
_MAY_WAIT = 200


class Passwords:
    """Hashes and verifies; a hash that is missing takes as long as one that is wrong.

    Each password belongs to an owner, an app or "" for the operator, and the owners take turns:
    what thousands ask of one app makes nobody else wait.
    """

    def __init__(self) -> None:
        self._hasher = PasswordHasher(_PASSES, _MEMORY_KIB, _LANES)
        self._threads = ThreadPoolExecutor(_AT_ONCE, "postroad-argon2")
        self._turns = Turns(_AT_ONCE)
        self._nobody = self._hasher.hash("nobody has this password")

    def is_busy_for(self, owner: str) -> bool:
        """So many wait for their turn that another one of this owner should come back later.

        Full is full only for who has had a fair share of it.
        """
        turns = self._turns
        own = turns.of(owner)
        others = turns.owners - (own > 0)
        return turns.total >= _MAY_WAIT and own >= _MAY_WAIT // (others + 1)

    async def hash(self, password: str, owner: str = "") -> str:
        """Return the Argon2id hash of `password` with a salt of its own."""
        async with self._turns.taken(owner):
            return await asyncio.get_running_loop().run_in_executor(
                self._threads, self._hash, password
            )

    async def verify(self, known: str | None, password: str, owner: str = "") -> bool:
        """Whether `password` is the one of the hash `known`; None is False after the same time."""
        async with self._turns.taken(owner):
            is_right = await asyncio.get_running_loop().run_in_executor(
                self._threads, self._verify, known or self._nobody, password
            )
        return is_right and known is not None

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _hash(self, password: str) -> str:
        return self._hasher.hash(password)

    def _verify(self, known: str, password: str) -> bool:
        try:
            return self._hasher.verify(known, password)
        except (VerificationError, InvalidHashError):
            return False


class Turns:
    """A few at once, the owners of what waits one after the other.

    at_once: how many have one.
    total:   how many have or wait for one.
    """

    def __init__(self, at_once: int) -> None:
        self._free = at_once
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}  # the next owner first
        self._counts: dict[str, int] = {}
        self.total = 0

    @property
    def owners(self) -> int:
        """How many owners have or wait for a turn."""
        return len(self._counts)

    def of(self, owner: str) -> int:
        """Return how many of an owner have or wait for a turn."""
        return self._counts.get(owner, 0)

    @asynccontextmanager
    async def taken(self, owner: str) -> AsyncIterator[None]:
        """Wait for a turn of `owner` and hold it."""
        self._counts[owner] = self.of(owner) + 1
        self.total += 1
        try:
            await self._wait(owner)
            try:
                yield
            finally:
                self._pass_on()
        finally:
            self.total -= 1
            self._counts[owner] -= 1
            if not self._counts[owner]:
                del self._counts[owner]

    async def _wait(self, owner: str) -> None:
        if self._free:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(owner, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it was given in this very moment
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        """Give a turn that ends to the next owner, who then stands last."""
        while self._waiting:
            owner = next(iter(self._waiting))
            queue = self._waiting.pop(owner)
            turn = queue.popleft()
            if queue:
                self._waiting[owner] = queue
            if not turn.done():  # else it was cancelled while it waited
                turn.set_result(None)
                return
        self._free += 1
