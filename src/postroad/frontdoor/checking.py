"""`check(relay)`: every step of a session but the mail itself, with times and an explanation."""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from postroad import providers
from postroad.errors import Code, Phase, PostroadError
from postroad.frontdoor.result import Result, failed
from postroad.message import Address, parse_address
from postroad.smtp.envelope import Envelope
from postroad.smtp.extensions import Extensions, parse_extensions
from postroad.smtp.reply import Reply
from postroad.smtp.transaction import Outcome, Probe
from postroad.smtp.transcript import Note
from postroad.transport.blocking import BlockingConnection
from postroad.transport.relay import Relay
from postroad.transport.tls import certificate_name, certificate_subject

DEFAULT_TIMEOUT_S = 60.0

_STEP_OF = {
    Phase.CONFIG: Phase.CONNECT,
    Phase.CONNECT: Phase.CONNECT,
    Phase.GREETING: Phase.CONNECT,
    Phase.STARTTLS: Phase.TLS,
    Phase.TLS: Phase.TLS,
    Phase.EHLO: Phase.EHLO,
    Phase.AUTH: Phase.AUTH,
    Phase.MAIL: Phase.MAIL,
    Phase.RCPT: Phase.RCPT,
    Phase.RSET: Phase.RCPT,
}
_STEPS = (Phase.CONNECT, Phase.TLS, Phase.EHLO, Phase.AUTH, Phase.MAIL, Phase.RCPT)


@dataclass(frozen=True, slots=True)
class Certificate:
    """What the server showed, verified."""

    subject: str
    issuer: str
    expires: datetime


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a check.

    phase:   CONNECT, TLS, EHLO, AUTH, MAIL or RCPT.
    ok:      None when it was not reached or does not apply.
    seconds: how long it took.
    detail:  what is worth knowing: the address, the cipher, the server's words.
    """

    phase: Phase
    ok: bool | None
    seconds: float = 0.0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found; truthy when every step that applies went well.

    result: code, error, hint and transcript, as of a message; nothing was sent.
    """

    steps: tuple[Step, ...]
    result: Result
    certificate: Certificate | None = None
    extensions: Extensions = field(default_factory=Extensions)

    def __bool__(self) -> bool:
        return bool(self.result)


def check(
    relay: Relay,
    *,
    from_: str | Address | None = None,
    to: str | Address | None = None,
    timeout: float = DEFAULT_TIMEOUT_S,
    lang: str = "en",
) -> Report:
    """Connect, encrypt, say hello, log in, ask MAIL and RCPT, take both back; nothing is sent.

    from_, to: for MAIL and RCPT; by default the account's own address, and without one these two
               steps are left out.
    raises:    AddressError when `from_` or `to` is none.
    """
    addresses = _addresses(relay, from_, to)
    deadline = time.monotonic() + timeout
    clock = _Clock()
    try:
        connection = BlockingConnection(relay, deadline)
    except PostroadError as error:
        return _report(relay, failed(error, relay, lang), clock, None, None)
    session = connection.session
    connection.run(lambda: clock.saw(session.phase) or session.is_ready, deadline)
    probe = Probe(_envelope(addresses)) if addresses else None
    if session.error is not None:
        result = failed(session.error, relay, lang, (session.entries,))
    elif probe is None:
        outcome = Outcome(Code.OK, Phase.DONE, ())
        transcript = (session.entries, session.last_entries)
        result = Result("", outcome, (), transcript, relay, lang)
    else:
        session.begin(probe)
        connection.run(lambda: clock.saw(session.phase) or probe.outcome is not None, deadline)
        result = Result("", probe.ended, (addresses or ())[1:], probe.transcript, relay, lang)
    report = _report(relay, result, clock, connection, probe)
    connection.close()
    return report


class _Clock:
    """Keeps how long each step took, told the phase again and again."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(_STEPS, 0.0)
        self.step = Phase.CONNECT  # the one under way
        self._since = time.monotonic()

    def saw(self, phase: Phase) -> bool:
        """Book the time since the last call on the step that was under way; returns False."""
        now = time.monotonic()
        self.seconds[self.step] += now - self._since
        self._since = now
        self.step = _STEP_OF.get(phase, self.step)
        return False


def _addresses(
    relay: Relay, from_: str | Address | None, to: str | Address | None
) -> tuple[Address, Address] | None:
    """Return sender and recipient: what is given, else the account's address, else the other."""
    own: str | None = None
    if "@" in relay.username:
        own = relay.username
    elif relay.username and relay.provider is not None:
        own = providers.preset(relay.provider).from_address_for(relay.username)
    sender, recipient = from_ or own or to, to or own or from_
    if sender is None or recipient is None:
        return None
    return parse_address(sender, "from"), parse_address(recipient, "to")


def _envelope(addresses: tuple[Address, Address]) -> Envelope:
    sender, recipient = addresses
    needs_smtputf8 = sender.needs_smtputf8 or recipient.needs_smtputf8
    return Envelope(sender.path, (recipient.path,), needs_smtputf8)


def _report(
    relay: Relay,
    result: Result,
    clock: _Clock,
    connection: BlockingConnection | None,
    probe: Probe | None,
) -> Report:
    clock.saw(Phase.DONE)
    stopped = len(_STEPS)
    if not result:
        stopped = _STEPS.index(_STEP_OF.get(result.phase, clock.step))
    details = _details(connection, probe)
    skipped = set() if relay.security != "none" else {Phase.TLS}
    skipped |= set() if relay.username else {Phase.AUTH}
    skipped |= set() if probe else {Phase.MAIL, Phase.RCPT}
    steps = []
    for index, phase in enumerate(_STEPS):
        if phase in skipped or index > stopped:
            steps.append(Step(phase, None))
        elif index == stopped:
            steps.append(Step(phase, ok=False, seconds=clock.seconds[phase], detail=result.error))
        else:
            steps.append(Step(phase, True, clock.seconds[phase], details.get(phase, "")))
    return Report(
        tuple(steps),
        result,
        _certificate(connection.wire.certificate) if connection else None,
        _extensions(connection) if connection else Extensions(),
    )


def _details(connection: BlockingConnection | None, probe: Probe | None) -> dict[Phase, str]:
    """Return what each step that went well has to say, from the transcript."""
    if connection is None:
        return {}
    notes = [entry.text for entry in connection.session.entries if isinstance(entry, Note)]
    replies = [entry for entry in connection.session.entries if isinstance(entry, Reply)]
    details = {Phase.CONNECT: notes[0].removeprefix("connected to ")}
    details[Phase.TLS] = next((note for note in notes if note.startswith("TLS")), "")
    details[Phase.EHLO] = _offers(_extensions(connection))
    if replies:
        details[Phase.AUTH] = str(replies[-1])
    if probe is not None:
        details[Phase.MAIL] = str(probe.mail or "")
        details[Phase.RCPT] = "".join(str(reply) for reply in probe.rcpt)
    return details


def _extensions(connection: BlockingConnection) -> Extensions:
    """Return what the last EHLO was answered, also where the session got no further."""
    for entry in reversed(connection.session.entries):
        if isinstance(entry, Reply) and entry.code == 250 and len(entry.lines) > 1:
            return parse_extensions(entry)
    return Extensions()


def _offers(extensions: Extensions) -> str:
    return ", ".join(
        " ".join((keyword, *parameters)) for keyword, parameters in extensions.keywords.items()
    )


def _certificate(found: dict[str, Any]) -> Certificate | None:
    """Return the certificate that `ssl` describes, None when none was verified."""
    if "notAfter" not in found:
        return None
    expires = datetime.fromtimestamp(ssl.cert_time_to_seconds(found["notAfter"]), UTC)
    issuer = certificate_name(found, "issuer", "commonName") or certificate_name(
        found, "issuer", "organizationName"
    )
    return Certificate(certificate_subject(found), issuer, expires)
