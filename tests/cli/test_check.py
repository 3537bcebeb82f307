"""`postroad check`: the table, the explanation, and that nothing is sent."""

from __future__ import annotations

import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from tests.cli.conftest import PASSWORD, Run, login, parsed, relay

from postroad.cli.check import page, warnings
from postroad.cli.exits import Exit
from postroad.errors import Code, Phase
from postroad.frontdoor.checking import Certificate, Report, Step
from postroad.frontdoor.result import Result
from postroad.simulators import Simulator, hostile
from postroad.smtp.transaction import Outcome
from postroad.transport.relay import Relay

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
RELAY = Relay(host="smtp.example.com", port=465, security="tls")


def report(*, days: float) -> Report:
    expires = NOW + timedelta(days=days)
    steps = (
        Step(Phase.CONNECT, True, 0.0123, "192.0.2.1:465"),
        Step(Phase.TLS, True, 0.02, "TLSv1.3"),
    )
    return Report(
        steps,
        Result("", Outcome(Code.OK, Phase.DONE, ()), (), (), None, "en"),
        Certificate("smtp.example.com", "An Authority", expires),
    )


def test_every_step_that_goes_well_is_marked_and_nothing_is_sent(
    run: Run, naver: Simulator
) -> None:
    result = run("check", *login(naver))

    lines = result.stdout.splitlines()
    assert result.exit_code == Exit.OK, result.output
    assert lines[0] == f"localhost:{naver.port}, tls, danbee"
    assert [line.split()[:2] for line in lines if line.startswith("✓")] == [
        ["✓", name] for name in ("Connect", "TLS", "EHLO", "AUTH", "MAIL", "RCPT")
    ]
    assert "235 2.7.0" in result.stdout
    assert "issued by Postroad simulators, expires in" in result.stdout
    assert lines[-1] == "Every step went well. Nothing was sent."
    naver.wait_for_transcript()
    assert naver.messages == []


def test_a_failed_step_is_explained_and_the_rest_not_reached(
    run: Run, naver: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASSWORD", "hunter2-is-wrong")

    result = run("check", *login(naver), "--lang", "ko", "--transcript")

    assert result.exit_code == Exit.FAILED
    assert "✗  AUTH 로그인" in result.stdout
    assert "–  RCPT 받는이" in result.stdout
    assert result.stdout.count("여기까지 가지 못함") == 2
    assert "AUTH 로그인 단계에서 실패했습니다." in result.stdout
    assert "12자리 애플리케이션 비밀번호" in result.stdout
    assert "C: AUTH PLAIN ***" in result.stdout
    assert "hunter2-is-wrong" not in result.output


def test_a_preset_without_a_user_name_is_tried_without_a_login(run: Run, naver: Simulator) -> None:
    result = run("check", *relay(naver, preset="naver"))

    assert result.exit_code == Exit.OK
    assert "✓  EHLO" in result.stdout
    assert "no --username" in result.stdout
    assert "no --from" in result.stdout


def test_a_refused_recipient_fails_the_check(run: Run, naver: Simulator) -> None:
    result = run("check", *login(naver), "--to", "unknown@example.com", "--json")

    found = parsed(result)
    assert result.exit_code == Exit.FAILED
    assert found["ok"] is False
    assert found["word"] == "recipients.refused"
    assert [each["ok"] for each in found["steps"]] == [True, True, True, True, True, False]


def test_nobody_listening_fails_the_first_step(run: Run) -> None:
    result = run("check", "--host", "localhost", "--port", "1", "--security", "none")

    assert result.exit_code == Exit.FAILED
    assert "✗  Connect" in result.stdout
    assert "refused the connection" in result.stdout


@pytest.mark.parametrize(
    "behaviour", ["certificate-name", "certificate-expired", "certificate-self-signed"]
)
def test_a_bad_certificate_fails_the_tls_step(run: Run, behaviour: str) -> None:
    with hostile(behaviour) as server:
        result = run("check", *relay(server), "--json")

    assert result.exit_code == Exit.FAILED, result.output
    assert parsed(result)["word"] == "tls.failed"


def test_without_verification_there_is_a_session_and_no_certificate(run: Run) -> None:
    with hostile("certificate-self-signed") as server:
        result = run("check", *relay(server), "--no-verify", "--json")

    assert result.exit_code == Exit.OK, result.output
    assert parsed(result)["certificate"] is None


def test_the_json_holds_the_whole_report(run: Run, naver: Simulator) -> None:
    result = run("check", *login(naver), "--json", "--transcript")

    found = parsed(result)
    assert set(found) == {
        *("ok", "code", "word", "error", "hint", "phase", "relay", "steps", "certificate"),
        *("extensions", "warnings", "transcript"),
    }
    assert found["ok"] is True
    assert [each["step"] for each in found["steps"]] == [
        *("connect", "tls", "ehlo", "auth", "mail", "rcpt")
    ]
    assert all(each["ms"] >= 0 for each in found["steps"])
    assert found["relay"]["provider"] == "naver"
    assert "PIPELINING" in found["extensions"]
    assert found["certificate"]["days"] > 0
    assert PASSWORD not in result.output


@pytest.mark.parametrize("arguments", [("--from", "no address"), ("--cafile", "/nonexistent")])
def test_what_is_wrong_by_itself_is_exit_2(run: Run, arguments: tuple[str, ...]) -> None:
    with hostile("polite") as server:
        result = run(
            *("check", "--host", "localhost", "--port", str(server.port), "--security"),
            *("tls" if "--cafile" in arguments else "none", *arguments),
        )

    assert result.exit_code == Exit.USAGE, result.output


@pytest.mark.parametrize(("days", "count"), [(0.5, 1), (13.9, 1), (14, 0), (90, 0)])
def test_a_certificate_that_expires_within_14_days_is_warned_of(days: float, count: int) -> None:
    assert len(warnings(report(days=days), RELAY, NOW, "en")) == count


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("en", "expires in 3 days (2026-01-05)"),
        ("ko", "3일 뒤 만료"),
        ("zh", "3 天后到期（2026-01-05）"),
    ],
)
def test_the_warning_stands_under_the_table(lang: str, words: str) -> None:
    lines = page(report(days=3.5), RELAY, NOW, lang)

    assert any("An Authority" in line and words in line for line in lines)
    assert words in lines[-1]


def test_a_terminal_without_check_marks_gets_letters(naver: Simulator) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "postroad", "check", *relay(naver, preset="naver")],
        env={"PYTHONIOENCODING": "ascii", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        timeout=60,
    )

    assert done.returncode == Exit.OK, done.stderr
    assert b"\nok  EHLO" in done.stdout
    assert b"\n-   AUTH" in done.stdout


def test_the_table_is_wrapped_to_the_terminal(
    run: Run, naver: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    from postroad.cli.layout import display_width

    monkeypatch.setenv("COLUMNS", "80")

    for lang in ("en", "ko", "zh"):
        result = run("check", *login(naver), "--lang", lang)

        assert max(map(display_width, result.stdout.splitlines())) <= 80


# A server of our own for what the simulators do not have: a certificate that expires soon.


@contextmanager
def soon_expired(folder: Path) -> Iterator[tuple[int, Path]]:
    """An SMTP server over implicit TLS that says 221 to everything but EHLO; port and CA."""
    import socket
    import threading

    authority = trustme.CA()
    cafile = folder / "ca.pem"
    authority.cert_pem.write_to_path(cafile)
    soon = datetime.now(UTC) + timedelta(days=5, hours=1)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", not_after=soon).configure_cert(context)

    def talk(listener: socket.socket) -> None:
        plain, _ = listener.accept()
        with context.wrap_socket(plain, server_side=True) as stream:
            stream.sendall(b"220 localhost ESMTP\r\n")
            for line in stream.makefile("rb"):
                is_hello = line.startswith(b"EHLO")
                stream.sendall(b"250 localhost\r\n" if is_hello else b"221 bye\r\n")
                if not is_hello:
                    return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=talk, args=(listener,))
        thread.start()
        yield listener.getsockname()[1], cafile
        thread.join()


def test_a_real_certificate_that_expires_soon_is_warned_of(run: Run, tmp_path: Path) -> None:
    with soon_expired(tmp_path) as (port, cafile):
        result = run(
            *("check", "--host", "localhost", "--port", str(port), "--security", "tls"),
            *("--cafile", str(cafile), "--json"),
        )

    found = parsed(result)
    assert result.exit_code == Exit.OK, result.output
    assert found["certificate"]["days"] == 5
    assert len(found["warnings"]) == 1


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        ("no-greeting", "connected, but no greeting came: no reply within"),
        ("close@greeting", "connected, but the server closed the connection without a greeting"),
        ("greeting-554", "connected, but the connection was refused: 554"),
    ],
)
def test_a_server_that_does_not_greet_was_reached_all_the_same(
    run: Run, behaviour: str, words: str
) -> None:
    with hostile(behaviour) as server:
        result = run("check", *relay(server), "--timeout", "0.5")

    assert result.exit_code == Exit.FAILED
    assert words in result.stdout
    assert "The greeting failed. Nothing was sent." in result.stdout


@pytest.mark.parametrize(("lang", "words"), [("ko", "연결되었으나"), ("zh", "已连接")])
def test_a_missing_greeting_is_told_in_the_user_s_language(run: Run, lang: str, words: str) -> None:
    with hostile("no-greeting") as server:
        result = run("check", *relay(server), "--timeout", "0.2", "--lang", lang)

    assert words in result.stdout
