"""Gives a message what only the moment of sending can: a date, an identifier, a boundary."""

from __future__ import annotations

import itertools
import os
from datetime import UTC, datetime

from postroad.errors import MessageError
from postroad.message import BuiltMessage, Message, build


class _Sequence:
    """Identifiers that no other process and no other call has: a random prefix and a counter."""

    def __init__(self) -> None:
        self.restart()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.restart)

    def restart(self) -> None:
        self.prefix = os.urandom(10).hex()
        self.numbers = itertools.count(1)


_sequence = _Sequence()


def compose(message: Message) -> BuiltMessage:
    """Return `message` as content and envelope, dated now.

    raises: MessageError for what is no message or makes one beyond a limit.
    """
    if not isinstance(message, Message):
        raise MessageError(f"takes a Message, not {type(message).__name__}")
    number = next(_sequence.numbers)
    unique = f"{_sequence.prefix}{number:x}"
    return build(
        message,
        date=datetime.now(UTC),
        message_id=f"<{unique}@{message.from_.domain}>",
        boundary=unique,
    )
