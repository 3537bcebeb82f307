"""No caller is answered before the disk has confirmed what he is told."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from tests.faults.system_calls import calls_in, needs_strace, recording
from tests.peers.sink import needs_sink, running_sink
from tests.support.folders import open_folder
from tests.support.service import POSTROAD, SEND, App, Service, new_service

pytestmark = needs_strace

_CARELESS = (sys.executable, str(Path(__file__).with_name("careless.py")))
_LIVE = ("--mode", "live", "--from", "shop@b.example")
_SYNCS = {"fsync", "fdatasync"}
_MAILS = 20


def create_apps(service: Service, port: int) -> dict[str, App]:
    """Return an app of each kind."""
    apps = {"captured": service.create_app("captured")}
    for mode in ("sync", "queued"):
        apps[mode] = service.create_app(mode, *_LIVE, "--send", mode)
        service.create_relay(apps[mode], port)
    return apps


def traced_sends(
    service: Service, apps: Mapping[str, App], file: Path, command: Sequence[str]
) -> list[str]:
    """Send one mail after the other with the server's calls recorded; return their titles."""
    service.start(before=recording(file), command=command)
    titles = []
    with service.client() as client:
        for number in range(_MAILS):
            for kind, app in apps.items():
                titles.append(f"mail-{number}-{kind}-")
                answer = client.ask(SEND, app.mail(titles[-1])).json()
                assert answer["code"] == 200, answer
                # What a queued mail writes later on belongs to no answer.
                service.until("idle", lambda: service.rows("SELECT * FROM queue") == [])
    service.stop()
    return titles


def broken_promises(file: Path, port: int, titles: Sequence[str]) -> list[str]:
    """Return what is wrong about the answers to the caller, in the order of the trace.

    A promise is an answer to the port with the code 200. Its mail must have been written to the
    log of the database, and that log synced since then, with success. Nothing else that was written
    may wait for a sync either, such as the outcome that the promise tells of; only a queued mail
    may be claimed for sending meanwhile.
    """
    found, written, on_disk, is_synced = [], "", "", True
    waiting = iter(titles)
    for call in calls_in(file):
        if call.target.endswith(".db-wal"):
            if call.name not in _SYNCS:
                written, is_synced = written + call.octets, False
            elif call.outcome == 0:
                on_disk, written, is_synced = on_disk + written, "", True
        elif f"127.0.0.1:{port}->" in call.target and '\\"code\\":200' in call.octets:
            title = next(waiting, "a mail that nobody sent")
            if title not in on_disk or not (is_synced or "queued" in title):
                found.append(f"{title} was answered before it was synced")
            on_disk = ""
    found.extend(f"{title} was not answered in this trace" for title in waiting)
    return found


@needs_sink
def test_every_promise_is_on_the_disk_before_it_is_given() -> None:
    with running_sink() as sink, open_folder() as folder, new_service() as service:
        service.start()
        apps = create_apps(service, sink.relay().port)
        service.stop()

        titles = traced_sends(service, apps, folder / "trace", POSTROAD)

        assert broken_promises(folder / "trace", service.port, titles) == []


@pytest.mark.parametrize("mode", ["NORMAL", pytest.param("OFF", marks=pytest.mark.long)])
def test_the_proof_notices_a_database_that_does_not_wait_for_the_disk(mode: str) -> None:
    with open_folder() as folder, new_service() as service:
        service.start()
        app = service.create_app("captured")
        service.stop()

        titles = traced_sends(service, {"captured": app}, folder / "trace", (*_CARELESS, mode))

        found = broken_promises(folder / "trace", service.port, titles)
        assert [each.partition(" was ")[2] for each in found] == [
            "answered before it was synced"
        ] * _MAILS
