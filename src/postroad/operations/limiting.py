"""Limits that are counted before anything is done for a request: they protect the service."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from postroad.operations.ports import Counters
from postroad.tenancy import limits
from postroad.tenancy.limits import Limit, Standing
from postroad.tenancy.records import ApiKey


class Limiting:
    """Counts requests of an address and of an API key, where there is a limit.

    address_minute: requests from one address in a minute, 0 for any number.
    raises:         StorageError.
    """

    def __init__(
        self, counters: Counters, clock: Callable[[], datetime], *, address_minute: int = 0
    ) -> None:
        self._counters = counters
        self._clock = clock
        self._address_minute = address_minute

    async def address(self, ip: str) -> Standing | None:
        """Count a request from an address; None where there is no limit."""
        if not self._address_minute:
            return None
        now = self._clock()
        return await self._counted(limits.of_address(ip, self._address_minute, now), now)

    async def key(self, key: ApiKey) -> Standing | None:
        """Count a request with an API key; None where there is no limit."""
        now = self._clock()
        return await self._counted(limits.of_key(key, now), now)

    async def _counted(self, limit: Limit | None, now: datetime) -> Standing | None:
        return None if limit is None else await self._counters.count(limit, now=now)
