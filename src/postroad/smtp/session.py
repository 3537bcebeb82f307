"""A session without a socket: fed octets and transactions, it says what to write and what happened.

The driver's part is four calls: `next_block` for what to write now (once everything before was
handed to the kernel), `receive` for what arrived, `tls_established` when a handshake that
`wants_tls` asked for is done, and `lost` or `timed_out` when octets no longer move. `withdraw`
takes a transaction back.

With PIPELINING the content of one transaction, its final dot and the commands of the next leave in
one block: one round trip per message (RFC 2920 §3.1). Without it every command waits for its reply.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from postroad.errors import (
    Code,
    ConnectionLost,
    LocalProtocolError,
    Phase,
    PhaseTimeout,
    PostroadError,
    Reason,
    RemoteProtocolError,
    ReplyError,
    TlsError,
)
from postroad.smtp.dot_stuffing import END_OF_DATA
from postroad.smtp.extensions import Extensions
from postroad.smtp.opening import Security, StartTls, opening, refusal
from postroad.smtp.redaction import Redactor
from postroad.smtp.reply import Reply, ReplyParser
from postroad.smtp.sasl import Credentials
from postroad.smtp.transaction import Probe, Transaction, Withdrawal
from postroad.smtp.transcript import Entry, Note, Sent

BLOCK_OCTETS = 262_144  # one time-out of Phase.CONTENT covers a block this large

# A member looked up in its enum takes ten times as long in Python 3.11, thirty times a message.
_RSET, _MAIL, _RCPT = Phase.RSET, Phase.MAIL, Phase.RCPT
_DATA, _FINAL_DOT = Phase.DATA, Phase.FINAL_DOT


@dataclass(frozen=True, slots=True)
class Block:
    """Octets to write in one go.

    head: content, in its last piece with the final dot; as long as some of it is unsent, the
          server cannot act on that dot.
    tail: the commands that follow.
    """

    head: bytes | memoryview
    tail: bytes = b""


class Session:
    """One SMTP session on the client's side.

    client_name: what EHLO says.
    security:    how the connection is encrypted; nothing weaker is ever used instead.
    credentials: None means no AUTH.

    Transactions are begun with `begin` whenever `can_begin`; each ends with an `outcome`.
    `error` is what went wrong: why the session never became ready, or what ended it; else None.
    `entries` is its transcript up to readiness, `last_entries` what came between and after the
    transactions.

    raises: LocalProtocolError when `client_name` could change the command it stands in.
    """

    def __init__(
        self,
        *,
        client_name: str,
        security: Security = "none",
        credentials: Credentials | None = None,
    ) -> None:
        if not (client_name.isascii() and client_name.isprintable() and client_name.strip()):
            raise LocalProtocolError(f"not a name that EHLO may say: {client_name[:80]!r}")
        self.extensions = Extensions()
        self.entries: list[Entry] = []
        self.last_entries: list[Entry] = []
        self.error: PostroadError | None = None
        self.is_ready = False
        self.is_closed = False
        self.wants_tls = False
        self.progress = 0  # grows with each reply and each block: what a time-out watches
        self.begun = 0
        self._redactor = Redactor(credentials.secrets if credentials else ())
        self._parser = ReplyParser(self._redactor)
        self._opening = opening(client_name=client_name, security=security, credentials=credentials)
        self._shown: Sent | None = None  # for the command of the opening that comes next
        self._awaited: deque[tuple[Phase, Transaction | None]] = deque()
        self._commands: deque[tuple[Phase, Transaction | None, bytes]] = deque()
        self._open: Transaction | None = None  # its MAIL, RCPTs and DATA are under way
        self._content: Transaction | None = None  # its content may be written
        self._pieces: deque[bytes | memoryview] = deque()
        self._needs_reset = False  # before the next MAIL that is written
        self._is_leaving = False
        self._finished: list[Transaction] = []
        self._advance()

    # What the driver asks.

    @property
    def can_begin(self) -> bool:
        """Whether `begin` may be called now."""
        if not self.is_ready or self.is_closed or self._is_leaving or self._open is not None:
            return False
        return self.extensions.pipelining or (not self._awaited and self._content is None)

    @property
    def is_idle(self) -> bool:
        """Nothing is to be written and no reply is awaited."""
        return not self._awaited and not self._commands and self._content is None

    @property
    def is_waiting(self) -> bool:
        """A reply has to come before anything can be written, whatever is begun."""
        return bool(self._awaited) and not self._commands and self._content is None

    @property
    def is_waiting_in_vain(self) -> bool:
        """The next reply belongs to a transaction that was withdrawn."""
        owner = self._awaited[0][1] if self._awaited else None
        return owner is not None and owner.outcome is not None

    @property
    def phase(self) -> Phase:
        """What is under way; Phase.DONE when idle."""
        if self.wants_tls:
            return Phase.TLS
        if self._pieces or (self._content is not None and not self._awaited):
            return Phase.CONTENT
        if self._awaited:
            return self._awaited[0][0]
        return self._commands[0][0] if self._commands else Phase.DONE

    def begin(self, transaction: Transaction) -> None:
        """Start a transaction; one the server cannot take ends at once, with its outcome set."""
        if not self.can_begin:
            raise LocalProtocolError("this session cannot begin a transaction now")
        transaction.transcript = (self.entries, transaction.entries, self.last_entries)
        try:
            transaction.check(self.extensions)
            transaction.stuff()
        except PostroadError as error:
            transaction.entries.append(Note(str(error)))
            transaction.end_failed(error)
            return
        self._open = transaction
        transaction.is_first = self.begun == 0
        self.begun += 1
        for phase, command in transaction.commands(self.extensions):
            self._commands.append((phase, transaction, command))

    def carries(self, transaction: Transaction) -> bool:
        """Whether `transaction` is under way here."""
        owners = [self._open, self._content, *(owner for _, owner in self._awaited)]
        return any(owner is transaction for owner in owners)

    def withdraw(
        self, transaction: Transaction, seconds: float, *, head_sent: bool = True
    ) -> Withdrawal:
        """Take back a transaction that was not sent within `seconds`, unless its dot has left.

        It ends at once, as timed out at the phase it had reached; what its replies had refused
        before stays refused. No other transaction loses content or a reply to its content.

        head_sent: as for `lost`.
        raises:    LocalProtocolError when it was never begun here.
        """
        if transaction.outcome is not None:
            return Withdrawal.TOO_LATE
        phase = self._phase_of(transaction)
        if phase is _FINAL_DOT and transaction.verdict is None:
            if head_sent:
                return Withdrawal.TOO_LATE
            phase = Phase.CONTENT
        error = PhaseTimeout(f"not sent within {seconds:g} s", phase=phase)
        transaction.entries.append(Note(str(error)))
        transaction.end_failed(error)
        transaction.stuffed = b""
        if phase is Phase.CONTENT:
            # The server waits for content, and any end of it would be a message. It is alone there:
            # content is only written when every reply before it has come.
            self._end(_closed_on_purpose, head_sent=head_sent)
            return Withdrawal.ABORTED
        if self._commands and self._commands[0][0] is not _FINAL_DOT:  # a lone dot has to follow
            self._drop_commands()
        return Withdrawal.SETTLED

    def quit(self) -> None:
        """Say good-bye once nothing is under way; no transaction begins after it."""
        if self.is_ready and self.is_idle and not self.is_closed:
            self._is_leaving = True
            self._commands.append((Phase.QUIT, None, b"QUIT\r\n"))

    def next_block(self) -> Block | None:
        """Return what to write now, None when a reply has to come first."""
        if self.is_closed or self.wants_tls:
            return None
        head: bytes | memoryview = b""
        if self._content is not None:
            head = self._next_content(self._content)
        tail = self._next_commands() if self._content is None else b""
        if not head and not tail:
            return None
        self.progress += 1
        return Block(head, tail)

    def receive(self, data: bytes) -> list[Transaction]:
        """Take what arrived; return the transactions that ended."""
        parser = self._parser
        for reply in parser.feed(data) if not self.is_closed else ():
            if self.wants_tls:
                self._injected()
            if self.is_closed:
                break
            self.progress += 1
            self._handle(reply)
        if self.wants_tls and not parser.is_between_replies:
            self._injected()
        if parser.error is not None:
            self._break(parser.error)
        return self._take_finished()

    def tls_established(self, note: str) -> None:
        """The handshake that `wants_tls` asked for is done; nothing read before it counts."""
        if self.is_closed:
            return
        self.wants_tls = False
        self.progress += 1
        self.note(note)
        self._advance()

    def note(self, text: str) -> None:
        """Add a line to the transcript for what has no line on the wire."""
        self._record(Note(text))

    def lost(
        self, error: PostroadError | None = None, *, head_sent: bool = True
    ) -> list[Transaction]:
        """The connection is gone; return the transactions that ended.

        error:     what broke it, when it was not the peer closing it.
        head_sent: the head of the last block was handed to the kernel, so that its final dot may
                   have arrived; False only where the driver knows better.
        """
        cause = error or ConnectionLost("the server closed the connection")
        if self.wants_tls and not isinstance(cause, TlsError):
            cause = TlsError(f"{cause} in the TLS handshake")
        self._end(lambda phase: _like(cause, phase), head_sent=head_sent)
        return self._take_finished()

    def timed_out(self, seconds: float, *, head_sent: bool = True) -> list[Transaction]:
        """Nothing came, or nothing could be written, within `seconds`; the session is over."""
        what = "reply" if head_sent else "room to write"
        text = f"no {what} within {seconds:.3g} s"
        self._end(lambda phase: PhaseTimeout(text, phase=phase), head_sent=head_sent)
        return self._take_finished()

    # What is taken back.

    def _phase_of(self, transaction: Transaction) -> Phase:
        """Return what `transaction` waits for."""
        if transaction is self._content:
            return Phase.CONTENT
        under_way = [*self._awaited, *((phase, owner) for phase, owner, _ in self._commands)]
        for phase, owner in under_way:
            if owner is transaction:
                return phase
        raise LocalProtocolError("the transaction is not under way on this session")

    def _drop_commands(self) -> None:
        """Forget what is not yet written of the transaction that is open."""
        if self._commands[0][0] is not _MAIL:
            self._needs_reset = True
        elif not self._awaited or self._awaited[-1][0] is not _RSET:
            self.begun -= 1  # nothing of it was written
        self._commands.clear()
        self._open = None

    # What is written.

    def _next_content(self, transaction: Transaction) -> bytes | memoryview:
        """Return the next piece of content; the last one with the final dot."""
        if not self._pieces:
            stuffed, transaction.stuffed = transaction.stuffed, b""
            transaction.entries.append(len(stuffed))
            if len(stuffed) <= BLOCK_OCTETS:
                return self._last_content(transaction, stuffed + END_OF_DATA)
            view = memoryview(stuffed)
            self._pieces.extend(
                view[start : start + BLOCK_OCTETS] for start in range(0, len(view), BLOCK_OCTETS)
            )
        piece = self._pieces.popleft()
        if self._pieces:
            return piece
        return self._last_content(transaction, bytes(piece) + END_OF_DATA)

    def _last_content(self, transaction: Transaction, octets: bytes) -> bytes:
        self._content = None
        self._awaited.append((_FINAL_DOT, transaction))
        return octets

    def _next_commands(self) -> bytes:
        """Return every command that may be written now, in one piece."""
        commands = self._commands
        if not commands:
            return b""
        is_grouped = self.is_ready and self.extensions.pipelining
        if self._awaited and not is_grouped:
            return b""
        phase, transaction, written = commands[0]
        if phase is _MAIL and self._needs_reset:
            # Without it two real servers took the next message with the old sender.
            commands.appendleft((_RSET, transaction, b"RSET\r\n"))
            written = b"RSET\r\n"
            self._needs_reset = False
        if is_grouped:
            written = b"".join([command for _, _, command in commands])
            self._awaited.extend([(each, owner) for each, owner, _ in commands])
            commands.clear()
        else:
            self._awaited.append(commands.popleft()[:2])
        if transaction is not None:
            transaction.entries.append(written)
        else:
            self._record(self._shown or written)
            self._shown = None
        return written

    # What arrived.

    def _handle(self, reply: Reply) -> None:
        if not self._awaited:
            self._unsolicited(reply)
            return
        phase, transaction = self._awaited.popleft()
        if transaction is None:
            self._record(reply)
            if phase is Phase.QUIT:
                self.is_closed = True
            else:
                self._advance(reply)
            return
        transaction.entries.append(reply)
        if reply.code == 421:
            self._closing(phase, transaction, reply)
        elif phase is _DATA:
            self._on_data(transaction, reply)
        elif 300 <= reply.code < 400:
            self._unexpected(phase, transaction, reply)
        elif phase is _FINAL_DOT:
            self._on_final(transaction, reply)
        elif phase is _RSET:
            self._on_reset(transaction, reply)
        else:
            self._on_path(phase, transaction, reply)

    def _on_path(self, phase: Phase, transaction: Transaction, reply: Reply) -> None:
        if phase is _MAIL:
            transaction.mail = reply
        else:
            transaction.rcpt.append(reply)
        # In lock step what is still unwritten need not be; elsewhere the reply to DATA has to come.
        if self._commands and (verdict := transaction.verdict) is not None:
            self._refused(transaction, *verdict)

    def _on_data(self, transaction: Transaction, reply: Reply) -> None:
        self._open = None
        if reply.code == 354 and transaction.may_send_content:
            if transaction.outcome is None:
                self._content = transaction
            else:  # withdrawn: even a lone dot would now be a message
                self._end(_closed_on_purpose)
        elif reply.code == 354 and transaction.mail is not None and transaction.mail.is_positive:
            # The only state in which a lone dot is safe: elsewhere it queued an empty mail.
            self._open = transaction
            self._commands.append((_FINAL_DOT, transaction, END_OF_DATA))
        elif reply.code < 400:
            self._unexpected(_DATA, transaction, reply)
        else:
            self._refused(transaction, *(transaction.verdict or (_DATA, reply)))

    def _on_reset(self, transaction: Transaction, reply: Reply) -> None:
        if not reply.is_positive:
            self._unexpected(_RSET, transaction, reply)
        elif isinstance(transaction, Probe) and transaction.mail is not None:
            self._open = None
            if transaction.outcome is None:
                transaction.end_reset(reply)
                self._finished.append(transaction)

    def _on_final(self, transaction: Transaction, reply: Reply) -> None:
        if reply.is_positive and transaction.has_recipient:
            transaction.end_accepted(reply)
            self._finished.append(transaction)
        else:  # with a verdict the dot was a lone one, and no content came before it
            self._refused(transaction, *(transaction.verdict or (_FINAL_DOT, reply)))

    def _refused(self, transaction: Transaction, phase: Phase, reply: Reply) -> None:
        """End a transaction that the server refused; the session goes on."""
        if transaction.outcome is None:
            transaction.end_refused(phase, reply)
            self._finished.append(transaction)
        if self._open is transaction:
            self._open = None
            self._commands.clear()
        if self._open is None or self._commands:  # no further MAIL is on its way
            self._needs_reset = True

    # How it goes on and how it ends.

    def _advance(self, reply: Reply | None = None) -> None:
        """Resume the opening dialogue with a reply, or after it waited for TLS or the start."""
        try:
            step = next(self._opening) if reply is None else self._opening.send(reply)
        except StopIteration as done:
            self.extensions = done.value
            self.is_ready = True
        except PostroadError as error:
            self._give_up(error)
        else:
            if isinstance(step, StartTls):
                self.wants_tls = True
            elif step.octets:
                self._shown = None if step.shown is None else Sent(step.shown)
                self._redactor.conceal(step.secret)
                self._commands.append((step.phase, None, step.octets))
            else:
                self._awaited.append((step.phase, None))

    def _give_up(self, error: PostroadError) -> None:
        """The opening failed; that is no reason to close before QUIT (RFC 5321 §4.1.1.10)."""
        self.error = error
        is_421 = isinstance(error, ReplyError) and error.reply.code == 421
        if is_421 or isinstance(error, RemoteProtocolError):
            self._end(lambda _: error)
        else:
            self._record(Note(str(error)))
            self._commands.append((Phase.QUIT, None, b"QUIT\r\n"))

    def _closing(self, phase: Phase, transaction: Transaction, reply: Reply) -> None:
        """421: this transaction is refused and the session is over (RFC 5321 §3.8)."""
        if transaction.outcome is None:
            transaction.end_refused(*(transaction.verdict or (phase, reply)))
            self._finished.append(transaction)
        self._end(lambda p: refusal("the session", reply, code=Code.PROTOCOL, phase=p))

    def _unsolicited(self, reply: Reply) -> None:
        self._record(reply)
        if reply.code == 421:
            self._end(lambda p: refusal("the session", reply, code=Code.PROTOCOL, phase=p))
        else:
            self._break(
                RemoteProtocolError(
                    f"a reply that no command asked for: {reply}", reason=Reason.UNEXPECTED
                )
            )

    def _unexpected(self, phase: Phase, transaction: Transaction, reply: Reply) -> None:
        """A reply that fits no state: never write content after it, close instead."""
        self._awaited.appendleft((phase, transaction))  # where the session stopped
        self._break(
            RemoteProtocolError(
                f"the server answered {phase} with {reply}", reason=Reason.UNEXPECTED
            )
        )

    def _injected(self) -> None:
        error = TlsError(
            "the server wrote more after its reply to STARTTLS: somebody may be tampering",
            phase=Phase.STARTTLS,
            reason=Reason.STARTTLS_INJECTED,
        )
        self._end(lambda _: error)

    def _break(self, error: PostroadError) -> None:
        self._end(lambda phase: _like(error, phase))

    def _end(self, failure: Callable[[Phase], PostroadError], *, head_sent: bool = True) -> None:
        """End the session and every transaction under way."""
        if self.is_closed:
            return
        cause = failure(self.phase)
        if self.error is None:
            self.error = cause
        self.is_closed = True
        self.wants_tls = False
        self._record(Note(str(cause)))
        under_way = [*self._awaited, (Phase.CONTENT, self._content)]
        under_way += [(phase, transaction) for phase, transaction, _ in self._commands]
        for phase, transaction in under_way:
            if transaction is not None and transaction.outcome is None:
                is_unsent = phase is _FINAL_DOT and not head_sent
                transaction.end_failed(failure(Phase.CONTENT if is_unsent else phase))
                self._finished.append(transaction)
        self._awaited.clear()
        self._commands.clear()
        self._pieces.clear()
        self._content = self._open = None

    def _record(self, entry: Entry) -> None:
        (self.last_entries if self.is_ready else self.entries).append(entry)

    def _take_finished(self) -> list[Transaction]:
        finished, self._finished = self._finished, []
        return finished


def _closed_on_purpose(phase: Phase) -> PostroadError:
    return ConnectionLost("closed to take back a message", phase=phase)


def _like(error: PostroadError, phase: Phase) -> PostroadError:
    """Return `error` as it looks to a transaction that it stopped at `phase`."""
    copy = type(error)(str(error), phase=phase, reason=error.reason)
    copy.__cause__ = error.__cause__
    return copy
