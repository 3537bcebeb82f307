"""The fields every client makes its messages from, and what a client is told and answers."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

_FIELDS = json.loads(Path(__file__).with_name("fields.json").read_text(encoding="utf-8"))

FROM_NAME: str = _FIELDS["from"]["name"]
FROM_EMAIL: str = _FIELDS["from"]["email"]
_NAMES: list[str] = _FIELDS["to"]["names"]
_EMAIL: str = _FIELDS["to"]["email"]
_SUBJECT: str = _FIELDS["subject"]
_TEXT: str = _FIELDS["text"]
_HTML: str = _FIELDS["html"]


class Fields(NamedTuple):
    """What differs from message to message: every recipient, subject and body is a new one."""

    to_name: str
    to_email: str
    subject: str
    text: str
    html: str


def fields(number: int) -> Fields:
    """Return the fields of one message."""
    return Fields(
        _NAMES[number % len(_NAMES)],
        _EMAIL % number,
        _SUBJECT % number,
        _TEXT % number,
        _HTML % number,
    )


@dataclass(frozen=True, slots=True)
class Task:
    """What a client has to do; its only argument, as JSON.

    warm_up: messages before the clock starts; they open the connections and are verified too.
    uvloop:  for clients with an event loop.
    """

    port: int
    count: int
    warm_up: int
    connections: int
    uvloop: bool = False

    def to_json(self) -> str:
        """The argument."""
        return json.dumps(asdict(self))


def task() -> Task:
    """Return the task that this process was started with."""
    return Task(**json.loads(sys.argv[1]))


def answer(accepted: int, seconds: float, cpu_seconds: float) -> None:
    """Print what the parent reads.

    accepted: messages the server accepted, those of the warm-up included.
    """
    print(json.dumps({"accepted": accepted, "seconds": seconds, "cpu_seconds": cpu_seconds}))
