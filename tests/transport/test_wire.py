"""TLS and the final dot: what has left decides what is in doubt, record by record."""

from __future__ import annotations

import contextlib
import ssl

import pytest
import trustme

from postroad import Relay
from postroad.errors import Code
from postroad.smtp.envelope import Envelope
from postroad.smtp.transaction import Transaction, Withdrawal
from postroad.transport.wire import Wire

HELLO = b"250-server\r\n250 PIPELINING\r\n"
GO = b"250 2.1.0 OK\r\n250 2.1.5 OK\r\n354 go on\r\n"
CROWD = tuple(f"recipient-number-{number}@y.example" for number in range(2_000))


class Server:
    """The server's end of a TLS connection, in memory."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=True)

    def shake_hands(self, wire: Wire) -> None:
        while wire.session.wants_tls:
            while octets := wire.next_octets():
                self.incoming.write(octets)
            with contextlib.suppress(ssl.SSLWantReadError):
                self.tls.do_handshake()
            wire.receive(self.outgoing.read())
        while octets := wire.next_octets():
            self.incoming.write(octets)
        self.tls.do_handshake()

    def say(self, wire: Wire, octets: bytes) -> list[Transaction]:
        self.tls.write(octets)
        return wire.receive(self.outgoing.read())

    def hears(self, octets: bytes) -> bytes:
        self.incoming.write(octets)
        heard = b""
        try:
            while piece := self.tls.read(65_536):
                heard += piece
        except ssl.SSLWantReadError:
            pass
        return heard


@pytest.fixture
def ends(tmp_path_factory: pytest.TempPathFactory) -> tuple[Wire, Server]:
    authority = trustme.CA()
    cafile = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(str(cafile))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("mail.example").configure_cert(context)
    relay = Relay(host="mail.example", port=465, security="tls", cafile=str(cafile))
    wire, server = Wire(relay, None, peer="192.0.2.1", local="192.0.2.2"), Server(context)
    server.shake_hands(wire)
    server.say(wire, b"220 hello\r\n")
    server.hears(bytes(wire.next_octets() or b""))
    server.say(wire, HELLO)
    return wire, server


def begin(wire: Wire, server: Server, paths: tuple[str, ...] = ("b@y.example",)) -> Transaction:
    transaction = Transaction(Envelope("a@x.example", paths), b"Subject: x\r\n\r\nx\r\n")
    wire.session.begin(transaction)
    return transaction


@pytest.mark.parametrize("paths", [("b@y.example",), CROWD], ids=["one record", "many records"])
def test_what_the_server_can_read_of_a_dot_is_what_is_in_doubt(
    ends: tuple[Wire, Server], paths: tuple[str, ...]
) -> None:
    wire, server = ends
    first = begin(wire, server)
    server.hears(bytes(wire.next_octets() or b""))
    server.say(wire, GO)
    begin(wire, server, paths)
    block = bytes(wire.next_octets() or b"")

    sent = len(block) - 1 if paths == CROWD else len(block)
    heard = server.hears(block[:sent])
    wire.lost(None, unsent=len(block) - sent)

    assert b"\r\n.\r\n" in heard
    assert first.ended.code is Code.IN_DOUBT


def test_a_dot_in_a_record_that_did_not_wholly_leave_is_not_in_doubt(
    ends: tuple[Wire, Server],
) -> None:
    wire, server = ends
    first = begin(wire, server)
    server.hears(bytes(wire.next_octets() or b""))
    server.say(wire, GO)
    begin(wire, server)
    block = bytes(wire.next_octets() or b"")

    heard = server.hears(block[:-1])
    wire.lost(None, unsent=1)

    assert heard == b""
    assert (first.ended.code, first.ended.in_doubt) == (Code.PROTOCOL, False)


def test_commands_that_did_not_leave_change_nothing_for_a_dot_that_did(
    ends: tuple[Wire, Server],
) -> None:
    wire, server = ends
    first = begin(wire, server)
    server.hears(bytes(wire.next_octets() or b""))
    server.say(wire, GO)
    assert b"\r\n.\r\n" in server.hears(bytes(wire.next_octets() or b""))
    begin(wire, server)
    commands = bytes(wire.next_octets() or b"")

    wire.lost(None, unsent=len(commands))

    assert first.ended.code is Code.IN_DOUBT


@pytest.mark.parametrize("unsent", [0, 1])
def test_a_dot_can_be_taken_back_until_its_record_has_left(
    ends: tuple[Wire, Server], unsent: int
) -> None:
    wire, server = ends
    first = begin(wire, server)
    server.hears(bytes(wire.next_octets() or b""))
    server.say(wire, GO)
    second = begin(wire, server)
    wire.next_octets()

    withdrawal = wire.withdraw(first, 9, unsent=unsent)

    assert withdrawal is (Withdrawal.ABORTED if unsent else Withdrawal.TOO_LATE)
    assert (first.outcome is None) is (unsent == 0)
    assert (second.outcome is None) is (unsent == 0)


def test_a_reply_before_a_broken_record_counts(ends: tuple[Wire, Server]) -> None:
    wire, server = ends
    first = begin(wire, server)
    server.hears(bytes(wire.next_octets() or b""))
    server.say(wire, GO)
    server.hears(bytes(wire.next_octets() or b""))
    server.tls.write(b"250 2.0.0 taken\r\n")

    ended = wire.receive(server.outgoing.read() + b"\x17\x03\x03\x00\x20" + b"x" * 32)

    assert ended == [first]
    assert first.ended.code is Code.OK
    assert wire.session.is_closed
