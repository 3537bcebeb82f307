"""A relay that goes away after the final dot: nobody can know, and everybody is told so."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from tests.support.service import SEND, SENT, Service, serving

from postroad.errors import Code
from postroad.simulators import HostileSimulator, hostile

_LIVE = ("--mode", "live", "--from", "shop@b.example")
_CONTENT = re.compile(rb"DATA\r\n(.+?)\r\n\.\r\n", re.DOTALL)


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with serving() as service:
        yield service


def state_of(service: Service, title: str) -> list[tuple[str, int]]:
    """Return the states of a mail's recipients and how often it was tried."""
    return service.rows(
        """
        SELECT r.state, (SELECT count(*) FROM attempt AS a WHERE a.message_id = m.id)
        FROM message AS m JOIN recipient AS r ON r.message_id = m.id WHERE m.subject = ?
        """,
        title,
    )


def contents(relay: HostileSimulator) -> list[bytes]:
    """Return every content that was handed over to its final dot, answered or not."""
    return [found for each in relay.transcripts for found in _CONTENT.findall(each.from_client)]


def bring_forward(service: Service) -> None:
    """Let what is due later be due now, as if the time had passed."""
    file = service.data / "postroad.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA wal_autocheckpoint=0")  # the server's own business
        connection.execute("UPDATE queue SET due = 0 WHERE due IS NOT NULL")


@pytest.mark.parametrize("behaviour", ["close@dot", "reset@dot", "half@dot"])
def test_a_caller_hears_that_it_may_have_been_sent(service: Service, behaviour: str) -> None:
    with hostile(behaviour) as relay:
        app = service.create_app(f"sync {behaviour}", *_LIVE)
        service.create_relay(app, relay.port)

        answer = service.ask(SEND, app.mail(f"sync {behaviour}")).json()

    assert (answer["code"], answer["msg"]) == (405, "fail")
    assert answer["data"].startswith("邮件发送失败:")
    assert "可能已" in answer["data"]
    assert state_of(service, f"sync {behaviour}") == [("in_doubt", 1)]
    (entry,) = service.run("log", "--app", app.appid)
    assert entry["status"] == "in_doubt"
    assert entry["reason"]
    shown = service.run("message", "show", entry["message_id"])
    assert shown["recipients"][0]["state"] == "in_doubt"


def test_what_is_in_doubt_is_not_sent_again_by_a_restart(service: Service) -> None:
    with hostile("close@dot", times=1) as relay:
        app = service.create_app("restarted", *_LIVE)
        service.create_relay(app, relay.port)
        service.ask(SEND, app.mail("restarted"))
        service.stop()

        service.start()

        assert service.ask(SEND, app.mail("the next")).json() == SENT
        assert len(contents(relay)) == 2
    assert state_of(service, "restarted") == [("in_doubt", 1)]


def test_a_caller_hears_it_when_his_time_is_over_and_the_log_learns_the_truth(
    service: Service,
) -> None:
    with hostile("drip@dot", pace_s=0.1) as relay:
        app = service.create_app("slow", *_LIVE, "--time-limit", "1")
        service.create_relay(app, relay.port)

        answer = service.ask(SEND, app.mail("slow")).json()

        assert answer["code"] == 405
        assert "可能已" in answer["data"]
        service.until("known", lambda: state_of(service, "slow") == [("accepted", 1)])
    (entry,) = service.run("log", "--app", app.appid)
    assert entry["status"] == "sent"


def test_a_queued_mail_is_sent_again_as_the_same_mail(service: Service) -> None:
    with hostile("close@dot", times=1) as relay:
        app = service.create_app("queued", *_LIVE, "--send", "queued")
        service.create_relay(app, relay.port)
        assert service.ask(SEND, app.mail("queued")).json() == SENT
        service.until("in doubt", lambda: state_of(service, "queued") == [("in_doubt", 1)])
        (entry,) = service.run("log", "--app", app.appid)
        doubtful = service.run("message", "show", entry["message_id"])

        bring_forward(service)
        service.until("sent", lambda: state_of(service, "queued") == [("accepted", 2)])

        first, second = contents(relay)
    assert first == second
    assert first.count(b"\nMessage-ID: ") == first.count(b"\nDate: ") == 1
    assert doubtful["recipients"][0]["state"] == "in_doubt"
    assert "may have been accepted" in doubtful["history"][0]["error"]
    sent = service.run("message", "show", entry["message_id"])
    assert [attempt["code"] for attempt in sent["history"]] == [Code.IN_DOUBT, Code.OK]
