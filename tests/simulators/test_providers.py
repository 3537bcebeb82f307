"""Each provider's simulator, met with the standard library's client."""

from __future__ import annotations

import base64
import smtplib
import ssl
from typing import TYPE_CHECKING

import pytest
from tests.simulators.wire import Wire, in_base64

from postroad.simulators import simulate
from postroad.simulators.profiles import PROFILES

if TYPE_CHECKING:
    from postroad.simulators import Simulator

PROVIDERS = ["naver", "qq", "gmail", "office365"]
OWN = {
    "naver": "danbee@naver.com",
    "qq": "10001@qq.com",
    "gmail": "postroad@gmail.com",
    "office365": "user@yourdomain.com",
    "greylist": "mailer@internal.corp",
}


def connected(server: Simulator) -> smtplib.SMTP:
    context = ssl.create_default_context(cafile=server.cafile)
    if server.security == "tls":
        return smtplib.SMTP_SSL("localhost", server.port, context=context, timeout=10)
    client = smtplib.SMTP(server.host, server.port, timeout=10)
    if server.security == "starttls":
        client.starttls(context=context)
    return client


def mail(sender: str, subject: str = "hello") -> bytes:
    return f"From: {sender}\r\nTo: bo@example.com\r\nSubject: {subject}\r\n\r\nHi\r\n".encode()


def sent(server: Simulator, sender: str, *recipients: str, header: str | None = None) -> str:
    """What became of a mail: "" or the refusal."""
    with connected(server) as client:
        client.login(server.username, server.password)
        try:
            client.sendmail(sender, list(recipients) or ["bo@example.com"], mail(header or sender))
        except smtplib.SMTPRecipientsRefused as error:
            code, text = next(iter(error.recipients.values()))
            return f"{code} {text.decode()}"
        except smtplib.SMTPResponseException as error:
            said = error.smtp_error
            assert isinstance(said, bytes)
            return f"{error.smtp_code} {said.decode()}"
    return ""


@pytest.mark.parametrize("name", PROVIDERS)
@pytest.mark.parametrize("security", ["tls", "starttls", "none"])
def test_the_account_can_send(name: str, security: str) -> None:
    with simulate(name, security=security) as server:
        refusal = sent(server, OWN[name])

        received = server.wait_for_message()
    assert refusal == ""
    assert received.reverse_path == OWN[name]
    assert received.forward_paths == ("bo@example.com",)
    assert received.content == mail(OWN[name])
    assert received.username == PROFILES[name].username
    assert (received.tls_version is None) == (security == "none")


def test_the_documented_settings_are_the_usual_ones() -> None:
    assert {name: profile.security for name, profile in PROFILES.items()} == {
        "naver": "tls",
        "qq": "tls",
        "gmail": "starttls",
        "office365": "starttls",
        "greylist": "starttls",
    }


@pytest.mark.parametrize(
    ("name", "reply"),
    [
        ("naver", "535 5.7.1 Username and Password not accepted sim000001 - nsmtp"),
        (
            "qq",
            (
                "535 Login Fail. Please enter your authorization code to login. More information "
                "in http://service.mail.qq.com/cgi-bin/help?subtype=1&&id=28&&no=1001256"
            ),
        ),
        (
            "gmail",
            (
                "535-5.7.8 Username and Password not accepted. For more information, go to\n"
                "535 5.7.8  https://support.google.com/mail/?p=BadCredentials sim000001 - gsmtp"
            ),
        ),
        (
            "office365",
            (
                "535 5.7.139 Authentication unsuccessful, the user credentials were incorrect. "
                "[SL2P216CA0001.KORP216.PROD.OUTLOOK.COM]"
            ),
        ),
    ],
)
def test_a_wrong_password_hears_the_providers_words(name: str, reply: str) -> None:
    with simulate(name, security="none") as server, Wire(server) as wire:
        wire.reply()
        wire.ask("EHLO x")
        wire.ask("AUTH LOGIN " + in_base64(server.username))

        assert wire.ask(in_base64("not it")) == reply


@pytest.mark.parametrize(
    ("name", "password", "reply"),
    [
        ("gmail", "ordinary", "534-5.7.9 Application-specific password required."),
        ("gmail", "browser", "534-5.7.14 Please log in with your web browser"),
        ("gmail", "often", "454 4.7.0 Too many login attempts"),
        ("qq", "abnormal", "535 Login fail. Account is abnormal, service is not open"),
        ("office365", "basic-off", "550 5.7.30 Basic authentication is not supported for Client"),
        ("office365", "tenant-off", "535 5.7.139 Authentication unsuccessful, SmtpClientAuth"),
        ("office365", "mailbox-off", "535 5.7.139 Authentication unsuccessful, SmtpClientAuth"),
        ("office365", "basic-disabled", "535 5.7.139 Authentication unsuccessful, basic auth"),
        ("office365", "locked", "535 5.7.139 Authentication unsuccessful, the user credentials"),
    ],
)
def test_a_magic_password_provokes_its_refusal(name: str, password: str, reply: str) -> None:
    with simulate(name, security="none") as server, Wire(server) as wire:
        wire.reply()
        wire.ask("EHLO x")
        wire.ask("AUTH LOGIN " + in_base64(server.username))

        assert wire.ask(in_base64(password)).startswith(reply)


def test_no_magic_password_is_an_accounts_own() -> None:
    for profile in PROFILES.values():
        assert profile.password not in profile.passwords


def test_basic_authentication_can_be_off_altogether() -> None:
    with (
        simulate("office365", basic_auth=False) as server,
        connected(server) as client,
        pytest.raises(smtplib.SMTPAuthenticationError) as caught,
    ):
        client.login(server.username, server.password)

    assert caught.value.smtp_code == 550


def test_naver_takes_the_bare_id_and_the_full_address() -> None:
    with simulate("naver") as server:
        for username in ("danbee", "danbee@naver.com"):
            with connected(server) as client:
                client.login(username, server.password)
                client.sendmail("danbee@naver.com", ["bo@example.com"], mail("danbee@naver.com"))

        assert [m.username for m in server.messages] == ["danbee", "danbee@naver.com"]


def test_gmail_forgives_the_spaces_in_an_app_password() -> None:
    with simulate("gmail") as server, connected(server) as client:
        assert client.login(server.username, "abcd efgh ijkl mnop")[0] == 235


def test_an_account_of_ones_own_can_be_given() -> None:
    with simulate("naver", username="someone", password="비밀번호") as server, Wire(server) as wire:
        wire.log_in(server)

        assert wire.ask("MAIL FROM:<someone@naver.com>").startswith("250")


@pytest.mark.parametrize(
    ("name", "reply"),
    [
        ("naver", "554 5.7.1 The sender address is unauthorized"),
        ("qq", "501 Mail from address must be same as authorization user."),
        ("office365", "554 5.2.252 SendAsDenied; user@yourdomain.com not allowed to send as a@b.c"),
        ("gmail", ""),
    ],
)
def test_another_sender_meets_the_providers_rule(name: str, reply: str) -> None:
    with simulate(name) as server:
        refusal = sent(server, "a@b.c")

        assert refusal.startswith(reply)
        assert bool(server.messages) == (reply == "")


@pytest.mark.parametrize("name", ["naver", "qq", "office365"])
def test_another_from_field_is_refused_at_the_final_dot(name: str) -> None:
    with simulate(name) as server:
        refusal = sent(server, OWN[name], header="a@b.c")

        assert refusal[:3] in {"554", "550"}
        assert server.messages == []


@pytest.mark.parametrize("name", ["gmail", "office365"])
def test_a_token_logs_in(name: str) -> None:
    with simulate(name) as server, connected(server) as client:
        client.ehlo()
        answer = f"user={server.username}\x01auth=Bearer {server.token}\x01\x01"

        assert client.docmd("AUTH", f"XOAUTH2 {in_base64(answer)}")[0] == 235


def test_a_wrong_token_at_gmail_gets_a_challenge_with_json_first() -> None:
    with simulate("gmail", security="none") as server, Wire(server) as wire:
        wire.reply()
        wire.ask("EHLO x")
        answer = f"user={server.username}\x01auth=Bearer stale\x01\x01"

        challenge = wire.ask(f"AUTH XOAUTH2 {in_base64(answer)}")

        assert b'"status":"400"' in base64.b64decode(challenge.removeprefix("334 "))
        assert wire.ask("").startswith("535-5.7.8 ")


@pytest.mark.parametrize(("token", "has_challenge"), [("stale", False), ("expired", True)])
def test_a_wrong_token_at_office365(token: str, has_challenge: bool) -> None:
    with simulate("office365", security="none") as server, Wire(server) as wire:
        wire.reply()
        wire.ask("EHLO x")
        answer = f"user={server.username}\x01auth=Bearer {token}\x01\x01"

        reply = wire.ask(f"AUTH XOAUTH2 {in_base64(answer)}")

        assert reply.startswith("334 ") == has_challenge
        assert (wire.ask("") if has_challenge else reply).startswith("535 5.7.3 ")


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("AUTH PLAIN !!!", "501 5.5.2"),
        ("AUTH PLAIN é", "501 5.5.2"),
        ("AUTH CRAM-MD5", "504 5.7.4"),
        ("AUTH PLAIN AAAA", "535 5.7.8"),
        ("AUTH", "504 5.7.4"),
    ],
)
def test_a_malformed_login_is_answered(line: str, reply: str) -> None:
    with simulate("greylist", security="none") as server, Wire(server) as wire:
        wire.reply()
        wire.ask("EHLO x")

        assert wire.ask(line).startswith(reply)


def test_a_login_can_be_cancelled() -> None:
    with simulate("gmail", security="none") as server, Wire(server) as wire:
        wire.reply()
        wire.ask("EHLO x")
        wire.ask("AUTH LOGIN")

        assert wire.ask("*").startswith("501 5.7.0")


@pytest.mark.parametrize("name", PROVIDERS)
def test_nothing_is_taken_before_encryption_and_login(name: str) -> None:
    with simulate(name, security="starttls") as server, Wire(server) as wire:
        wire.reply()
        wire.ask("EHLO x")
        in_clear = [wire.ask("AUTH LOGIN"), wire.ask(f"MAIL FROM:<{OWN[name]}>")]
        wire.ask("STARTTLS")
        wire.encrypt()
        wire.ask("EHLO x")

        assert [reply[:3] for reply in in_clear] == ["530", "530"]
        assert wire.ask(f"MAIL FROM:<{OWN[name]}>").startswith("530")


@pytest.mark.parametrize("name", [*PROVIDERS, "greylist"])
def test_the_offered_extensions_are_the_providers_and_only_what_is_done(name: str) -> None:
    profile = PROFILES[name]
    with simulate(name, security="starttls") as server, Wire(server) as wire:
        assert wire.reply().startswith(f"220 {profile.host} ")
        before = wire.ask("EHLO x").splitlines()[1:]
        wire.ask("STARTTLS")
        wire.encrypt()
        after = wire.ask("EHLO x").splitlines()[1:]

    assert [line[4:] for line in after] == [e for e in profile.extensions if e != "STARTTLS"]
    assert "STARTTLS" in {line[4:] for line in before}
    offered = {line[4:].split()[0] for line in after}
    assert not offered & {"CHUNKING", "BINARYMIME", "VRFY"}
    assert f"SIZE {profile.size_octets}" in profile.extensions


@pytest.mark.parametrize("name", [*PROVIDERS, "greylist"])
def test_every_text_of_a_profile_can_be_said(name: str) -> None:
    from dataclasses import fields

    profile = PROFILES[name]
    texts = [getattr(profile.replies, field.name) for field in fields(profile.replies)]
    texts += [*profile.passwords.values(), profile.sender_header or "250 x"]

    for text in texts:
        said = text.format(id="i", host="h", peer="p", account="a", sender="s", recipient="r")
        lines = said.split("\n")
        assert all(line[:3] == lines[0][:3] and line[:3].isdigit() for line in lines)
        assert [line[3] for line in lines] == ["-"] * (len(lines) - 1) + [" "]
        assert all(len(line) <= 510 for line in lines)  # RFC 5321 §4.5.3.1.5


@pytest.mark.parametrize("name", PROVIDERS)
@pytest.mark.parametrize(
    ("local", "first_digit"),
    [("unknown", "5"), ("full", "4"), ("later", "4"), ("spam", "5"), ("quota", "5")],
)
def test_a_magic_recipient_provokes_its_refusal(name: str, local: str, first_digit: str) -> None:
    with simulate(name) as server:
        refusal = sent(server, OWN[name], f"{local}@example.com")

        assert refusal[0] == first_digit
        assert server.messages == []


def test_only_the_refused_recipient_is_refused() -> None:
    with simulate("gmail") as server:
        assert sent(server, OWN["gmail"], "unknown@example.com", "bo@example.com") == ""

        assert server.wait_for_message().forward_paths == ("bo@example.com",)


def test_slow_is_accepted_after_its_pause() -> None:
    with simulate("gmail", slow_s=0.001) as server:
        assert sent(server, OWN["gmail"], "slow@example.com") == ""


def test_lost_is_taken_and_never_confirmed() -> None:
    with simulate("gmail") as server:
        with pytest.raises(smtplib.SMTPServerDisconnected):
            sent(server, OWN["gmail"], "lost@example.com")

        assert server.wait_for_message().forward_paths == ("lost@example.com",)
        assert server.wait_for_transcript().from_server.count(b"250 2.0.0 OK") == 0


def test_the_greylisting_relay_defers_the_first_try_of_each_pair() -> None:
    with simulate("greylist") as server:
        tries = ("a@x.com", "a@x.com", "b@x.com", "a@x.com")
        outcomes = [sent(server, OWN["greylist"], recipient)[:9] for recipient in tries]

        assert outcomes == ["450 4.2.0", "", "450 4.2.0", ""]
        assert [m.forward_paths for m in server.messages] == [("a@x.com",), ("a@x.com",)]


def test_greylist_is_a_magic_recipient_elsewhere() -> None:
    with simulate("office365") as server:
        assert "Greylisted" in sent(server, OWN["office365"], "greylist@x.com")
        assert sent(server, OWN["office365"], "greylist@x.com") == ""


def test_the_greylisting_relay_takes_mail_without_login_and_from_nobody() -> None:
    with simulate("greylist", security="none") as server, Wire(server) as wire:
        wire.reply()
        wire.ask("EHLO x")
        wire.ask("MAIL FROM:<>")
        wire.ask("RCPT TO:<a@x.com>")
        wire.ask("RCPT TO:<a@x.com>")
        wire.ask("DATA")

        assert wire.ask(".").startswith("250")
        assert server.wait_for_message().content == b""
        assert server.wait_for_message().reverse_path == ""


@pytest.mark.parametrize(
    ("name", "command"), [("gmail", "DATA"), ("office365", "final dot"), ("qq", "final dot")]
)
def test_the_daily_limit_is_told_where_the_provider_tells_it(name: str, command: str) -> None:
    with simulate(name, daily=1, security="none") as server, Wire(server) as wire:
        wire.log_in(server)
        outcomes = []
        for _ in range(2):
            wire.ask(f"MAIL FROM:<{OWN[name]}>")
            wire.ask("RCPT TO:<bo@example.com>")
            at_data = wire.ask("DATA")
            if at_data.startswith("354"):
                wire.write(mail(OWN[name]))
                outcomes.append(("final dot", wire.ask(".")))
            else:
                outcomes.append(("DATA", at_data))

    assert outcomes[0][1].startswith("250")
    assert outcomes[1][0] == command
    assert outcomes[1][1].startswith("55")


def test_the_rate_of_a_minute_is_told_and_passes() -> None:
    now = [1000.0]
    with simulate("office365", per_minute=2, clock=lambda: now[0]) as server:
        outcomes = [sent(server, OWN["office365"])[:9] for _ in range(3)]
        now[0] += 60
        outcomes.append(sent(server, OWN["office365"])[:9])

    assert outcomes == ["", "", "421 4.4.2", ""]


@pytest.mark.parametrize(("name", "code"), [("office365", "432"), ("gmail", "454")])
def test_too_many_connections_are_told(name: str, code: str) -> None:
    with simulate(name, max_connections=1) as server, Wire(server) as wire:
        wire.reply()
        try:
            refusal = sent(server, OWN[name])
        except smtplib.SMTPAuthenticationError as error:
            refusal = str(error.smtp_code)

    assert refusal.startswith(code)


@pytest.mark.parametrize("name", [*PROVIDERS, "greylist"])
def test_a_mail_beyond_size_is_refused_before_it_is_sent(name: str) -> None:
    with simulate(name, security="none") as server, Wire(server) as wire:
        wire.log_in(server)
        size = PROFILES[name].size_octets

        reply = wire.ask(f"MAIL FROM:<{OWN[name]}> SIZE={size + 1}")

        assert reply.startswith("552")
        assert wire.ask(f"MAIL FROM:<{OWN[name]}> SIZE={size}").startswith("250")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"bare\nline feed\r\n", "550"),
        (b"bare\rcarriage return\r\n", "550"),
        (b"x" * 999 + b"\r\n", "500"),
        (b"x" * 200_000 + b"\r\n", "500"),
        (b"x" * 998 + b"\r\n", "250"),
        (b"." * 998 + b"\r\n", "250"),
        (b"\r\n", "250"),
        (b"smuggled\n.\r\nMAIL FROM:<a@b.c>\r\n", "550"),
    ],
)
def test_content_that_breaks_the_rules_is_refused_and_the_session_goes_on(
    content: bytes, code: str
) -> None:
    with simulate("gmail", security="none") as server, Wire(server) as wire:
        wire.log_in(server)
        wire.ask(f"MAIL FROM:<{OWN['gmail']}>")
        wire.ask("RCPT TO:<bo@example.com>")
        wire.ask("DATA")

        stuffed = b"." + content if content.startswith(b".") else content
        wire.write(stuffed + b".\r\n")

        assert wire.reply()[:3] == code
        assert wire.ask("NOOP").startswith("250")
        assert [m.content for m in server.messages] == ([content] if code == "250" else [])


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("MAIL FROM:<a@b.c> BODY=8BITMIME", "250"),
        ("MAIL FROM:<a@b.c> BODY=BINARYMIME", "555"),
        ("MAIL FROM:<a@b.c> RET=HDRS", "555"),
        ("MAIL FROM:<a@b.c> SIZE=x", "501"),
        ("MAIL FROM:<a@b.c> SIZE=" + "9" * 450, "501"),
        ("MAIL FROM:<한글@b.c> SMTPUTF8", "250"),
        ("MAIL FROM:<한글@b.c>", "553"),
        ('MAIL FROM:<"a>b"@b.c>', "250"),
        ("MAIL FROM:a@b.c", "555"),
        ("MAIL TO:<a@b.c>", "555"),
        ("MAIL", "555"),
    ],
)
def test_mail_is_read_strictly(line: str, code: str) -> None:
    with simulate("gmail", security="none") as server, Wire(server) as wire:
        wire.log_in(server)

        assert wire.ask(line)[:3] == code


def test_dsn_parameters_are_taken_where_dsn_is_offered() -> None:
    with simulate("office365", security="none") as server, Wire(server) as wire:
        wire.log_in(server)

        assert wire.ask(f"MAIL FROM:<{OWN['office365']}> RET=HDRS ENVID=1").startswith("250")
        assert wire.ask("RCPT TO:<bo@x.com> NOTIFY=NEVER").startswith("250")


def test_commands_out_of_order_are_refused() -> None:
    with simulate("greylist", security="none") as server, Wire(server) as wire:
        wire.reply()

        assert wire.ask("MAIL FROM:<a@b.c>").startswith("503")
        wire.ask("EHLO x")
        assert wire.ask("RCPT TO:<a@b.c>").startswith("503")
        assert wire.ask("DATA").startswith("503")
        assert wire.ask("MAIL FROM:<a@b.c>").startswith("250")
        assert wire.ask("MAIL FROM:<a@b.c>").startswith("503")
        assert wire.ask("DATA").startswith("503")
        assert wire.ask("RSET").startswith("250")
        assert wire.ask("RCPT TO:<a@b.c>").startswith("503")
        assert wire.ask("STARTTLS").startswith("502")
