"""A scripted server against a session, without a socket: its lines in, the whole transcript out.

Every dialogue is replayed with each of its replies cut at each place, and one octet at a time; what
comes out must be the same.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from textwrap import dedent

from postroad.errors import Code, Phase, PostroadError, Reason, Retry
from postroad.smtp.envelope import Envelope
from postroad.smtp.opening import Security
from postroad.smtp.sasl import Credentials
from postroad.smtp.session import Session
from postroad.smtp.transaction import Probe, Transaction
from postroad.smtp.transcript import render

SENDER = "an@a.example"
CONTENT = b"Subject: hi\r\n\r\nbody\r\n"

GREETING = "220 mx.example ESMTP"
PLAIN_EHLO = "250 mx.example"
GROUPED_EHLO = "250-mx.example\n250 PIPELINING"
OPENED = (GREETING, PLAIN_EHLO)
OPENED_GROUPED = (GREETING, GROUPED_EHLO)

Work = Callable[[], Transaction]


@dataclass(frozen=True)
class Lost:
    """The connection breaks; `error` is None when the server closed it."""

    error: PostroadError | None = None
    head_sent: bool = True


@dataclass(frozen=True)
class TimedOut:
    """Nothing moves for `seconds`."""

    seconds: float = 5.0
    head_sent: bool = True


@dataclass(frozen=True)
class Quit:
    """The client says good-bye."""


Step = str | bytes | Lost | TimedOut | Quit
"""What the server says next, lines without line ends or raw octets; or what befalls it."""


@dataclass(frozen=True)
class Ended:
    """An outcome, as a value that can be compared."""

    code: Code
    phase: Phase
    fates: tuple[str, ...]
    error: str
    reason: Reason | None
    retry: Retry | None
    was_stale: bool


@dataclass(frozen=True)
class Heard:
    """What came of a dialogue.

    transcript: the session's opening, then each transaction, then what came between and after.
    written:    the blocks as they left.
    ended:      one each of the transactions, in the order they were begun; None without outcome.
    error:      the session's.
    """

    transcript: str
    written: tuple[bytes, ...]
    ended: tuple[Ended | None, ...]
    error: str
    error_code: Code | None
    error_phase: Phase | None
    error_reason: Reason | None
    is_ready: bool
    is_closed: bool
    can_begin: bool

    @property
    def only(self) -> Ended:
        """The outcome of the only transaction."""
        (ended,) = self.ended
        assert ended is not None
        return ended

    @property
    def codes(self) -> list[Code | None]:
        return [None if ended is None else ended.code for ended in self.ended]

    @property
    def octets(self) -> bytes:
        return b"".join(self.written)


def mail(
    *to: str, sender: str = SENDER, content: bytes = CONTENT, needs_smtputf8: bool = False
) -> Work:
    """Return what makes a transaction; to bo@b.example by default."""
    envelope = Envelope(sender, to or ("bo@b.example",), needs_smtputf8)
    return lambda: Transaction(envelope, content)


def probe(*to: str) -> Work:
    """Return what makes a probe."""
    envelope = Envelope(SENDER, to or ("bo@b.example",))
    return lambda: Probe(envelope)


def text(lines: str) -> str:
    """Return an indented block as a transcript."""
    return dedent(lines).lstrip("\n")


def play(
    *steps: Step,
    work: tuple[Work, ...] = (),
    security: Security = "none",
    credentials: Credentials | None = None,
    is_honest: bool = True,
) -> Heard:
    """Return what comes of a dialogue, the same however its replies are cut.

    is_honest: the server never says more than it was asked, so that it does not matter either
               whether the client writes between two octets of a reply.
    """

    def run(cut: Callable[[int, bytes], Iterator[bytes]], *, writes_between: bool = False) -> Heard:
        return _Run(work, security, credentials).play(steps, cut, writes_between=writes_between)

    whole = run(lambda _, octets: iter((octets,)))
    for index, step in enumerate(steps):
        if isinstance(step, str | bytes):
            for place in range(1, len(_octets(step))):
                assert run(_cut_at(index, place)) == whole
    assert run(_one_by_one) == whole
    if is_honest:
        assert run(_one_by_one, writes_between=True) == whole
    return whole


def _cut_at(step: int, place: int) -> Callable[[int, bytes], Iterator[bytes]]:
    def cut(index: int, octets: bytes) -> Iterator[bytes]:
        yield from (octets[:place], octets[place:]) if index == step else (octets,)

    return cut


def _one_by_one(_: int, octets: bytes) -> Iterator[bytes]:
    for place in range(len(octets)):
        yield octets[place : place + 1]


def _octets(step: str | bytes) -> bytes:
    if isinstance(step, bytes):
        return step
    return "".join(f"{line}\r\n" for line in step.split("\n")).encode()


class _Run:
    """One replay."""

    def __init__(
        self, work: tuple[Work, ...], security: Security, credentials: Credentials | None
    ) -> None:
        self.session = Session(client_name="[::1]", security=security, credentials=credentials)
        self.waiting = deque(work)
        self.begun: list[Transaction] = []
        self.finished: Counter[Transaction] = Counter()
        self.written: list[bytes] = []
        self.secrets = credentials.secrets if credentials else ()

    def play(
        self,
        steps: tuple[Step, ...],
        cut: Callable[[int, bytes], Iterator[bytes]],
        *,
        writes_between: bool,
    ) -> Heard:
        session = self.session
        self.write()
        for index, step in enumerate(steps):
            match step:
                case Lost():
                    self.finished.update(session.lost(step.error, head_sent=step.head_sent))
                case TimedOut():
                    self.finished.update(session.timed_out(step.seconds, head_sent=step.head_sent))
                case Quit():
                    session.quit()
                case _:
                    for piece in cut(index, _octets(step)):
                        self.finished.update(session.receive(piece))
                        if writes_between:
                            self.write()
            self.write()
        return self.heard()

    def write(self) -> None:
        session = self.session
        if session.wants_tls:
            assert session.next_block() is None
            session.tls_established("TLS")
        while True:
            while session.can_begin and self.waiting:
                transaction = self.waiting.popleft()()
                self.begun.append(transaction)
                session.begin(transaction)
                if transaction.outcome is not None:
                    self.finished[transaction] += 1
            block = session.next_block()
            if block is None:
                return
            assert not session.is_closed
            self.written.append(bytes(block.head) + block.tail)

    def heard(self) -> Heard:
        session, error = self.session, self.session.error
        for transaction in self.begun:
            has_ended = transaction.outcome is not None
            assert self.finished[transaction] == has_ended, "each ends exactly once"
            assert has_ended or not session.is_closed, "none outlives its session"
        entries = [session.entries, *(each.entries for each in self.begun), session.last_entries]
        heard = Heard(
            "".join(render(each) for each in entries),
            tuple(self.written),
            tuple(_ended(transaction) for transaction in self.begun),
            str(error or ""),
            None if error is None else error.code,
            None if error is None else error.phase,
            None if error is None else error.reason,
            session.is_ready,
            session.is_closed,
            session.can_begin,
        )
        for secret in self.secrets:
            shown = repr((heard.transcript, heard.error, heard.ended))
            assert len(secret) < 4 or secret not in shown
        return heard


def _ended(transaction: Transaction) -> Ended | None:
    outcome = transaction.outcome
    if outcome is None:
        return None
    assert len(outcome.fates) == len(transaction.envelope.forward_paths)
    assert (outcome.error is None) == (outcome.code is Code.OK)
    return Ended(
        outcome.code,
        outcome.phase,
        tuple(str(fate or "") for fate in outcome.fates),
        str(outcome.error or ""),
        None if outcome.error is None else outcome.error.reason,
        outcome.retry,
        transaction.was_stale,
    )
