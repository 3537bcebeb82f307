"""Passwords as Argon2id, computed beside the event loop and a few at a time."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# OWASP's Password Storage Cheat Sheet: 19 MiB, two passes, one lane.
_MEMORY_KIB, _PASSES, _LANES = 19_456, 2, 1
_AT_ONCE = 2  # two hundred wrong logins must not take every core from the mail
_MAY_WAIT = 200


class Passwords:
    """Hashes and verifies; a hash that is missing takes as long as one that is wrong."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(_PASSES, _MEMORY_KIB, _LANES)
        self._threads = ThreadPoolExecutor(_AT_ONCE, "postroad-argon2")
        self._waiting = 0
        self._nobody = self._hasher.hash("nobody has this password")

    @property
    def is_busy(self) -> bool:
        """So many wait for their turn that another one should come back later."""
        return self._waiting >= _MAY_WAIT

    async def hash(self, password: str) -> str:
        """Return the Argon2id hash of `password` with a salt of its own."""
        return await asyncio.get_running_loop().run_in_executor(
            self._threads, self._hasher.hash, password
        )

    async def verify(self, known: str | None, password: str) -> bool:
        """Whether `password` is the one of the hash `known`; None is False after the same time."""
        loop = asyncio.get_running_loop()
        self._waiting += 1
        try:
            is_right = await loop.run_in_executor(
                self._threads, self._verify, known or self._nobody, password
            )
        finally:
            self._waiting -= 1
        return is_right and known is not None

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _verify(self, known: str, password: str) -> bool:
        try:
            return self._hasher.verify(known, password)
        except (VerificationError, InvalidHashError):
            return False
