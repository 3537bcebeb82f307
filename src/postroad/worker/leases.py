"""The leases of this process: its hold on the messages that it sends."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from postroad.delivery.messages import Lease

LENGTH: Final = timedelta(seconds=30)
_RENEWED_EVERY_S: Final = LENGTH.total_seconds() / 3


class Leases:
    """One token for all, renewed as long as anything is under way.

    token: begins with what kind of process holds it, so that a server that has the data folder to
           itself knows which leases cannot be alive.
    """

    def __init__(
        self,
        token: str,
        clock: Callable[[], datetime],
        *,
        renewed_every_s: float = _RENEWED_EVERY_S,
    ) -> None:
        self.token = token
        self.renewed_every_s = renewed_every_s
        self._clock = clock

    def new(self) -> Lease:
        """Return a lease that begins now."""
        return Lease(self.token, self.until())

    def until(self) -> datetime:
        """Return when a lease that is renewed now runs out."""
        return self._clock() + LENGTH
