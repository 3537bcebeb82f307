"""A backup under load is whole, and what is made of it sends nothing by itself."""

from __future__ import annotations

import re
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults.callers import Callers
from tests.faults.copies import misfits
from tests.faults.system_calls import killing, needs_strace
from tests.peers.sink import Sink, needs_sink, running_sink
from tests.support.folders import open_folder
from tests.support.programs import free_port
from tests.support.service import (
    POSTROAD,
    SEND,
    SENT,
    App,
    Service,
    finished,
    new_service,
    rows_in,
)

_LIVE = ("--mode", "live", "--from", "shop@b.example")
_OPEN = "SELECT state, count(*) FROM recipient WHERE state <> 'accepted' GROUP BY state"
_TITLES = "SELECT m.subject, r.state FROM message AS m JOIN recipient AS r ON r.message_id = m.id"


def arrived(sink: Sink) -> Counter[str]:
    """Return how often each title arrived."""
    found = re.findall(rb"^Subject: (\S+)$", b"\n".join(sink.contents()), re.MULTILINE)
    return Counter(title.decode() for title in found)


def create_apps(service: Service, port: int) -> dict[str, App]:
    """Return an app for each way to send, and one whose relay is not there."""
    apps = {
        "sync": service.create_app("sync", *_LIVE),
        "queued": service.create_app("queued", *_LIVE, "--send", "queued"),
        "late": service.create_app("late", *_LIVE, "--send", "queued"),
    }
    for name, app in apps.items():
        service.create_relay(app, free_port() if name == "late" else port)
    return apps


def lead(service: Service, port: int) -> None:
    """Let all mail of a service leave by a relay at that port."""
    for relay in service.run("relay", "list"):
        service.run("relay", "update", relay["id"], "--port", str(port))


@needs_sink
@pytest.mark.parametrize("backups", [1, pytest.param(10, marks=pytest.mark.long)])
def test_a_backup_under_load_is_whole_and_what_is_restored_waits_for_a_person(backups: int) -> None:
    with running_sink() as first, running_sink() as second, new_service() as service:
        service.start()
        apps = create_apps(service, first.relay().port)
        with service.client() as client:
            for number in range(5):
                assert client.ask(SEND, apps["late"].mail(f"late-{number}-")).json() == SENT
        callers = Callers(service, [apps["sync"], apps["queued"]])
        file, titles = Path(), dict[str, str]()
        with callers.calling():
            for number in range(backups):
                callers.until_some_moment()
                promised = callers.promised
                file = service.folder / f"{number}.db"
                service.run("backup", str(file), "--with-key")
                titles = dict(rows_in(file, _TITLES))
                assert misfits(file) == {}
                assert promised <= set(titles)
            callers.until_some_moment()
            service.kill()

        with new_service() as elsewhere:
            elsewhere.run("restore", str(file), "--key", f"{file}.key")
            lead(elsewhere, second.relay().port)
            open_then = {title for title, state in titles.items() if state != "accepted"}
            assert set(dict(elsewhere.rows(_OPEN))) == {"held"}
            elsewhere.start()
            assert elsewhere.rows("SELECT count(*) FROM queue") == [(0,)]
            assert elsewhere.ask(SEND, apps["sync"].mail("new-")).json() == SENT
            assert elsewhere.rows(_OPEN) == [("held", len(open_then))]

            released = elsewhere.run("message", "release", "--held", "--yes")

            assert released == {"released": len(open_then), "unsendable": 0}
            elsewhere.until("sent", lambda: elsewhere.rows(_OPEN) == [])
            assert elsewhere.rows("SELECT count(*) FROM queue") == [(0,)]
            assert elsewhere.stop() == 0
            assert {f"late-{number}-" for number in range(5)} <= open_then
            assert arrived(second) == Counter({*open_then, "new-"})


@pytest.fixture(scope="module")
def kept() -> Iterator[Service]:
    """A stopped service with mail in every state, to be copied."""
    with open_folder() as folder, new_service() as service:
        service.start()
        apps = create_apps(service, free_port())
        captured = service.create_app("captured")
        for number in range(20):
            for app in (*apps.values(), captured):
                service.ask(SEND, app.mail(f"mail-{number}-"))
        service.stop()
        shutil.copytree(service.data, folder / "data")
        yield Service(folder)


def counts(path: Path) -> dict[str, int]:
    """Return how many there are of what matters."""
    tables = ("app", "relay", "message", "content", "recipient", "send_log")
    return {table: rows_in(path, f"SELECT count(*) FROM {table}")[0][0] for table in tables}


# While the schema is made, while rows are copied, before and after each file gets its name.
_MOMENTS = [("pwrite64", 100), ("link", 2), ("link", 3), ("fsync", 6)]
_FURTHER = [
    ("openat", 300),
    ("pwrite64", 1),
    ("pwrite64", 40),
    ("fsync", 1),
    ("link", 1),
    ("fsync", 4),
]
_KILLS = [*_MOMENTS, *(pytest.param(*each, marks=pytest.mark.long) for each in _FURTHER)]


@needs_strace
@pytest.mark.parametrize(("call", "number"), _KILLS)
def test_a_backup_that_is_killed_leaves_the_whole_or_none(
    kept: Service, tmp_path: Path, call: str, number: int
) -> None:
    file = tmp_path / "backup.db"
    words = ("backup", str(file), "--with-key", "--data-dir", str(kept.data))

    assert finished(*killing(call, number), *POSTROAD, *words) == -signal.SIGKILL

    if not file.exists():
        assert finished(*POSTROAD, *words) == 0
    assert misfits(file) == {}
    assert counts(file) == counts(kept.data / "postroad.db")
    assert Path(f"{file}.key").read_bytes() == (kept.data / "key").read_bytes()


@needs_strace
@pytest.mark.parametrize(("call", "number"), _KILLS)
def test_a_restore_that_is_killed_leaves_the_whole_or_none(
    kept: Service, tmp_path: Path, call: str, number: int
) -> None:
    backup, folder = tmp_path / "backup.db", tmp_path / "restored"
    assert (
        finished(*POSTROAD, "backup", str(backup), "--with-key", "--data-dir", str(kept.data)) == 0
    )
    words = ("restore", str(backup), "--key", f"{backup}.key", "--data-dir", str(folder))

    assert finished(*killing(call, number), *POSTROAD, *words) == -signal.SIGKILL

    path = folder / "postroad.db"
    if not path.exists():
        assert finished(*POSTROAD, *words) == 0
    assert misfits(path) == {}
    assert counts(path) == counts(backup)
    assert rows_in(path, "SELECT count(*) FROM queue") == [(0,)]
    assert finished(*POSTROAD, "app", "list", "--data-dir", str(folder)) == 0
