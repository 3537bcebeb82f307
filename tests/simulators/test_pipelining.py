"""Where PIPELINING is offered it works, across transactions too (RFC 2920 §3.1)."""

from __future__ import annotations

import pytest
from tests.simulators.wire import Wire, in_base64

from postroad.simulators import simulate
from postroad.simulators.profiles import PROFILES

NAMES = list(PROFILES)


def envelope(name: str, number: int) -> bytes:
    own = PROFILES[name].address
    return f"MAIL FROM:<{own}>\r\nRCPT TO:<slow@x{number}.com>\r\nDATA\r\n".encode()


def content(name: str, number: int) -> bytes:
    return f"From: {PROFILES[name].address}\r\nSubject: {number}\r\n\r\n".encode() + b"x" * 70


@pytest.mark.parametrize("name", [name for name in NAMES if name != "greylist"])
@pytest.mark.parametrize("security", ["none", "tls"])
def test_content_and_the_next_envelope_in_one_write(name: str, security: str) -> None:
    with simulate(name, security=security) as server, Wire(server) as wire:
        wire.log_in(server)

        wire.write(envelope(name, 1))
        first = wire.replies(3)
        wire.write(content(name, 1) + b"\r\n.\r\n" + envelope(name, 2))
        second = wire.replies(4)
        wire.write(content(name, 2) + b"\r\n.\r\nQUIT\r\n")
        third = wire.replies(2)

        assert [reply[:3] for reply in first + second + third] == [
            *("250", "250", "354"),
            *("250", "250", "250", "354"),
            *("250", "221"),
        ]
        assert [m.content for m in server.messages] == [
            content(name, 1) + b"\r\n",
            content(name, 2) + b"\r\n",
        ]


@pytest.mark.parametrize("name", [name for name in NAMES if name != "greylist"])
def test_a_whole_session_in_one_write_is_answered_in_order(name: str) -> None:
    with simulate(name, security="none") as server, Wire(server) as wire:
        wire.write(
            b"EHLO x\r\n"
            + f"AUTH LOGIN {in_base64(server.username)}\r\n".encode()
            + f"{in_base64(server.password)}\r\n".encode()
            + b"".join(
                envelope(name, n) + content(name, n) + b"\r\n.\r\nRSET\r\n" for n in range(50)
            )
            + b"QUIT\r\n"
        )

        replies = [reply[:3] for reply in wire.replies(4 + 50 * 5 + 1)]

        assert replies[:4] == ["220", "250", "334", "235"]
        assert replies[4:9] == ["250", "250", "354", "250", "250"]
        assert replies[-1] == "221"
        assert len(server.messages) == 50


@pytest.mark.parametrize("cut", range(1, 40))
def test_the_end_of_content_is_found_wherever_it_is_cut(cut: int) -> None:
    tail = b"y\r\n..\r\n..a\r\n\r\n.\r\nNOOP\r\nRSET\r\nQUIT\r\n"
    with simulate("greylist", security="none") as server, Wire(server) as wire:
        wire.write(b"HELO x\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\nRCPT TO:<d@e.f>\r\nDATA\r\n")
        wire.replies(6)

        wire.write(tail[:cut])
        wire.write(tail[cut:])

        assert [reply[:3] for reply in wire.replies(4)] == ["250", "250", "250", "221"]
        assert server.wait_for_message().content == b"y\r\n.\r\n.a\r\n\r\n"


def test_a_large_mail_arrives_whole() -> None:
    body = b"0123456789" * 7 + b"\r\n"
    with simulate("gmail", security="none") as server, Wire(server) as wire:
        wire.log_in(server)
        wire.write(envelope("gmail", 1))
        wire.replies(3)

        wire.write(body * 100_000 + b".\r\n")

        assert wire.reply().startswith("250")
        assert server.wait_for_message().content == body * 100_000


def test_octets_in_clear_after_starttls_are_thrown_away() -> None:
    with simulate("gmail") as server, Wire(server) as wire:
        wire.reply()
        wire.write(b"EHLO x\r\nSTARTTLS\r\nNOOP injected\r\n")
        wire.replies(2)
        wire.encrypt()

        assert wire.ask("NOOP").startswith("250")
        assert wire.ask("MAIL FROM:<a@b.c>").startswith("503")  # EHLO is to be said again
