"""Each misbehaviour does on the wire what its name says."""

from __future__ import annotations

import socket
import ssl
import threading
from pathlib import Path

import pytest
from tests.simulators.wire import Wire, in_base64

from postroad.errors import SettingsError
from postroad.simulators import Script, hostile, simulate
from postroad.simulators.misbehaviour.behaviours import FIXED, MOVABLE, script_of, table
from postroad.simulators.misbehaviour.script import STEPS, Say

GREETING = b"220 hostile.example ESMTP Postroad simulator\r\n"
EHLO = (
    b"250-hostile.example\r\n250-PIPELINING\r\n250-SIZE 10485760\r\n250-AUTH PLAIN LOGIN\r\n"
    b"250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n"
)
LOGIN = b"AUTH PLAIN " + in_base64("\0user\0password").encode()
ENVELOPE = b"MAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\nDATA\r\n"

# What a client has written by the time each step comes, and what it has been answered.
UP_TO = {
    "greeting": b"",
    "ehlo": b"EHLO x\r\n",
    "helo": b"HELO x\r\n",
    "auth": LOGIN + b"\r\n",
    "auth-answer": b"AUTH PLAIN\r\nAHVzZXIAcGFzc3dvcmQ=\r\n",
    "mail": b"MAIL FROM:<a@b.c>\r\n",
    "rcpt": b"MAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\n",
    "data": ENVELOPE,
    "content": ENVELOPE + b"some content\r\n",
    "dot": ENVELOPE + b"all content\r\n.\r\n",
    "rset": b"RSET\r\n",
    "noop": b"NOOP\r\n",
    "quit": b"QUIT\r\n",
}
BEFORE = {
    "greeting": b"",
    "ehlo": GREETING,
    "helo": GREETING,
    "auth": GREETING,
    "auth-answer": GREETING + b"334 \r\n",
    "mail": GREETING,
    "rcpt": GREETING + b"250 2.1.0 OK\r\n",
    "data": GREETING + b"250 2.1.0 OK\r\n250 2.1.5 OK\r\n",
    "content": GREETING + b"250 2.1.0 OK\r\n250 2.1.5 OK\r\n354 Go ahead\r\n",
    "dot": GREETING + b"250 2.1.0 OK\r\n250 2.1.5 OK\r\n354 Go ahead\r\n",
    "rset": GREETING,
    "noop": GREETING,
    "quit": GREETING,
}
AT = [step for step in STEPS if step not in {"starttls", "tls"}]


def heard(*behaviours: str, write: bytes, octets: int | None = None) -> bytes:
    """What the server says to these octets: so many, or until it closes."""
    with hostile(*behaviours, pace_s=0.0001) as server, Wire(server) as wire:
        wire.write(write)
        return wire.rest() if octets is None else wire.some(octets)


def test_the_polite_server_takes_a_mail() -> None:
    with hostile() as server, Wire(server) as wire:
        wire.write(b"EHLO x\r\n" + LOGIN + b"\r\n" + UP_TO["dot"] + b"RSET\r\nNOOP\r\nQUIT\r\n")

        assert wire.rest() == (
            GREETING
            + EHLO
            + b"235 2.7.0 Welcome\r\n250 2.1.0 OK\r\n250 2.1.5 OK\r\n354 Go ahead\r\n"
            + b"250 2.0.0 OK: queued\r\n250 2.0.0 OK\r\n250 2.0.0 OK\r\n221 2.0.0 Bye\r\n"
        )
        received = server.wait_for_message()
        assert received.username == "user"
        assert received.content == b"all content\r\n"


def test_the_polite_server_refuses_some_recipients() -> None:
    write = b"MAIL FROM:<>\r\nRCPT TO:<refuse@x>\r\nRCPT TO:<defer@x>\r\nDATA\r\nQUIT\r\n"

    assert [line[:3] for line in heard(write=write).splitlines()[2:]] == [
        b"550",
        b"450",
        b"503",
        b"221",
    ]


def test_content_is_unstuffed_and_a_lone_dot_is_an_empty_mail() -> None:
    with hostile() as server, Wire(server) as wire:
        wire.write(ENVELOPE + b".\r\n" + ENVELOPE + b"..\r\n...a\r\n\r\n.\r\nQUIT\r\n")
        wire.rest()

        assert [m.content for m in server.messages] == [b"", b".\r\n..a\r\n\r\n"]


@pytest.mark.parametrize("step", AT)
def test_close_at_any_step(step: str) -> None:
    assert heard(f"close@{step}", write=UP_TO[step]) == BEFORE[step]


@pytest.mark.parametrize("step", AT)
def test_reset_at_any_step(step: str) -> None:
    with hostile(f"reset@{step}") as server, Wire(server) as wire:
        if step != "greeting":
            wire.write(UP_TO[step])

        with pytest.raises(ConnectionResetError):
            wire.rest()


@pytest.mark.parametrize("step", AT)
def test_421_at_any_step(step: str) -> None:
    said = heard(f"421@{step}", write=UP_TO[step])

    assert said == BEFORE[step] + b"421 4.3.2 hostile.example closing\r\n"


@pytest.mark.parametrize("code", ["450", "550", "250", "354", "000"])
@pytest.mark.parametrize("step", AT)
def test_any_code_at_any_step(step: str, code: str) -> None:
    said = heard(f"{code}@{step}", write=UP_TO[step], octets=len(BEFORE[step]) + 3)

    assert said == BEFORE[step] + code.encode()


@pytest.mark.parametrize("step", [step for step in AT if step != "content"])
def test_half_a_reply_at_any_step(step: str) -> None:
    end = b".\r\nQUIT\r\n" if step == "data" else b"QUIT\r\n"
    usual = heard(write=UP_TO[step] + end)[len(BEFORE[step]) :]

    half = heard(f"half@{step}", write=UP_TO[step]).removeprefix(BEFORE[step])

    assert half
    assert usual.startswith(half)
    assert not half.endswith(b"\n")


@pytest.mark.parametrize("step", AT)
def test_silence_at_any_step(step: str) -> None:
    with hostile(f"silence@{step}") as server:
        with Wire(server) as wire:
            wire.write(UP_TO[step] + b"NOOP\r\n" * 3)
            assert wire.some(len(BEFORE[step])) == BEFORE[step]
        transcript = server.wait_for_transcript()

    assert transcript.from_server == BEFORE[step]
    assert transcript.from_client == UP_TO[step] + b"NOOP\r\n" * 3


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("bare-lf", EHLO.replace(b"\r\n", b"\n")),
        ("bare-cr", EHLO.replace(b"\r\n", b"\r")),
        ("code-000", b"000 nothing\r\n"),
        ("code-999", b"999 too much\r\n"),
        ("code-letters", b"abc hello\r\n"),
        ("code-short", b"25 hello\r\n"),
        ("changing-codes", b"250-hostile.example\r\n550-changed its mind\r\n250 8BITMIME\r\n"),
        ("empty-line", b"\r\n"),
        ("nul", b"250 he\0llo\0\r\n"),
        ("escape", b"550 \x1b[2J\x1b]0;owned\x07\r\n"),
        ("unsolicited", EHLO + b"250 2.0.0 by the way\r\n"),
        ("ehlo-refused", b"502 5.5.1 EHLO not implemented\r\n"),
        ("no-extensions", b"250 hostile.example\r\n"),
        ("no-pipelining", EHLO.replace(b"250-PIPELINING\r\n", b"")),
        ("auth-missing", EHLO.replace(b"250-AUTH PLAIN LOGIN\r\n", b"")),
        ("starttls-missing", EHLO),
        ("drip@ehlo", EHLO),
        (r"reply@ehlo=25\x30 한\r\n\0\n", "250 한\r\n\0\n".encode()),
    ],
)
def test_what_is_said_to_ehlo(name: str, said: bytes) -> None:
    assert heard(name, write=b"EHLO x\r\n", octets=len(GREETING + said)) == GREETING + said


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("drip", GREETING),
        ("greeting-554", b"554 5.7.1 No service for you\r\n503 5.5.1 No service here\r\n"),
        ("ssh", b"SSH-2.0-OpenSSH_9.2\r\n"),
        ("pop3", b"+OK POP3 ready\r\n"),
        ("http", b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\n"),
        ("garbage", bytes((i * 73 + 41) % 256 for i in range(512)) + b"\r\n"),
    ],
)
def test_what_is_said_for_a_greeting(name: str, said: bytes) -> None:
    assert heard(name, write=b"EHLO x\r\n", octets=len(said)) == said


@pytest.mark.parametrize(
    ("name", "write", "said"),
    [
        ("three-replies", UP_TO["mail"], b"250 2.1.0 OK\r\n250 2.1.5 OK\r\n250 2.0.0 OK\r\n"),
        ("replies-ahead", UP_TO["mail"], b"250 2.1.0 OK\r\n250 2.1.5 OK\r\n354 Go ahead\r\n"),
        ("non-utf8", UP_TO["mail"], "550 거부됨\r\n".encode("euc-kr")),
        ("8bit", UP_TO["mail"], "550 5.7.1 거부됨\r\n".encode()),
        ("rcpt-354", UP_TO["rcpt"], b"354 Go ahead\r\n"),
        ("data-250", UP_TO["data"], b"250 2.0.0 OK\r\n"),
        ("helo-refused", UP_TO["helo"], b"502 5.5.1 HELO not implemented\r\n"),
        ("twice", UP_TO["dot"], b"250 2.0.0 OK: queued\r\n" * 2),
        ("auth-535", UP_TO["auth"], b"535 5.7.8 Authentication credentials invalid\r\n"),
        ("auth-454", UP_TO["auth"], b"454 4.7.0 Temporary authentication failure\r\n"),
        ("auth-432", UP_TO["auth"], b"432 4.7.12 A password transition is needed\r\n"),
        ("auth-garbage", UP_TO["auth"], b"334 !!! this is \xff not base64 !!!\r\n"),
        ("auth-endless", UP_TO["auth"] + b"x\r\n" * 20, b"334 bW9yZQ==\r\n" * 21),
        ("auth-echo-raw", UP_TO["auth"], b"535 5.7.8 Wrong credentials: user password\r\n"),
        ("auth-echo-base64", UP_TO["auth"], b"535 5.7.8 Wrong credentials: AHVzZXIAcGFzc3dvcmQ="),
        ("auth-echo-hex", UP_TO["auth"], b"535 5.7.8 Wrong credentials: 75736572207061737377"),
        ("auth-echo-urlencoded", UP_TO["auth"], b"535 5.7.8 Wrong credentials: user%20password"),
    ],
)
def test_what_is_said_to_other_commands(name: str, write: bytes, said: bytes) -> None:
    step = max((s for s in UP_TO if write.startswith(UP_TO[s])), key=lambda s: len(UP_TO[s]))
    expected = BEFORE[step] + said

    assert heard(name, write=write, octets=len(expected)) == expected


def test_auth_unknown_offers_nothing_usable() -> None:
    assert b"AUTH GSSAPI NTLM X-SECRET" in heard("auth-unknown", write=b"EHLO x\r\nQUIT\r\n")


@pytest.mark.parametrize(
    ("name", "codes"),
    [("data-after-refusals", "250 550 354 250"), ("data-after-mail-refused", "550 250 354 250")],
)
def test_data_is_taken_though_nobody_is_there(name: str, codes: str) -> None:
    lines = heard(name, write=UP_TO["dot"] + b"QUIT\r\n").splitlines()[1:-1]

    assert " ".join(line[:3].decode() for line in lines) == codes


@pytest.mark.parametrize("name", ["idle-close", "idle-421"])
def test_an_idle_connection_is_closed_after_the_final_reply(name: str) -> None:
    said = heard(name, write=UP_TO["dot"]).removeprefix(BEFORE["dot"])

    assert said.startswith(b"250 2.0.0 OK: queued\r\n")
    assert (b"421 4.4.2" in said) == (name == "idle-421")


@pytest.mark.parametrize("name", ["no-final-reply", "lost-after-dot"])
def test_a_mail_whose_reply_is_missing_has_been_taken(name: str) -> None:
    with hostile(name) as server, Wire(server) as wire:
        wire.write(UP_TO["dot"])

        assert server.wait_for_message().content == b"all content\r\n"


@pytest.mark.parametrize(
    ("name", "chunk"), [("endless-line", b"x" * 100_000), ("endless-lines", b"250-more\r\n" * 9999)]
)
def test_floods_do_not_end_and_stop_with_the_client(name: str, chunk: bytes) -> None:
    with hostile(name) as server:
        with Wire(server) as wire:
            wire.write(b"EHLO x\r\n")
            for _ in range(50):
                wire.until(chunk)
        transcript = server.wait_for_transcript()

    assert transcript.truncated
    assert len(transcript.from_server) <= 1 << 20


def test_ten_million_lines_do_end() -> None:
    from postroad.simulators.misbehaviour.script import Flood

    (flood,) = MOVABLE["ten-million-lines"].actions

    assert isinstance(flood, Flood)
    assert flood.times is not None
    assert flood.chunk.count(b"\n") * flood.times == 10_000_000
    assert flood.end == b"250 enough\r\n"


def test_a_line_of_a_mebibyte() -> None:
    with hostile("mib-line") as server, Wire(server) as wire:
        wire.line()
        wire.write(b"EHLO x\r\n")

        assert len(wire.line()) == 1 << 20


def send_for_ever(connection: socket.socket) -> None:
    while True:
        connection.send(b"x" * 65536)


def test_deaf_stops_reading_in_the_middle_of_the_content() -> None:
    with hostile("deaf") as server, Wire(server) as wire:
        wire.write(ENVELOPE + b"some\r\n")
        wire.some(len(BEFORE["content"]))
        wire._socket.setblocking(False)

        with pytest.raises(BlockingIOError):
            send_for_ever(wire._socket)


def test_size_small_refuses_by_declaration_and_by_content() -> None:
    big = b"x" * 1001
    with hostile("size-small") as server, Wire(server) as wire:
        wire.reply()
        assert "SIZE 1000" in wire.ask("EHLO x")
        assert wire.ask("MAIL FROM:<a@b.c> SIZE=1001").startswith("552")
        wire.write(ENVELOPE + big + b"\r\n.\r\n")
        assert wire.replies(4)[3].startswith("552")
        assert server.messages == []


def test_size_lies_refuses_only_at_the_end() -> None:
    with hostile("size-lies") as server, Wire(server) as wire:
        wire.reply()
        assert wire.ask("MAIL FROM:<a@b.c> SIZE=2000").startswith("250")
        wire.write(b"RCPT TO:<d@e.f>\r\nDATA\r\n" + b"x" * 1001 + b"\r\n.\r\n")
        assert wire.replies(3)[2].startswith("552")


@pytest.mark.parametrize(
    ("name", "parameter"), [("smtputf8-lies", "SMTPUTF8"), ("8bitmime-lies", "BODY=8BITMIME")]
)
def test_an_extension_is_offered_and_refused(name: str, parameter: str) -> None:
    with hostile(name) as server, Wire(server) as wire:
        wire.reply()
        offered = wire.ask("EHLO x")

        assert parameter.removeprefix("BODY=") in offered
        assert wire.ask(f"MAIL FROM:<a@b.c> {parameter}").startswith("555")
        assert wire.ask("MAIL FROM:<a@b.c>").startswith("250")


def test_pipelining_lies_loses_what_came_with_a_command() -> None:
    with hostile("pipelining-lies") as server, Wire(server) as wire:
        wire.reply()
        assert "PIPELINING" in wire.ask("EHLO x")

        wire.write(b"MAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\n")
        assert wire.reply() == "250 2.1.0 OK"
        assert wire.ask("NOOP") == "250 2.0.0 OK"  # and not the answer to RCPT


@pytest.mark.parametrize(
    ("name", "reply"),
    [
        ("starttls-refused", b"554 5.7.0 TLS is not available\r\n"),
        ("starttls-deferred", b"454 4.7.0 TLS not available now\r\n"),
        (
            "starttls-injected",
            b"220 2.0.0 Ready to start TLS\r\n250-hostile.example\r\n250 AUTH PLAIN\r\n",
        ),
        (
            "starttls-garbage",
            b"220 2.0.0 Ready to start TLS\r\n" + b"this is no handshake\r\n" * 4,
        ),
        ("starttls-silence", b"220 2.0.0 Ready to start TLS\r\n"),
        ("421@starttls", b"421 4.3.2 hostile.example closing\r\n"),
    ],
)
def test_starttls_goes_wrong(name: str, reply: bytes) -> None:
    with hostile(name) as server, Wire(server) as wire:
        assert server.security == "starttls"
        wire.reply()
        assert "STARTTLS" in wire.ask("EHLO x")
        wire.write(b"STARTTLS\r\n")

        assert wire.some(len(reply)) == reply


@pytest.mark.parametrize("name", ["close@starttls", "close@tls", "half@starttls"])
def test_the_connection_closes_around_starttls(name: str) -> None:
    said = heard(name, write=b"STARTTLS\r\n").removeprefix(GREETING)

    assert b"220 2.0.0 Ready to start TLS\r\n".startswith(said)


def test_injected_octets_do_not_hinder_the_handshake() -> None:
    with hostile("starttls-injected") as server, Wire(server) as wire:
        wire.reply()
        wire.ask("STARTTLS")
        wire.until(b"AUTH PLAIN\r\n")
        wire.encrypt()

        assert "STARTTLS" not in wire.ask("EHLO x")
        wire.write(ENVELOPE + b".\r\n")
        assert server.wait_for_message().tls_version == "TLSv1.3"


@pytest.mark.parametrize("kind", ["name", "expired", "self-signed", "untrusted"])
def test_a_certificate_is_wrong_after_starttls(kind: str) -> None:
    with hostile(f"certificate-{kind}") as server:
        context = ssl.create_default_context(cafile=server.cafile)
        plain = socket.create_connection((server.host, server.port), timeout=5)
        plain.sendall(b"STARTTLS\r\n")
        said = b""
        while b"Ready to start TLS\r\n" not in said:
            said += plain.recv(1000)
        with (
            pytest.raises(ssl.SSLCertVerificationError),
            context.wrap_socket(
                plain, server_hostname="localhost", do_handshake_on_connect=False
            ) as secured,
        ):
            secured.do_handshake()


def test_misbehaviour_can_come_late_and_end() -> None:
    with hostile("550@mail", after=1, times=2) as server, Wire(server) as wire:
        wire.reply()
        codes = []
        for _ in range(5):
            codes.append(wire.ask("MAIL FROM:<a@b.c>")[:3])
            wire.ask("RSET")

    assert codes == ["250", "550", "550", "250", "250"]


def test_turns_are_counted_over_all_connections() -> None:
    with hostile("421@greeting", times=1) as server:
        with Wire(server) as first:
            assert first.reply().startswith("421")
        with Wire(server) as second:
            assert second.reply().startswith("220")


def test_misbehaviours_add_up() -> None:
    write = b"EHLO x\r\nMAIL FROM:<a@b.c>\r\nDATA\r\n.\r\nQUIT\r\n"

    said = heard("550@mail", "354@data", "no-pipelining", write=write)

    assert b"PIPELINING" not in said
    assert said.endswith(
        b"550 5.3.0 not ever\r\n354 hm\r\n250 2.0.0 OK: queued\r\n221 2.0.0 Bye\r\n"
    )


def test_a_script_of_ones_own() -> None:
    script = Script(on={"noop": (Say(b"299 mine\r\n"),)})
    with hostile(script, security="tls") as server, Wire(server) as wire:
        wire.reply()

        assert wire.ask("NOOP") == "299 mine"


@pytest.mark.parametrize(
    "name",
    [
        "nonsense",
        "close",
        "close@nowhere",
        "close@",
        "12@mail",
        "1234@mail",
        "polite@mail",
        "close@mail=x",
        "reply@mail",
        r"reply@mail=\x",
        "",
        "@mail",
        "²50@mail",
    ],
)
def test_an_unknown_behaviour_is_a_settings_error(name: str) -> None:
    with pytest.raises(SettingsError):
        hostile(name)


def test_every_behaviour_has_a_script_and_a_sentence() -> None:
    for name, about in FIXED.items():
        assert script_of(name) == about[1]
    for name, behaviour in MOVABLE.items():
        assert behaviour.at is None or script_of(name) == script_of(f"{name}@{behaviour.at}")
        assert behaviour.about
    assert len({row[0] for row in table()}) == len(table())


@pytest.mark.parametrize("name", [*FIXED, *(n for n, b in MOVABLE.items() if b.at)])
def test_every_behaviour_ends_with_its_server(name: str) -> None:
    threads = threading.active_count()
    with simulate("hostile", behaviours=[name]) as server:
        with Wire(server) as wire:
            wire.write(b"EHLO x\r\nSTARTTLS\r\n")
        cafile = Path(server.cafile)

    assert threading.active_count() == threads
    assert not cafile.exists()
