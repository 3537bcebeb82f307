"""What is known of one message, with the meaning of every reply."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from postroad import providers
from postroad.delivery.messages import Attempt, Recipient, StoredMessage
from postroad.errors import Phase
from postroad.operations.ports import Mail
from postroad.tenancy.records import RelayAccount
from postroad.worker.ports import Relays


@dataclass(frozen=True, slots=True)
class Explained:
    """A recipient, and what the reply that decided it means; None where none did."""

    recipient: Recipient
    explanation: providers.Explanation | None


@dataclass(frozen=True, slots=True)
class Told:
    """A message with everything that is known of it.

    relays: of its attempts, by id, those that are still there.
    """

    message: StoredMessage
    recipients: Sequence[Explained]
    attempts: Sequence[Attempt]
    relays: Mapping[str, RelayAccount]


async def told(mail: Mail, relays: Relays, message: StoredMessage, lang: str) -> Told:
    """Return a message with its attempts, and each reply explained in `lang`.

    raises: StorageError.
    """
    attempts = await mail.attempts(message.app_id, message.id)
    ids = sorted({each.relay_id for each in attempts if each.relay_id})
    found = [await relays.relay(message.app_id, each) for each in ids]
    known = {relay.id: relay for relay in found if relay}
    last = attempts[-1] if attempts else None
    relay = known.get(last.relay_id or "") if last else None
    phase = Phase(last.phase) if last is not None and last.phase else None
    return Told(
        message,
        [
            Explained(each, explanation(each, phase, relay, lang) if each.code else None)
            for each in message.recipients
        ],
        attempts,
        known,
    )


def explanation(
    recipient: Recipient, phase: Phase | None, relay: RelayAccount | None, lang: str
) -> providers.Explanation:
    """Return what the reply that decided a recipient means.

    phase: where the last attempt ended.
    """
    return providers.explain(
        reply_text(recipient.code, recipient.enhanced, recipient.text),
        phase=Phase.RCPT if phase is Phase.DONE else phase,  # others were accepted
        provider=relay.preset if relay else None,
        lang=lang,
    )


def reply_text(code: int, enhanced: str, text: str) -> str:
    """Return a reply on one line."""
    return " ".join(part for part in (str(code) if code else "", enhanced, text) if part)
