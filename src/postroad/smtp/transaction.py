"""One mail transaction: what it carries, the replies it got, and what they mean together."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from postroad.errors import (
    CapabilityError,
    Code,
    ConnectionLost,
    DeliveryInDoubt,
    LocalProtocolError,
    Phase,
    PostroadError,
    Reason,
    RemoteProtocolError,
    ReplyError,
    Retry,
)
from postroad.smtp.dot_stuffing import dot_stuff
from postroad.smtp.envelope import Envelope
from postroad.smtp.extensions import Extensions
from postroad.smtp.opening import refusal
from postroad.smtp.reply import Reply
from postroad.smtp.transcript import Entry

_BEFORE_CONTENT = (Phase.RSET, Phase.MAIL, Phase.RCPT, Phase.DATA)
_MAIL, _RCPT, _DATA, _DONE = Phase.MAIL, Phase.RCPT, Phase.DATA, Phase.DONE  # as in session.py
_OK = Code.OK
_TOO_LARGE = ("5.3.4", "5.2.3", "4.3.4")  # RFC 3463 §3.3 and §3.4


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one transaction.

    code:   Code.OK when at least one recipient was accepted.
    phase:  where it ended, Phase.DONE when accepted.
    fates:  for each forward-path the reply that decided it, None when none did.
    error:  why it was not accepted, None when it was.
    """

    code: Code
    phase: Phase
    fates: tuple[Reply | None, ...]
    error: PostroadError | None = None

    @property
    def in_doubt(self) -> bool:
        """Whether the message may have been accepted although no reply says so."""
        return self.code is Code.IN_DOUBT

    @property
    def retry(self) -> Retry | None:
        """Advice for the same message; None when it was accepted."""
        return self.error.retry if self.error is not None else None


class Withdrawal(Enum):
    """What taking a transaction back came to.

    TOO_LATE: its final dot has left, or it had ended before; nothing changed.
    SETTLED:  it has ended; the session goes on, or closes itself when its DATA is answered by 354.
    ABORTED:  it has ended and the session with it. The driver has to drop what it holds and close
              the connection; `lost` returns the transactions that end along, none of them with
              content written.
    """

    TOO_LATE = auto()
    SETTLED = auto()
    ABORTED = auto()


class Transaction:
    """A transaction under way: the session writes it, the driver reads its `outcome`.

    content:  octets with CRLF line ends, not dot-stuffed.
    is_transparent: known to have CRLF line ends only and no line that begins with a dot; content
              that is not known to is searched, a tenth of the time a message takes.
    stuffed:  `content` as it will be written, from its begin until then.
    entries:  its own part of the transcript; `transcript` has the session's around it.
    is_first: no other was begun on its session before it.
    """

    __slots__ = (
        "content",
        "entries",
        "envelope",
        "is_first",
        "is_transparent",
        "mail",
        "outcome",
        "rcpt",
        "stuffed",
        "transcript",
    )

    def __init__(self, envelope: Envelope, content: bytes, *, is_transparent: bool = False) -> None:
        self.envelope = envelope
        self.content = content
        self.is_transparent = is_transparent
        self.stuffed = b""
        self.entries: list[Entry] = []
        self.transcript: tuple[list[Entry], ...] = (self.entries,)
        self.is_first = True
        self.mail: Reply | None = None
        self.rcpt: list[Reply] = []
        self.outcome: Outcome | None = None

    def reset(self) -> None:
        """Forget what happened, to run again on another session."""
        self.entries = []
        self.transcript = (self.entries,)
        self.mail = None
        self.rcpt = []
        self.outcome = None

    def check(self, extensions: Extensions) -> None:
        """Refuse what the server says it cannot take, before anything is written.

        raises: CapabilityError for its SIZE (RFC 1870 §6.1) and for a missing SMTPUTF8 (RFC 6531).
        """
        limit = extensions.size_octets
        if limit is not None and len(self.content) > limit:
            raise CapabilityError(
                f"the message has {len(self.content)} octets and the server takes {limit}",
                reason=Reason.TOO_LARGE,
            )
        if self.envelope.needs_smtputf8 and not extensions.smtputf8:
            raise CapabilityError(
                "an address has a non-ASCII mailbox and the server does not offer SMTPUTF8",
                reason=Reason.SMTPUTF8_MISSING,
            )

    def stuff(self) -> None:
        """Set `stuffed`.

        raises: LocalProtocolError for content with a bare CR or LF.
        """
        self.stuffed = self.content if self.is_transparent else dot_stuff(self.content)

    def commands(self, extensions: Extensions) -> list[tuple[Phase, bytes]]:
        """Return MAIL, each RCPT and DATA, as a server with these extensions takes them."""
        envelope = self.envelope
        mail = f"MAIL FROM:<{envelope.reverse_path}>"
        if extensions.size:
            mail += f" SIZE={len(self.content)}"
        if envelope.needs_smtputf8:
            mail += " BODY=8BITMIME SMTPUTF8" if extensions.eight_bit_mime else " SMTPUTF8"
        return [
            (_MAIL, f"{mail}\r\n".encode()),
            *[(_RCPT, f"RCPT TO:<{path}>\r\n".encode()) for path in envelope.forward_paths],
            (_DATA, b"DATA\r\n"),
        ]

    @property
    def verdict(self) -> tuple[Phase, Reply] | None:
        """The refusal of its sender or of every recipient: nothing that follows changes it."""
        if self.mail is not None and not self.mail.is_positive:
            return Phase.MAIL, self.mail
        if len(self.rcpt) == len(self.envelope.forward_paths) and not self.has_recipient:
            # Where one may be accepted later, the message is worth another try.
            deferred = (reply for reply in self.rcpt if reply.is_transient)
            return Phase.RCPT, next(deferred, self.rcpt[0])
        return None

    @property
    def may_send_content(self) -> bool:
        """Whether its own MAIL and at least one of its RCPTs were accepted."""
        return self.mail is not None and self.mail.is_positive and self.has_recipient

    @property
    def ended(self) -> Outcome:
        """The outcome of a transaction that has one."""
        if self.outcome is None:
            raise LocalProtocolError("the transaction has no outcome yet")
        return self.outcome

    @property
    def was_stale(self) -> bool:
        """Whether a used session failed before the content was written: a new one may do."""
        outcome = self.outcome
        if outcome is None or self.is_first or outcome.phase not in _BEFORE_CONTENT:
            return False
        error = outcome.error
        return (
            isinstance(error, ConnectionLost)
            or (isinstance(error, ReplyError) and error.reply.code == 421)
            # The server did not forget the transaction before.
            or (isinstance(error, RemoteProtocolError) and outcome.phase is Phase.RSET)
        )

    @property
    def has_recipient(self) -> bool:
        """Whether at least one RCPT was accepted."""
        for reply in self.rcpt:  # noqa: SIM110 - `any` takes thrice the time, for every message
            if reply.is_positive:
                return True
        return False

    # How it ends. Each of these sets `outcome` once.

    def end_accepted(self, final: Reply) -> None:
        """The final dot got a positive reply."""
        self.outcome = Outcome(_OK, _DONE, self._fates(final))

    def end_refused(self, phase: Phase, reply: Reply) -> None:
        """A 4yz or 5yz reply decided it."""
        command, code = _REFUSED[phase]
        if phase is not Phase.RCPT and (
            reply.enhanced in _TOO_LARGE or (phase is Phase.MAIL and reply.code == 552)
        ):
            code = Code.CAPABILITY
        error = refusal(command, reply, code=code, phase=phase)
        if phase is Phase.MAIL:  # what RCPT was answered then only follows from it
            fates: tuple[Reply | None, ...] = (reply,) * len(self.envelope.forward_paths)
        else:
            fates = self._fates(reply)
        self.outcome = Outcome(error.code, phase, fates, error)

    def end_failed(self, error: PostroadError) -> None:
        """The session broke, or the message never suited it.

        At Phase.FINAL_DOT it is in doubt; what its replies had refused before stays refused.
        """
        if self.verdict is not None:
            self.end_refused(*self.verdict)
            return
        if error.phase is Phase.FINAL_DOT and not error.in_doubt:
            cause, error = error, DeliveryInDoubt(f"{error}; the message may have been accepted")
            error.__cause__ = cause
        # A result may be kept for long; the frames of a traceback hold the content.
        error.__traceback__ = None
        self.outcome = Outcome(error.code, error.phase, self._fates(None), error)

    def _fates(self, decisive: Reply | None) -> tuple[Reply | None, ...]:
        """Return each forward-path's reply: its own refusal, else `decisive`."""
        if len(self.envelope.forward_paths) == 1:
            return (self.rcpt[0],) if self.rcpt and not self.rcpt[0].is_positive else (decisive,)
        own = [decisive if reply.is_positive else reply for reply in self.rcpt]
        return (*own, *[decisive] * (len(self.envelope.forward_paths) - len(own)))


_REFUSED = {
    Phase.RSET: ("RSET", Code.PROTOCOL),
    Phase.MAIL: ("the sender", Code.SENDER),
    Phase.RCPT: ("every recipient", Code.RECIPIENTS),
    Phase.DATA: ("the message (DATA)", Code.CONTENT),
    Phase.FINAL_DOT: ("the message", Code.CONTENT),
}


class Probe(Transaction):
    """A transaction that ends with RSET instead of DATA: what the server says, and no mail."""

    __slots__ = ()

    def __init__(self, envelope: Envelope) -> None:
        super().__init__(envelope, b"")

    def commands(self, extensions: Extensions) -> list[tuple[Phase, bytes]]:
        """Return MAIL, each RCPT and RSET."""
        return [*super().commands(extensions)[:-1], (Phase.RSET, b"RSET\r\n")]

    def end_reset(self, reply: Reply) -> None:
        """RSET was answered: the replies to MAIL and RCPT decide."""
        if self.verdict is not None:
            self.end_refused(*self.verdict)
        else:
            self.end_accepted(reply)
