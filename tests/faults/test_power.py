"""After a power cut everything that was promised is still there.

Killing a process proves nothing of the kind: the kernel still has what it wrote.
"""

from __future__ import annotations

import signal
import sqlite3
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.faults.callers import Callers
from tests.faults.disk import Disk, needs_disk, recover
from tests.peers.sink import Sink, needs_sink, running_sink
from tests.support.folders import open_folder
from tests.support.service import POSTROAD, App, Service, new_service, rows_in

pytestmark = [needs_disk, needs_sink]

_CARELESS = (sys.executable, str(Path(__file__).with_name("careless.py")))
_LIVE = ("--mode", "live", "--from", "shop@b.example")
# What a promise of each app means, as the states of a message that was promised.
_KEPT = {
    "captured": {"captured"},
    "sync": {"accepted"},
    "queued": {"queued", "sending", "accepted", "in_doubt"},
}
_FOUND = """
    SELECT m.subject, r.state, a.name FROM message AS m
    JOIN recipient AS r ON r.message_id = m.id JOIN app AS a ON a.id = m.app_id
"""


@dataclass(frozen=True)
class Cut:
    """One power cut: the disk as it was, and what had been promised until then."""

    image: Path
    promised: set[str]


def create_apps(service: Service, sink: Sink) -> list[App]:
    service.start()
    captured = service.create_app("captured")
    live = [service.create_app(mode, *_LIVE, "--send", mode) for mode in ("sync", "queued")]
    for app in live:
        service.create_relay(app, sink.relay().port)
    service.stop()
    return [captured, *live]


def cuts_of(
    service: Service, apps: Sequence[App], folder: Path, number: int, command: Sequence[str]
) -> list[Cut]:
    """Run the service on a disk of its own and cut its power; it never learns of it."""
    disk = Disk(folder / "disk", service.data)
    service.start(before=disk.before, command=command)
    callers = Callers(service, apps)
    cuts = []
    with callers.calling():
        for each in range(number):
            callers.until_some_moment()
            service.signal(signal.SIGSTOP)
            service.until("stopped", service.is_stopped)
            cut = Cut(folder / f"cut-{each}", callers.promised)
            disk.cut(cut.image)
            cuts.append(cut)
            service.signal(signal.SIGCONT)
        service.kill()
    return cuts


def lost(cut: Cut, data: Path) -> set[str]:
    """Return what was promised and is not there any more."""
    recover(cut.image, data)
    try:
        rows = rows_in(data / "postroad.db", _FOUND)
    except sqlite3.Error:
        return cut.promised
    return cut.promised - {title for title, state, app in rows if state in _KEPT[app]}


@pytest.mark.parametrize("number", [3, pytest.param(24, marks=pytest.mark.long)])
def test_nothing_promised_is_lost(number: int) -> None:
    with running_sink() as sink, open_folder() as folder, new_service() as service:
        apps = create_apps(service, sink)

        cuts = cuts_of(service, apps, folder, number, POSTROAD)

        for each, cut in enumerate(cuts):
            data = folder / f"data-{each}"
            assert lost(cut, data) == set()
            with new_service(data) as again:
                again.start()
                assert again.rows("PRAGMA integrity_check") == [("ok",)]
                assert again.stop() == 0
    assert len(cuts[-1].promised) > number


@pytest.mark.parametrize("mode", ["NORMAL", pytest.param("OFF", marks=pytest.mark.long)])
def test_the_proof_notices_a_database_that_does_not_wait_for_the_disk(mode: str) -> None:
    with open_folder() as folder, new_service() as service:
        service.start()
        app = service.create_app("captured")
        service.stop()

        (cut,) = cuts_of(service, [app], folder, 1, (*_CARELESS, mode))

        assert lost(cut, folder / "found") != set()
