"""What a script may use, and how it is said that it used it up."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

from postroad.errors import SettingsError

# Below this the engine itself does not start.
MIN_MEMORY_OCTETS = 8 << 20


class Limit(Enum):
    """A limit that stops a script, as the word after `stopped: `."""

    TIME = "time"
    MEMORY = "memory"
    OUTPUT = "output"
    SENDS = "sends"


class StoppedByLimit(Exception):  # noqa: N818 - the name says what happened
    """A script met one of its limits."""

    def __init__(self, limit: Limit) -> None:
        super().__init__(limit.value)
        self.limit = limit


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one run."""

    timeout_s: float
    max_sends: int
    max_output_octets: int
    memory_octets: int

    def __post_init__(self) -> None:
        if not (math.isfinite(self.timeout_s) and self.timeout_s > 0):
            raise SettingsError("timeout_s: a script needs a time limit above 0 seconds")
        if self.max_sends < 0:
            raise SettingsError("max_sends: cannot be negative")
        if self.max_output_octets < 0:
            raise SettingsError("max_output_octets: cannot be negative")
        if self.memory_octets < MIN_MEMORY_OCTETS:
            raise SettingsError(f"memory_octets: the engine needs at least {MIN_MEMORY_OCTETS}")

    def sentence(self, limit: Limit) -> str:
        """What the user reads under `stopped: …`."""
        match limit:
            case Limit.TIME:
                return (
                    f"The script ran longer than {self.timeout_s:g} seconds "
                    "(time inside send_email not counted)."
                )
            case Limit.MEMORY:
                return f"The script needed more than {self.memory_octets} octets of memory."
            case Limit.OUTPUT:
                return f"The script printed more than {self.max_output_octets} octets."
            case Limit.SENDS:
                return f"The script called send_email more than {self.max_sends} times."
