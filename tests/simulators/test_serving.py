"""`postroad simulate`: what it prints, what it saves, how it ends."""

from __future__ import annotations

import io
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import pytest
from tests.simulators.wire import Wire

from postroad import Relay
from postroad.errors import SettingsError
from postroad.simulators import serve
from postroad.simulators.recording import Received, Transcript
from postroad.simulators.show import printable, summary

if TYPE_CHECKING:
    from collections.abc import Callable

CONTENT = (
    b"From: =?utf-8?b?7Iuc7Iqk7YWc?= <user@yourdomain.com>\r\n"
    b"To: bo@example.com\r\n"
    b"Subject: =?utf-8?q?caf=C3=A9?=\r\n =?utf-8?q?_=1B[2J?=\r\n"
    b"MIME-Version: 1.0\r\n"
    b"Content-Type: multipart/mixed; boundary=b\r\n"
    b"\r\n"
    b"--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    b"7JWI64WVG1tBCg==\r\n"
    b"--b\r\nContent-Type: application/pdf; name=x.pdf\r\n"
    b"Content-Disposition: attachment; filename==?utf-8?b?6rKs7KCB7ISc?=.pdf\r\n\r\n%PDF\r\n"
    b"--b--\r\n"
)


def received(content: bytes = CONTENT, **changes: Any) -> Received:
    values: dict[str, Any] = {
        "reverse_path": "user@yourdomain.com",
        "forward_paths": ("bo@example.com",),
        "content": content,
        "username": "user",
        "tls_version": "TLSv1.3",
        "mail_parameters": (),
        "number": 1,
        "connection": 1,
    }
    return Received(**{**values, **changes})


def test_a_summary_is_decoded_and_harmless() -> None:
    text = summary(received())

    assert "시스템 <user@yourdomain.com>" in text
    assert r"café \x1b[2J" in text
    assert r"안녕\x1b[A" in text
    assert "application/pdf, 4 octets" in text
    assert "\x1b" not in text


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\r\n",
        b"\xff\xfe\x00",
        b"Subject: =?nonsense?b?!!!?=\r\n\r\nx",
        b"Subject: =?utf-8?b?/w==?=\r\n\r\nx",
        b"Content-Type: text/plain; charset=nonsense\r\n\r\n\xff",
        b"Content-Type: text/plain; charset=utf-7\r\n\r\n+",
        b"Content-Type: text/plain; charset=idna\r\n\r\n\xff..",
        b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n!",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n--x\r\n--x--",
        b"Content-Type: multipart/mixed\r\n\r\nno boundary",
        b"Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nbody",
        b"From: \xec\x95\x88\r\nSubject: \xff\r\n\r\n",
        b"Content-Disposition: attachment; filename*=nonsense''%FF\r\n\r\nx",
    ],
)
def test_nothing_in_a_mail_can_break_its_summary(content: bytes) -> None:
    text = summary(received(content))

    assert text.startswith("mail 1: ")
    assert all(line == printable(line) for line in text.split("\n"))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\tb 한글 😀 👨\u200d👩", "a\tb 한글 😀 👨\u200d👩"),
        ("\x1b[0m\x00\x9b", r"\x1b[0m\x00\x9b"),
        ("\u202eevil\u2028", r"\u202eevil\u2028"),
        ("\ud800", r"\ud800"),
    ],
)
def test_printable(text: str, shown: str) -> None:
    assert printable(text) == shown


class Served:
    """`serve` in a thread, and what it has printed."""

    def __init__(self, name: str, **options: Any) -> None:
        self.out = Printed()
        self.stop: SimpleQueue[None] = SimpleQueue()
        self.thread = threading.Thread(
            target=serve,
            args=(name,),
            kwargs={"port": 0, "out": self.out, "stop": self.stop, **options},
        )
        self.thread.start()
        welcome = self.out.wait_for("Ctrl-C ends it.")
        found = re.search(r"port (\d+), security (\w+)", welcome)
        assert found is not None
        self.host, self.port, self.security = "127.0.0.1", int(found[1]), found[2]
        cafile = re.search(r"cafile +(\S+)", welcome)
        assert cafile is not None
        self.cafile = cafile[1]

    def end(self) -> str:
        self.stop.put(None)
        self.thread.join(10)
        return self.out.getvalue()


class Printed(io.StringIO):
    def __init__(self) -> None:
        super().__init__()
        self._written = threading.Condition()

    def flush(self) -> None:
        with self._written:
            self._written.notify_all()

    def wait_for(self, text: str) -> str:
        with self._written:
            assert self._written.wait_for(lambda: text in self.getvalue(), 10), self.getvalue()
        return self.getvalue()


def test_serve_says_how_to_reach_it_prints_a_mail_and_saves_it(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "mails"
    served = Served("office365", save=folder, security="none")
    account: Any = served
    account.username, account.password = "user@yourdomain.com", "CHANGE_ME"
    with Wire(account) as wire:
        wire.log_in(account)
        wire.write(b"MAIL FROM:<user@yourdomain.com>\r\nRCPT TO:<bo@example.com>\r\nDATA\r\n")
        wire.write(CONTENT + b".\r\nQUIT\r\n")
        wire.rest()
    served.out.wait_for("saved ")
    text = served.end()

    assert "office365 listens on localhost port" in text
    assert "username    user@yourdomain.com" in text
    assert "postroad send --preset office365 --host localhost --port" in text
    assert "mail 1: " in text
    assert "logged in as user@yourdomain.com" in text
    assert "시스템" in text
    assert text.endswith("stopped\n")
    assert (folder / "office365-0001.eml").read_bytes() == CONTENT
    assert not Path(served.cafile).exists()


def test_serve_prints_the_masked_dialogue_of_a_connection_without_a_mail() -> None:
    served = Served("gmail", security="none")
    account: Any = served
    with Wire(account) as wire:
        wire.reply()
        wire.ask("EHLO x")
        wire.ask("AUTH PLAIN AHVzZXIAc2VzYW1l")
        wire.ask("QUIT")
    served.out.wait_for("221 2.0.0")
    text = served.end()

    assert "connection 1:" in text
    assert "C: AUTH PLAIN ***" in text
    assert "c2VzYW1l" not in text
    assert "535-5.7.8" in text


def test_serve_keeps_the_mails_of_earlier_runs(tmp_path: Path) -> None:
    (tmp_path / "greylist-0001.eml").write_bytes(b"earlier")
    served = Served("greylist", save=tmp_path, security="none")
    account: Any = served
    with Wire(account) as wire:
        wire.write(b"HELO x\r\nMAIL FROM:<>\r\n" + b"RCPT TO:<a@b.c>\r\n" * 2)
        wire.write(b"DATA\r\nlater\r\n.\r\nQUIT\r\n")
        wire.rest()
    served.out.wait_for("saved ")
    served.end()

    assert (tmp_path / "greylist-0001.eml").read_bytes() == b"earlier"
    assert (tmp_path / "greylist-0002.eml").read_bytes() == b"later\r\n"


def test_serve_hostile_names_its_behaviours() -> None:
    served = Served("hostile", behaviours=["550@mail"])
    account: Any = served
    with Wire(account) as wire:
        wire.reply()
        assert wire.ask("MAIL FROM:<a@b.c>").startswith("550")

    assert "behaviour   550@mail" in served.end()


def test_behaviours_are_for_the_hostile_server() -> None:
    with pytest.raises(SettingsError, match="hostile"):
        serve("gmail", port=0, behaviours=["close@mail"])


def test_a_folder_that_cannot_be_is_a_settings_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(SettingsError, match="file"):
        serve("gmail", port=0, save=tmp_path / "file")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly(number: signal.Signals) -> None:
    source = Path(__file__).parents[2] / "src"
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c",
         "from postroad.simulators import serve; serve('naver', port=0)"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8",
        env={**os.environ, "PYTHONPATH": str(source), "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    assert process.stdout is not None
    read_line: Callable[[], str] = process.stdout.readline
    while "Ctrl-C" not in read_line():
        pass
    process.send_signal(number)
    out, err = process.communicate(timeout=20)

    assert out.endswith("stopped\n")
    assert err == ""
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("name", "options", "beginning", "provider"),
    [
        ("naver", {}, 'Relay.preset("naver", ', "naver"),
        ("gmail", {}, 'Relay.preset("gmail", ', "gmail"),
        ("office365", {}, 'Relay.preset("office365", ', "office365"),
        ("naver", {"security": "starttls"}, 'Relay.preset("naver", ', "naver"),
        ("naver", {"security": "none"}, "Relay(", "naver"),
        ("naver", {"password": "\"'안녕\\"}, 'Relay.preset("naver", ', "naver"),
        ("qq", {"username": "nameless"}, "Relay(", None),  # the preset wants an address
        ("greylist", {}, "Relay(", None),
        ("hostile", {}, "Relay(", None),
    ],
)
def test_serve_prints_the_relay_in_python(
    name: str, options: dict[str, Any], beginning: str, provider: str | None
) -> None:
    served = Served(name, **options)
    text = served.end()
    line = next(line.strip() for line in text.splitlines() if "Relay" in line)

    relay = eval(line, {"Relay": Relay})

    assert line.startswith(beginning)
    assert (relay.host, relay.port) == ("localhost", served.port)
    assert relay.security == served.security
    assert relay.provider == provider
    assert relay.password == options.get("password", relay.password)


@pytest.mark.parametrize(("security", "told"), [("tls", "closed before TLS"), ("none", "nothing")])
def test_serve_says_so_of_a_connection_that_said_nothing(security: str, told: str) -> None:
    served = Served("hostile", behaviours=["no-greeting"], security=security)
    with socket.create_connection((served.host, served.port)):
        pass
    served.out.wait_for("connection 1: (")

    assert told in served.end()


ESCAPES = b"\x1b]0;owned\x07\x1b[2J\xc2\x9b31m\x9b1m\xe2\x80\xae\x08\x0b"
NASTY = (
    b'From: "%(e)s" <danbee@naver.com>\r\n'
    b"To: =?utf-8?q?=1B[2J=C2=9B?= <%(e)s@b.example>\r\n"
    b"Subject: %(e)s=?utf-8?q?=1B]0;x=07=0A=0DS:_250?=\r\n"
    b"Date: %(e)s\r\nMessage-ID: %(e)s\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    b"--b\r\n\r\nbody %(e)s\r\n"
    b'--b\r\nContent-Type: application/x%(e)s; charset="%(e)s"\r\n'
    b"Content-Disposition: attachment; filename*=utf-8''%%1B%%5B2J%%0A%%C2%%9B.txt\r\n\r\nx\r\n"
    b'--b\r\nContent-Disposition: attachment; filename="%(e)s"\r\n\r\nx\r\n--b--\r\n'
) % {b"e": ESCAPES}


@pytest.mark.parametrize("name", ["naver", "greylist", "hostile"])
def test_nothing_a_client_says_reaches_the_terminal_as_a_control_sequence(name: str) -> None:
    served = Served(name, security="none", dialogue=True)
    account: Any = served
    path = ESCAPES if name == "hostile" else b""  # the others refuse it: not ASCII
    log_in = b"AUTH PLAIN AGRhbmJlZQBBQkNEMTIzNEVGR0g=\r\n" if name == "naver" else b""
    with Wire(account) as wire:
        wire.write(b"EHLO %b\r\n" % ESCAPES + log_in)
        wire.write(b"AUTH %b\r\n" % ESCAPES)
        wire.write(b"MAIL FROM:<%bdanbee@naver.com> %b\r\n" % (ESCAPES, ESCAPES))
        wire.write(b"RSET\r\nMAIL FROM:<%bdanbee@naver.com>\r\n" % path)
        wire.write((b"RCPT TO:<%bbo@b.example>\r\n" % ESCAPES) * 2)
        wire.write(b"RCPT TO:<%bbo@b.example>\r\n" % path * 2)
        wire.write(b"DATA\r\n" + NASTY + b".\r\nQUIT\r\n")
        wire.rest()
    served.out.wait_for("connection 1:")
    text = served.end()

    assert r"C: EHLO \x1b]0;owned\x07\x1b[2J" in text
    assert r"C: MAIL FROM:<\x1b]0;owned" in text
    assert "\nmail 1: " in text
    assert all(line == printable(line) for line in text.split("\n"))


@pytest.mark.parametrize(
    "content",
    [
        b"Subject: =?utf-8?b?a?=\r\n\r\nx\r\n",
        b"Content-Type: message/rfc822\r\n\r\n" * 3000,
        b"Subject: " + b"x" * 200_000 + b"\r\n\r\nx\r\n",
        b"From: " + b"(" * 900 + b"\r\n\r\nx\r\n",
    ],
)
def test_no_mail_is_too_odd_to_be_shown(content: bytes) -> None:
    received = Received("a@x.example", ("b@y.example",), content, None, None, (), 1, 1)

    shown = summary(received)

    assert "<a@x.example>" in shown
    assert max(map(len, shown.splitlines())) < 600


def test_a_login_written_in_one_go_is_masked() -> None:
    octets = b"EHLO x\r\nAUTH LOGIN\r\nYm8=\r\nU0VLUkVUcGFzcw==\r\nQUIT\r\n"
    transcript = Transcript(1, (("C", octets), ("S", b"334 VXNlcm5hbWU6\r\n")), True, False)

    shown = transcript.text()

    assert "U0VLUkVU" not in shown
    assert "C: QUIT" in shown
