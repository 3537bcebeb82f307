"""Records for the tests of this room."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from postroad.delivery.messages import Claim, Envelope, Lease, Recipient, StoredMessage
from postroad.delivery.states import State
from postroad.message import Address
from postroad.tenancy.records import App, RelayAccount, Route

NOW = datetime(2026, 3, 5, 6, 7, 8, tzinfo=UTC)
APP = "1000000001"


def app(from_: str | None = None) -> App:
    return App(APP, "shop", NOW, from_=Address(from_) if from_ else None)


def relay(name: str, **fields: Any) -> RelayAccount:
    given: dict[str, Any] = {
        "id": name,
        "app_id": APP,
        "name": name,
        "host": "mx.b.example",
        "port": 587,
        "created_at": NOW,
    }
    return RelayAccount(**given | fields)


def route(relay_id: str, from_: str = "", position: int = 0) -> Route:
    return Route(f"to-{relay_id}", APP, relay_id, NOW, from_, position)


def claim(
    *emails: str,
    positions: tuple[int, ...] = (),
    number: int = 1,
    expires_in: timedelta = timedelta(days=2),
    is_kept_out_of_retry: bool = False,
) -> Claim:
    recipients = tuple(
        Recipient(position, email, email, State.SENDING, NOW)
        for position, email in zip(positions or range(len(emails)), emails, strict=True)
    )
    message = StoredMessage(
        id="m1",
        app_id=APP,
        door="nobase",
        message_id="<m1@b.example>",
        from_="shop@b.example",
        subject="제목",
        envelope=Envelope("shop@b.example", emails),
        created_at=NOW,
        expires_at=NOW + expires_in,
        relay_id="r1",
        is_kept_out_of_retry=is_kept_out_of_retry,
        size_octets=1,
        attempts=number,
        due=None,
        recipients=recipients,
    )
    return Claim(message, b"x", recipients, Lease("t", NOW), "a1", number)
