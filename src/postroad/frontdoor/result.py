"""What became of a message, as a value."""

from __future__ import annotations

from dataclasses import dataclass, field

from postroad import providers
from postroad.errors import Code, Phase, PostroadError, Reason, ReplyError, Retry
from postroad.message import Address
from postroad.smtp.reply import Reply
from postroad.smtp.transaction import Outcome
from postroad.smtp.transcript import Entry, Note, render
from postroad.transport.relay import Relay


@dataclass(frozen=True, slots=True)
class Recipient:
    """What the server said to one recipient.

    email:    the address as it was given.
    accepted: the server took responsibility for this recipient.
    code, enhanced, text: of the reply that decided it, the text without the enhanced status
              code; 0 and "" when none did.
    """

    email: str
    accepted: bool
    code: int = 0
    enhanced: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one message; truthy when the server accepted it.

    message_id: of the message, "" when it could not be built.

    Everything else is worked out from the transaction's outcome when asked for: a run of a
    million messages reads little of it.
    """

    message_id: str
    _outcome: Outcome
    _addresses: tuple[Address, ...] = field(repr=False)
    _transcript: tuple[list[Entry], ...] = field(repr=False, compare=False)
    _relay: Relay | None = field(repr=False, compare=False)
    _lang: str = field(repr=False, compare=False)

    def __bool__(self) -> bool:
        return self._outcome.code is Code.OK

    def __repr__(self) -> str:
        fields = f"code={self.code:d}, phase={self.phase!s}, error={self.error!r}"
        return f"Result({fields}, message_id={self.message_id!r})"

    @property
    def code(self) -> Code:
        """A stable number; `code.word` is its dotted word."""
        return self._outcome.code

    @property
    def error(self) -> str:
        """One sentence that ends with what the server said; "" for success."""
        return str(self._outcome.error or "")

    @property
    def phase(self) -> Phase:
        """Where in the dialogue it ended, Phase.DONE for success."""
        return self._outcome.phase

    @property
    def retry(self) -> Retry | None:
        """Advice for sending the same message again; None for success."""
        return self._outcome.retry

    @property
    def in_doubt(self) -> bool:
        """The message may have been accepted although no reply says so."""
        return self._outcome.in_doubt

    @property
    def recipients(self) -> tuple[Recipient, ...]:
        """What the server said to each recipient, in the order to, cc, bcc."""
        fates = self._outcome.fates or (None,) * len(self._addresses)
        pairs = zip(self._addresses, fates, strict=True)
        return tuple(_recipient(address, reply) for address, reply in pairs)

    @property
    def refused(self) -> tuple[Recipient, ...]:
        """The recipients a reply refused."""
        return tuple(each for each in self.recipients if not each.accepted and each.code)

    @property
    def hint(self) -> str:
        """What to do now, in the language asked for; "" when there is nothing to do."""
        found = _explained(self._outcome, self._relay, self._lang)
        if found is None:
            return ""
        return f"{found.cause}{'' if self._lang == 'zh' else ' '}{found.remedy}"

    @property
    def transcript(self) -> str:
        """The SMTP dialogue, a line each, without credentials and content."""
        return "".join(render(entries) for entries in self._transcript)


def failed(
    error: PostroadError,
    relay: Relay | None,
    lang: str,
    transcript: tuple[list[Entry], ...] | None = None,
) -> Result:
    """Return the result of a message that `error` stopped before its transaction began."""
    if transcript is None:
        transcript = () if error.phase is Phase.CONFIG else ([Note(str(error))],)
    return Result("", Outcome(error.code, error.phase, (), error), (), transcript, relay, lang)


def _recipient(address: Address, reply: Reply | None) -> Recipient:
    if reply is None:
        return Recipient(address.email, accepted=False)
    enhanced = reply.enhanced
    text = reply.text.removeprefix(enhanced).lstrip()
    return Recipient(address.email, reply.is_positive, reply.code, enhanced, text)


def _explained(outcome: Outcome, relay: Relay | None, lang: str) -> providers.Explanation | None:
    """Return what the outcome means; the host tells the provider where no preset was named."""
    host, port, provider = None, None, None
    if relay is not None:
        preset = providers.preset_at(relay.host) if relay.provider is None else None
        host, port, provider = relay.host, relay.port, preset.name if preset else relay.provider
    reply = _telling_reply(outcome)
    if reply is not None:
        return providers.explain(reply, phase=outcome.phase, provider=provider, lang=lang)
    reason = _reason(outcome, relay)
    if reason is None:
        return None
    return providers.explain_reason(reason, provider=provider, lang=lang, host=host, port=port)


def _telling_reply(outcome: Outcome) -> Reply | None:
    """Return the reply that refused the message, or one of its recipients."""
    error = outcome.error
    if error is None:
        return next((reply for reply in outcome.fates if reply and not reply.is_positive), None)
    return error.reply if isinstance(error, ReplyError) and isinstance(error.reply, Reply) else None


def _reason(outcome: Outcome, relay: Relay | None) -> Reason | None:
    """Return what went wrong without a reply, or what still needs a warning."""
    error = outcome.error
    if error is None:
        is_clear = relay is not None and relay.security == "none" and relay.username
        return Reason.CLEAR_AUTH if is_clear else None
    if error.phase is Phase.GREETING and relay is not None and relay.security != "tls":
        is_lost_at_465 = error.reason is Reason.LOST and relay.port == 465
        if error.reason is Reason.TIMED_OUT or is_lost_at_465:
            return Reason.TLS_EXPECTED  # a server of implicit TLS waits for the client to begin
    return error.reason
