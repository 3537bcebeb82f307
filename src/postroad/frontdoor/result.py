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
class Circumstances:
    """What `Result.hint` is made from; the words are looked up when asked for."""

    reply: Reply | None
    reason: Reason | None
    provider: str | None
    host: str
    port: int
    lang: str

    def explained(self, phase: Phase) -> providers.Explanation | None:
        """Return cause and remedy; the host tells the provider where no preset was named."""
        preset = providers.preset_at(self.host) if self.provider is None else None
        provider = preset.name if preset else self.provider
        if self.reply is not None:
            return providers.explain(self.reply, phase=phase, provider=provider, lang=self.lang)
        if self.reason is None:
            return None
        host, port = self.host or None, self.port or None
        return providers.explain_reason(
            self.reason, provider=provider, lang=self.lang, host=host, port=port
        )


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one message; truthy when the server accepted it.

    code:       stable number; `code.word` is its dotted word.
    error:      one sentence that ends with what the server said; "" for success.
    phase:      where in the dialogue it ended, Phase.DONE for success.
    recipients: one each, in the order to, cc, bcc.
    message_id: of the message, "" when it could not be built.
    retry:      advice for sending the same message again; None for success.
    """

    code: Code
    error: str
    phase: Phase
    message_id: str = ""
    retry: Retry | None = None
    _addresses: tuple[Address, ...] = field(default=(), repr=False)
    _fates: tuple[Reply | None, ...] = field(default=(), repr=False)
    _entries: tuple[list[Entry], ...] = field(default=(), repr=False, compare=False)
    _circumstances: Circumstances | None = field(default=None, repr=False, compare=False)

    def __bool__(self) -> bool:
        return self.code is Code.OK

    @property
    def in_doubt(self) -> bool:
        """The message may have been accepted although no reply says so."""
        return self.code is Code.IN_DOUBT

    @property
    def recipients(self) -> tuple[Recipient, ...]:
        """What the server said to each recipient."""
        pairs = zip(self._addresses, self._fates, strict=True)
        return tuple(_recipient(address, reply) for address, reply in pairs)

    @property
    def refused(self) -> tuple[Recipient, ...]:
        """The recipients a reply refused."""
        return tuple(each for each in self.recipients if not each.accepted and each.code)

    @property
    def hint(self) -> str:
        """What to do now, in the relay's or message's language; "" when there is nothing to do."""
        about = self._circumstances
        found = about.explained(self.phase) if about is not None else None
        if about is None or found is None:
            return ""
        return f"{found.cause}{'' if about.lang == 'zh' else ' '}{found.remedy}"

    @property
    def transcript(self) -> str:
        """The SMTP dialogue, a line each, without credentials and content."""
        return "".join(render(entries) for entries in self._entries)


def _recipient(address: Address, reply: Reply | None) -> Recipient:
    if reply is None:
        return Recipient(address.email, accepted=False)
    enhanced = reply.enhanced
    text = reply.text.removeprefix(enhanced).lstrip()
    return Recipient(address.email, reply.is_positive, reply.code, enhanced, text)


def result_of(
    outcome: Outcome,
    addresses: tuple[Address, ...],
    message_id: str,
    entries: tuple[list[Entry], ...],
    relay: Relay,
    lang: str,
) -> Result:
    """Return the result of a transaction that had its outcome."""
    error = outcome.error
    if error is not None:
        return failed(error, relay, lang, message_id, addresses, outcome.fates, entries)
    return Result(
        outcome.code,
        "",
        outcome.phase,
        message_id,
        None,
        addresses,
        outcome.fates,
        entries,
        _about_success(outcome, relay, lang),
    )


def failed(
    error: PostroadError,
    relay: Relay | None,
    lang: str,
    message_id: str = "",
    addresses: tuple[Address, ...] = (),
    fates: tuple[Reply | None, ...] | None = None,
    entries: tuple[list[Entry], ...] | None = None,
) -> Result:
    """Return the result of a message that `error` stopped."""
    if fates is None:
        fates = (None,) * len(addresses)
    if entries is None:
        entries = () if error.phase is Phase.CONFIG else ([Note(str(error))],)
    return Result(
        error.code,
        str(error),
        error.phase,
        message_id,
        error.retry,
        addresses,
        fates,
        entries,
        Circumstances(
            error.reply
            if isinstance(error, ReplyError) and isinstance(error.reply, Reply)
            else None,
            _reason(error, relay),
            relay.provider if relay else None,
            relay.host if relay else "",
            relay.port if relay else 0,
            lang,
        ),
    )


def _about_success(outcome: Outcome, relay: Relay, lang: str) -> Circumstances | None:
    """Return what still needs a word: a refused recipient, a password sent in the clear."""
    refused = next((reply for reply in outcome.fates if reply and not reply.is_positive), None)
    if refused is not None:
        return Circumstances(refused, None, relay.provider, relay.host, relay.port, lang)
    if relay.security == "none" and relay.username:
        reason = Reason.CLEAR_AUTH
        return Circumstances(None, reason, relay.provider, relay.host, relay.port, lang)
    return None


def _reason(error: PostroadError, relay: Relay | None) -> Reason | None:
    """Return the error's reason; a silent greeting on 465 means that the port waits for TLS."""
    is_silent = error.reason in (Reason.TIMED_OUT, Reason.LOST)
    if relay and is_silent and error.phase is Phase.GREETING and relay.port == 465:
        return Reason.TLS_EXPECTED
    return error.reason
