"""Killed at any moment, the service keeps every promise and knows what it does not know."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from tests.faults.callers import Callers
from tests.peers.sink import needs_sink, running_sink
from tests.support.service import App, Service, new_service

pytestmark = needs_sink

_ENOUGH = 50
_KILLS = [3, pytest.param(_ENOUGH, marks=pytest.mark.long)]
_LIVE = ("--mode", "live", "--from", "shop@b.example")

STATES = """
    SELECT m.subject, r.state FROM message AS m JOIN recipient AS r ON r.message_id = m.id
"""
UNENDED = """
    SELECT m.subject, count(*) FROM message AS m JOIN attempt AS a ON a.message_id = m.id
    WHERE a.ended_at IS NULL GROUP BY m.subject
"""


def arrived(contents: list[bytes]) -> Counter[str]:
    """Return how often each title arrived."""
    found = re.findall(rb"^Subject: (mail-\d+-)$", b"\n".join(contents), re.MULTILINE)
    return Counter(title.decode() for title in found)


def log_of(service: Service, app: App) -> dict[str, str]:
    """Return the status of each title as the operator reads it."""
    listed = service.run("log", "--app", app.appid, "--limit", "100000")
    return {entry["title"]: entry["status"] for entry in listed}


def is_whole(service: Service) -> bool:
    return service.rows("PRAGMA integrity_check") == [("ok",)]


@pytest.mark.parametrize("kills", _KILLS)
def test_what_was_answered_was_sent_and_the_rest_is_in_doubt(kills: int) -> None:
    with running_sink() as sink, new_service() as service:
        service.start()
        app = service.create_app("sync", *_LIVE)
        service.create_relay(app, sink.relay().port)
        callers = Callers(service, [app])

        for _ in range(kills):
            with callers.calling():
                callers.until_some_moment()
                service.kill()
            service.start()

        logged = log_of(service, app)
        assert service.stop() == 0
        copies = arrived(sink.contents())
        states, unended = dict(service.rows(STATES)), dict(service.rows(UNENDED))
        assert is_whole(service)
    accepted = {title for title, state in states.items() if state == "accepted"}
    in_doubt = {title for title, state in states.items() if state == "in_doubt"}
    assert callers.promised
    assert in_doubt or kills < _ENOUGH  # some of so many kills came in the middle of a send
    assert callers.promised <= accepted
    assert accepted <= set(copies)
    assert set(copies) <= accepted | in_doubt
    assert set(copies.values()) == {1}
    assert accepted | in_doubt == set(states)
    assert in_doubt == set(unended)
    assert in_doubt <= callers.unanswered
    assert logged == {title: "sent" if title in accepted else "in_doubt" for title in states}


@pytest.mark.parametrize("kills", _KILLS)
def test_what_was_queued_arrives_and_the_log_explains_what_arrived_twice(kills: int) -> None:
    with running_sink() as sink, new_service() as service:
        service.start()
        app = service.create_app("queued", *_LIVE, "--send", "queued")
        service.create_relay(app, sink.relay().port)
        callers = Callers(service, [app])

        for _ in range(kills):
            with callers.calling():
                callers.until_some_moment()
                service.kill()
            service.start()
        service.until("drained", lambda: service.rows("SELECT count(*) FROM queue") == [(0,)])

        logged = log_of(service, app)
        assert service.stop() == 0
        copies = arrived(sink.contents())
        states, unended = dict(service.rows(STATES)), dict(service.rows(UNENDED))
        assert is_whole(service)
    assert callers.promised
    assert callers.promised <= set(copies)
    assert set(states.values()) == {"accepted"}
    assert set(states) == set(copies)
    assert logged == dict.fromkeys(states, "sent")
    assert all(count - 1 <= unended.get(title, 0) for title, count in copies.items())
