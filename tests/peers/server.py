"""A real mail server as the tests see it: its ports, its accounts, what arrived, what it says."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.support import mailboxes
from tests.support.certificates import Authority
from tests.support.programs import free_port

from postroad import Relay, Timeouts

DOMAIN = "b.example"
USERNAME = f"sender@{DOMAIN}"
PASSWORD = "correct-horse"
MAILBOXES = ("bo", "kim", "lee", "받는이")
MAX_OCTETS = 2_000_000

# Loopback answers at once: a server that does not is a failure, and soon.
_TIMEOUTS = Timeouts(
    connect_s=10, tls_s=10, greeting_s=10, command_s=10, data_s=10, block_s=10, final_dot_s=20
)


class Ports(NamedTuple):
    """What a server listens on.

    starttls: STARTTLS, then AUTH.
    tls:      TLS from the first octet.
    lockstep: as starttls, without PIPELINING.
    clear:    AUTH without TLS too.
    """

    starttls: int
    tls: int
    lockstep: int
    clear: int

    @classmethod
    def free(cls) -> Ports:
        """Return ports that nothing listens on."""
        return cls(free_port(), free_port(), free_port(), free_port())


class MailServer(ABC):
    """A running server.

    expected: patterns of complaints that the test under way provokes.
    """

    def __init__(self, ports: Ports, authority: Authority, *, mail: Path) -> None:
        self.ports = ports
        self.authority = authority
        self.expected: Sequence[str] = ()
        self._mail = mail
        self._seen = 0

    def relay(self, **changes: Any) -> Relay:
        """Return the way to it: STARTTLS and the account, but for `changes`."""
        values: dict[str, Any] = {
            "host": "localhost",
            "port": self.ports.starttls,
            "security": "starttls",
            "username": USERNAME,
            "password": PASSWORD,
            "cafile": str(self.authority.cafile),
            "timeouts": _TIMEOUTS,
        }
        return Relay(**(values | changes))

    def begin(self) -> None:
        """Forget what came before."""
        self._seen = len(self.log())
        self.expected = ()
        mailboxes.empty(self._mail)

    def arrived(self) -> list[mailboxes.Arrived]:
        """Return what was delivered since `begin`, once nothing is on its way any more."""
        self.log()
        return mailboxes.arrived_in(self._mail)

    def news(self) -> list[str]:
        """Return the log's lines since `begin`."""
        return self.log()[self._seen :]

    def complaints(self) -> list[str]:
        """Return what it did not like since `begin`, but for what the test provokes."""
        expected = re.compile("|".join(self.expected) or "(?!)")
        return [line for line in self.complaints_in(self.news()) if not expected.search(line)]

    @abstractmethod
    def log(self) -> list[str]:
        """Return the log's lines once every session is closed and every message delivered."""

    @abstractmethod
    def complaints_in(self, lines: list[str]) -> list[str]:
        """Return those lines with which the server reports what it did not like."""
