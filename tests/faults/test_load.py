"""Ten thousand callers who take their time cost the others nothing."""

from __future__ import annotations

import resource
import selectors
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import perf_counter

import pytest
from tests.support.installed import needs
from tests.support.programs import LOOPBACK
from tests.support.service import SEND, SENT, App, Client, Service, serving

_SLOW = 10_000
_FILES = _SLOW + 1_000
_MIB = 1 << 20
_MOST_RESIDENT = 400 * _MIB
_HEAD = (
    f"POST {SEND} HTTP/1.1\r\nHost: localhost\r\n"
    "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\n"
).encode()
_ASKED = 200
_PATIENCE_S = 15.0  # a caller who says nothing for ten seconds makes room for others

_hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
needs_files = needs(**{f"{_FILES}_open_files": _hard == resource.RLIM_INFINITY or _hard >= _FILES})


@contextmanager
def enough_files() -> Iterator[None]:
    """Let this process, and those it starts, have as many connections open as are needed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, _FILES), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextmanager
def slow_callers(port: int, number: int, first: bytes) -> Iterator[list[socket.socket]]:
    """Connections that say something and then no more; those that were refused are left out."""
    with ExitStack() as stack:
        found = []
        for _ in range(number):
            caller = stack.enter_context(socket.create_connection((LOOPBACK, port), timeout=30))
            caller.sendall(first)
            found.append(caller)
        yield found


def still_open(callers: list[socket.socket]) -> int:
    """Return how many the server has not closed, without having waited for it."""
    with selectors.DefaultSelector() as selector:
        for caller in callers:
            selector.register(caller, selectors.EVENT_READ)
        readable = [key.fileobj for key, _ in selector.select(0)]
    return len(callers) - sum(not caller.recv(1) for caller in readable)  # type: ignore[union-attr]


def resident(service: Service) -> int:
    """Return the octets of memory it has now."""
    status = Path(f"/proc/{service.pid}/status").read_text("ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024


def slowest_usual_answer(client: Client, app: App) -> float:
    """Return the seconds below which 95 % of the answers to one caller stay."""
    took = []
    for number in range(_ASKED):
        began = perf_counter()
        answer = client.ask(SEND, app.mail(f"title {number}"))
        took.append(perf_counter() - began)
        assert answer.json() == SENT
    return sorted(took)[_ASKED * 95 // 100]


@needs_files
@pytest.mark.long
@pytest.mark.parametrize("first", [b"", _HEAD[:40], _HEAD + b"a"], ids=["silent", "head", "body"])
def test_ten_thousand_slow_connections_starve_nobody(first: bytes) -> None:
    with enough_files(), serving() as service, service.client() as client:
        app = service.create_app("healthy")
        alone = slowest_usual_answer(client, app)

        with slow_callers(service.port, _SLOW, first) as callers:
            beside = slowest_usual_answer(client, app)
            resident_octets = resident(service)
            connected = still_open(callers)
            began = perf_counter()
            newcomer = service.ask(SEND, app.mail("newcomer"))
            waited_s = perf_counter() - began

    assert connected > _SLOW // 2  # it was really under that load
    assert resident_octets <= _MOST_RESIDENT
    # Twice, and a little for a machine that has 10,000 sockets to look after.
    assert beside <= 2 * alone + 0.01
    assert newcomer.json() == SENT
    assert waited_s <= _PATIENCE_S


def test_slow_connections_do_not_hold_up_a_request() -> None:
    with serving() as service:
        app = service.create_app("healthy")

        with slow_callers(service.port, 200, _HEAD + b"a") as callers:
            assert service.ask(SEND, app.mail("title")).json() == SENT
            assert still_open(callers) == 200
