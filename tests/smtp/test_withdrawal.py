"""A transaction taken back at any moment: it ends at once, and nothing becomes of the others."""

from __future__ import annotations

from typing import Literal

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from tests.smtp.dialogue import CONTENT, mail, probe, text
from tests.smtp.test_any_server import KINDS, Judge, Kind, Life

from postroad.errors import Code, ConnectionLost, LocalProtocolError, Phase, PhaseTimeout, Retry
from postroad.smtp.session import BLOCK_OCTETS, Session
from postroad.smtp.transaction import Probe, Transaction, Withdrawal
from postroad.smtp.transcript import render

MAIL = b"MAIL FROM:<an@a.example>\r\n"
RCPT = b"RCPT TO:<bo@b.example>\r\n"
DATA = b"DATA\r\n"
GROUP = MAIL + RCPT + DATA
LARGE = (b"x" * 76 + b"\r\n") * (3 * BLOCK_OCTETS // 78)
GO = b"250 ok\r\n250 ok\r\n354 go\r\n"


def ready(*, pipelining: bool = False) -> Session:
    session = Session(client_name="me")
    session.receive(b"220 mx\r\n")
    session.next_block()
    session.receive(b"250-mx\r\n250 PIPELINING\r\n" if pipelining else b"250 mx\r\n")
    return session


def written(session: Session) -> bytes:
    """Everything the session has to write now."""
    octets = b""
    while (block := session.next_block()) is not None:
        octets += bytes(block.head) + block.tail
    return octets


def begun(session: Session, content: bytes = CONTENT, *to: str) -> Transaction:
    """A transaction that was begun, none of it written."""
    transaction = mail(*to, content=content)()
    session.begin(transaction)
    return transaction


def to_content(session: Session, content: bytes = CONTENT) -> Transaction:
    """A transaction whose content may be written."""
    transaction = begun(session, content)
    while transaction.mail is None or not transaction.has_recipient:
        written(session)
        session.receive(b"250 ok\r\n")
    written(session)
    session.receive(b"354 go\r\n")
    assert session.phase is Phase.CONTENT
    return transaction


def assert_withdrawn(transaction: Transaction, phase: Phase) -> None:
    outcome = transaction.ended
    assert (outcome.code, outcome.phase) == (Code.TIMEOUT, phase)
    assert isinstance(outcome.error, PhaseTimeout)
    assert str(outcome.error) == "not sent within 9 s"
    assert (outcome.retry, outcome.in_doubt) == (Retry.LATER, False)
    assert not transaction.was_stale
    assert transaction.stuffed == b""


# Before anything is written.


@pytest.mark.parametrize("pipelining", [False, True])
def test_one_of_which_nothing_was_written_has_never_been(pipelining: bool) -> None:
    session = ready(pipelining=pipelining)
    transaction = begun(session)

    withdrawal = session.withdraw(transaction, 9)

    following = begun(session)
    assert withdrawal is Withdrawal.SETTLED
    assert_withdrawn(transaction, Phase.MAIL)
    assert following.is_first
    assert written(session) == (GROUP if pipelining else MAIL)


def test_one_behind_large_content_is_dropped_and_the_content_goes_on() -> None:
    session = ready(pipelining=True)
    first = to_content(session, LARGE)
    session.next_block()
    second = begun(session)

    withdrawal = session.withdraw(second, 9)

    third = begun(session)
    assert withdrawal is Withdrawal.SETTLED
    assert_withdrawn(second, Phase.MAIL)
    assert written(session).endswith(b"\r\n.\r\n" + GROUP)
    assert session.receive(b"250 ok\r\n") == [first]
    assert first.ended.code is Code.OK
    assert third.outcome is None


def test_the_reset_before_one_that_is_dropped_is_kept_for_the_next() -> None:
    session = ready(pipelining=True)
    begun(session)
    written(session)
    session.receive(b"550 no\r\n550 no\r\n550 no\r\n")

    session.withdraw(begun(session), 9)

    begun(session)
    assert written(session) == b"RSET\r\n" + GROUP


# Commands are written, and content is not.


@pytest.mark.parametrize(
    ("replies", "phase", "last"),
    [
        ([], Phase.MAIL, b"250 ok\r\n"),
        ([], Phase.MAIL, b"550 no\r\n"),
        ([b"250 ok\r\n"], Phase.RCPT, b"250 ok\r\n"),
        ([b"250 ok\r\n"], Phase.RCPT, b"450 no\r\n"),
    ],
)
def test_in_lock_step_the_rest_is_dropped_and_the_next_begins_with_rset(
    replies: list[bytes], phase: Phase, last: bytes
) -> None:
    session = ready()
    transaction = begun(session)
    written(session)
    for reply in replies:
        session.receive(reply)
        written(session)

    withdrawal = session.withdraw(transaction, 9)

    assert withdrawal is Withdrawal.SETTLED
    assert_withdrawn(transaction, phase)
    assert session.is_waiting_in_vain
    assert not session.can_begin
    assert session.receive(last) == []
    following = begun(session)
    assert not following.is_first
    assert written(session) == b"RSET\r\n"
    session.receive(b"250 ok\r\n")
    assert written(session) == MAIL


def test_in_lock_step_one_between_reply_and_command_leaves_the_session_idle() -> None:
    session = ready()
    transaction = begun(session)
    written(session)
    session.receive(b"250 ok\r\n")

    session.withdraw(transaction, 9)

    assert_withdrawn(transaction, Phase.RCPT)
    assert session.is_idle
    begun(session)
    assert written(session) == b"RSET\r\n"


@pytest.mark.parametrize("reply", [b"250 ok\r\n", b"502 no\r\n"])
def test_in_lock_step_one_may_be_taken_back_while_its_reset_is_answered(reply: bytes) -> None:
    session = ready()
    begun(session)
    written(session)
    session.receive(b"550 no\r\n")
    transaction = begun(session)
    assert written(session) == b"RSET\r\n"

    session.withdraw(transaction, 9)
    finished = session.receive(reply)

    assert finished == []
    assert_withdrawn(transaction, Phase.RSET)
    if reply.startswith(b"2"):
        begun(session)
        assert written(session) == MAIL
    else:
        assert session.is_closed


@pytest.mark.parametrize("pipelining", [False, True])
def test_354_closes_the_session_and_nothing_is_written(pipelining: bool) -> None:
    session = ready(pipelining=pipelining)
    transaction = begun(session)
    written(session)
    if not pipelining:
        for _ in range(2):
            session.receive(b"250 ok\r\n")
            written(session)

    withdrawal = session.withdraw(transaction, 9)

    assert withdrawal is Withdrawal.SETTLED
    assert_withdrawn(transaction, Phase.MAIL if pipelining else Phase.DATA)
    assert not session.can_begin
    assert written(session) == b""
    assert session.receive(GO if pipelining else b"354 go\r\n") == []
    assert session.is_closed
    assert written(session) == b""
    assert isinstance(session.error, ConnectionLost)


@pytest.mark.parametrize(
    "replies", [b"550 no\r\n550 no\r\n550 no\r\n", b"250 ok\r\n250 ok\r\n451 later\r\n"]
)
def test_where_data_is_refused_the_session_goes_on_with_rset(replies: bytes) -> None:
    session = ready(pipelining=True)
    transaction = begun(session)
    written(session)

    session.withdraw(transaction, 9)
    finished = session.receive(replies)

    assert finished == []
    assert_withdrawn(transaction, Phase.MAIL)
    begun(session)
    assert written(session) == b"RSET\r\n" + GROUP


@pytest.mark.parametrize(
    "replies",
    [b"421 bye\r\n", b"250 ok\r\n354 no\r\n", b"250 ok\r\n250 ok\r\n250 what\r\n", b"garbage\r\n"],
)
def test_no_reply_changes_what_was_withdrawn(replies: bytes) -> None:
    session = ready(pipelining=True)
    transaction = begun(session)
    written(session)
    session.withdraw(transaction, 9)
    outcome = transaction.outcome

    finished = session.receive(replies)

    assert finished == []
    assert transaction.outcome is outcome
    assert session.is_closed


@pytest.mark.parametrize("final", [b"250 taken\r\n", b"554 spam\r\n"])
def test_one_before_it_still_gets_its_final_reply(final: bytes) -> None:
    session = ready(pipelining=True)
    first = to_content(session)
    second = begun(session)
    assert written(session) == CONTENT + b".\r\n" + GROUP

    withdrawal = session.withdraw(second, 9)

    assert withdrawal is Withdrawal.SETTLED
    waits = [session.is_waiting_in_vain]
    assert session.receive(final) == [first]
    waits.append(session.is_waiting_in_vain)
    assert first.ended.code is (Code.OK if final[:1] == b"2" else Code.CONTENT)
    assert waits == [False, True]
    assert session.receive(GO) == []
    assert session.is_closed


def test_one_before_it_is_in_doubt_only_when_the_connection_is_lost() -> None:
    session = ready(pipelining=True)
    first = to_content(session)
    second = begun(session)
    written(session)
    session.withdraw(second, 9)

    finished = session.lost()

    assert finished == [first]
    assert first.ended.code is Code.IN_DOUBT
    assert_withdrawn(second, Phase.MAIL)


@pytest.mark.parametrize("is_written", [False, True])
def test_a_lone_dot_still_ends_data_where_every_recipient_was_refused(is_written: bool) -> None:
    session = ready(pipelining=True)
    transaction = begun(session)
    written(session)
    session.receive(b"250 ok\r\n550 5.1.1 who\r\n354 go\r\n")
    dot = written(session) if is_written else b""

    withdrawal = session.withdraw(transaction, 9)

    assert withdrawal is Withdrawal.SETTLED
    assert transaction.ended.code is Code.RECIPIENTS
    assert dot + written(session) == b".\r\n"
    assert session.receive(b"554 nothing\r\n") == []
    begun(session)
    assert written(session) == b"RSET\r\n" + GROUP


def test_withdrawn_before_354_a_lone_dot_is_written_where_no_recipient_is_left() -> None:
    session = ready(pipelining=True)
    transaction = begun(session)
    written(session)

    session.withdraw(transaction, 9)
    session.receive(b"250 ok\r\n550 5.1.1 who\r\n354 go\r\n")

    assert written(session) == b".\r\n"
    assert session.receive(b"554 nothing\r\n") == []
    assert_withdrawn(transaction, Phase.MAIL)
    assert session.can_begin


def test_what_the_replies_had_refused_stays_refused() -> None:
    session = ready(pipelining=True)
    transaction = begun(session, CONTENT, "bo@b.example", "cy@c.example")
    written(session)
    session.receive(b"250 ok\r\n550 5.1.1 who\r\n450 4.2.2 full\r\n")

    session.withdraw(transaction, 9)

    assert transaction.ended.code is Code.RECIPIENTS
    assert [str(fate) for fate in transaction.ended.fates] == ["550 5.1.1 who", "450 4.2.2 full"]


def test_a_recipient_refused_before_keeps_its_reply() -> None:
    session = ready(pipelining=True)
    transaction = begun(session, CONTENT, "bo@b.example", "cy@c.example")
    written(session)
    session.receive(b"250 ok\r\n550 5.1.1 who\r\n250 ok\r\n")

    session.withdraw(transaction, 9)

    assert_withdrawn(transaction, Phase.DATA)
    assert [fate and str(fate) for fate in transaction.ended.fates] == ["550 5.1.1 who", None]


# Content is under way.


@pytest.mark.parametrize("pipelining", [False, True])
@pytest.mark.parametrize("pieces", [0, 1, 2])
def test_content_that_did_not_leave_whole_ends_the_session(pipelining: bool, pieces: int) -> None:
    session = ready(pipelining=pipelining)
    transaction = to_content(session, LARGE)
    for _ in range(pieces):
        session.next_block()

    withdrawal = session.withdraw(transaction, 9)

    assert withdrawal is Withdrawal.ABORTED
    assert_withdrawn(transaction, Phase.CONTENT)
    assert session.is_closed
    assert session.next_block() is None
    assert session.lost() == []


@pytest.mark.parametrize("pieces", [0, 1])
def test_one_behind_content_that_is_taken_back_may_go_elsewhere(pieces: int) -> None:
    session = ready(pipelining=True)
    transaction = to_content(session, LARGE)
    for _ in range(pieces):
        session.next_block()
    behind = begun(session)

    session.withdraw(transaction, 9)
    finished = session.lost()

    assert finished == [behind]
    assert (behind.ended.code, behind.ended.phase) == (Code.PROTOCOL, Phase.MAIL)
    assert behind.was_stale


def test_a_final_dot_that_the_kernel_does_not_have_is_not_too_late() -> None:
    session = ready(pipelining=True)
    transaction = to_content(session)
    behind = begun(session)
    written(session)

    withdrawal = session.withdraw(transaction, 9, head_sent=False)

    assert withdrawal is Withdrawal.ABORTED
    assert_withdrawn(transaction, Phase.CONTENT)
    assert session.lost() == [behind]
    assert behind.was_stale
    assert not behind.ended.in_doubt


def test_a_final_dot_that_has_left_is_too_late() -> None:
    session = ready(pipelining=True)
    transaction = to_content(session)
    behind = begun(session)
    written(session)

    withdrawal = session.withdraw(transaction, 9)

    assert withdrawal is Withdrawal.TOO_LATE
    assert transaction.outcome is None
    assert session.receive(b"250 ok\r\n" + GO) == [transaction]
    assert transaction.ended.code is Code.OK
    assert written(session) == CONTENT + b".\r\n"
    assert behind.outcome is None


def test_commands_that_the_kernel_does_not_have_are_taken_back_like_others() -> None:
    session = ready(pipelining=True)
    first = to_content(session)
    behind = begun(session)
    written(session)

    withdrawal = session.withdraw(behind, 9, head_sent=False)

    assert withdrawal is Withdrawal.SETTLED
    assert_withdrawn(behind, Phase.MAIL)
    assert first.outcome is None


# Probes, strangers, the record.


def test_a_probe_in_lock_step_is_taken_back_by_the_next_rset() -> None:
    session = ready()
    asked = probe()()
    session.begin(asked)
    written(session)

    session.withdraw(asked, 9)
    session.receive(b"250 ok\r\n")

    assert_withdrawn(asked, Phase.MAIL)
    begun(session)
    assert written(session) == b"RSET\r\n"


@pytest.mark.parametrize("recipient", [b"250 ok\r\n", b"550 who\r\n"])
def test_a_probe_that_is_written_ends_with_its_rset(recipient: bytes) -> None:
    session = ready(pipelining=True)
    asked = probe()()
    session.begin(asked)
    written(session)

    session.withdraw(asked, 9)
    finished = session.receive(b"250 ok\r\n" + recipient + b"250 reset\r\n")

    assert finished == []
    assert_withdrawn(asked, Phase.MAIL)
    begun(session)
    assert written(session) == GROUP


def test_one_that_has_ended_is_too_late() -> None:
    session = ready()
    transaction = begun(session)
    session.lost()

    assert session.withdraw(transaction, 9) is Withdrawal.TOO_LATE
    assert transaction.ended.code is Code.PROTOCOL


def test_one_that_was_never_begun_here_is_a_mistake() -> None:
    session = ready()

    with pytest.raises(LocalProtocolError):
        session.withdraw(mail()(), 9)


def test_a_session_knows_what_it_carries() -> None:
    session = ready(pipelining=True)
    first = to_content(session)
    before = session.carries(first)
    second = begun(session)
    written(session)

    assert before
    assert session.carries(first)
    assert session.carries(second)
    session.receive(b"250 ok\r\n")
    assert not session.carries(first)


def test_the_transcript_says_when_it_was_taken_back() -> None:
    session = ready(pipelining=True)
    transaction = begun(session)
    written(session)
    session.receive(b"250 ok\r\n")

    session.withdraw(transaction, 9)
    session.receive(b"250 ok\r\n354 go\r\n")

    assert render(transaction.entries) == text("""
        C: MAIL FROM:<an@a.example>
        C: RCPT TO:<bo@b.example>
        C: DATA
        S: 250 ok
        * not sent within 9 s
        S: 250 ok
        S: 354 go
        """)
    assert render(session.last_entries) == "* closed to take back a message\n"


# Any server, any moment.

ACTIONS: list[Kind | Literal["withdraw"]] = [
    *["withdraw"] * len(KINDS),  # type: ignore[list-item]
    *["hold", "go on"] * 20,  # type: ignore[list-item]
    *KINDS,
]
MOMENTS = st.lists(  # some honest replies, then something
    st.tuples(
        st.integers(0, 6),
        st.sampled_from(ACTIONS),
        st.sampled_from((250, 354, 450, 550)),
        st.integers(0, 7),
    ),
    min_size=2,
    max_size=12,
)
WORK = st.lists(st.tuples(st.integers(1, 2), st.booleans()), min_size=3, max_size=6)


class Withdrawing(Life):
    """A session whose transactions are taken back now and then."""

    def __init__(self, *, pipelining: bool, work: list[tuple[int, bool]]) -> None:
        super().__init__(pipelining=pipelining, work=work)
        self.withdrawn: dict[Transaction, object] = {}

    def withdraw(self, choice: int) -> None:
        under_way = [each for each in self.begun if each.outcome is None]
        if not under_way:
            return
        session, transaction = self.session, under_way[choice // 2 % len(under_way)]
        number = self.begun.index(transaction)
        has_dot = any(not dot.code for dot in self.judge.of("dot", number))
        head_sent = choice % 2 == 0
        others = [each for each in under_way if each is not transaction]

        withdrawal = session.withdraw(transaction, 9, head_sent=head_sent)

        event(withdrawal.name)
        if withdrawal is Withdrawal.TOO_LATE:
            assert has_dot
            assert head_sent
            assert transaction.outcome is None
            return
        assert not (has_dot and head_sent)
        self.finished[transaction] += 1
        self.withdrawn[transaction] = transaction.outcome
        finished = session.lost() if withdrawal is Withdrawal.ABORTED else []
        self.finished.update(finished)
        assert session.is_closed is (withdrawal is Withdrawal.ABORTED)
        assert finished == (others if session.is_closed else [])
        for other in finished:
            assert other.was_stale
            assert self.judge.contents[self.begun.index(other)] == 0


@settings(max_examples=800, deadline=None)
@given(pipelining=st.booleans(), work=WORK, moments=MOMENTS)
def test_whatever_is_withdrawn_whenever_the_books_balance(
    pipelining: bool,
    work: list[tuple[int, bool]],
    moments: list[tuple[int, Kind | Literal["withdraw"], int, int]],
) -> None:
    life = Withdrawing(pipelining=pipelining, work=work)
    session, judge = life.session, life.judge
    life.write()

    for honest, kind, code, choice in moments:
        for _ in range(honest if judge.unanswered else 0):
            life.happens("honest", 250)
            life.write()
        if kind == "withdraw":
            life.withdraw(choice)
        else:
            life.happens(kind, code)
        life.write()
    life.finished.update(session.lost())

    assert [life.finished[each] for each in life.begun] == [1] * len(life.begun)
    for transaction, outcome in life.withdrawn.items():
        assert transaction.outcome is outcome
        assert transaction.ended.code in {Code.TIMEOUT, Code.SENDER, Code.RECIPIENTS}
    for number, transaction in enumerate(life.begun):
        _judge(transaction, number, judge)


def _judge(transaction: Transaction, number: int, judge: Judge) -> None:
    """Nothing is reported as unsent that a server may take for a message, nor the reverse."""
    outcome = transaction.ended
    dots = judge.of("dot", number)
    if isinstance(transaction, Probe):
        assert not judge.contents[number]
    elif outcome.code is Code.OK:
        assert judge.accepted("dot", number)
    else:
        assert not judge.accepted("dot", number)
    if outcome.in_doubt:
        assert dots
    if dots and dots[0].code == 0 and not outcome.in_doubt:
        assert outcome.phase is Phase.CONTENT
    if "closed to take back" in str(outcome.error):
        assert transaction.was_stale
        assert not judge.contents[number]
