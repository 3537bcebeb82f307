"""Told to end, the service finishes what it has begun and begins nothing more."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.faults.callers import Callers
from tests.faults.test_doubles import contents
from tests.faults.test_kill import STATES, UNENDED, arrived, is_whole
from tests.peers.sink import needs_sink, running_sink
from tests.support.service import (
    SEND,
    SENT,
    Service,
    new_service,
    refuses_connections,
    serving,
)

from postroad.simulators import hostile

_LIVE = ("--mode", "live", "--from", "shop@b.example")
_SENDING = "SELECT * FROM recipient WHERE state = 'sending'"


def is_sending(service: Service) -> bool:
    return len(service.rows(_SENDING)) > 0


@needs_sink
@pytest.mark.parametrize("restarts", [3, pytest.param(50, marks=pytest.mark.long)])
def test_restarts_under_load_lose_nothing_and_send_nothing_twice(restarts: int) -> None:
    with running_sink() as sink, new_service() as service:
        service.start()
        apps = [service.create_app(mode, *_LIVE, "--send", mode) for mode in ("sync", "queued")]
        for app in apps:
            service.create_relay(app, sink.relay().port)
        callers = Callers(service, apps)
        ends = []

        for _ in range(restarts):
            with callers.calling():
                callers.until_some_moment()
                ends.append(service.stop())
            service.start()
        service.until("drained", lambda: service.rows("SELECT count(*) FROM queue") == [(0,)])

        ends.append(service.stop())
        copies = arrived(sink.contents())
        states = dict(service.rows(STATES))
        assert service.rows(UNENDED) == []
        assert is_whole(service)
    assert set(ends) == {0}
    assert callers.promised <= set(copies)
    assert set(copies.values()) == {1}
    assert states == dict.fromkeys(copies, "accepted")
    assert callers.unanswered.isdisjoint(copies)


def test_who_waits_is_answered_and_nobody_else_is_let_in() -> None:
    with hostile("drip@dot", pace_s=0.05) as relay, serving() as service:
        app = service.create_app("sync", *_LIVE)
        service.create_relay(app, relay.port)
        with ThreadPoolExecutor(1) as thread:
            waiting = thread.submit(service.ask, SEND, app.mail("mail-1-"))
            service.until("sending", lambda: is_sending(service))

            service.signal(signal.SIGTERM)
            service.until("closed", lambda: refuses_connections(service.port))

            assert service.exit_code is None
            assert waiting.result().json() == SENT
            assert service.wait() == 0
        assert dict(service.rows(STATES)) == {"mail-1-": "accepted"}


def test_a_second_signal_hurries() -> None:
    with hostile("silence@dot") as relay, serving() as service:
        app = service.create_app("sync", *_LIVE, "--time-limit", "300")
        service.create_relay(app, relay.port)
        with ThreadPoolExecutor(1) as thread:
            waiting = thread.submit(service.ask, SEND, app.mail("mail-1-"))
            service.until("handed over", lambda: bool(contents(relay)))
            service.signal(signal.SIGTERM)
            service.until("closed", lambda: refuses_connections(service.port))

            service.signal(signal.SIGTERM)

            assert service.wait(seconds=5) == 0
            assert waiting.exception() or waiting.result().json()["code"] == 405
        service.start()
        assert dict(service.rows(STATES)) == {"mail-1-": "in_doubt"}


@pytest.mark.long  # it is given ten seconds to say the rest
def test_half_a_request_does_not_keep_it_alive() -> None:
    with serving() as service, service.client() as client:
        client.begin(SEND, octets=100)

        service.signal(signal.SIGTERM)

        assert service.wait(seconds=15) == 0
