from __future__ import annotations

import pytest
from tests.smtp.dialogue import GREETING, OPENED, Lost, Quit, Step, TimedOut, mail, play, text

from postroad.errors import Code, LocalProtocolError, Phase, Reason, TlsError
from postroad.smtp.sasl import Credentials
from postroad.smtp.session import Session


def test_a_session_opens_and_says_good_bye() -> None:
    heard = play(*OPENED, Quit(), "221 bye")

    assert heard.transcript == text("""
        S: 220 mx.example ESMTP
        C: EHLO [::1]
        S: 250 mx.example
        C: QUIT
        S: 221 bye
        """)
    assert heard.is_closed
    assert not heard.error


def test_nothing_begins_after_the_good_bye() -> None:
    session = Session(client_name="me")
    session.receive(b"220 mx\r\n")
    session.next_block()
    session.receive(b"250-mx\r\n250 PIPELINING\r\n")

    session.quit()

    assert not session.can_begin
    with pytest.raises(LocalProtocolError):
        session.begin(mail()())


def test_a_good_bye_before_the_session_is_ready_says_nothing() -> None:
    session = Session(client_name="me", security="tls")

    session.quit()
    session.tls_established("TLS")
    session.receive(b"220 mx\r\n")

    block = session.next_block()
    assert block is not None
    assert block.tail == b"EHLO me\r\n"


def test_a_good_bye_while_a_transaction_is_under_way_says_nothing() -> None:
    heard = play(*OPENED, Quit(), "250 ok", work=(mail(),))

    assert heard.octets == (b"EHLO [::1]\r\nMAIL FROM:<an@a.example>\r\nRCPT TO:<bo@b.example>\r\n")


def test_a_connection_closed_instead_of_221_is_no_more_than_a_note() -> None:
    heard = play(*OPENED, Quit(), Lost())

    assert heard.error_phase is Phase.QUIT
    assert heard.transcript.endswith("C: QUIT\n* the server closed the connection\n")


@pytest.mark.parametrize("code", [500, 501, 502, 504, 550])
def test_a_server_that_refuses_ehlo_is_greeted_with_helo(code: int) -> None:
    heard = play(GREETING, f"{code} what?", "250 mx.example", work=(mail(),))

    assert heard.transcript == text(f"""
        S: 220 mx.example ESMTP
        C: EHLO [::1]
        S: {code} what?
        C: HELO [::1]
        S: 250 mx.example
        C: MAIL FROM:<an@a.example>
        """)
    assert heard.is_ready


def test_helo_offers_nothing_whatever_its_reply_says() -> None:
    heard = play(
        GREETING, "502 what?", "250-mx.example\n250-PIPELINING\n250 SIZE 10", work=(mail(),)
    )

    assert heard.written[-1] == b"MAIL FROM:<an@a.example>\r\n"


@pytest.mark.parametrize(
    ("steps", "phase", "error"),
    [
        (("554 go away",), Phase.GREETING, "the connection was refused: 554 go away"),
        (("421 busy",), Phase.GREETING, "the connection was refused: 421 busy"),
        (("250 ok",), Phase.GREETING, "the server answered the connection with 250 ok"),
        ((GREETING, "554 no"), Phase.EHLO, "EHLO was refused: 554 no"),
        ((GREETING, "421 busy"), Phase.EHLO, "EHLO was refused: 421 busy"),
        ((GREETING, "354 go"), Phase.EHLO, "the server answered EHLO with 354 go"),
        ((GREETING, "502 no", "501 no"), Phase.EHLO, "HELO was refused: 501 no"),
    ],
)
def test_a_refused_opening_ends_the_session(
    steps: tuple[Step, ...], phase: Phase, error: str
) -> None:
    heard = play(*steps, "221 bye")

    says_good_bye = "refused" in error and "421" not in error
    last = "C: QUIT\nS: 221 bye\n" if says_good_bye else ""
    assert (heard.error, heard.error_code, heard.error_phase) == (error, Code.PROTOCOL, phase)
    assert heard.is_closed
    assert not heard.is_ready
    assert heard.transcript.endswith(f"* {error}\n{last}")


def test_more_than_one_greeting_closes_the_session_before_ehlo() -> None:
    heard = play(f"{GREETING}\n250 mx.example", is_honest=False)

    assert heard.transcript == text("""
        S: 220 mx.example ESMTP
        S: 250 mx.example
        * a reply that no command asked for: 250 mx.example
        """)
    assert heard.written == ()
    assert heard.error_reason is Reason.UNEXPECTED
    assert heard.error_phase is Phase.EHLO


def test_starttls_is_followed_by_a_second_ehlo_and_only_that_one_counts() -> None:
    heard = play(
        GREETING,
        "250-mx.example\n250-STARTTLS\n250-PIPELINING\n250 SIZE 10",
        "220 go",
        "250-mx.example\n250 SMTPUTF8",
        work=(mail(),),
        security="starttls",
    )

    assert heard.transcript == text("""
        S: 220 mx.example ESMTP
        C: EHLO [::1]
        S: 250-mx.example
        S: 250-STARTTLS
        S: 250-PIPELINING
        S: 250 SIZE 10
        C: STARTTLS
        S: 220 go
        * TLS
        C: EHLO [::1]
        S: 250-mx.example
        S: 250 SMTPUTF8
        C: MAIL FROM:<an@a.example>
        """)


def test_implicit_tls_comes_before_the_greeting() -> None:
    heard = play(GREETING, "502 no", "250 mx.example", security="tls")

    assert heard.transcript == text("""
        * TLS
        S: 220 mx.example ESMTP
        C: EHLO [::1]
        S: 502 no
        C: HELO [::1]
        S: 250 mx.example
        """)


@pytest.mark.parametrize(
    ("steps", "code", "reason", "last"),
    [
        (("250-mx\n250 SIZE",), Code.TLS, Reason.STARTTLS_MISSING, b"QUIT\r\n"),
        (("502 no",), Code.PROTOCOL, None, b"QUIT\r\n"),
        (("250-mx\n250 STARTTLS", "454 later"), Code.TLS, None, b"QUIT\r\n"),
        (("250-mx\n250 STARTTLS", "501 no"), Code.TLS, None, b"QUIT\r\n"),
        (("250-mx\n250 STARTTLS", "421 busy"), Code.PROTOCOL, None, b"STARTTLS\r\n"),
        (("250-mx\n250 STARTTLS", "250 ok"), Code.PROTOCOL, Reason.UNEXPECTED, b"STARTTLS\r\n"),
    ],
)
def test_without_the_tls_asked_for_there_is_no_login_and_no_mail(
    steps: tuple[Step, ...], code: Code, reason: Reason | None, last: bytes
) -> None:
    login = Credentials("bo", "secret")

    heard = play(
        GREETING, *steps, "221 bye", work=(mail(),), security="starttls", credentials=login
    )

    assert heard.is_closed
    assert heard.written[-1] == last
    assert len(heard.written) <= 3
    assert (heard.error_code, heard.error_reason) == (code, reason)


@pytest.mark.parametrize(
    "more", [b"2", b"250 mx\r\n", b"250-mx\r\n250 AUTH PLAIN\r\n", b"\x16\x03\r\n", b"\r\n"]
)
def test_octets_after_the_reply_to_starttls_close_the_session(more: bytes) -> None:
    heard = play(
        GREETING,
        "250-mx\n250 STARTTLS",
        b"220 go\r\n" + more,
        security="starttls",
        is_honest=False,
    )

    assert heard.is_closed
    assert (heard.error_code, heard.error_phase) == (Code.TLS, Phase.STARTTLS)
    assert heard.error_reason is Reason.STARTTLS_INJECTED
    assert heard.written[-1] == b"STARTTLS\r\n"


def test_a_closed_session_wants_no_tls() -> None:
    session = Session(client_name="me", security="tls")

    session.lost()
    session.tls_established("TLS")

    assert not session.wants_tls
    assert session.is_closed
    assert session.next_block() is None


@pytest.mark.parametrize(("event", "code"), [(Lost(), Code.TLS), (Lost(TlsError("bad")), Code.TLS)])
def test_a_connection_lost_in_the_handshake_is_a_tls_failure(event: Lost, code: Code) -> None:
    session = Session(client_name="me", security="tls")

    session.lost(event.error)

    assert session.error is not None
    assert (session.error.code, session.error.phase) == (code, Phase.TLS)


def test_a_handshake_without_end_times_out() -> None:
    session = Session(client_name="me", security="tls")

    session.timed_out(3)

    assert session.error is not None
    assert (session.error.code, session.error.phase) == (Code.TIMEOUT, Phase.TLS)


def test_extensions_are_read_whatever_their_letters() -> None:
    session = Session(client_name="me")
    session.receive(b"220 mx\r\n")
    session.next_block()

    session.receive(
        b"250-mx SIZE 1\r\n250-Pipelining\r\n250-size 1000\r\n250-AUTH=LOGIN plain\r\n"
        b"250-AUTH XOAUTH2\r\n250-\r\n250-8BITMIME\r\n250-X-OTHER a b\r\n250 SMTPUTF8\r\n"
    )

    offered = session.extensions
    assert offered.pipelining
    assert offered.eight_bit_mime
    assert offered.smtputf8
    assert not offered.starttls
    assert offered.size_octets == 1000
    assert offered.auth == {"LOGIN", "PLAIN", "XOAUTH2"}
    assert offered.keywords["X-OTHER"] == ("a", "b")


@pytest.mark.parametrize(
    ("words", "limit"),
    [
        ("SIZE", None),
        ("SIZE 0", None),
        ("SIZE x", None),
        ("SIZE -1", None),
        ("SIZE ٣", None),
        ("SIZE 5", 5),
        ("SIZE=7", 7),
        (f"SIZE {'9' * 300}", int("9" * 20)),
    ],
)
def test_a_size_that_is_no_number_is_no_limit(words: str, limit: int | None) -> None:
    session = Session(client_name="me")
    session.receive(b"220 mx\r\n")
    session.next_block()

    session.receive(f"250-mx\r\n250 {words}\r\n".encode())

    assert session.extensions.size
    assert session.extensions.size_octets == limit


@pytest.mark.parametrize("name", ["", " ", "a\r\nQUIT", "a\0", "메일"])
def test_a_name_that_could_change_ehlo_is_refused(name: str) -> None:
    with pytest.raises(LocalProtocolError):
        Session(client_name=name)


@pytest.mark.parametrize("event", [Lost(), TimedOut()])
@pytest.mark.parametrize(
    ("steps", "phase"),
    [
        ((), Phase.GREETING),
        (("220-mx",), Phase.GREETING),
        ((GREETING,), Phase.EHLO),
        ((GREETING, "502 no"), Phase.EHLO),
        ((GREETING, "250-mx\n250 STARTTLS"), Phase.STARTTLS),
        ((GREETING, "250-mx\n250 STARTTLS", "220 go"), Phase.EHLO),
    ],
)
def test_a_connection_that_breaks_while_opening_says_where(
    steps: tuple[Step, ...], phase: Phase, event: Lost | TimedOut
) -> None:
    security = "starttls" if "STARTTLS" in str(steps) else "none"

    heard = play(*steps, event, "250 ok", security=security, is_honest=False)  # type: ignore[arg-type]

    assert heard.error_phase is phase
    assert heard.error_code is (Code.TIMEOUT if isinstance(event, TimedOut) else Code.PROTOCOL)
    assert heard.is_closed
