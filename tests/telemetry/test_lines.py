"""A log line never stops the service, whatever becomes of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.telemetry.conftest import Pipe

from postroad.telemetry.lines import Lines


@pytest.fixture
def lines(pipe: Pipe) -> Lines:
    """To the pipe, with a descriptor of its own."""
    return Lines(os.dup(pipe.writing))


def test_a_line_is_there_at_once(lines: Lines, pipe: Pipe) -> None:
    lines.write(b"one")
    lines.write(b"two")

    assert pipe.read() == b"one\ntwo\n"
    lines.close()


def test_lines_wait_for_a_reader_that_is_late(lines: Lines, pipe: Pipe) -> None:
    sent = [f"{number:04} {'x' * 200}".encode() for number in range(1_000)]

    for line in sent:
        lines.write(line)

    found = pipe.read()
    while len(found) < 206 * len(sent):
        lines.write(b"")  # each one takes with it what waits
        more = pipe.read()
        assert more
        found += more
    lines.close()
    found += pipe.read()
    assert [line for line in found.splitlines() if line] == sent
    assert lines.lost == 0


def test_what_waits_beyond_the_limit_is_counted_and_lines_stay_whole(
    lines: Lines, pipe: Pipe
) -> None:
    sent = [f"{number:05} {'x' * 1_000}".encode() for number in range(3_000)]

    for line in sent:
        lines.write(line)

    found = pipe.read()
    while True:
        lines.write(b"")
        more = pipe.read()
        if more in (b"", b"\n"):
            break
        found += more
    lines.close()
    kept = [line for line in found.splitlines() if line]
    assert kept == sent[: len(kept)]
    assert 1_000 < len(kept) < len(sent)
    assert lines.lost >= len(sent) - len(kept)


def test_a_line_longer_than_the_pipe_is_split_and_not_lost(lines: Lines, pipe: Pipe) -> None:
    long = b"x" * 200_000
    found = b""

    lines.write(long)
    for _ in range(10):
        found += pipe.read()
        lines.write(b"")

    found += pipe.read()
    lines.close()
    assert found.startswith(long + b"\n")
    assert lines.lost == 0


def test_nobody_reads_any_more(lines: Lines, pipe: Pipe) -> None:
    pipe.stop_reading()

    for _ in range(3):
        lines.write(b"into the void")

    assert lines.lost == 3
    lines.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")
def test_a_full_disk_loses_lines_and_nothing_else() -> None:
    lines = Lines(os.open("/dev/full", os.O_WRONLY))

    for _ in range(3):
        lines.write(b"no room")

    assert lines.lost == 3
    lines.close()


def test_after_a_loss_in_the_middle_of_a_line_the_next_one_begins_anew(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    path = tmp_path / "log"
    lines = Lines(os.open(path, os.O_WRONLY | os.O_CREAT))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))  # SIGXFSZ is ignored by Python
    try:
        lines.write(b"whole")
        lines.write(b"torn in two")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    lines.write(b"after")

    lines.close()
    assert path.read_bytes() == b"whole\ntorn\nafter\n"
    assert lines.lost == 1


def test_without_a_descriptor_every_line_is_lost() -> None:
    lines = Lines(None)

    lines.write(b"x")

    assert lines.lost == 1
    lines.close()


def test_what_still_waits_when_the_reader_goes_is_counted(pipe: Pipe) -> None:
    os.set_blocking(pipe.writing, False)
    lines = Lines(os.dup(pipe.writing))
    while True:
        try:
            os.write(pipe.writing, b"x" * 4096)
        except BlockingIOError:
            break
    lines.write(b"late")
    lines.write(b"later")

    pipe.stop_reading()
    lines.close()

    assert lines.lost == 2


def test_a_line_after_the_end_is_lost_and_harms_nobody(lines: Lines, pipe: Pipe) -> None:
    lines.close()

    lines.write(b"late")

    assert lines.lost == 1
    assert pipe.read() == b""
