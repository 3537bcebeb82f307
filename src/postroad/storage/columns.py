"""What the two statements on every message's way are given, in the order of their parameters.

Each engine does them in its own words, and in one statement (`Dialect.take_in` and `settle`).
"""

from __future__ import annotations

from typing import Final

TAKE_IN: Final = {
    "id": "text",
    "app_id": "text",
    "door": "text",
    "header_id": "text",
    "from_": "text",
    "subject": "text",
    "reverse_path": "text",
    "needs_smtputf8": "boolean",
    "is_transparent": "boolean",
    "created_at": "bigint",
    "expires_at": "bigint",
    "relay_id": "text",
    "is_kept_out_of_retry": "boolean",
    "size_octets": "bigint",
    "is_compressed": "boolean",
    "octets": "bytea",
    "address": "text",
    "path": "text",
    "state": "text",
    "due": "bigint",
    "lease_token": "text",
    "lease_until": "bigint",
    "attempt_id": "text",
    "at": "bigint",
    "log_id": "text",
    "logged_at": "bigint",
    "ip": "text",
    "logged_recipient": "text",
    "title": "text",
    "status": "text",
    "reason": "text",
    "account": "text",
}
"""A message with one recipient, what puts it on its way, and its log entry; with their types."""

TAKE_IN_COUNTED: Final = TAKE_IN | {
    "counter": "text",
    "counter_until": "bigint",
    "counter_latest": "bigint",
    "most": "integer",
}
"""The same with the one counter that the message counts for; with their types."""

SETTLE: Final = {
    "message_id": "text",
    "number": "integer",
    "lease_token": "text",
    "due": "bigint",
    "at": "bigint",
    "relay_id": "text",
    "outcome": "integer",
    "phase": "text",
    "error": "text",
    "transcript": "bytea",
    "state": "text",
    "code": "integer",
    "enhanced": "text",
    "text": "text",
}
"""The end of an attempt at one recipient; with their types."""
