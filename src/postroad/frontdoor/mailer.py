"""The blocking mailer: one connection, kept between messages."""

from __future__ import annotations

import os
import threading
import time
from typing import Self

from postroad.errors import MessageError, Phase, PostroadError, SettingsError
from postroad.frontdoor.composing import compose
from postroad.frontdoor.result import Result, failed
from postroad.message import BuiltMessage, Message
from postroad.smtp.envelope import Envelope
from postroad.smtp.transaction import Outcome, Transaction
from postroad.smtp.transcript import Note
from postroad.transport.blocking import BlockingConnection
from postroad.transport.relay import Relay

MAX_S = 86_400.0
TIMEOUT_S = 300.0  # what RFC 5321 §4.5.3.2 allows a single command


def check_timeout(seconds: object) -> None:
    """Refuse what is no number of seconds above 0, a day at most.

    raises: SettingsError.
    """
    if (
        isinstance(seconds, bool)
        or not isinstance(seconds, int | float)
        or not 0 < seconds <= MAX_S
    ):
        raise SettingsError(f"timeout must be above 0 and at most {MAX_S:g} seconds")


class Mailer:
    """Sends messages over one connection to a relay, from any thread, one at a time.

    timeout: seconds for one message, connecting and logging in included.
    lang:    language of hints: "ko", "zh" or "en".

    The connection is opened by the first message and opened again when the relay has closed it.
    """

    def __init__(self, relay: Relay, *, timeout: float = TIMEOUT_S, lang: str = "en") -> None:
        check_timeout(timeout)
        self.relay = relay
        self._timeout = timeout
        self._lang = lang
        self._connection: BlockingConnection | None = None
        self._deadline: float | None = None  # of the last message; good-bye does not outlast it
        self._owner = os.getpid()
        self._turn = threading.Lock()

    def send(self, message: Message) -> Result:
        """Send `message` and return what became of it; a failure is a result, not an exception."""
        deadline = time.monotonic() + self._timeout
        try:
            built = compose(message)
        except MessageError as error:
            return failed(error, self.relay, self._lang)
        with self._turn:
            self._deadline = deadline
            try:
                return self._send(built, deadline)
            except BaseException:  # an interrupt between two octets: nobody knows which were sent
                self._abandon()
                raise

    def close(self) -> None:
        """Say good-bye to the relay; a further `send` opens a new connection."""
        with self._turn:
            self._drop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _send(self, built: BuiltMessage, deadline: float) -> Result:
        """Send on the open connection, or on a new one, and on a new one if that was stale."""
        envelope = Envelope(built.reverse_path, built.forward_paths, built.needs_smtputf8)
        transaction = Transaction(envelope, built.content, is_transparent=built.is_transparent)
        outcome = self._try(transaction, deadline)
        if transaction.was_stale:
            transaction.reset()
            outcome = self._try(transaction, deadline)
        return Result(
            built.message_id,
            outcome,
            built.recipients,
            transaction.transcript,
            self.relay,
            self._lang,
        )

    def _try(self, transaction: Transaction, deadline: float) -> Outcome:
        """Run `transaction` on a connection that works as far as anybody can know."""
        if self._owner != os.getpid():  # a forked child: the connection is its parent's
            self._abandon()
        if self._connection is not None and not self._connection.is_usable():
            self._drop()
        try:
            if self._connection is None:
                self._connection = BlockingConnection(self.relay, deadline)
                self._connection.open(deadline)
        except PostroadError as error:
            transaction.end_failed(error)
            if error.phase is not Phase.CONFIG:
                transaction.entries.append(Note(str(error)))
            return transaction.ended
        session = self._connection.session
        if session.error is None:
            self._connection.send(transaction, deadline)
        else:
            transaction.end_failed(session.error)
            transaction.transcript = (session.entries,)
        if session.is_closed:
            self._drop()
        return transaction.ended

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close(self._deadline)

    def _abandon(self) -> None:
        connection, self._connection = self._connection, None
        self._owner = os.getpid()
        if connection is not None:
            connection.abandon()
