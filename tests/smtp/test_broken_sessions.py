"""What a transaction is told when its session breaks: the documented codes."""

from __future__ import annotations

import pytest
from tests.smtp.dialogue import (
    GREETING,
    OPENED,
    OPENED_GROUPED,
    Lost,
    Quit,
    Step,
    TimedOut,
    mail,
    play,
    probe,
    text,
)

from postroad.errors import Code, ConnectionLost, Phase, Reason, Retry, TlsError
from postroad.smtp.sasl import Credentials
from postroad.smtp.session import BLOCK_OCTETS, Session
from postroad.smtp.timeouts import Timeouts

GROUP = "250 ok\n250 ok\n354 go"
TWO = ("bo@b.example", "cy@c.example")

# Each place where a transaction of a lock-step session can stop: what was said until then.
PLACES: dict[Phase, tuple[str, ...]] = {
    Phase.RSET: ("550 no",),
    Phase.MAIL: (),
    Phase.RCPT: ("250 ok",),
    Phase.DATA: ("250 ok", "250 ok"),
    Phase.FINAL_DOT: ("250 ok", "250 ok", "354 go"),
}
CUTS: list[str | None] = [None, "250-half", "25", "250"]


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("phase", PLACES)
@pytest.mark.parametrize("event", [Lost(), TimedOut()])
def test_each_place_has_its_code(phase: Phase, event: Lost | TimedOut, cut: str | None) -> None:
    half = () if cut is None else (cut.encode(),)

    heard = play(*OPENED, *PLACES[phase], *half, event, "250 ok", work=(mail(),) * 2)

    ended = heard.ended[-1]
    assert ended is not None
    assert ended.phase is phase
    if phase is Phase.FINAL_DOT:
        assert (ended.code, ended.retry) == (Code.IN_DOUBT, Retry.DUPLICATES)
        assert ended.reason is Reason.IN_DOUBT
    elif isinstance(event, TimedOut):
        assert (ended.code, ended.retry) == (Code.TIMEOUT, Retry.LATER)
        assert ended.reason is Reason.TIMED_OUT
    else:
        assert (ended.code, ended.retry) == (Code.PROTOCOL, Retry.LATER)
        assert ended.reason is Reason.LOST
    assert heard.error_phase is phase
    assert heard.is_closed


@pytest.mark.parametrize("event", [Lost(), Lost(ConnectionLost("reset")), TimedOut()])
@pytest.mark.parametrize("pieces_written", [0, 1, 2])
def test_content_that_was_not_all_written_is_not_in_doubt(
    event: Lost | TimedOut, pieces_written: int
) -> None:
    session, transaction = _opened(), mail(content=b"x\r\n" * BLOCK_OCTETS)()
    session.begin(transaction)
    session.next_block()
    session.receive(b"250 ok\r\n250 ok\r\n354 go\r\n")
    for _ in range(pieces_written):
        session.next_block()

    _break(session, event, head_sent=True)

    assert transaction.ended.phase is Phase.CONTENT
    assert not transaction.ended.in_doubt
    expected = Code.TIMEOUT if isinstance(event, TimedOut) else Code.PROTOCOL
    assert transaction.ended.code is expected


@pytest.mark.parametrize("head_sent", [False, True])
@pytest.mark.parametrize("event", [Lost(), TimedOut()])
def test_in_doubt_begins_when_the_final_dot_was_handed_over(
    event: Lost | TimedOut,
    head_sent: bool,
) -> None:
    session, first, second = _opened(), mail()(), mail()()
    session.begin(first)
    session.next_block()
    session.receive(b"250 ok\r\n250 ok\r\n354 go\r\n")
    session.begin(second)
    block = session.next_block()

    finished = _break(session, event, head_sent=head_sent)

    assert block is not None
    assert bytes(block.head).endswith(b"\r\n.\r\n")
    assert block.tail.startswith(b"MAIL")
    assert finished == [first, second]
    assert first.ended.in_doubt is head_sent
    assert first.ended.phase is (Phase.FINAL_DOT if head_sent else Phase.CONTENT)
    assert second.ended.phase is Phase.MAIL
    assert not second.ended.in_doubt
    assert second.was_stale is isinstance(event, Lost)
    if isinstance(event, TimedOut):
        what = "reply" if head_sent else "room to write"
        assert str(second.ended.error) == f"no {what} within 5 s"


@pytest.mark.parametrize(
    ("event", "code", "was_stale"),
    [
        (Lost(), Code.PROTOCOL, True),
        (Lost(ConnectionLost("reset by peer")), Code.PROTOCOL, True),
        (Lost(TlsError("bad record")), Code.TLS, False),
        (TimedOut(), Code.TIMEOUT, False),
        ("421 closing", Code.PROTOCOL, True),
        ("garbage", Code.PROTOCOL, False),
        ("250-a\n251 b", Code.PROTOCOL, False),
    ],
)
def test_who_stands_behind_a_transaction_that_broke_was_not_sent(
    event: Step, code: Code, was_stale: bool
) -> None:
    heard = play(*OPENED_GROUPED, GROUP, event, work=(mail(), mail(), mail()), is_honest=False)

    first, second = heard.ended  # the third never began
    assert first is not None
    assert first.code is (Code.PROTOCOL if event == "421 closing" else Code.IN_DOUBT)
    assert not first.was_stale
    assert second is not None
    assert (second.code, second.phase) == (code, Phase.MAIL)
    assert second.was_stale is was_stale
    assert second.fates == ("",)


@pytest.mark.parametrize(("event", "was_stale"), [(Lost(), True), ("421 idle", True)])
def test_a_session_closed_while_idle_is_stale_for_the_next(
    event: Step,
    was_stale: bool,
) -> None:
    heard = play(*OPENED, "250 ok", "250 ok", "354 go", "250 ok", event, work=(mail(), mail()))

    ended = heard.ended[-1]
    assert ended is not None
    assert ended.was_stale is was_stale


def test_the_first_on_a_session_was_never_stale() -> None:
    heard = play(*OPENED, Lost(), work=(mail(),))

    assert not heard.only.was_stale


@pytest.mark.parametrize("phase", PLACES)
def test_421_refuses_what_was_asked_and_closes(phase: Phase) -> None:
    heard = play(*OPENED, *PLACES[phase], "421 4.3.2 closing", "250 ok", work=(mail(),) * 2)

    ended = heard.ended[-1]
    assert ended is not None
    assert (ended.code, ended.phase) == (Code.PROTOCOL, phase)
    assert ended.retry is Retry.LATER
    assert ended.fates == ("421 4.3.2 closing",)
    assert ended.error.endswith("was refused: 421 4.3.2 closing")
    assert heard.is_closed
    assert heard.error == "the session was refused: 421 4.3.2 closing"


def test_421_to_a_later_recipient_leaves_the_earlier_reply() -> None:
    heard = play(
        *OPENED, "250 ok", "250 ok", "550 who", "421 bye", work=(mail(*TWO, "d@d.example"),)
    )

    assert heard.only.fates == ("421 bye", "550 who", "421 bye")


def test_an_accepted_message_stays_accepted_when_421_comes_with_it() -> None:
    heard = play(
        *OPENED, "250 ok", "250 ok", "354 go", "250 ok\n421 bye", work=(mail(),), is_honest=False
    )

    assert heard.only.code is Code.OK
    assert heard.is_closed


@pytest.mark.parametrize("steps", [(), ("250 ok",)])
def test_an_unsolicited_421_closes_the_session(steps: tuple[Step, ...]) -> None:
    heard = play(*OPENED, "421 idle too long", "250 ok", is_honest=False)

    assert heard.transcript.endswith(
        "S: 421 idle too long\n* the session was refused: 421 idle too long\n"
    )
    assert (heard.error_code, heard.is_closed) == (Code.PROTOCOL, True)


@pytest.mark.parametrize(
    ("said", "code", "phase"),
    [
        ("550 5.7.1 blocked", Code.SENDER, Phase.MAIL),
        ("550 5.7.1 blocked\n503 no", Code.SENDER, Phase.MAIL),
        ("250 ok\n550 who", Code.RECIPIENTS, Phase.RCPT),
    ],
)
@pytest.mark.parametrize("event", [Lost(), TimedOut(), "421 go away", "garbage", "250 ok\n250 ok"])
def test_what_was_refused_stays_refused_however_the_session_ends(
    event: Step, said: str, code: Code, phase: Phase
) -> None:
    heard = play(*OPENED_GROUPED, said, event, work=(mail(),), is_honest=False)

    assert heard.is_closed
    assert (heard.only.code, heard.only.phase) == (code, phase)
    assert heard.only.fates == (said.split("\n")[0 if phase is Phase.MAIL else 1],)
    assert not heard.only.was_stale


@pytest.mark.parametrize("event", [Lost(), TimedOut(head_sent=False)])
def test_a_lone_dot_is_never_in_doubt(event: Step) -> None:
    heard = play(*OPENED_GROUPED, "250 ok\n550 who\n354 go", event, work=(mail(),))

    assert heard.only.code is Code.RECIPIENTS


def test_a_recipient_refused_before_the_session_broke_keeps_its_reply() -> None:
    heard = play(*OPENED, "250 ok", "550 who", Lost(), work=(mail(*TWO),))

    assert (heard.only.code, heard.only.fates) == (Code.PROTOCOL, ("550 who", ""))


@pytest.mark.parametrize("event", [Lost(), TimedOut()])
def test_a_probe_that_breaks_is_never_in_doubt(event: Step) -> None:
    heard = play(*OPENED, "250 ok", "250 ok", event, work=(probe(),))

    assert heard.only.phase is Phase.RSET
    assert heard.only.code in {Code.PROTOCOL, Code.TIMEOUT}


def test_a_break_is_noted_once() -> None:
    heard = play(*OPENED, "250 ok", Lost(ConnectionLost("reset by peer")), work=(mail(),))

    assert heard.transcript == text("""
        S: 220 mx.example ESMTP
        C: EHLO [::1]
        S: 250 mx.example
        C: MAIL FROM:<an@a.example>
        S: 250 ok
        C: RCPT TO:<bo@b.example>
        * reset by peer
        """)


def test_what_ends_a_session_ends_it_once() -> None:
    session, transaction = _opened(), mail()()
    session.begin(transaction)
    session.lost()

    again = [session.lost(), session.timed_out(1), session.receive(b"250 ok\r\n421 bye\r\n")]

    assert again == [[], [], []]
    assert str(session.error) == "the server closed the connection"
    assert not session.can_begin
    assert session.next_block() is None
    session.quit()
    assert session.next_block() is None


def test_an_idle_session_says_so() -> None:
    session = _opened()

    assert session.is_idle
    assert session.phase is Phase.DONE


def test_every_phase_has_a_time_out() -> None:
    timeouts = Timeouts()

    assert {phase: timeouts.seconds(phase) for phase in Phase} == {
        Phase.CONFIG: 300,
        Phase.CONNECT: 30,
        Phase.TLS: 60,
        Phase.GREETING: 300,
        Phase.EHLO: 300,
        Phase.STARTTLS: 300,
        Phase.AUTH: 300,
        Phase.RSET: 300,
        Phase.MAIL: 300,
        Phase.RCPT: 300,
        Phase.DATA: 120,
        Phase.CONTENT: 180,
        Phase.FINAL_DOT: 600,
        Phase.QUIT: 5,
        Phase.DONE: 300,
    }


def test_every_phase_and_code_of_a_dialogue_is_reached() -> None:
    grouped = (GREETING, "250-mx\n250-STARTTLS\n250 AUTH PLAIN")
    login = Credentials("bo", "secret")
    breaks = [
        play(Lost(), security="none"),
        play(GREETING, Lost()),
        play(*grouped, Lost(), security="starttls"),
        play(*grouped, Lost(), credentials=login),
        *[play(*OPENED, *said, Lost(), work=(mail(),) * 2) for said in PLACES.values()],
        play(*OPENED, Quit(), Lost()),
    ]
    outcomes = [
        play(*OPENED, "250 ok", "250 ok", "354 go", "250 ok", work=(mail(),)),
        play(*OPENED, "550 no", work=(mail(),)),
        play(*OPENED, "250 ok", "550 no", work=(mail(),)),
        play(*OPENED, "250 ok", "250 ok", "550 no", work=(mail(),)),
        play(*OPENED, "250 ok", "250 ok", "354 go", Lost(), work=(mail(),)),
        play(*OPENED, TimedOut(), work=(mail(),)),
        play(*OPENED, Lost(), work=(mail(),)),
        play(*OPENED, "552 big", work=(mail(),)),
        play(*OPENED, work=(mail(content=b"\n"),)),
    ]
    logins = [
        play(*grouped, "535 no", credentials=login),
        play(GREETING, "250 x", security="starttls"),
    ]

    phases = {heard.error_phase for heard in breaks}
    codes = {heard.only.code for heard in outcomes} | {heard.error_code for heard in logins}

    assert phases == set(Phase) - {
        Phase.CONFIG,
        Phase.CONNECT,
        Phase.TLS,
        Phase.CONTENT,
        Phase.DONE,
    }
    assert codes == set(Code) - {Code.CONFIG, Code.CONNECT}


def _opened() -> Session:
    session = Session(client_name="me")
    session.receive(b"220 mx\r\n")
    session.next_block()
    session.receive(b"250-mx\r\n250 PIPELINING\r\n")
    return session


def _break(session: Session, event: Lost | TimedOut, *, head_sent: bool) -> list[object]:
    if isinstance(event, TimedOut):
        return [*session.timed_out(event.seconds, head_sent=head_sent)]
    return [*session.lost(event.error, head_sent=head_sent)]
