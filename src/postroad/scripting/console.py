"""Where a script's words go: stdout and stderr, counted, and never a reason to fail."""

from __future__ import annotations

import io
import re
from typing import TextIO

from postroad.scripting.limits import Limit, StoppedByLimit

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
# What a terminal would obey; an error's text may come from anybody.
_CONTROL = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f]")


class Nowhere(io.StringIO):
    """Swallows what is written: a stream the user closed (`>&-`)."""

    def write(self, text: str) -> int:
        """Forget it."""
        return len(text)


class Console:
    """The two streams of one run; the script's own output is counted, the runner's is not."""

    def __init__(self, stdout: TextIO, stderr: TextIO, max_output_octets: int) -> None:
        self.stdout = stdout
        self.stderr = stderr
        self._left = max_output_octets

    def take(self, octets: int) -> None:
        """Count output before it is read.

        raises: StoppedByLimit when it would go beyond the limit.
        """
        self._left -= max(1, octets)
        if self._left < 0:
            raise StoppedByLimit(Limit.OUTPUT)

    def say(self, line: str) -> None:
        """The runner's own line, on stderr; control characters escaped as Node escapes them."""
        shown = _CONTROL.sub(lambda found: f"\\x{ord(found.group()):02X}", line)
        write(self.stderr, shown + "\n")


def write(stream: TextIO, text: str) -> None:
    """Write `text`, replacing what the stream's encoding cannot show."""
    text = _LONE_SURROGATE.sub("\ufffd", text)
    try:
        stream.write(text)
    except UnicodeEncodeError:
        encoding = stream.encoding or "ascii"
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()
