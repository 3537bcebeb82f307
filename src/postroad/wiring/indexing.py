"""Keeps the index of the lists up to date, beside everything else."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from postroad.errors import StorageError
from postroad.storage.search.index import SearchIndex

_LOOK_S: Final = 1.0  # 3,000 messages may wait; what waits longer is found all the same


class Indexing:
    """Puts what came in into the index, as long as it runs."""

    def __init__(self, index: SearchIndex) -> None:
        self._index = index
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End, between two transactions."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task})

    async def _run(self) -> None:
        while True:
            with suppress(StorageError):  # health tells of it; it is tried again
                while await self._index.catch_up():
                    pass
            await asyncio.sleep(_LOOK_S)
