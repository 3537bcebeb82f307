"""Postroad with a real Exim, which enforces synchronization."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.peers.exim import Exim, needs_exim, running_exim
from tests.peers.suite import MailServerSuite


@pytest.fixture(scope="module")
def running() -> Iterator[Exim]:
    with running_exim() as exim:
        yield exim


@needs_exim
class TestExim(MailServerSuite):
    login_complaints = ("plain authenticator failed .*535 Incorrect authentication data",)
    handshake_complaints = ("TLS error on connection",)
    recipient_complaints = (
        "rejected RCPT .*Unrouteable address",
        "incomplete transaction \\((QUIT|RSET)",
    )
    impatience = "synchronization error"
    lost_session = "SMTP connection from .* lost|recv.*non-properly terminated"

    def sessions(self, lines: list[str]) -> int:
        return sum(1 for line in lines if "connection count = " in line)
