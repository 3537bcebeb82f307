"""A session together with its TLS, as octets: what both drivers move."""

from __future__ import annotations

from collections import deque
from typing import Any

from postroad.errors import ConnectionLost, Phase, PostroadError, Reason, TlsError
from postroad.smtp.sasl import Credentials
from postroad.smtp.session import Session
from postroad.smtp.transaction import Transaction, Withdrawal
from postroad.transport.dialer import name_on_the_wire
from postroad.transport.relay import Relay
from postroad.transport.tls import RECORD_OCTETS, TlsLayer, client_context

Octets = bytes | memoryview


class Wire:
    """What goes to and comes from one connected socket.

    credentials: what logs in, from `relay.credentials()`.
    peer, local: addresses of the socket's two ends.
    """

    def __init__(
        self, relay: Relay, credentials: Credentials | None, *, peer: str, local: str
    ) -> None:
        self.relay = relay
        self.session = Session(
            client_name=relay.client_name or _literal(local),
            security=relay.security,
            credentials=credentials,
        )
        self.session.note(f"connected to {peer}:{relay.port}")
        if relay.security == "none" and credentials is not None:
            self.session.note(
                "warning: logging in without TLS, the password can be read on the way"
            )
        self._tls: TlsLayer | None = None
        self._queue: deque[Octets] = deque()
        self._unsent_tail = 0
        if self.session.wants_tls:
            self._start_tls()

    @property
    def certificate(self) -> dict[str, Any]:
        """The peer's verified certificate as `ssl` describes it, else empty."""
        return self._tls.certificate() if self._tls is not None else {}

    def next_octets(self) -> Octets | None:
        """Return what to write now, once everything before was handed to the kernel."""
        if self._queue:
            octets = self._queue.popleft()
            self._unsent_tail = len(octets)  # every head before it has left
            return octets
        block = self.session.next_block()
        if block is None:
            return None
        head, tail = block.head, block.tail
        octets = b"".join((head, tail)) if head and tail else head or tail
        if self._tls is None:
            self._unsent_tail = len(tail)
            return octets
        if head and tail and len(octets) > RECORD_OCTETS:
            encrypted = self._tls.encrypt(head)
            encrypted_tail = self._tls.encrypt(tail)
            self._unsent_tail = len(encrypted_tail)
            return encrypted + encrypted_tail
        # One record where it fits: a server that answers the first of two waits for our delayed
        # acknowledgement before the second answer. It cannot act on half of one.
        encrypted = self._tls.encrypt(octets)
        self._unsent_tail = 0 if head else len(encrypted)
        return encrypted

    def receive(self, data: bytes) -> list[Transaction]:
        """Take what arrived; return the transactions that ended."""
        if self._tls is None:
            finished = self.session.receive(data)
            if self.session.wants_tls:
                self._start_tls()
            return finished
        try:
            if not self._tls.is_established:
                self._shake_hands(self._tls, data)
                return []
            plain, is_over = self._tls.decrypt(data)
        except TlsError as error:
            self._send_pending()
            return self.session.lost(error)
        self._send_pending()
        finished = self.session.receive(plain) if plain else []
        if self._tls.error is not None:
            finished += self.session.lost(self._tls.error)
        return finished + self.session.lost() if is_over else finished

    def lost(self, exc: OSError | None, *, unsent: int) -> list[Transaction]:
        """The connection is gone.

        exc:    why, None when the peer closed it.
        unsent: octets of the last `next_octets` that were never handed to the kernel.
        """
        head_sent = unsent <= self._unsent_tail
        if exc is None:
            return self.session.lost(self._closed_in_greeting(), head_sent=head_sent)
        what = exc.strerror or type(exc).__name__
        return self.session.lost(
            ConnectionLost(f"the connection broke: {what}"), head_sent=head_sent
        )

    def aborted(self, error: PostroadError, *, unsent: int) -> list[Transaction]:
        """The connection is given up on this side."""
        return self.session.lost(error, head_sent=unsent <= self._unsent_tail)

    def timed_out(self, seconds: float, *, unsent: int) -> list[Transaction]:
        """Nothing moved within `seconds`."""
        return self.session.timed_out(seconds, head_sent=unsent <= self._unsent_tail)

    def withdraw(self, transaction: Transaction, seconds: float, *, unsent: int) -> Withdrawal:
        """Take a transaction back that was not sent within `seconds`, as the session does."""
        head_sent = unsent <= self._unsent_tail
        return self.session.withdraw(transaction, seconds, head_sent=head_sent)

    def _closed_in_greeting(self) -> PostroadError | None:
        if self.session.phase is not Phase.GREETING or self._tls is not None:
            return None
        return ConnectionLost(
            "the server closed the connection without a greeting", reason=Reason.TLS_EXPECTED
        )

    def _start_tls(self) -> None:
        relay = self.relay
        context = client_context(verify=relay.verify, cafile=relay.cafile)
        self._tls = TlsLayer(context, name_on_the_wire(relay.host))
        self._shake_hands(self._tls, b"")

    def _shake_hands(self, tls: TlsLayer, data: bytes) -> None:
        tls.handshake(data)
        self._send_pending()
        if not tls.is_established:
            return
        note = tls.description()
        if not self.relay.verify:
            note += ", NOT verified: verify is off"
        elif self.relay.cafile is not None:
            note += f", verified against {self.relay.cafile}"
        self.session.tls_established(note)
        # What came along with the last handshake record is the session's.
        plain, _ = tls.decrypt(b"")
        if plain:
            self.session.receive(plain)

    def _send_pending(self) -> None:
        if self._tls is not None and (pending := self._tls.pending()):
            self._queue.append(pending)


def _literal(address: str) -> str:
    """Return an address as EHLO says it (RFC 5321 §4.1.3)."""
    address = address.partition("%")[0]
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"
