"""The server: where it listens, TLS, and how it stops."""

from __future__ import annotations

import asyncio
import logging
import resource
import signal
import socket
import ssl
import threading
from pathlib import Path

import pytest
from litestar.types import Receive, Scope, Send
from tests.api.service import HOST, SEND, Service, head, post, running
from tests.support.certificates import Authority

from postroad.api.guards import Guards
from postroad.api.server import HttpServer
from postroad.errors import SettingsError

FORM = "application/x-www-form-urlencoded"


def server_at(service: Service, listen: str) -> HttpServer:
    return HttpServer(service.app, listen)


@pytest.mark.parametrize(
    "listen",
    ["", "8025", ":8025", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "a:65536", "a:-1", "a:٨٠"],
)
def test_an_address_that_cannot_be_one_is_named(service: Service, listen: str) -> None:
    with pytest.raises(SettingsError, match="listen: "):
        server_at(service, listen)


def test_an_address_in_use_is_named(service: Service) -> None:
    listen = f"{HOST}:{service.port}"

    with pytest.raises(SettingsError, match=f"^{listen} is in use: .* with --listen "):
        service.call(server_at(service, listen).start())


def test_an_address_of_another_machine_is_named(service: Service) -> None:
    with pytest.raises(SettingsError, match=r"^listen: 192\.0\.2\.1:8025: "):
        service.call(server_at(service, "192.0.2.1:8025").start())


@pytest.mark.parametrize("listen", ["localhost:0", "[::1]:0", "[::]:0"])
def test_it_listens_by_name_and_on_ipv6(service: Service, listen: str) -> None:
    server = server_at(service, listen)
    service.call(server.start())

    with socket.create_connection((listen.rpartition(":")[0].strip("[]"), server.port)) as client:
        client.sendall(head("GET", "/healthz", "Connection: close"))
        answer = client.makefile("rb").read()

    service.call(server.stop(5))
    assert answer.startswith(b"HTTP/1.1 200 ")


def test_once_started_it_takes_connections_and_once_stopped_none() -> None:
    with running() as service:
        reply = service.get("/healthz")
        service.call(service.server.stop(5))

        with pytest.raises(ConnectionRefusedError):
            service.get("/healthz")

    assert reply.status == 200


def test_stopping_what_never_started_or_has_stopped_is_nothing(service: Service) -> None:
    server = server_at(service, f"{HOST}:0")

    service.call(server.stop(5))
    service.call(server.start())
    service.call(server.stop(5))
    service.call(server.stop(5))
    service.call(server.wait())


def test_signals_and_logging_stay_ours(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    handler = logging.FileHandler(tmp_path / "log", mode="w")
    logging.getLogger().addHandler(handler)
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]

    with running() as service:
        during = [
            signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        ]
        service.operations.outcomes["send"] = RuntimeError()
        service.post(SEND)
        logging.getLogger("ours").warning("still heard")

    logging.getLogger().removeHandler(handler)
    handler.close()
    assert during == before
    assert (tmp_path / "log").read_text() == "still heard\n"
    assert capfd.readouterr() == ("", "")


# Stopping


def test_a_running_request_is_answered_before_the_server_stops() -> None:
    with running() as service, service.connect() as client:
        service.operations.gate = asyncio.Event()
        client.send(post(SEND, b"", FORM))
        assert service.operations.entered.wait(10)

        stopping = service.begin(service.server.stop(30))
        service.until(lambda: _refuses(service.port))
        was_stopped = stopping.done()
        service.loop.call_soon_threadsafe(service.operations.gate.set)
        reply = client.reply()
        stopping.result(10)

    assert not was_stopped
    assert reply.code_and_data == (200, "邮件发送成功")


def test_a_request_that_does_not_end_is_cut_at_the_end_of_the_grace() -> None:
    with running() as service, service.connect() as client:
        service.operations.gate = asyncio.Event()
        client.send(post(SEND, b"", FORM))
        assert service.operations.entered.wait(10)

        service.call(service.server.stop(0.05))
        reply = client.reply()

    assert reply.status == 503
    assert reply.code_and_data == (405, "服务正在停止,处理结果未知!")
    assert not service.crashes


def test_a_half_sent_body_does_not_hold_the_server_beyond_the_grace() -> None:
    with running() as service, service.connect() as client:
        client.send(post(SEND, b"appid=1", FORM)[:-1])
        service.until(lambda: service.app.held_octets > 0)

        service.call(service.server.stop(0.05))
        reply = client.reply()

    assert reply.status == 503
    assert not service.operations.asked


def test_a_half_sent_head_does_not_hold_the_server_beyond_the_grace() -> None:
    with running() as service, service.connect() as client:
        client.send(head("GET", "/healthz") + head("GET", SEND)[:-2])
        reply = client.reply()  # by then the half head is there too

        service.call(service.server.stop(0.05))

    assert reply.status == 200
    assert not service.operations.asked


class Stubborn:
    """An application that neither answers nor can be cut."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.gate = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.entered.set()
        await self.gate.wait()

    def cut(self) -> None:
        pass


def test_an_application_that_cannot_be_cut_is_left_behind(service: Service) -> None:
    stubborn = Stubborn()
    server = HttpServer(stubborn, f"{HOST}:0")
    service.call(server.start())

    with socket.create_connection((HOST, server.port)) as client:
        client.sendall(head("GET", SEND))
        assert stubborn.entered.wait(10)
        service.call(server.stop(0.01))
        service.call(server.wait())
        service.loop.call_soon_threadsafe(stubborn.gate.set)
        client.settimeout(10)
        rest = client.makefile("rb").read()

    assert b" 200 " not in rest


def test_open_connections_without_a_request_do_not_hold_the_server() -> None:
    with running() as service, service.connect() as used, service.connect() as silent:
        used.send(head("GET", "/healthz"))
        used.reply()

        service.call(service.server.stop(20))

        assert used.is_closed()
        assert silent.is_closed()


def test_a_caller_who_hangs_up_does_not_stop_what_he_asked_for() -> None:
    finished = threading.Event()

    with running() as service:
        service.operations.gate = asyncio.Event()
        service.operations.on_outcome = finished.set
        with service.connect() as client:
            client.send(post(SEND, b"", FORM))
            assert service.operations.entered.wait(10)
        service.get("/healthz")
        service.loop.call_soon_threadsafe(service.operations.gate.set)

        assert finished.wait(10)
        service.told()

    assert not service.crashes


# TLS


def test_it_speaks_tls_and_gives_its_cookies_to_tls_only(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate = authority.issue("localhost")
    context = ssl.create_default_context(cafile=str(authority.cafile))

    with running(certificate=certificate, key=certificate) as service:
        with (
            socket.create_connection((HOST, service.port)) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as client,
        ):
            client.sendall(head("GET", SEND, "Connection: close"))
            answer = client.makefile("rb").read()
            version = client.version()
        in_the_clear = service.get("/healthz")

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"; Secure\r\n" in answer
    assert version == "TLSv1.3"
    assert in_the_clear.status == 0


def test_an_outdated_tls_is_refused(tmp_path: Path) -> None:
    certificate = Authority(tmp_path).issue("localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    outdated = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    outdated.check_hostname, outdated.verify_mode = False, ssl.CERT_NONE
    outdated.set_ciphers("AES128-SHA")
    outdated.maximum_version = ssl.TLSVersion.TLSv1_2

    with running(certificate=certificate, key=certificate) as service:
        with (
            socket.create_connection((HOST, service.port)) as plain,
            context.wrap_socket(plain) as client,
        ):
            version = client.version()
        with socket.create_connection((HOST, service.port)) as plain, pytest.raises(ssl.SSLError):
            outdated.wrap_socket(plain)

    assert version == "TLSv1.2"


@pytest.mark.parametrize("spoilt", ["missing", "garbage", "other key", "pass phrase", "alone"])
def test_a_certificate_that_cannot_be_used_is_named(
    service: Service, tmp_path: Path, spoilt: str
) -> None:
    certificate: Path = Authority(tmp_path).issue("localhost")
    key: Path | None = certificate
    match spoilt:
        case "missing":
            key = tmp_path / "none.pem"
        case "garbage":
            certificate.write_text("-----BEGIN CERTIFICATE-----\nx\n")
        case "other key":
            key = Authority(tmp_path, "other").issue("other")
        case "pass phrase":
            key = _encrypted(certificate, tmp_path)
        case _:
            key = None

    with pytest.raises(SettingsError, match="tls_certificate"):
        HttpServer(service.app, f"{HOST}:0", certificate=certificate, key=key)


# Files


def test_connections_leave_files_for_everything_else(service: Service) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    server = HttpServer(service.app, f"{HOST}:0")
    resource.setrlimit(resource.RLIMIT_NOFILE, (164, hard))
    try:
        found = server.connections
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert found == 100
    assert server.connections <= 10_000
    assert isinstance(service.app, Guards)


def _refuses(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return True
    return False


def _encrypted(certificate: Path, folder: Path) -> Path:
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(certificate.read_bytes(), None)
    path = folder / "encrypted.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"hunter2"),
        )
    )
    return path


def test_who_closes_his_side_before_the_answer_gets_none_and_it_is_done_all_the_same() -> None:
    with (
        running() as service,
        socket.create_connection((HOST, service.port), timeout=20) as client,
    ):
        client.sendall(post(SEND, b"appid=1", FORM))
        client.shutdown(socket.SHUT_WR)
        octets = client.recv(1)
        service.until(lambda: bool(service.operations.asked))

    assert octets == b""
    assert service.only_asked.values == {"appid": "1"}
