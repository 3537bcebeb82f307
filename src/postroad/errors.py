"""Every error a caller can meet, and the table of stable codes they share.

A `Code` is the number and the dotted word by which every surface (exceptions, results, command
line, logs) names the same outcome. A `Phase` is where in the dialogue it happened, a `Reason` what
exactly went wrong where the server said nothing that could tell.
"""

from __future__ import annotations

from enum import Enum, IntEnum, StrEnum
from typing import Protocol


class Code(IntEnum):
    """What became of a message, as a stable number; `word` is the same as a dotted word."""

    word: str
    meaning: str

    def __new__(cls, value: int, word: str, meaning: str) -> Code:  # noqa: D102
        member = int.__new__(cls, value)
        member._value_ = value
        member.word = word
        member.meaning = meaning
        return member

    OK = 0, "ok", "the server accepted the message for at least one recipient"
    CONFIG = -1, "config.invalid", "a field is wrong by itself; nothing was tried"
    CONNECT = -2, "connect.failed", "no connection: unknown host, refused or unreachable"
    TLS = -3, "tls.failed", "no encrypted connection to a server that is who it says it is"
    AUTH = -4, "auth.failed", "the server did not accept the login"
    SENDER = -5, "sender.refused", "the server refused the sender (MAIL)"
    RECIPIENTS = -6, "recipients.refused", "the server refused every recipient (RCPT)"
    CONTENT = -7, "content.refused", "the server refused the message (DATA or the final dot)"
    PROTOCOL = -8, "protocol.failed", "the dialogue broke before the message was handed over"
    IN_DOUBT = -9, "in.doubt", "lost after the final dot: the message may have been accepted"
    TIMEOUT = -10, "timed.out", "out of time before the final dot: nothing was sent"
    CAPABILITY = -11, "relay.cannot", "this server cannot take this message (size, SMTPUTF8)"
    INTERNAL = -99, "internal.error", "a defect in Postroad; nothing is known to have been sent"


class Phase(StrEnum):
    """Where in the dialogue something happened, in the order of the dialogue."""

    CONFIG = "config"
    CONNECT = "connect"
    TLS = "tls"
    GREETING = "greeting"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    AUTH = "auth"
    RSET = "rset"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    CONTENT = "content"
    FINAL_DOT = "final-dot"
    QUIT = "quit"
    DONE = "done"


class Reason(StrEnum):
    """What went wrong where no reply of the server tells; each has a hint in `providers`."""

    FIELD = "field"  # a field of the config or message is wrong by itself
    DNS = "dns"  # the host name is unknown
    REFUSED = "refused"  # nothing listens at that port
    UNREACHABLE = "unreachable"  # no route, or a firewall said no
    CONNECT_TIMEOUT = "connect-timeout"  # no answer at all: often a blocked port
    NOT_TLS = "not-tls"  # implicit TLS spoken to a port that talks plain text
    TLS_EXPECTED = "tls-expected"  # plain text spoken to a port that waits for TLS
    CERTIFICATE_NAME = "certificate-name"  # the certificate is for another host
    CERTIFICATE_EXPIRED = "certificate-expired"
    CERTIFICATE_UNTRUSTED = "certificate-untrusted"  # self-signed or an unknown authority
    TLS_HANDSHAKE = "tls-handshake"  # any other handshake failure: versions, ciphers, a cut
    STARTTLS_MISSING = "starttls-missing"  # STARTTLS asked for and not offered
    STARTTLS_INJECTED = "starttls-injected"  # octets between the STARTTLS reply and the handshake
    AUTH_MISSING = "auth-missing"  # credentials given and the server offers no AUTH
    AUTH_MECHANISM = "auth-mechanism"  # none of the server's mechanisms fits the credentials
    AUTH_CHALLENGE = "auth-challenge"  # the server's challenge makes no sense
    CLEAR_AUTH = "clear-auth"  # a warning: the password crossed the network unencrypted
    TOO_LARGE = "too-large"  # larger than the server's SIZE
    SMTPUTF8_MISSING = "smtputf8-missing"  # a non-ASCII mailbox and no SMTPUTF8
    GARBAGE = "garbage"  # what arrived is not an SMTP reply
    OVERFLOW = "overflow"  # a reply beyond every limit
    UNEXPECTED = "unexpected"  # a reply that no command asked for, or 354 at the wrong moment
    LOST = "lost"  # the connection closed or was reset
    TIMED_OUT = "timed-out"  # no reply within the time-out
    IN_DOUBT = "in-doubt"  # LOST or TIMED_OUT after the final dot
    INTERNAL = "internal"  # a defect in Postroad


class Retry(Enum):
    """Advice for sending the same message again."""

    NEVER = "never"  # the same message will fail the same way
    LATER = "later"  # it may work unchanged, after a while
    DUPLICATES = "duplicates"  # it may already be there: sending again may deliver it twice


class ReplyLike(Protocol):
    """What an error needs to know of a server's reply (`smtp.Reply` is one)."""

    @property
    def code(self) -> int:
        """The reply code, 0 to 999."""

    @property
    def text(self) -> str:
        """The reply's text, lines joined by a space."""


class PostroadError(Exception):
    """The base of every error Postroad raises.

    code:     the stable number of the table above; `word` is its dotted word.
    retry:    advice for the same message.
    phase:    where in the dialogue it stopped.
    reason:   what went wrong where no reply tells, else None.
    in_doubt: True once the final dot was written: a retry may duplicate the message.
    """

    code: Code = Code.INTERNAL
    retry: Retry = Retry.NEVER
    reason: Reason | None = None
    phase: Phase = Phase.CONFIG
    in_doubt: bool = False

    def __init__(
        self, message: str, *, phase: Phase | None = None, reason: Reason | None = None
    ) -> None:
        super().__init__(message)
        if phase is not None:
            self.phase = phase
        if reason is not None:
            self.reason = reason

    @property
    def word(self) -> str:
        """The dotted word of `code`."""
        return self.code.word


class SettingsError(PostroadError):
    """A setting or argument cannot work; the message names it."""

    code = Code.CONFIG
    reason = Reason.FIELD


class MessageError(PostroadError):
    """A message that cannot be built; the message names the field."""

    code = Code.CONFIG
    reason = Reason.FIELD


class AddressError(MessageError):
    """Text that is not one mailbox."""


class HeaderFieldError(MessageError):
    """A header field that may not stand in a message."""


class TooLargeError(MessageError):
    """A message or a part of it beyond a documented limit."""


class CapabilityError(PostroadError):
    """Good fields make a message that this server cannot take (SIZE, SMTPUTF8)."""

    code = Code.CAPABILITY
    phase = Phase.MAIL


class ProtocolError(PostroadError):
    """The SMTP dialogue broke its rules."""

    code = Code.PROTOCOL


class LocalProtocolError(ProtocolError):
    """Our side broke a rule: a defect in Postroad or in its caller."""

    code = Code.INTERNAL
    reason = Reason.INTERNAL


class RemoteProtocolError(ProtocolError):
    """The peer broke a rule; the session is closed."""

    retry = Retry.LATER
    reason = Reason.GARBAGE


class TransportError(PostroadError):
    """Octets could not be moved."""

    code = Code.PROTOCOL
    retry = Retry.LATER


class ConnectError(TransportError):
    """No connection: unknown host, refused, unreachable, or no answer."""

    code = Code.CONNECT
    phase = Phase.CONNECT


class TlsError(TransportError):
    """No encrypted connection to a server that is who it says it is."""

    code = Code.TLS
    phase = Phase.TLS
    reason = Reason.TLS_HANDSHAKE


class PhaseTimeout(TransportError):  # noqa: N818 - the name says what happened
    """No reply, or no room to write, within the time-out of the phase."""

    code = Code.TIMEOUT
    reason = Reason.TIMED_OUT


class ConnectionLost(TransportError):  # noqa: N818 - the name says what happened
    """The connection closed or was reset before the message was handed over."""

    reason = Reason.LOST


class DeliveryInDoubt(TransportError):  # noqa: N818 - the name says what happened
    """Lost or timed out after the final dot: the message may have been accepted."""

    code = Code.IN_DOUBT
    retry = Retry.DUPLICATES
    reason = Reason.IN_DOUBT
    phase = Phase.FINAL_DOT
    in_doubt = True


class AuthError(PostroadError):
    """No login was possible before any reply refused one."""

    code = Code.AUTH
    phase = Phase.AUTH


class ReplyError(PostroadError):
    """The server's reply refused a command."""

    def __init__(self, command: str, reply: ReplyLike, *, code: Code, phase: Phase) -> None:
        super().__init__(f"{command} was refused: {reply.code} {reply.text}".rstrip(), phase=phase)
        self.command = command
        self.reply = reply
        self.code = code


class TransientReplyError(ReplyError):
    """A 4yz reply: the same command may succeed later."""

    retry = Retry.LATER


class PermanentReplyError(ReplyError):
    """A 5yz reply: the same command will be refused again."""


class RefusedError(PostroadError):
    """Postroad itself refused a request; the message says why."""

    code = Code.CONFIG


class UnauthorizedError(RefusedError):
    """Who asks may not: a missing, wrong, expired or insufficient key or password."""


class NotFoundError(RefusedError):
    """There is no such thing, or it belongs to another app."""


class ConflictError(RefusedError):
    """It exists already, or is not in a state in which this can be done."""


class StorageError(PostroadError):
    """What should be kept cannot be read or written; the engine's exception is its cause."""

    retry = Retry.LATER
