"""Messages, what became of them, the send log and the audit log."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from msgspec import Meta

from postroad.api.v1.schemas.view import Body, Instant, View
from postroad.delivery.states import State
from postroad.errors import Phase
from postroad.operations.administration.fields import Rules, mailbox, unless_empty
from postroad.providers.explainer import Source


class Recipient(View, frozen=True, kw_only=True):
    """One recipient of a message, with the reply that decided it; 0 and "" when none did."""

    position: int
    address: str
    state: State
    updated_at: Instant
    code: int
    enhanced: str
    text: str


class Message(View, frozen=True, kw_only=True):
    """A message as it is kept, without its content."""

    id: str
    app_id: str
    door: str
    message_id: Annotated[str, Meta(description="The header field.")]
    from_: str
    subject: str
    created_at: Instant
    expires_at: Instant
    due: Annotated[Instant | None, Meta(description="When it is tried next.")]
    size_octets: int
    attempts: int
    relay_id: str | None
    recipients: tuple[Recipient, ...]


class Explanation(View, frozen=True, kw_only=True):
    """What a reply means and what to do, in the language asked for."""

    cause: str
    remedy: str
    is_temporary: bool
    source: Source


class ExplainedRecipient(Recipient, frozen=True, kw_only=True):
    """A recipient, and what the reply means; null where no reply decided."""

    explanation: Explanation | None


class Attempt(View, frozen=True, kw_only=True):
    """One try. An `ended_at` of null: under way, or nobody learned its outcome."""

    id: str
    number: int
    started_at: Instant
    ended_at: Instant | None
    relay_id: str | None
    code: Annotated[int | None, Meta(description="The number of its outcome.")]
    word: str
    phase: str
    error: str
    transcript: Annotated[str, Meta(description="The dialogue, where it is kept.")]


class WholeMessage(Message, frozen=True, kw_only=True):
    """A message with everything that is known of it."""

    recipients: tuple[ExplainedRecipient, ...]
    history: tuple[Attempt, ...]


class Part(View, frozen=True, kw_only=True):
    """One MIME part that is no multipart."""

    number: int
    content_type: str
    filename: str
    content_id: str
    is_attachment: bool
    size_octets: int


class Parts(View, frozen=True, kw_only=True):
    """The parts of a message, in its order."""

    items: tuple[Part, ...]


class Fate(View, frozen=True, kw_only=True):
    """What an attempt brought for one recipient."""

    position: int
    address: str
    state: State
    code: int
    enhanced: str
    text: str


class Released(View, frozen=True, kw_only=True):
    """What became of a message that was released."""

    id: str
    code: int
    word: str
    error: str
    recipients: tuple[Fate, ...]


class CheckRequest(Body, frozen=True, kw_only=True):
    """How a relay is tried; addresses are by default the account's own."""

    rules: ClassVar[Rules] = {name: unless_empty(mailbox) for name in ("from_", "to")}

    from_: Annotated[str, Meta(max_length=320)] | None = None
    to: Annotated[str, Meta(max_length=320)] | None = None
    timeout_s: Annotated[float, Meta(ge=1, le=60)] = 30


class Step(View, frozen=True, kw_only=True):
    """One step of a check; `ok` null: not reached, or left out."""

    step: Phase
    ok: bool | None
    ms: float | None
    detail: str


class Certificate(View, frozen=True, kw_only=True):
    """What the server showed, verified."""

    subject: str
    issuer: str
    expires_at: Instant


class Checked(View, frozen=True, kw_only=True):
    """What a check of a relay found."""

    ok: bool
    code: int
    word: str
    error: str
    hint: str
    phase: Phase
    steps: tuple[Step, ...]
    certificate: Certificate | None
    extensions: dict[str, tuple[str, ...]]
    transcript: str


class LogEntry(View, frozen=True, kw_only=True):
    """One request in the send log."""

    id: str
    app_id: str
    at: Instant
    door: str
    ip: str
    recipient: str
    title: str
    status: str
    reason: str
    account: str
    message_id: str | None


class AuditEntry(View, frozen=True, kw_only=True):
    """A change as it was written down; secrets are `***`."""

    seq: int
    at: Instant
    actor: str
    address: str
    action: str
    app_id: str | None
    target: str
    changes: Annotated[
        dict[str, Any], Meta(description="For each field its value before and after.")
    ]
    hash: str
