"""`postroad message`."""

from __future__ import annotations

from email import message_from_bytes
from pathlib import Path

import pytest
from tests.cli.conftest import Run, parsed
from tests.cli.kept import keep

from postroad.cli.exits import Exit
from postroad.simulators import Simulator


@pytest.fixture
def appid(run: Run, data_dir: Path) -> str:
    made = run("app", "create", "demo", "--from", "danbee@naver.com", "--json")
    return str(parsed(made)["appid"])


def give_relay(run: Run, naver: Simulator) -> None:
    run(
        *("relay", "create", "naver", "--app", "demo", "--preset", "naver"),
        *("--host", "localhost", "--port", str(naver.port), "--security", naver.security),
        *("--username", naver.username, "--password-env", "PASSWORD", "--cafile", naver.cafile),
    )


def test_messages_are_listed_the_newest_first(run: Run, data_dir: Path, appid: str) -> None:
    first = keep(data_dir, appid, subject="첫 메일")
    second = keep(data_dir, appid, to="ann@b.example", subject="둘째")

    lines = run("message", "list").stdout.splitlines()

    assert [line.split()[2] for line in lines[1:]] == [second, first]
    assert lines[2].split()[3:] == ["captured", "bo@b.example", "첫", "메일"]
    found = parsed(run("message", "list", "--to", "ann@b.example", "--json"))
    assert [each["id"] for each in found] == [second]
    assert parsed(run("message", "list", "--state", "accepted", "--json")) == []


def test_a_message_is_shown_with_its_recipients(run: Run, data_dir: Path, appid: str) -> None:
    message = keep(data_dir, appid)

    page = run("message", "show", message).stdout
    found = parsed(run("message", "show", message, "--json"))

    assert page.startswith("captured\n")
    assert "안녕하세요" in page
    assert found["recipients"][0]["address"] == "bo@b.example"
    assert found["recipients"][0]["state"] == "captured"
    assert found["history"] == []


def test_the_content_is_written_octet_by_octet(run: Run, data_dir: Path, appid: str) -> None:
    message = keep(data_dir, appid)

    octets = run("message", "content", message).stdout_bytes
    as_json = parsed(run("message", "content", message, "--json"))

    assert octets.endswith(b"\r\n")
    assert message_from_bytes(octets)["To"] == "bo@b.example"
    assert as_json == {"id": message, "content": octets.decode()}


def test_a_released_message_is_sent_through_the_relay(
    run: Run, data_dir: Path, appid: str, naver: Simulator
) -> None:
    give_relay(run, naver)
    message = keep(data_dir, appid)

    released = run("message", "release", message)

    shown = run("message", "show", message).stdout
    assert (released.exit_code, released.stderr) == (Exit.OK, "")
    assert released.stdout.startswith("accepted  bo@b.example  250 ")
    assert [each.forward_paths for each in naver.messages] == [("bo@b.example",)]
    assert shown.startswith("accepted\n")
    again = run("message", "release", message)
    assert again.exit_code == Exit.USAGE
    assert "has ended already" in again.stderr


def test_a_refused_release_says_what_the_server_said(
    run: Run, data_dir: Path, appid: str, naver: Simulator
) -> None:
    give_relay(run, naver)
    message = keep(data_dir, appid, to="unknown@b.example")

    released = run("message", "release", message, "--json")

    found = parsed(released)
    assert released.exit_code == Exit.FAILED
    assert found["word"] == "recipients.refused"
    assert found["recipients"][0]["address"] == "unknown@b.example"
    assert found["recipients"][0]["state"] == "bounced"
    assert found["recipients"][0]["code"] == 550
    shown = run("message", "show", message, "--transcript").stdout
    assert "C: AUTH PLAIN ***" in shown
    assert "C: RCPT TO:<unknown@b.example>" in shown


def test_without_a_relay_nothing_is_released(run: Run, data_dir: Path, appid: str) -> None:
    message = keep(data_dir, appid)

    result = run("message", "release", message)

    assert result.exit_code == Exit.USAGE
    assert "no relay" in result.stderr
    assert run("message", "show", message).stdout.startswith("captured\n")


@pytest.mark.parametrize("word", ["show", "content", "release"])
def test_a_message_that_is_not_there_is_named(run: Run, data_dir: Path, word: str) -> None:
    result = run("message", word, "nothing")

    assert result.exit_code == Exit.USAGE
    assert result.stderr == "postroad: there is no message 'nothing'\n"
