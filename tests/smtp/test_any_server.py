"""Whatever a server says, whenever it says it: what a session must never do.

A second, independent bookkeeping reads the octets the session writes and credits each reply to the
oldest command without one; what the session does and reports is judged by it.
"""

from __future__ import annotations

import base64
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Literal

from hypothesis import event, given, settings
from hypothesis import strategies as st

from postroad.errors import Code, Phase
from postroad.smtp.envelope import Envelope
from postroad.smtp.sasl import Credentials
from postroad.smtp.session import Session
from postroad.smtp.transaction import Probe, Transaction
from postroad.smtp.transcript import render

SECRET = "correct horse battery"
ECHO = f"{SECRET} {base64.b64encode(SECRET.encode()).decode()} {SECRET.encode().hex()}"
CODES = (250, 450, 550, 550, 554, 452, 251, 354, 421, 334, 235, 500)

Kind = Literal["honest", "code", "cut", "more", "garbage", "lost", "timed out", "hold", "go on"]
WEIGHTS: dict[Kind, int] = {
    "honest": 64,
    "code": 12,
    "cut": 8,
    "hold": 2,
    "go on": 6,
    "more": 1,
    "garbage": 1,
    "lost": 1,
    "timed out": 1,
}
KINDS = [kind for kind, weight in WEIGHTS.items() for _ in range(weight)]
EVENTS = st.lists(
    st.tuples(st.sampled_from(KINDS), st.sampled_from(CODES)), min_size=5, max_size=60
)
WORK = st.lists(st.tuples(st.integers(1, 3), st.booleans()), min_size=1, max_size=4)


@dataclass
class Written:
    """A command of a transaction, as its octets say, and the code that answers it."""

    verb: str
    number: int
    code: int = 0


@dataclass
class Judge:
    """Reads what was written, credits what was answered."""

    commands: list[Written] = field(default_factory=list)
    unanswered: deque[Written] = field(default_factory=deque)
    contents: Counter[int] = field(default_factory=Counter)
    number: int = -1
    has_content: bool = False

    def wrote(self, octets: bytes) -> None:
        for line in octets.decode().split("\r\n")[:-1]:
            verb = line[:4]
            if line.startswith("content-"):
                self.begins_content(int(line.removeprefix("content-")))
                continue
            if verb == "MAIL":
                self.number = int(line.removeprefix("MAIL FROM:<s").split("@")[0])
            if line == ".":
                self.ends_data()
                verb = "dot" if self.has_content else "lone dot"
                self.has_content = False
            command = Written(verb, self.number)
            self.commands.append(command)
            self.unanswered.append(command)

    def begins_content(self, number: int) -> None:
        self.contents[number] += 1
        assert number == self.number
        assert not self.unanswered, "every command before it was answered"
        assert self.accepted("MAIL", number), "its own MAIL"
        assert self.accepted("RCPT", number), "one of its own RCPTs"
        assert [each.code for each in self.of("DATA", number)] == [354], "its own DATA"
        assert self.contents[number] == 1, "never twice"
        self.has_content = True

    def ends_data(self) -> None:
        assert self.accepted("MAIL", self.number)
        assert self.accepted("RCPT", self.number) is self.has_content

    def answered(self, code: int) -> None:
        if self.unanswered:
            self.unanswered.popleft().code = code

    def of(self, verb: str, number: int) -> list[Written]:
        return [each for each in self.commands if (each.verb, each.number) == (verb, number)]

    def accepted(self, verb: str, number: int) -> bool:
        return any(200 <= each.code < 300 for each in self.of(verb, number))

    def honest_code(self) -> int:
        if not self.unanswered:
            return 250
        return 354 if self.unanswered[0].verb == "DATA" else 250


class Life:
    """One session with its driver and its server."""

    def __init__(self, *, pipelining: bool, work: list[tuple[int, bool]]) -> None:
        credentials = Credentials("bo", SECRET)
        self.session = Session(client_name="me", credentials=credentials)
        keyword = b"PIPELINING" if pipelining else b"X-SLOW"
        for reply in (b"220 mx", b"250-mx\r\n250-AUTH PLAIN\r\n250 " + keyword, b"235 ok"):
            self.session.receive(reply + b"\r\n")
            self.session.next_block()
        self.waiting = deque(
            Probe(Envelope(f"s{number}@x", ("r@x",) * count))
            if is_probe
            else Transaction(Envelope(f"s{number}@x", ("r@x",) * count), _content(number))
            for number, (count, is_probe) in enumerate(work)
        )
        self.judge = Judge()
        self.begun: list[Transaction] = []
        self.finished: Counter[Transaction] = Counter()
        self.is_held = False

    def write(self) -> None:
        session = self.session
        while session.can_begin and self.waiting:
            self.begun.append(self.waiting.popleft())
            session.begin(self.begun[-1])
        was_closed = session.is_closed
        while not self.is_held and (block := session.next_block()) is not None:
            assert not was_closed, "after the end nothing is written"
            self.judge.wrote(bytes(block.head) + block.tail)
            while session.can_begin and self.waiting:
                self.begun.append(self.waiting.popleft())
                session.begin(self.begun[-1])

    def hear(self, octets: bytes, *codes: int) -> None:
        if self.session.is_closed:
            return
        for code in codes:
            self.judge.answered(code)
        self.finished.update(self.session.receive(octets))

    def happens(self, kind: Kind, code: int) -> None:
        honest = self.judge.honest_code()
        match kind:
            case "honest":
                self.hear(b"%d ok\r\n" % honest, honest)
            case "code":
                self.hear(f"{code}-so\r\n{code} {ECHO}\r\n".encode(), code)
            case "cut":
                self.hear(b"%d-" % honest)
                self.write()
                self.hear(b"\r\n%d x\r" % honest)
                self.hear(b"\n", honest)
            case "more":
                self.hear(b"%d ok\r\n%d too\r\n" % (honest, code), honest, code)
            case "garbage":
                self.hear(f"what is {ECHO}\r\n".encode())
            case "lost":
                self.finished.update(self.session.lost(head_sent=code % 2 == 0))
            case "timed out":
                self.finished.update(self.session.timed_out(1, head_sent=code % 2 == 0))
            case "hold":
                self.is_held = True
            case "go on":
                self.is_held = False


def _content(number: int) -> bytes:
    return b"content-%d\r\n" % number


@settings(max_examples=600, deadline=None)
@given(pipelining=st.booleans(), work=WORK, events=EVENTS)
def test_whatever_a_server_does_the_books_balance(
    pipelining: bool,
    work: list[tuple[int, bool]],
    events: list[tuple[Kind, int]],
) -> None:
    life = Life(pipelining=pipelining, work=work)
    session, judge = life.session, life.judge
    life.write()

    for kind, code in events:
        life.happens(kind, code)
        life.write()
    was_idle = session.is_idle
    life.finished.update(session.lost())
    life.is_held = False
    life.write()

    assert session.is_closed
    assert not session.can_begin
    assert [life.finished[each] for each in life.begun] == [1] * len(life.begun)
    for number, transaction in enumerate(life.begun):
        _judge(transaction, number, judge)
    shown = "".join(
        render(entries)
        for entries in (
            session.entries,
            session.last_entries,
            *(each.entries for each in life.begun),
        )
    )
    for text in (shown, repr(session.error), *(repr(each.outcome) for each in life.begun)):
        assert not any(form in text for form in ECHO.rsplit(" ", 2))
    event(f"idle at the end: {was_idle}")
    for transaction in life.begun:
        event(f"{type(transaction).__name__} {transaction.ended.code.word}")


def _judge(transaction: Transaction, number: int, judge: Judge) -> None:
    outcome = transaction.ended
    dots = judge.of("dot", number)
    assert len(outcome.fates) == len(transaction.envelope.forward_paths)
    assert (outcome.phase is Phase.DONE) == (outcome.code is Code.OK) == (outcome.error is None)
    assert outcome.code is not Code.INTERNAL
    if isinstance(transaction, Probe):
        assert not judge.contents[number]
        assert not outcome.in_doubt
    elif outcome.code is Code.OK:
        assert judge.accepted("dot", number)
        assert any(fate and fate.is_positive for fate in outcome.fates)
    else:
        assert not judge.accepted("dot", number)
        assert not any(fate and fate.is_positive for fate in outcome.fates)
    if outcome.in_doubt:
        assert [dot.code < 400 for dot in dots] == [True]
    if transaction.was_stale:
        assert not judge.contents[number]
    if dots and dots[0].code == 0 and not outcome.in_doubt:
        assert outcome.phase is Phase.CONTENT
