"""`postroad message`."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from pathlib import Path

import pytest
from tests.cli.conftest import Run, parsed
from tests.cli.kept import keep, keep_abandoned, keep_tried

from postroad.cli.exits import Exit
from postroad.cli.layout import display_width
from postroad.delivery.states import State
from postroad.errors import Code
from postroad.simulators import Simulator, hostile


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


def test_on_a_terminal_a_message_is_a_line_and_the_end_of_its_id_is_shown(
    run: Run, data_dir: Path, appid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    message = keep(data_dir, appid, to=f"{'a' * 40}@b.example", subject="아주 긴 제목 " * 5)

    titles, line = run("message", "list").stdout.splitlines()

    assert titles.split() == ["Time", "(UTC)", "Id", "State", "To", "Subject"]
    assert line.split()[2:4] == [message[-8:], "captured"]
    assert display_width(line) < 80
    assert line.count("…") == 2
    assert "아주 긴 제목" in line


def test_messages_are_listed_the_newest_last(run: Run, data_dir: Path, appid: str) -> None:
    first = keep(data_dir, appid, subject="첫 메일")
    second = keep(data_dir, appid, to="ann@b.example", subject="둘째")

    lines = run("message", "list").stdout.splitlines()

    assert [line.split()[2] for line in lines[1:]] == [first, second]
    assert lines[1].split()[3:] == ["captured", "bo@b.example", "첫", "메일"]
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


def test_a_page_names_app_account_and_address_and_why_it_was_captured(
    run: Run, data_dir: Path, appid: str
) -> None:
    message = keep(data_dir, appid)

    captured = run("message", "show", message).stdout
    run("app", "update", "demo", "--mode", "allow-list", "--allow", "@c.example")
    off_the_list = run("message", "show", message).stdout
    run("app", "update", "demo", "--mode", "live")
    later_live = run("message", "show", message, "--json")

    assert f"demo ({appid})" in captured
    assert "danbee1" in captured
    assert "192.0.2.7" in captured
    assert "The app captures all its mail (mode capture)." in captured
    assert captured.endswith(
        f"  It needs a relay first: `postroad relay create NAME --app {appid} …`.\n"
        f"  `postroad message release {message}` then sends it.\n"
    )
    assert "bo@b.example is not on the app's allow-list." in off_the_list
    found = parsed(later_live)
    assert (found["app"], found["account"], found["ip"]) == ("demo", "danbee1", "192.0.2.7")
    assert "the mode that the app had then" in found["advice"][0]


@pytest.mark.parametrize(("lang", "word"), [("en", "mailbox"), ("ko", "받는"), ("zh", "收件人")])
def test_a_refused_message_is_explained_in_the_language_asked_for(
    run: Run, data_dir: Path, appid: str, lang: str, word: str
) -> None:
    message = keep(data_dir, appid)
    relay = parsed(
        run("relay", "create", "out", "--app", "demo", "--host", "mail.b.example", "--json")
    )
    reply = (550, "5.1.1", "No such user")
    keep_tried(data_dir, message, State.BOUNCED, reply=reply, relay_id=relay["id"])

    page = run("message", "show", message, "--lang", lang).stdout

    assert "out (mail.b.example)  recipients.refused" in page
    assert "550 5.1.1 No such user" in page
    assert word in page.partition("What to do")[2]


def test_a_failure_without_a_reply_leads_to_the_check_of_its_relay(
    run: Run, data_dir: Path, appid: str
) -> None:
    message = keep(data_dir, appid)
    relay = parsed(
        run("relay", "create", "out", "--app", "demo", "--host", "mail.b.example", "--json")
    )
    error = "connection refused by mail.b.example:587"
    keep_tried(
        *(data_dir, message, State.FAILED),
        code=Code.CONNECT,
        error=error,
        relay_id=relay["id"],
    )

    todo = run("message", "show", message).stdout.partition("What to do")[2]

    assert error in todo
    assert f"`postroad relay check {relay['id']}`" in todo


def test_a_deferred_message_says_when_it_is_tried_next(
    run: Run, data_dir: Path, appid: str
) -> None:
    message = keep(data_dir, appid)
    due = datetime.now(UTC) + timedelta(hours=1)
    keep_tried(data_dir, message, State.DEFERRED, reply=(451, "4.7.1", "Greylisted"), due=due)

    todo = run("message", "show", message).stdout.partition("What to do")[2]

    assert f"It is tried next at {due:%Y-%m-%d %H:%M:%S} UTC, until " in todo


def test_an_attempt_without_outcome_leaves_the_message_in_doubt(
    run: Run, data_dir: Path, appid: str
) -> None:
    message = keep(data_dir, appid)
    keep_abandoned(data_dir, message)

    page = run("message", "show", message).stdout

    assert "no outcome: Postroad ended, or still waits, before the relay answered" in page
    assert "It may have arrived. Ask the recipient, or risk a second copy." in page
    assert page.endswith(f"  `postroad message release {message}` then sends it.\n")


def test_what_is_known_of_the_dialogues_is_said(run: Run, data_dir: Path, appid: str) -> None:
    message = keep(data_dir, appid)
    untried = run("message", "show", message, "-v").stdout
    keep_tried(data_dir, message, State.ACCEPTED, code=Code.OK, reply=(250, "2.0.0", "Ok"))

    page = run("message", "show", message, "-v").stdout

    assert "There is no dialogue: nothing was tried." in untried
    assert "Its dialogue is not kept: it went well." in page
    assert "What to do" not in page


def test_the_end_of_an_id_or_a_beginning_that_fits_one_is_enough(
    run: Run, data_dir: Path, appid: str
) -> None:
    first, second = keep(data_dir, appid), keep(data_dir, appid)

    by_end = parsed(run("message", "show", second[-6:].upper(), "--json"))
    by_start = parsed(run("message", "content", first[:-1], "--json"))
    alike = run("message", "show", first[:8])
    too_short = run("message", "show", first[-5:])

    assert (by_end["id"], by_start["id"]) == (second, first)
    assert alike.exit_code == Exit.USAGE
    assert f"2 messages have {first[:8]!r} in their id: give more of it" in alike.stderr
    assert too_short.exit_code == Exit.USAGE
    assert "there is no message" in too_short.stderr


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
    (noted,) = parsed(run("audit", "list", "--action", "message.release", "--json"))["entries"]
    assert (noted["app_id"], noted["target"]) == (appid, message)
    assert noted["actor"].startswith("cli:")
    again = run("message", "release", message)
    assert again.exit_code == Exit.USAGE
    assert again.stderr == f"postroad: message {message} was accepted already\n"


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
    assert result.stderr == (
        "postroad: none of the newest messages has the id 'nothing', or ends so\n"
    )


def test_a_release_that_is_terminated_still_says_what_became_of_the_message(
    run: Run, data_dir: Path, appid: str
) -> None:
    message = keep(data_dir, appid)
    with hostile("drip@dot", pace_s=0.02) as server:
        where = ("--host", "127.0.0.1", "--port", str(server.port), "--security", "none")
        assert run("relay", "create", "slow", "--app", appid, *where).exit_code == Exit.OK
        command = (sys.executable, "-m", "postroad", "message", "release", message)
        with subprocess.Popen(command, stdout=subprocess.PIPE) as release:
            server.wait_for_message()
            release.terminate()
            release.wait(30)

    assert release.returncode == 128 + signal.SIGTERM
    assert run("message", "show", message).stdout.startswith("accepted\n")


def test_a_release_without_a_relay_says_what_makes_one(
    run: Run, data_dir: Path, appid: str
) -> None:
    message = keep(data_dir, appid)

    released = run("message", "release", message)

    assert released.exit_code == Exit.USAGE
    assert f"it needs one first: postroad relay create NAME --app {appid} …" in released.stderr


def test_held_mail_is_not_said_to_have_no_reply_that_decided_it(
    run: Run, data_dir: Path, appid: str
) -> None:
    message = keep(data_dir, appid)
    keep_tried(data_dir, message, State.HELD, error="every recipient was refused: 450 later")

    shown = run("message", "show", message).stdout

    assert "Its last attempt: every recipient was refused: 450 later." in shown
    assert "No reply decided it" not in shown


def test_the_help_of_release_has_a_line_for_each_exit_code(run: Run) -> None:
    told = run("message", "release", "--help", env={"COLUMNS": "80"}).stdout

    assert "     with --held: all of it is queued\n" in told
    assert max(map(len, told.splitlines())) <= 80
