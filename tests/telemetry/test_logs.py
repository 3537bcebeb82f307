"""Events reach stderr in the form asked for, and cost their caller nothing."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

import pytest
from tests.telemetry.conftest import NOW

from postroad.telemetry import events, logs
from postroad.telemetry.events import EVENTS, FIELDS
from postroad.telemetry.logs import Logs, recorded, set_up
from postroad.telemetry.rendering import is_secret

Open = Callable[..., Logs]


@pytest.fixture
def stream(tmp_path: Path) -> Iterator[TextIO]:
    with (tmp_path / "log").open("w+", encoding="utf-8") as file:
        yield file


@pytest.fixture
def start(stream: TextIO) -> Iterator[Open]:
    """Set a log up on the stream; it is closed at the end."""
    opened: list[Logs] = []

    def starting(**options: Any) -> Logs:
        opened.append(set_up(stream, now=lambda: NOW, **options))
        return opened[-1]

    yield starting
    for each in opened:
        each.close()


def written(stream: TextIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(stream.name).read_text("utf-8").splitlines()]


def settle(**fields: Any) -> None:
    usual: dict[str, Any] = {
        "message": "m1",
        "app": "1234567890",
        "door": "nobase",
        "attempt": 1,
        "code": "ok",
        "state": "accepted",
        "ms": 41.7,
    }
    events.message_settled(**(usual | fields))


def test_an_event_is_an_object_on_a_line(start: Open, stream: TextIO) -> None:
    start(format="json")

    settle(relay=None)

    assert written(stream) == [
        {
            "time": "2026-03-01T09:00:00.123Z",
            "level": "info",
            "event": "message.settled",
            "message": "m1",
            "app": "1234567890",
            "door": "nobase",
            "attempt": 1,
            "code": "ok",
            "state": "accepted",
            "ms": 41.7,
        }
    ]


def test_auto_is_json_where_nobody_watches(start: Open, stream: TextIO) -> None:
    start()

    events.lease_expired(messages=2)

    assert written(stream)[0]["messages"] == 2


def test_auto_is_text_on_a_terminal() -> None:
    controller, terminal = os.openpty()
    with os.fdopen(terminal, "w") as stream:
        log = set_up(stream, now=lambda: NOW)
        events.lease_expired(messages=2)
        log.close()
        said = os.read(controller, 1000).decode()
    os.close(controller)

    assert said == "2026-03-01T09:00:00.123Z warning lease.expired messages=2\r\n"


@pytest.mark.parametrize(
    ("level", "names"),
    [
        ("debug", ["message.stored", "server.stopped", "lease.expired", "storage.broken"]),
        ("info", ["server.stopped", "lease.expired", "storage.broken"]),
        ("warning", ["lease.expired", "storage.broken"]),
        ("error", ["storage.broken"]),
    ],
)
def test_what_is_less_important_than_the_level_is_not_written(
    level: str, names: list[str], start: Open, stream: TextIO
) -> None:
    start(level=level)

    events.message_stored(message="m", app="a", door="d", recipients=1, state="queued")
    events.server_stopped(ms=1.0, messages=0)
    events.lease_expired(messages=1)
    events.storage_broken(error="disk full")

    assert [event["event"] for event in written(stream)] == names


def test_before_it_is_set_up_an_event_goes_nowhere(capfd: pytest.CaptureFixture[str]) -> None:
    settle()

    assert capfd.readouterr() == ("", "")


def test_after_the_end_an_event_goes_nowhere(start: Open, stream: TextIO) -> None:
    start().close()

    settle()

    assert not written(stream)


@pytest.mark.parametrize("stream", [None, io.StringIO()], ids=["closed", "no file"])
def test_without_a_stderr_events_are_counted(stream: TextIO | None) -> None:
    log = set_up(stream)

    settle()

    log.close()
    assert log.lost == 1


def test_closing_stderr_later_does_not_send_the_log_elsewhere(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as stream:
        log = set_up(stream)
        number = stream.fileno()
    with (tmp_path / "precious").open("w") as precious:
        took_its_place = precious.fileno() == number
        settle()
    log.close()

    assert took_its_place
    assert (tmp_path / "precious").read_text() == ""
    assert "message.settled" in (tmp_path / "log").read_text()


class Unshowable:
    def __str__(self) -> str:
        raise RuntimeError


def test_an_event_that_cannot_be_shown_is_counted_and_raises_nothing(
    start: Open, stream: TextIO
) -> None:
    log = start()

    settle(error=Unshowable())
    settle()

    assert log.lost == 1
    assert len(written(stream)) == 1


def test_what_libraries_warn_of_is_in_the_log(start: Open, stream: TextIO) -> None:
    start()
    library = logging.getLogger("some.library")

    library.info("chatter")
    library.warning("slow: token=%s", "hunter2")
    library.error("broken\n%s", "fake", exc_info=KeyError("hunter2"))

    found = written(stream)
    assert [event["event"] for event in found] == ["library.warned", "library.failed"]
    assert found[0]["library"] == "some.library"
    assert found[0]["text"] == "slow: token=***"
    assert found[1]["text"] == "broken\\nfake"
    assert found[1]["traceback"] == "KeyError"
    assert "hunter2" not in Path(stream.name).read_text("utf-8")


def test_a_library_s_message_that_cannot_be_put_together_is_told(
    start: Open, stream: TextIO
) -> None:
    start()
    ours = logging.getLogger().handlers[-1]

    ours.handle(logging.makeLogRecord({"msg": "%d", "args": ("x",), "levelno": logging.ERROR}))

    assert written(stream)[0]["text"] == "a message that could not be put together"


def test_a_task_whose_exception_nobody_fetched_is_in_the_log(start: Open, stream: TextIO) -> None:
    start()

    async def main() -> None:
        asyncio.get_running_loop().call_soon(lambda: 1 / 0)
        await asyncio.sleep(0)

    asyncio.run(main())

    found = written(stream)
    assert found[0]["library"] == "asyncio"
    assert "ZeroDivisionError" in found[0]["traceback"]


def test_events_can_be_recorded_instead() -> None:
    with recorded() as found:
        settle(error="a\x1b")

    assert found[0]["event"] == "message.settled"
    assert found[0]["error"] == r"a\x1b"


def test_a_wrong_event_shows_while_recorded() -> None:
    with recorded(), pytest.raises(RuntimeError):
        settle(error=Unshowable())


def test_no_event_has_a_field_that_would_be_masked() -> None:
    assert not [name for name in FIELDS if is_secret(name)]


def test_every_field_of_every_event_is_explained_and_none_besides() -> None:
    used = {field for event in EVENTS for field in event.fields}

    assert used == set(FIELDS)


def test_events_have_names_levels_and_a_sentence_of_their_own() -> None:
    assert len({event.name for event in EVENTS}) == len(EVENTS)
    for event in EVENTS:
        assert re.fullmatch(r"[a-z]+\.[a-z_]+", event.name)
        assert event.level in logs.LEVELS
        assert event.meaning.endswith(".")
        function = getattr(events, event.name.replace(".", "_"))
        assert function.__doc__ == event.meaning
