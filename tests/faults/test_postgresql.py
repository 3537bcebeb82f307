"""PostgreSQL stopped, cut off and badly set up under the service's feet."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator

import pytest
from tests.faults.callers import Callers
from tests.faults.middleman import between
from tests.faults.test_kill import STATES, UNENDED, arrived, log_of
from tests.peers.sink import needs_sink, running_sink
from tests.support.postgresql import Postgresql, running, why_not
from tests.support.service import (
    POSTROAD,
    SEND,
    SENT,
    Answer,
    App,
    Service,
    new_service,
)

pytestmark = [needs_sink, pytest.mark.skipif(bool(why_not()), reason=why_not() or "it is there")]

_LIVE = ("--mode", "live", "--from", "shop@b.example")
_ANSWERED_S = 3.0  # two seconds, and what a busy machine adds
_HEALED_S = 5.0
_LATER = {"code": 405, "msg": "fail", "data": "请求频繁:请于10秒后再添加任务!"}
_STOPS = [3, pytest.param(20, marks=pytest.mark.long)]


@pytest.fixture(scope="module")
def server() -> Iterator[Postgresql]:
    """Return a server that keeps what it confirms."""
    with running() as server:
        yield server


@pytest.fixture
def url(server: Postgresql) -> Iterator[str]:
    """Return an empty database on it."""
    url = server.new_database()
    try:
        yield url
    finally:
        server.drop(url)


def asked(service: Service, app: App, title: str) -> Answer:
    """Return the answer to a request to send, which comes in time."""
    began = time.monotonic()
    answer = service.ask(SEND, app.mail(title))
    assert time.monotonic() - began < _ANSWERED_S
    return answer


def until_healed(service: Service, app: App) -> None:
    """Wait until a mail is taken, which is soon."""
    began = time.monotonic()
    while asked(service, app, "heals").json() != SENT:
        assert time.monotonic() - began < _HEALED_S, service.output[-2_000:]
    service.until("ready", service.is_ready)
    assert time.monotonic() - began < _HEALED_S


@pytest.mark.parametrize("stops", _STOPS)
@pytest.mark.parametrize("mode", ["sync", "queued"])
def test_a_server_that_dies_and_comes_back_loses_nothing(
    server: Postgresql, url: str, mode: str, stops: int
) -> None:
    with running_sink() as sink, new_service(url=url, may_be_unsafe=False) as service:
        service.start()
        app = service.create_app(mode, *_LIVE, "--send", mode)
        service.create_relay(app, sink.relay().port)
        callers = Callers(service, [app])

        for _ in range(stops):
            with callers.calling():
                callers.until_some_moment()
                server.stop(signal.SIGQUIT)  # as a crash
                refused = asked(service, app, "refused")
                service.until("unready", lambda: not service.is_ready())
                server.start()
                until_healed(service, app)
            assert refused.json() == _LATER
        service.until("drained", lambda: service.rows("SELECT count(*) FROM queue") == [(0,)])

        logged = log_of(service, app)
        assert service.stop() == 0
        copies = arrived(sink.contents())
        states = {title: state for title, state in service.rows(STATES) if title in copies}
        unended = dict(service.rows(UNENDED))
    assert callers.promised
    assert callers.promised <= set(copies)
    assert set(copies) <= set(logged)
    assert {title for title, state in states.items() if state == "accepted"} >= callers.promised
    assert set(states.values()) <= {"accepted", "in_doubt"}
    assert all(count - 1 <= unended.get(title, 0) for title, count in copies.items())


def test_a_mail_whose_storing_nobody_confirmed_is_not_called_sent(
    server: Postgresql, url: str
) -> None:
    with (
        running_sink() as sink,
        between(server.port) as middleman,
        new_service(
            url=url.replace(f":{server.port}/", f":{middleman.port}/"), may_be_unsafe=False
        ) as service,
    ):
        service.start()
        app = service.create_app("sync", *_LIVE)
        service.create_relay(app, sink.relay().port)
        assert asked(service, app, "first").json() == SENT

        middleman.cut()
        answer = asked(service, app, "mail-1-")
        assert middleman.is_cut.is_set()
        during = log_of(service, app)["mail-1-"]
        until_healed(service, app)
        service.run_sql("UPDATE queue SET lease_until = 0")  # half a minute passes
        service.until("ended", lambda: log_of(service, app)["mail-1-"] != "sending")

        (entry,) = (e for e in service.run("log", "--app", app.appid) if e["title"] == "mail-1-")
        assert service.stop() == 0
        copies = arrived(sink.contents())
    assert answer.json() == _LATER
    assert during == "sending"
    assert entry["status"] == "in_doubt"
    assert entry["reason"]
    assert copies == {}


def test_an_outcome_whose_storing_nobody_confirmed_is_in_doubt_and_then_known(
    server: Postgresql, url: str
) -> None:
    with (
        running_sink() as sink,
        between(server.port) as middleman,
        new_service(
            url=url.replace(f":{server.port}/", f":{middleman.port}/"), may_be_unsafe=False
        ) as service,
    ):
        service.start()
        app = service.create_app("sync", *_LIVE)
        service.create_relay(app, sink.relay().port)
        assert asked(service, app, "first").json() == SENT

        middleman.cut(after=1)  # the mail itself is confirmed
        answer = asked(service, app, "mail-1-")
        assert middleman.is_cut.is_set()
        until_healed(service, app)

        assert log_of(service, app)["mail-1-"] == "sent"
        assert service.stop() == 0
        copies = arrived(sink.contents())
    assert answer.json()["code"] != 200
    assert copies == {"mail-1-": 1}


def test_a_server_that_says_nothing_keeps_nobody_waiting(server: Postgresql, url: str) -> None:
    with (
        running_sink() as sink,
        between(server.port) as middleman,
        new_service(
            url=url.replace(f":{server.port}/", f":{middleman.port}/"), may_be_unsafe=False
        ) as service,
    ):
        service.start()
        app = service.create_app("sync", *_LIVE)
        service.create_relay(app, sink.relay().port)

        middleman.hold()
        answers = [asked(service, app, f"held-{number}-") for number in range(2)]
        service.until("unready", lambda: not service.is_ready())
        middleman.release()
        until_healed(service, app)

        assert [each.json() for each in answers] == [_LATER] * 2
        assert service.stop() == 0


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes", "synchronous_commit"])
def test_a_server_that_does_not_wait_for_its_disk_is_refused(
    server: Postgresql, url: str, setting: str
) -> None:
    with new_service(url=url, may_be_unsafe=False) as service:
        server.execute(f"ALTER SYSTEM SET {setting} = off")
        try:
            server.reload()
            refused = subprocess.run(
                [*POSTROAD, "serve", "--data-dir", service.data, "--listen", "127.0.0.1:0"],
                env=service.environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=60,
            )
        finally:
            server.execute(f"ALTER SYSTEM RESET {setting}")
            server.reload()

    assert refused.returncode == 1
    assert f"PostgreSQL has {setting} off" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


def test_a_server_that_stops_waiting_for_its_disk_is_no_longer_ready(
    server: Postgresql, url: str
) -> None:
    with new_service(url=url, may_be_unsafe=False) as service:
        service.start()
        server.execute("ALTER SYSTEM SET fsync = off")
        try:
            server.reload()
            service.until("unready", lambda: not service.is_ready())
        finally:
            server.execute("ALTER SYSTEM RESET fsync")
            server.reload()

        service.until("ready", service.is_ready)
