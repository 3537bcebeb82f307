"""Mail that waits for a person: how much there is, and what becomes of it when he lets it go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

TIME_AGAIN: Final = timedelta(days=2)
"""How long mail is tried whose time ran out while it was held."""


@dataclass(frozen=True, slots=True)
class Held:
    """The held mail of an app.

    messages:   those that can be sent, with `recipients` of theirs that are held.
    doubtful:   recipients among them who may have the mail already: it was under way, or in doubt.
    unsendable: messages whose relay's login came with the request and was not kept.
    oldest:     when the oldest came in.
    """

    app_id: str
    messages: int
    recipients: int
    doubtful: int
    unsendable: int
    oldest: datetime
