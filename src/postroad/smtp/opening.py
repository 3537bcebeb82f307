"""From the greeting to a session that takes mail: EHLO, STARTTLS, AUTH, as one dialogue."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Literal

from postroad.errors import (
    AuthError,
    Code,
    PermanentReplyError,
    Phase,
    Reason,
    RemoteProtocolError,
    ReplyError,
    TlsError,
    TransientReplyError,
)
from postroad.smtp import sasl
from postroad.smtp.extensions import Extensions, parse_extensions
from postroad.smtp.reply import Reply

_NOT_IMPLEMENTED = (500, 501, 502, 504, 550)  # what servers without EHLO say to it


@dataclass(frozen=True, slots=True)
class Ask:
    """Write `octets` (none before the greeting) and wait for the reply.

    shown:  what the transcript says instead, where the octets hold credentials.
    secret: the part of the octets that no reply may bring into the transcript either.
    """

    phase: Phase
    octets: bytes = b""
    shown: str | None = None
    secret: str = ""


@dataclass(frozen=True, slots=True)
class StartTls:
    """Do the TLS handshake; the dialogue goes on when it is done."""


Security = Literal["none", "starttls", "tls"]
"""In the clear, upgraded after EHLO or not at all, encrypted from the first octet."""

Opening = Generator[Ask | StartTls, Reply, Extensions]
"""Is sent the reply to each Ask, and resumed by next() after StartTls."""


def opening(
    *,
    client_name: str,
    security: Security,
    credentials: sasl.Credentials | None,
) -> Opening:
    """Say hello, encrypt and log in; returns what the server offers.

    client_name: a domain or an address literal for EHLO.
    raises:      ReplyError for what was refused; TlsError when STARTTLS is asked for and not to
                 be had, since nothing is ever sent in the clear instead; AuthError when no login
                 is possible.
    source:      RFC 5321 §3.1 and §3.2, RFC 3207, RFC 4954, RFC 8314.
    """
    if security == "tls":
        yield StartTls()
    greeting = yield Ask(Phase.GREETING)
    _expect(greeting, (220,), "the connection", Code.PROTOCOL, Phase.GREETING)
    extensions = yield from _hello(client_name, helo_will_do=security != "starttls")
    if security == "starttls":
        if not extensions.starttls:
            raise TlsError(
                "STARTTLS was asked for and the server does not offer it; "
                "nothing was sent in the clear",
                phase=Phase.STARTTLS,
                reason=Reason.STARTTLS_MISSING,
            )
        reply = yield Ask(Phase.STARTTLS, b"STARTTLS\r\n")
        _expect(reply, (220,), "STARTTLS", Code.TLS, Phase.STARTTLS)
        yield StartTls()
        extensions = yield from _hello(client_name, helo_will_do=False)
    if credentials is not None:
        yield from _log_in(credentials, extensions, is_encrypted=security != "none")
    return extensions


def _hello(client_name: str, *, helo_will_do: bool) -> Generator[Ask, Reply, Extensions]:
    """Say EHLO, and HELO to a server that does not know it (RFC 5321 §3.2)."""
    name = client_name.encode("ascii")
    reply = yield Ask(Phase.EHLO, b"EHLO " + name + b"\r\n")
    if helo_will_do and reply.code in _NOT_IMPLEMENTED:
        reply = yield Ask(Phase.EHLO, b"HELO " + name + b"\r\n")
        _expect(reply, (250,), "HELO", Code.PROTOCOL, Phase.EHLO)
        return Extensions()
    return parse_extensions(_expect(reply, (250,), "EHLO", Code.PROTOCOL, Phase.EHLO))


def _log_in(
    credentials: sasl.Credentials, extensions: Extensions, *, is_encrypted: bool
) -> Generator[Ask, Reply, None]:
    """Authenticate with one mechanism; the transcript never shows a response."""
    mechanism = sasl.choose(credentials, extensions.auth, is_encrypted=is_encrypted)
    exchange = sasl.exchange(mechanism, credentials)
    initial = next(exchange)
    if initial is None:
        reply = yield Ask(Phase.AUTH, f"AUTH {mechanism}\r\n".encode(), f"AUTH {mechanism} ***")
    else:
        reply = yield _response(initial, f"AUTH {mechanism} ")
    while reply.code == 334:
        try:
            response = exchange.send(reply.text)
        except (AuthError, StopIteration):
            yield Ask(Phase.AUTH, b"*\r\n")  # RFC 4954 §4: cancels the exchange
            raise AuthError(
                f"the server's challenge makes no sense for AUTH {mechanism}",
                reason=Reason.AUTH_CHALLENGE,
            ) from None
        reply = yield _response(response or b"")
    _expect(reply, (235,), f"the login (AUTH {mechanism})", Code.AUTH, Phase.AUTH)


def _response(response: bytes, command: str = "") -> Ask:
    secret = sasl.encode_response(response)
    return Ask(Phase.AUTH, f"{command}{secret}\r\n".encode(), f"{command}***", secret)


def _expect(reply: Reply, codes: tuple[int, ...], command: str, code: Code, phase: Phase) -> Reply:
    """Return `reply` when its code is one of `codes`.

    raises: ReplyError for 4yz and 5yz, RemoteProtocolError for what fits no state.
    """
    if reply.code in codes:
        return reply
    if reply.code < 400:
        raise RemoteProtocolError(
            f"the server answered {command} with {reply}", phase=phase, reason=Reason.UNEXPECTED
        )
    raise refusal(command, reply, code=code, phase=phase)


def refusal(command: str, reply: Reply, *, code: Code, phase: Phase) -> ReplyError:
    """Return the error for a 4yz or 5yz reply; 421 closes whatever was asked."""
    kind = TransientReplyError if reply.is_transient else PermanentReplyError
    return kind(command, reply, code=Code.PROTOCOL if reply.code == 421 else code, phase=phase)
