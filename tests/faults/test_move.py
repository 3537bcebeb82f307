"""A move to PostgreSQL that is killed leaves the mail in one place; doing it again finishes."""

from __future__ import annotations

import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults.system_calls import killing, needs_strace
from tests.support.postgresql import PASSWORD, Postgresql, rows
from tests.support.programs import free_port
from tests.support.service import POSTROAD, SEND, Service, finished, new_service, rows_in

from postroad.storage.sqlite.identity import APPLICATION_ID, MOVED_ID

_LIVE = ("--mode", "live", "--from", "shop@b.example", "--send", "queued")
_MAILS = 25
_QUEUED = "SELECT message_id FROM queue ORDER BY message_id"

# The third sync is that of the source's log when it is marked, just before the target's commit; the
# fourth copies the log into the file, just after it.
_KILLS = [
    *(("sendto", 250), ("fdatasync", 1), ("fdatasync", 3), ("fdatasync", 4)),
    *(pytest.param("sendto", number, marks=pytest.mark.long) for number in range(10, 300, 40)),
    *(pytest.param(*each, marks=pytest.mark.long) for each in (("pwrite64", 1), ("fdatasync", 2))),
]


@pytest.fixture(scope="module")
def kept() -> Iterator[Service]:
    """A stopped service with mail that waits."""
    with new_service() as service:
        service.start()
        app = service.create_app("late", *_LIVE)
        service.create_relay(app, free_port())
        for number in range(_MAILS):
            service.ask(SEND, app.mail(f"mail-{number}-"))
        service.stop()
        yield service


def without_password(url: str) -> str:
    scheme, _, rest = url.partition("://")
    login, _, place = rest.partition("@")
    return f"{scheme}://{login.partition(':')[0]}@{place}"


@needs_strace
@pytest.mark.parametrize(("call", "number"), _KILLS)
def test_a_move_that_is_killed_leaves_all_mail_in_exactly_one_place(
    kept: Service, tmp_path: Path, postgresql: Postgresql, call: str, number: int
) -> None:
    url = postgresql.new_database()
    data = tmp_path / "data"
    shutil.copytree(kept.data, data)
    words = ("copy", "--to", without_password(url), "--data-dir", str(data))
    here = rows_in(data / "postroad.db", _QUEUED)

    ended = finished(*killing(call, number), *POSTROAD, *words, PGPASSWORD=PASSWORD)

    assert ended == -signal.SIGKILL
    is_closed = rows_in(data / "postroad.db", "PRAGMA application_id") == [(MOVED_ID,)]
    assert is_closed or rows_in(data / "postroad.db", "PRAGMA application_id") == [
        (APPLICATION_ID,)
    ]
    there = rows(url, _QUEUED)
    assert there in ([], here)
    assert is_closed or there == []
    opens = finished(*POSTROAD, "app", "list", "--data-dir", str(data))
    assert (opens == 0) is not is_closed

    again = finished(*POSTROAD, *words, PGPASSWORD=PASSWORD)

    assert again == (2 if there else 0)
    assert rows(url, _QUEUED) == here
    assert Counter(here).most_common(1)[0][1] == 1
    assert len(here) == _MAILS
    assert finished(*POSTROAD, "app", "list", "--data-dir", str(data)) == 1
