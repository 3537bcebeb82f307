"""`postroad log`."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.conftest import Run, parsed
from tests.cli.kept import keep, log_refused

from postroad.cli.exits import Exit
from postroad.cli.layout import display_width


@pytest.fixture
def appid(run: Run, data_dir: Path) -> str:
    return str(parsed(run("app", "create", "demo", "--json"))["appid"])


def test_the_log_tells_every_request_the_newest_last(run: Run, data_dir: Path, appid: str) -> None:
    message = keep(data_dir, appid, subject="첫 메일")
    log_refused(data_dir, appid, to="bad")

    lines = run("log").stdout.splitlines()

    assert lines[0].split() == ["Time", "(UTC)", "Status", "App", "To", "Title", "Message"]
    assert re.match(r"\d\d-\d\d \d\d:\d\d:\d\d  captured  ", lines[1])
    assert lines[1].split()[2:] == ["captured", "demo", "bo@b.example", "첫", "메일", message]
    assert lines[2].split()[2:] == ["refused", "demo", "bad", "x"]
    assert lines[3] == "    address"


def test_on_a_terminal_every_line_fits_and_leads_to_the_message(
    run: Run, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    appid = str(parsed(run("app", "create", "회사 알림 서비스", "--json"))["appid"])
    message = keep(data_dir, appid, to=f"{'a' * 40}@b.example", subject="아주 긴 제목 " * 5)
    log_refused(data_dir, appid, to="bad", reason="이 메일 주소는 없는 주소입니다. " * 8)

    lines = run("log").stdout.splitlines()
    page = run("message", "show", message[-8:])

    assert max(map(display_width, lines)) < 80
    assert lines[0].endswith("  Message")
    assert lines[1].endswith(f"  {message[-8:]}")
    starts = [display_width(line[: line.rindex("  ") + 2]) for line in lines[:2]]
    assert starts[0] == starts[1]
    assert all(line.startswith("    이" if n == 0 else "    ") for n, line in enumerate(lines[3:6]))
    assert lines[-1] == f"More of one: postroad message show {message[-8:]}"
    assert f"id          {message}" in page.stdout


def test_what_short_addresses_leave_over_is_for_the_title(
    run: Run, data_dir: Path, appid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    keep(data_dir, appid, subject="a title of thirty characters..")

    titles, line, *_ = run("log").stdout.splitlines()

    assert "demo  bo@b.example  a title of thirty char…  " in line
    assert titles.index("Title") - titles.index("To") == len("bo@b.example  ")
    assert display_width(line) == 79


def test_a_wide_terminal_shows_the_whole_id(
    run: Run, data_dir: Path, appid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    message = keep(data_dir, appid)

    assert run("log").stdout.splitlines()[1].endswith(f"  {message}")


def test_an_address_in_other_letter_case_is_pointed_to(
    run: Run, data_dir: Path, appid: str
) -> None:
    keep(data_dir, appid, to="Bo@b.example")

    result = run("log", "--to", "bo@b.example")

    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        "The log holds no such request.",
        "There are some to Bo@b.example: upper and lower case count in --to.",
    ]
    assert parsed(run("log", "--to", "bo@b.example", "--json")) == []


def test_each_filter_leaves_out_the_others(run: Run, data_dir: Path, appid: str) -> None:
    other = str(parsed(run("app", "create", "other", "--json"))["appid"])
    keep(data_dir, appid)
    keep(data_dir, appid, to="ann@b.example")
    log_refused(data_dir, other, to="bad")

    def recipients(*options: str) -> list[str]:
        return [entry["recipient"] for entry in parsed(run("log", "--json", *options))]

    assert recipients() == ["bo@b.example", "ann@b.example", "bad"]
    assert recipients("--app", "demo") == ["bo@b.example", "ann@b.example"]
    assert recipients("--to", "ann@b.example") == ["ann@b.example"]
    assert recipients("--state", "refused") == ["bad"]
    assert recipients("--limit", "1") == ["bad"]


def test_what_a_caller_wrote_cannot_turn_the_terminal_round(
    run: Run, data_dir: Path, appid: str
) -> None:
    log_refused(data_dir, appid, to="\x1b[2Jbad", subject="a\u202eb")

    shown = run("log").stdout

    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert r"\x1b[2Jbad" in shown


def test_an_unknown_app_is_refused(run: Run, data_dir: Path) -> None:
    result = run("log", "--app", "nobody")

    assert result.exit_code == Exit.USAGE
    assert result.stderr == "postroad: there is no app 'nobody'\n"


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_it_follows_what_comes_until_ctrl_c(data_dir: Path, appid: str) -> None:
    keep(data_dir, appid, to="first@b.example")

    with subprocess.Popen(
        [sys.executable, "-m", "postroad", "log", "--follow", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as following:
        assert following.stdout is not None
        first = json.loads(following.stdout.readline())
        keep(data_dir, appid, to="second@b.example")
        second = json.loads(following.stdout.readline())
        following.send_signal(signal.SIGINT)
        rest, errors = following.communicate(timeout=30)

    assert [first["recipient"], second["recipient"]] == ["first@b.example", "second@b.example"]
    assert (rest, errors) == (b"", b"")
    assert following.returncode == Exit.INTERRUPTED


@pytest.mark.skipif(os.name != "posix", reason="pipes")
def test_following_ends_when_nobody_reads_any_more(data_dir: Path, appid: str) -> None:
    keep(data_dir, appid, to="first@b.example")

    with subprocess.Popen(
        [sys.executable, "-m", "postroad", "log", "--follow"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as following:
        assert following.stdout is not None
        assert following.stderr is not None
        following.stdout.readline()
        following.stdout.close()
        keep(data_dir, appid, to="second@b.example")
        code = following.wait(timeout=30)
        errors = following.stderr.read()

    assert (code, errors) == (Exit.PIPE_CLOSED, b"")


def test_nothing_found_is_said_to_a_person_only(run: Run, data_dir: Path) -> None:
    assert run("log").stderr == "The log holds no such request.\n"
    assert run("log").stdout == ""
    assert parsed(run("log", "--json")) == []
