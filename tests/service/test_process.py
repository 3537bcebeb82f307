"""The process itself: its health, its lock, its exit codes."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator

import pytest
from tests.support.programs import LOOPBACK, free_port
from tests.support.service import POSTROAD, SEND, SENT, Service, environment, new_service, serving


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with serving() as service:
        yield service


def second(service: Service, port: int) -> subprocess.CompletedProcess[str]:
    """Start another server on the same folder and wait for its end."""
    words = ("serve", "--data-dir", str(service.data), "--listen", f"{LOOPBACK}:{port}")
    return subprocess.run(
        [*POSTROAD, *words],
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_a_second_server_on_the_same_folder_refuses(service: Service) -> None:
    app = service.create_app("first")

    refused = second(service, free_port())

    assert refused.returncode == 1
    assert len(refused.stderr.splitlines()) == 1
    assert str(service.data) in refused.stderr
    assert service.ask(SEND, app.mail("title")).json() == SENT


def test_a_port_that_is_taken_is_named(service: Service) -> None:
    with new_service() as other:
        refused = second(other, service.port)

    assert refused.returncode == 2
    assert f"{LOOPBACK}:{service.port}" in refused.stderr


def test_live_and_ready_are_two_things(service: Service) -> None:
    assert service.ask("/healthz", method="GET").status == 200
    assert service.ask("/readyz", method="GET").status == 200


def test_what_is_told_of_health_needs_no_secret_and_tells_none(service: Service) -> None:
    for path in ("/healthz", "/readyz", "/metrics"):
        answer = service.ask(path, method="GET")

        assert answer.status == 200
        assert str(service.data).encode() not in answer.body


def test_metrics_count_what_was_sent(service: Service) -> None:
    app = service.create_app("counted")
    before = service.ask("/metrics", method="GET").body

    service.ask(SEND, app.mail("title"))

    assert service.ask("/metrics", method="GET").body != before
    assert re.search(rb"^postroad_\w+", before, re.MULTILINE)
    assert app.appid.encode() not in before


def test_a_server_that_was_killed_starts_again_on_its_folder() -> None:
    with serving() as service:
        app = service.create_app("killed")
        service.kill()

        service.start()

        assert service.ask(SEND, app.mail("title")).json() == SENT


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_well_when_it_is_told_to(number: signal.Signals) -> None:
    with serving() as service:
        service.signal(number)

        assert service.wait(seconds=10) == 0
        assert "Traceback" not in service.output


def test_the_first_start_tells_a_password_once_and_a_second_start_changes_nothing() -> None:
    with serving() as service:
        key = (service.data / "key").read_bytes()
        first = service.output
        service.stop()

        service.start()

        assert (service.data / "key").read_bytes() == key
        assert "password" in first
        assert "password" not in service.output.removeprefix(first)
