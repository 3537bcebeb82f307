"""What is wrong with a request before any dialect's own checks begin."""

from __future__ import annotations

from enum import StrEnum


class Fault(StrEnum):
    """Why the operation was not asked, or did not answer; each dialect has its words for it."""

    MALFORMED = "malformed"  # a body that is not what its Content-Type says, or ends early
    TOO_MANY = "too-many"  # more parameters than anybody needs
    TOO_LARGE = "too-large"  # read to its end, and dropped
    FAR_TOO_LARGE = "far-too-large"  # not read: the connection is closed
    TOO_SLOW = "too-slow"  # not here within its time
    TOO_OFTEN = "too-often"  # more requests from one address than the operator wants
    BUSY = "busy"  # other requests hold all the memory there is for bodies
    METHOD = "method"
    GET_SHUT = "get-shut"  # the operator takes no parameters in URLs
    STORAGE = "storage"  # nothing was done
    STOPPING = "stopping"  # cut off at shutdown; what became of it only the log knows
    CRASHED = "crashed"  # a defect in Postroad


class BadRequest(Exception):  # noqa: N818 - the name says whose fault it is
    """A request that no operation gets to see."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault
