from __future__ import annotations

import base64
import hmac
from urllib.parse import quote, quote_plus

import pytest
from tests.smtp.dialogue import GREETING, Heard, Lost, Quit, Step, TimedOut, mail, play, text

from postroad.errors import Code, Phase, Reason, SettingsError
from postroad.smtp.opening import Security
from postroad.smtp.sasl import MECHANISMS, Credentials
from postroad.smtp.session import Session

PASSWORD = "pä ss+wörd/9"
TOKEN = "ya29.a0AfH6SMBx-very_long.token~of+an/OAuth2==" * 3
WITH_PASSWORD = Credentials("bo@b.example", PASSWORD)
WITH_TOKEN = Credentials("bo@b.example", token=TOKEN)
CHALLENGE = "<1896.697170952@postoffice.example>"


def b64(octets: str | bytes) -> str:
    return base64.b64encode(octets.encode() if isinstance(octets, str) else octets).decode()


def ehlo(offered: str) -> str:
    return f"250-mx.example\n250-AUTH {offered}\n250 SIZE"


def log_in(
    *replies: str,
    offered: str = " ".join(MECHANISMS),
    credentials: Credentials = WITH_PASSWORD,
    security: Security = "tls",
) -> Heard:
    return play(
        GREETING,
        ehlo(offered),
        *replies,
        credentials=credentials,
        security=security,
        work=(mail(),),
    )


def after_ehlo(heard: Heard) -> list[bytes]:
    return list(heard.written[1:])


QUIT = b"QUIT\r\n"
MAIL = b"MAIL FROM:<an@a.example> SIZE=21\r\n"


def test_plain_is_one_line() -> None:
    heard = log_in("235 welcome")

    secret = b64(f"\0bo@b.example\0{PASSWORD}")
    assert after_ehlo(heard) == [f"AUTH PLAIN {secret}\r\n".encode(), MAIL]
    assert heard.transcript == text("""
        * TLS
        S: 220 mx.example ESMTP
        C: EHLO [::1]
        S: 250-mx.example
        S: 250-AUTH PLAIN LOGIN CRAM-MD5 XOAUTH2 OAUTHBEARER
        S: 250 SIZE
        C: AUTH PLAIN ***
        S: 235 welcome
        C: MAIL FROM:<an@a.example> SIZE=21
        """)


def test_what_follows_a_login_is_shown_again() -> None:
    heard = play(GREETING, ehlo("PLAIN"), "235 ok", Quit(), "221 bye", credentials=WITH_PASSWORD)

    assert heard.transcript.endswith("C: AUTH PLAIN ***\nS: 235 ok\nC: QUIT\nS: 221 bye\n")


@pytest.mark.parametrize(
    "prompts", [(b64("Username:"), b64("Password:")), ("", ""), ("User?", "What is it?")]
)
def test_login_answers_two_prompts_whatever_they_say(prompts: tuple[str, str]) -> None:
    heard = log_in(f"334 {prompts[0]}", f"334 {prompts[1]}", "235 2.7.0 welcome", offered="LOGIN")

    assert after_ehlo(heard) == [
        b"AUTH LOGIN\r\n",
        f"{b64('bo@b.example')}\r\n".encode(),
        f"{b64(PASSWORD)}\r\n".encode(),
        MAIL,
    ]
    shown = [line for line in heard.transcript.splitlines() if line.startswith("C: ")]
    assert shown[1:4] == ["C: AUTH LOGIN ***", "C: ***", "C: ***"]


@pytest.mark.parametrize("password", ["Username", "Password", "Password:"])
def test_a_password_that_is_a_prompt_logs_in(password: str) -> None:
    heard = log_in(
        f"334 {b64('Username:')}",
        f"334 {b64('Password:')}",
        "235 welcome",
        offered="LOGIN",
        credentials=Credentials("bo", password),
    )

    assert heard.is_ready


def test_cram_md5_sends_a_digest_of_the_challenge() -> None:
    heard = log_in(f"334 {b64(CHALLENGE)}", "235 welcome", security="none")

    digest = hmac.new(PASSWORD.encode(), CHALLENGE.encode(), "md5").hexdigest()
    answer = b64(f"bo@b.example {digest}")
    assert after_ehlo(heard) == [b"AUTH CRAM-MD5\r\n", f"{answer}\r\n".encode(), MAIL]


def test_xoauth2_sends_the_token_at_once() -> None:
    heard = log_in("235 welcome", credentials=WITH_TOKEN)

    secret = b64(f"user=bo@b.example\1auth=Bearer {TOKEN}\1\1")
    assert after_ehlo(heard) == [f"AUTH XOAUTH2 {secret}\r\n".encode(), MAIL]
    assert "C: AUTH XOAUTH2 ***\n" in heard.transcript


@pytest.mark.parametrize(
    ("offered", "answer"), [("XOAUTH2", b"\r\n"), ("OAUTHBEARER", b"AQ==\r\n")]
)
def test_a_refused_token_is_acknowledged_and_the_refusal_heard(offered: str, answer: bytes) -> None:
    refused = "535 5.7.8 Username and Password not accepted"
    heard = log_in(f"334 {b64('{status:400}')}", refused, offered=offered, credentials=WITH_TOKEN)

    assert heard.written[-2:] == (answer, QUIT)
    assert heard.error == f"the login (AUTH {offered}) was refused: {refused}"
    assert heard.error_code is Code.AUTH


def test_oauthbearer_escapes_the_user_name() -> None:
    heard = log_in(
        "235 welcome", offered="OAUTHBEARER", credentials=Credentials("a=b,c", token=TOKEN)
    )

    secret = b64(f"n,a=a=3Db=2Cc,\1auth=Bearer {TOKEN}\1\1")
    assert heard.written[1] == f"AUTH OAUTHBEARER {secret}\r\n".encode()


@pytest.mark.parametrize(
    ("offered", "security", "credentials", "chosen"),
    [
        ("CRAM-MD5 LOGIN PLAIN", "tls", WITH_PASSWORD, "PLAIN"),
        ("CRAM-MD5 LOGIN", "tls", WITH_PASSWORD, "LOGIN"),
        ("CRAM-MD5", "tls", WITH_PASSWORD, "CRAM-MD5"),
        ("login plain cram-md5", "none", WITH_PASSWORD, "CRAM-MD5"),
        ("LOGIN PLAIN", "none", WITH_PASSWORD, "PLAIN"),
        ("LOGIN GSSAPI", "none", WITH_PASSWORD, "LOGIN"),
        ("PLAIN OAUTHBEARER XOAUTH2", "none", WITH_TOKEN, "XOAUTH2"),
        ("PLAIN OAUTHBEARER", "tls", WITH_TOKEN, "OAUTHBEARER"),
        ("PLAIN LOGIN", "tls", Credentials("bo", PASSWORD, mechanism="LOGIN"), "LOGIN"),
        ("CRAM-MD5 PLAIN", "none", Credentials("bo", PASSWORD, mechanism="PLAIN"), "PLAIN"),
    ],
)
def test_one_mechanism_is_chosen(
    offered: str, security: Security, credentials: Credentials, chosen: str
) -> None:
    heard = log_in(offered=offered, security=security, credentials=credentials)

    assert heard.written[1].split()[:2] == [b"AUTH", chosen.encode()]
    assert len(heard.written) == 2


@pytest.mark.parametrize(
    ("offered", "credentials", "reason"),
    [
        ("", WITH_PASSWORD, Reason.AUTH_MISSING),
        ("GSSAPI NTLM", WITH_PASSWORD, Reason.AUTH_MECHANISM),
        ("XOAUTH2", WITH_PASSWORD, Reason.AUTH_MECHANISM),
        ("PLAIN LOGIN", WITH_TOKEN, Reason.AUTH_MECHANISM),
        ("PLAIN", Credentials("bo", PASSWORD, mechanism="LOGIN"), Reason.AUTH_MECHANISM),
    ],
)
def test_without_a_mechanism_nothing_more_is_written(
    offered: str, credentials: Credentials, reason: Reason
) -> None:
    heard = log_in(offered=offered, credentials=credentials)

    assert heard.written == (b"EHLO [::1]\r\n", QUIT)
    assert (heard.error_code, heard.error_phase) == (Code.AUTH, Phase.AUTH)
    assert heard.error_reason is reason


def test_a_server_that_knows_only_helo_offers_no_login() -> None:
    heard = play(GREETING, "502 no", "250 mx", credentials=WITH_PASSWORD, work=(mail(),))

    assert heard.error_reason is Reason.AUTH_MISSING
    assert heard.written[-2:] == (b"HELO [::1]\r\n", QUIT)


def test_a_login_offered_only_before_tls_is_not_offered() -> None:
    heard = play(
        GREETING,
        "250-mx\n250-STARTTLS\n250 AUTH PLAIN",
        "220 go",
        "250-mx\n250 STARTTLS",
        security="starttls",
        credentials=WITH_PASSWORD,
    )

    assert heard.error_reason is Reason.AUTH_MISSING


@pytest.mark.parametrize(
    ("mechanism", "credentials"),
    [
        ("XOAUTH2", {"password": "p"}),
        ("OAUTHBEARER", {}),
        ("PLAIN", {"token": "t"}),
        ("SCRAM-SHA-256", {"password": "p"}),
        ("plain", {"password": "p"}),
    ],
)
def test_a_mechanism_that_does_not_fit_the_credentials_is_an_error_of_the_setting(
    mechanism: str, credentials: dict[str, str]
) -> None:
    with pytest.raises(SettingsError, match="auth"):
        Credentials("bo", mechanism=mechanism, **credentials)


@pytest.mark.parametrize("reply", ["535 5.7.8 no", "454 4.7.0 later", "432 4.7.12 change it"])
def test_a_refused_login_ends_with_a_good_bye(reply: str) -> None:
    heard = log_in(reply, "221 bye")

    assert heard.transcript.endswith(
        f"C: AUTH PLAIN ***\nS: {reply}\n* {heard.error}\nC: QUIT\nS: 221 bye\n"
    )
    assert heard.error == f"the login (AUTH PLAIN) was refused: {reply}"
    assert (heard.error_code, heard.error_phase) == (Code.AUTH, Phase.AUTH)
    assert heard.is_closed
    assert heard.ended == ()
    assert len(heard.written) == 3


@pytest.mark.parametrize("end", [Lost(), TimedOut(), "250 ok\n250 ok", "garbage", "421 bye"])
def test_a_refused_login_stays_the_reason_however_the_good_bye_goes(end: Step) -> None:
    heard = play(GREETING, ehlo("PLAIN"), "535 no", end, credentials=WITH_PASSWORD, is_honest=False)

    assert heard.is_closed
    assert heard.error == "the login (AUTH PLAIN) was refused: 535 no"
    assert heard.transcript.count(heard.error) == 1


@pytest.mark.parametrize(
    ("reply", "code"), [("421 busy", Code.PROTOCOL), ("250 ok", Code.PROTOCOL)]
)
def test_another_reply_to_the_login_is_a_broken_dialogue(reply: str, code: Code) -> None:
    heard = log_in(reply)

    assert heard.error_code is code
    assert heard.is_closed


@pytest.mark.parametrize("challenge", ["***", "abc", "Hello!", "é", "=" * 9, "PDE4OTYu\x01"])
def test_a_challenge_of_garbage_is_cancelled(challenge: str) -> None:
    heard = log_in(f"334 {challenge}", "501 cancelled", offered="CRAM-MD5")

    assert heard.written[-2:] == (b"*\r\n", QUIT)
    assert (heard.error_code, heard.error_reason) == (Code.AUTH, Reason.AUTH_CHALLENGE)


@pytest.mark.parametrize(
    ("mechanism", "answers"),
    [("PLAIN", 0), ("LOGIN", 2), ("CRAM-MD5", 1), ("XOAUTH2", 1), ("OAUTHBEARER", 1)],
)
def test_challenges_without_end_are_cancelled_when_there_is_nothing_left_to_say(
    mechanism: str, answers: int
) -> None:
    credentials = WITH_TOKEN if "OAUTH" in mechanism else WITH_PASSWORD

    heard = log_in(
        *[f"334 {b64(CHALLENGE)}"] * (answers + 1),
        "334 ",
        offered=mechanism,
        credentials=credentials,
    )

    assert len(heard.written) == 1 + 1 + answers + 2
    assert heard.written[-2:] == (b"*\r\n", QUIT)
    assert heard.error_reason is Reason.AUTH_CHALLENGE


@pytest.mark.parametrize("event", [Lost(), TimedOut()])
def test_a_login_that_breaks_is_no_refusal(event: Lost | TimedOut) -> None:
    heard = play(GREETING, ehlo("PLAIN"), event, credentials=WITH_PASSWORD)

    assert heard.error_phase is Phase.AUTH
    assert heard.error_code is (Code.TIMEOUT if isinstance(event, TimedOut) else Code.PROTOCOL)


def _forms(secret: str) -> list[str]:
    octets = secret.encode()
    return [
        secret,
        b64(secret),
        b64(f"\0bo@b.example\0{secret}"),
        b64("x" + secret),
        b64("xy" + secret + "z"),
        base64.urlsafe_b64encode(octets).decode(),
        octets.hex(),
        octets.hex().upper(),
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
    ]


@pytest.mark.parametrize(
    ("credentials", "form"),
    [(each, form) for each in (WITH_PASSWORD, WITH_TOKEN) for form in _forms(each.secrets[0])],
)
def test_a_secret_the_server_echoes_is_masked_everywhere(
    credentials: Credentials, form: str
) -> None:
    heard = log_in(f"535-5.7.8 no: {form}.\n535 5.7.8 {form}", credentials=credentials)

    for shown in (heard.transcript, heard.error):
        assert form not in shown
        assert form[:24] not in shown
        assert "***" in shown


def test_a_secret_the_server_cut_short_is_masked() -> None:
    heard = log_in(f"500 unknown: AUTH XOAUTH2 {TOKEN[:40]}", credentials=WITH_TOKEN)

    assert heard.error.endswith("500 unknown: AUTH XOAUTH2 ***")


def test_what_only_the_exchange_shows_is_masked_too() -> None:
    digest = hmac.new(PASSWORD.encode(), CHALLENGE.encode(), "md5").hexdigest()
    answer = b64(f"bo@b.example {digest}")

    heard = log_in(f"334 {b64(CHALLENGE)}", f"535 not {answer}", offered="CRAM-MD5")

    assert answer not in heard.transcript
    assert heard.error.endswith("535 not ***")


@pytest.mark.parametrize("end", [b"\r\n", b"\nrest\r\n"])
def test_garbage_that_echoes_a_long_secret_is_masked(end: bytes) -> None:
    session = Session(client_name="me", credentials=WITH_TOKEN)

    session.receive(b"what is " + TOKEN.encode() + end)

    assert 'what is ***"' in str(session.error)


def test_a_secret_is_masked_in_the_reply_of_a_transaction() -> None:
    heard = log_in("235 ok", f"550 {PASSWORD} {b64(PASSWORD)}")

    assert heard.only.error.startswith("the sender was refused: 550 *** ***")
    assert heard.only.fates[0].startswith("550 *** ***")


def test_credentials_do_not_show_their_secrets() -> None:
    assert PASSWORD not in repr(WITH_PASSWORD)
    assert TOKEN not in repr(WITH_TOKEN)
