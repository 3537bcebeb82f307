"""How long each phase of a session may take."""

from __future__ import annotations

from dataclasses import dataclass

from postroad.errors import Phase, SettingsError

_MAX_S = 86_400.0  # no server needs a day; sockets and selectors overflow far above


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds each phase may take; a reply or block that dribbles does not extend its phase.

    block_s: for the server to take the next block of content.
    source:  RFC 5321 §4.5.3.2, whose minima the defaults are; connect_s and tls_s are ours.
    """

    connect_s: float = 30.0
    tls_s: float = 60.0
    greeting_s: float = 300.0
    command_s: float = 300.0
    data_s: float = 120.0
    block_s: float = 180.0
    final_dot_s: float = 600.0
    quit_s: float = 5.0

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if not 0 < getattr(self, name) <= _MAX_S:
                raise SettingsError(f"{name} must be a number of seconds above 0, a day at most")

    def seconds(self, phase: Phase) -> float:
        """Return the time-out of `phase`."""
        return float(getattr(self, _FIELD.get(phase, "command_s")))

    @property
    def shortest_s(self) -> float:
        """The shortest of all."""
        return float(min(getattr(self, name) for name in self.__slots__))


_FIELD = {
    Phase.CONNECT: "connect_s",
    Phase.TLS: "tls_s",
    Phase.GREETING: "greeting_s",
    Phase.DATA: "data_s",
    Phase.CONTENT: "block_s",
    Phase.FINAL_DOT: "final_dot_s",
    Phase.QUIT: "quit_s",
}
