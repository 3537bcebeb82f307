"""How `postroad` ends: every exit code with its meaning."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from postroad.frontdoor.result import Result


class Exit(IntEnum):
    """An exit code; `meaning` is what the reference says of it."""

    meaning: str

    def __new__(cls, value: int, meaning: str) -> Exit:  # noqa: D102
        member = int.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member

    OK = 0, "done; `send`: accepted for every recipient; `check`: every step went well"
    FAILED = (
        1,
        (
            "`send`, `message release`: not sent; `check`, `relay check`: a step failed; `run`: "
            "the script threw or met a limit; `doctor`: something is wrong; `audit verify`: an "
            "entry does not fit; of the service: the database cannot be used"
        ),
    )
    USAGE = 2, "an option, a setting, a file or the message is wrong by itself; nothing was tried"
    REFUSED = 3, "`send`: accepted for some recipients, refused for others"
    IN_DOUBT = (
        4,
        (
            "`send`, `message release`: in doubt: the message may have been accepted, sending "
            "again may double it"
        ),
    )
    DEFECT = 70, "a defect in Postroad; POSTROAD_DEBUG=1 shows the traceback"
    OUTPUT = 74, "the output could not be written, for example to a full disk"
    INTERRUPTED = 130, "Ctrl-C (which ends `simulate` as it should: 0)"
    PIPE_CLOSED = 141, "`run`, `simulate`, `log --follow`: who read the output has ended"


def exit_of(result: Result) -> Exit:
    """Return the exit code for what became of a message."""
    from postroad.errors import Code

    if result:
        return Exit.REFUSED if result.refused else Exit.OK
    known = {
        Code.CONFIG: Exit.USAGE,
        Code.IN_DOUBT: Exit.IN_DOUBT,
        Code.INTERNAL: Exit.DEFECT,
    }
    return known.get(result.code, Exit.FAILED)
