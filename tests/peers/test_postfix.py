"""Postroad with a real Postfix."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.peers.postfix import Postfix, needs_postfix, running_postfix
from tests.peers.suite import MailServerSuite


@pytest.fixture(scope="module")
def running() -> Iterator[Postfix]:
    with running_postfix() as postfix:
        yield postfix


@needs_postfix
class TestPostfix(MailServerSuite):
    soak = 1_000
    login_complaints = (
        "SASL PLAIN authentication failed",
        "Password verification failed",
    )
    handshake_complaints = (
        "SSL_accept error",
        "TLS library problem",
        "lost connection after (STARTTLS|CONNECT)",
    )
    recipient_complaints = ("reject: RCPT .*User unknown",)
    impatience = "improper command pipelining"
    lost_session = "lost connection after (CONNECT|EHLO|STARTTLS|AUTH)"

    def sessions(self, lines: list[str]) -> int:
        return sum(1 for line in lines if ": connect from " in line)
