"""The handle: how a simulator begins, what it remembers, and how it ends."""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
import threading
from pathlib import Path

import pytest
from tests.simulators.wire import Wire, in_base64

from postroad.errors import SettingsError
from postroad.simulators import NAMES, hostile, simulate


@pytest.mark.parametrize("name", NAMES)
def test_a_simulator_listens_on_loopback_and_leaves_nothing(name: str) -> None:
    threads = threading.active_count()
    with simulate(name) as server:
        cafile = Path(server.cafile)
        assert server.host == "127.0.0.1"
        assert server.port > 0
        assert cafile.read_text().startswith("-----BEGIN CERTIFICATE-----")

    assert not cafile.parent.exists()
    assert threading.active_count() == threads
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((server.host, server.port), timeout=5)
    with pytest.raises(RuntimeError):
        _ = server.cafile


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("security", ["none", "starttls", "tls"])
def test_it_ends_at_once_whatever_its_clients_are_doing(name: str, security: str) -> None:
    with simulate(name, security=security) as server:
        silent = socket.create_connection((server.host, server.port), timeout=5)
        busy = socket.create_connection((server.host, server.port), timeout=5)
        busy.sendall(b"EHLO x\r\nSTARTTLS\r\n")
        with Wire(server) as wire:
            wire.reply()
            server.close()
            assert wire.rest() == b""
    gc.collect()  # what was left open would complain now

    silent.close()
    busy.close()


def test_closing_twice_is_harmless() -> None:
    with simulate("gmail") as server:
        server.close()


def test_a_taken_port_is_a_settings_error() -> None:
    with simulate("naver") as first, pytest.raises(SettingsError, match=f"port {first.port}"):
        simulate("qq", port=first.port).start()


@pytest.mark.parametrize("port", [-1, 65536])
def test_an_impossible_port_is_a_settings_error(port: int) -> None:
    with pytest.raises(SettingsError, match="port"):
        simulate("qq", port=port).start()


def test_an_unknown_simulator_is_a_settings_error_that_names_the_known() -> None:
    with pytest.raises(SettingsError, match="naver, qq, gmail, office365, greylist, hostile"):
        simulate("hotmail")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_the_certificate_covers_loopback_by_every_name(host: str) -> None:
    with simulate("gmail", security="tls") as server:
        context = ssl.create_default_context(cafile=server.cafile)
        with (
            socket.create_connection((server.host, server.port), timeout=5) as plain,
            context.wrap_socket(plain, server_hostname=host) as secured,
        ):
            assert secured.version() == "TLSv1.3"


@pytest.mark.parametrize(
    ("kind", "complaint"),
    [
        ("other-name", "Hostname mismatch"),
        ("expired", "certificate has expired"),
        ("self-signed", "self-signed certificate|self signed certificate"),
        ("untrusted", "unable to get local issuer|self-signed|self signed"),
    ],
)
@pytest.mark.parametrize("name", ["gmail", "hostile"])
def test_a_bad_certificate_is_bad_in_its_own_way(name: str, kind: str, complaint: str) -> None:
    with simulate(name, security="tls", certificate=kind) as server:
        with pytest.raises(ssl.SSLCertVerificationError, match=complaint):
            Wire(server)
        gc.collect()
        assert server.wait_for_transcript().ended


@pytest.mark.filterwarnings("ignore:unclosed <ssl")  # the handshake of `Wire` fails half-way
def test_a_client_that_speaks_no_tls_ends_alone() -> None:
    with simulate("naver") as server:
        with socket.create_connection((server.host, server.port), timeout=5) as plain:
            plain.sendall(b"EHLO x\r\n")
            while plain.recv(1000):
                pass

        assert server.wait_for_transcript().ended


def test_a_transcript_is_exact_and_its_text_is_masked() -> None:
    with simulate("naver", security="none") as server:
        with Wire(server) as wire:
            wire.log_in(server)
            wire.write(b"NOOP \x1b[2J\r\n")
            wire.reply()
            wire.ask("QUIT")
        transcript = server.wait_for_transcript()

    assert transcript.from_client.startswith(b"EHLO client.example\r\nAUTH LOGIN ")
    assert in_base64(server.password).encode() in transcript.from_client
    assert transcript.from_server.endswith(b"221 2.0.0 Closing connection sim000001 - nsmtp\r\n")
    text = transcript.text()
    assert "C: AUTH LOGIN ***" in text
    assert r"C: NOOP \x1b[2J" in text
    assert server.password not in text
    assert in_base64(server.password) not in text
    assert server.password not in transcript.text(masked=True)
    assert in_base64(server.password) in transcript.text(masked=False)


@pytest.mark.parametrize("form", ["raw", "base64", "hex", "urlencoded"])
def test_an_echoed_secret_is_masked_in_the_text(form: str) -> None:
    with hostile(f"auth-echo-{form}") as server:
        with Wire(server) as wire:
            wire.reply()
            wire.ask("AUTH PLAIN " + in_base64("\0someuser\0sesame!"))
        text = server.wait_for_transcript().text()

    assert "sesame" not in text
    assert b"sesame!".hex() not in text
    assert in_base64("\0someuser\0sesame!") not in text


def test_messages_are_numbered_and_only_the_newest_are_kept() -> None:
    with simulate("greylist", security="none", keep=2) as server:
        for number in range(3):
            with Wire(server) as wire:
                wire.reply()
                wire.write(b"HELO x\r\nMAIL FROM:<>\r\n")
                wire.write(b"RCPT TO:<a@b.c>\r\n" * 2)
                wire.write(b"DATA\r\n%d\r\n.\r\nQUIT\r\n" % number)
                assert wire.rest().endswith(b"221 2.0.0 Bye\r\n")
            server.wait_for_transcript(number + 1)

        assert [(m.number, m.content) for m in server.messages] == [(2, b"1\r\n"), (3, b"2\r\n")]
        assert len(server.transcripts) <= 3


def test_waiting_ends_when_nothing_comes() -> None:
    with simulate("gmail") as server:
        with pytest.raises(TimeoutError):
            server.wait_for_message(timeout_s=0.001)
        with pytest.raises(TimeoutError):
            server.wait_for_transcript(timeout_s=0.001)


def test_it_serves_a_client_on_another_event_loop() -> None:
    async def visit(port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"QUIT\r\n")
        try:
            return await reader.read()
        finally:
            writer.close()
            await writer.wait_closed()

    async def main() -> list[bytes]:
        with simulate("greylist", security="none") as server:
            return await asyncio.gather(*(visit(server.port) for _ in range(20)))

    assert all(answer.endswith(b"221 2.0.0 Bye\r\n") for answer in asyncio.run(main()))
