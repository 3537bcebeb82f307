"""The states of a recipient: the only words for them, in code, answers and logs."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """What became of a message for one recipient."""

    QUEUED = "queued"
    SCHEDULED = "scheduled"
    HELD = "held"  # waits for a person
    SENDING = "sending"  # a process holds a lease on it
    DEFERRED = "deferred"  # refused for now, tried again later
    IN_DOUBT = "in_doubt"  # handed over, and no reply came: nobody can know

    ACCEPTED = "accepted"  # the relay took it; what follows is the relay's to tell
    CAPTURED = "captured"  # stored instead of sent
    BOUNCED = "bounced"  # the relay refused it for good
    FAILED = "failed"  # not sent and not tried again
    SUPPRESSED = "suppressed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    QUARANTINED = "quarantined"  # it crashed its worker three times

    @property
    def is_final(self) -> bool:
        """Nothing more happens to it by itself."""
        return self in FINAL


FINAL = frozenset(
    {
        *(State.ACCEPTED, State.CAPTURED, State.BOUNCED, State.FAILED),
        *(State.SUPPRESSED, State.EXPIRED, State.CANCELLED, State.QUARANTINED),
    }
)
