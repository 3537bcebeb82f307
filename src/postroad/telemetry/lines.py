"""Lines to a descriptor that may be slow, full or closed: none of it ever stops the writer."""

from __future__ import annotations

import os
import select
from threading import Lock

_WHOLE_OCTETS = 4096  # PIPE_BUF on Linux: so much fits when poll says ready, and stays in one piece
_MAX_WAITING_OCTETS = 1 << 20  # some 4,000 lines for a reader that is late
_CLOSE_MS = 1_000
_LINE_END = 10


class Lines:
    """Writes lines of octets, at once when the reader can take them, else with a later one.

    descriptor: is closed with it; None loses every line.
    lost:       lines that nobody will ever read, because there was no room or no reader.
    """

    def __init__(self, descriptor: int | None) -> None:
        self.lost = 0
        self._descriptor = descriptor
        self._waiting = bytearray()
        self._is_inside = False  # the last octet that went out does not end a line
        self._is_torn = False  # and the rest of that line is lost
        self._lock = Lock()
        self._poll = None
        if descriptor is not None and hasattr(select, "poll"):
            self._poll = select.poll()
            self._poll.register(descriptor, select.POLLOUT)

    def write(self, line: bytes) -> None:
        """Write `line`, which has no line end; where it cannot go now it waits, or is counted."""
        with self._lock:
            if len(self._waiting) > _MAX_WAITING_OCTETS:
                self._flush()
            if self._descriptor is None or len(self._waiting) > _MAX_WAITING_OCTETS:
                self.lost += 1
                return
            self._waiting += line
            self._waiting.append(_LINE_END)
            self._flush()

    debug = info = warning = error = write  # as structlog calls it

    def close(self) -> None:
        """Write what still waits, as far as the reader takes it, and close the descriptor."""
        with self._lock:
            self._flush(_CLOSE_MS)
            self._forget()
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None

    def _flush(self, patience_ms: int = 0) -> None:
        """Write as much as the reader takes; lines stay whole where they can.

        patience_ms: how long to wait for a reader that takes nothing.
        """
        waiting = self._waiting
        while waiting and self._descriptor is not None:
            if self._poll is not None and not self._poll.poll(patience_ms):
                return
            try:
                if self._is_torn:
                    os.write(self._descriptor, b"\n")
                    self._is_torn = False
                end = waiting.rfind(b"\n", 0, _WHOLE_OCTETS) + 1
                taken = os.write(self._descriptor, waiting[: end or _WHOLE_OCTETS])
            except BlockingIOError:  # somebody made it non-blocking
                return
            except OSError:  # no room, or nobody reads any more
                self._forget()
                return
            self._is_inside = taken > 0 and waiting[taken - 1] != _LINE_END
            del waiting[:taken]

    def _forget(self) -> None:
        self.lost += self._waiting.count(b"\n")
        self._waiting.clear()
        self._is_torn = self._is_torn or self._is_inside
        self._is_inside = False
