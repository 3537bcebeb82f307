"""The service on PostgreSQL: alone, after a restart, and two of them on one database."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from tests.peers.sink import needs_sink, running_sink
from tests.support.postgresql import Postgresql
from tests.support.service import SEND, SENT, new_service, serving

_LIVE = ("--mode", "live", "--from", "shop@b.example")
_QUEUE = "SELECT count(*) FROM queue"


@pytest.fixture
def url(postgresql: Postgresql) -> Iterator[str]:
    """Return a database with nothing in it."""
    url = postgresql.new_database("template0")
    try:
        yield url
    finally:
        postgresql.drop(url)


@needs_sink
def test_a_mail_goes_out_and_stays_in_the_log_over_a_restart(url: str) -> None:
    with running_sink() as sink, serving(url=url) as service:
        app = service.create_app("shop", *_LIVE)
        service.create_relay(app, sink.relay().port)
        assert service.ask(SEND, app.mail("first")).json() == SENT
        assert service.stop() == 0

        service.start()
        assert service.ask(SEND, app.mail("second")).json() == SENT
        logged = service.run("log")
        shown = service.run("message", "show", "latest")
        assert service.stop() == 0
        contents, said = sink.contents(), service.output

    assert [(each["title"], each["status"]) for each in logged] == [
        ("first", "sent"),
        ("second", "sent"),
    ]
    assert shown["recipients"][0]["state"] == "accepted"
    assert len(contents) == 2
    assert "s3cret" not in said
    assert "Traceback" not in said


@needs_sink
def test_two_servers_share_the_mail_and_what_one_leaves_the_other_sends(url: str) -> None:
    with running_sink() as sink, serving(url=url) as one, new_service(url=url) as other:
        other.data.mkdir()
        shutil.copy(one.data / "key", other.data / "key")
        other.start()
        app = one.create_app("shop", *_LIVE, "--send", "queued")
        one.create_relay(app, sink.relay().port)
        servers = one.run("doctor")["findings"]

        for number in range(20):
            assert (one, other)[number % 2].ask(SEND, app.mail(f"{number}")).json() == SENT
        one.kill()
        one.run_sql("UPDATE queue SET lease_until = 0 WHERE lease_until IS NOT NULL")
        other.until("drained", lambda: other.rows(_QUEUE) == [(0,)])
        states = other.rows("SELECT DISTINCT state FROM recipient")
        assert other.stop() == 0
        contents = sink.contents()

    assert "2 are connected" in {each["sentence"] for each in servers}
    assert states == [("accepted",)]
    assert len(contents) >= 20


def test_a_session_waits_at_both(url: str) -> None:
    with serving(url=url) as one, new_service(url=url) as other:
        other.data.mkdir()
        shutil.copy(one.data / "key", other.data / "key")
        other.start()
        app = one.create_app("shop", "--interval", "60")

        first = one.ask(SEND, app.mail("first")).json()
        second = other.ask(SEND, app.mail("second")).json()

    assert first == SENT
    assert second["code"] == 405


def test_a_server_with_another_key_refuses_to_start(url: str) -> None:
    with serving(url=url) as one, new_service(url=url) as other:
        other.data.mkdir()
        with pytest.raises(AssertionError, match="the key file is missing"):
            other.start()

        assert one.is_ready()
