"""Who changed what: the entries of the audit log, and the chain of hashes that holds them.

An entry's hash is the SHA-256 of the hash before it (32 octets; before the first all zero) and of
the entry as canonical JSON: `as_object` without `hash`, keys sorted, no spaces, UTF-8.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import Enum
from hashlib import sha256
from typing import Any, Final

from postroad.message import Address

CONCEALED: Final = "***"
"""Stands for every secret, its digests and what it is encrypted to."""

ACTORS: Final = ("cli:", "key:", "operator:", "system")
"""How an actor's name begins."""

KINDS: Final = (
    *("app", "user", "key", "relay", "route", "developer", "operator", "message", "database"),
)
"""What can be changed: how an action begins, before its dot."""

# Who a record is never changes; whether there is a secret, its own entry tells.
_UNTOLD: Final = frozenset({"id", "app_id", "created_at", "has_secret"})

Changes = Mapping[str, tuple[Any, Any]]
"""For each field its value before and after, as JSON carries it; None where there was none."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who changes something.

    name:    `cli:<system user>`, `key:<id>`, `operator:<name>` or `system`.
    address: where the request came from (IP), "" for a command and for the service itself.
    """

    name: str
    address: str = ""


SYSTEM: Final = Actor("system")
"""The service itself: its first start, its demo, its migrations."""


@dataclass(frozen=True, slots=True)
class Note:
    """A change that is to be written down.

    action: what was done, such as "app.update".
    app_id: whose record it was; None for what belongs to no app.
    target: the id of the record, "" for the whole installation.
    """

    by: Actor
    action: str
    app_id: str | None = None
    target: str = ""
    changes: Changes = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """A change as it was written down.

    seq:  1 for the first; without gaps.
    hash: 64 lower-case hex digits.
    """

    seq: int
    at: datetime
    actor: str
    address: str
    action: str
    app_id: str | None
    target: str
    changes: Changes
    hash: str


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries; what is None restricts nothing.

    action: a whole one such as "key.disable", or all of a kind: "key".
    after:  only entries with a greater `seq`.
    """

    app_id: str | None = None
    actor: str | None = None
    action: str | None = None
    after: int | None = None


@dataclass(frozen=True, slots=True)
class End:
    """The end of a chain: the number of its entries and the hash of the last."""

    seq: int
    hash: str


BEGINNING: Final = End(0, "00" * 32)


@dataclass(frozen=True, slots=True)
class Verification:
    """What a walk along the chain found.

    checked: how many entries fit.
    end:     the last of them.
    misfit:  a sentence about the first thing that does not fit, "" when everything does.
    """

    checked: int
    end: End
    misfit: str = ""


def differences(old: Any, new: Any) -> Changes:
    """Return what distinguishes two records of one type; None is no record.

    A field that a record keeps out of its own `repr` is a secret, and concealed.
    """
    found: dict[str, tuple[Any, Any]] = {}
    for each in fields(old if new is None else new):
        if each.name in _UNTOLD:
            continue
        before, after = (
            None if record is None else getattr(record, each.name) for record in (old, new)
        )
        if before != after:
            shown = plain if each.repr else concealed
            found[each.name.rstrip("_")] = (shown(before), shown(after))
    return found


def concealed(secret: object) -> str | None:
    """Return what stands for a secret; None where there is none."""
    return CONCEALED if secret else None


def plain(value: Any) -> Any:
    """Return a field's value as JSON carries it, alike in every language that reads it."""
    if isinstance(value, Address):
        return f"{value.name} <{value.email}>" if value.name else value.email
    if isinstance(value, datetime):
        return _moment(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return [plain(each) for each in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def as_object(entry: AuditEntry) -> dict[str, Any]:
    """Return an entry as JSON carries it."""
    return {
        "seq": entry.seq,
        "at": _moment(entry.at),
        "actor": entry.actor,
        "address": entry.address,
        "action": entry.action,
        "app_id": entry.app_id,
        "target": entry.target,
        "changes": {name: list(values) for name, values in entry.changes.items()},
        "hash": entry.hash,
    }


def canonical(value: Any) -> str:
    """Return JSON that is written in one way only."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def chained(previous: str, entry: AuditEntry) -> str:
    """Return the hash that an entry has after the one with the hash `previous`."""
    told = as_object(entry)
    del told["hash"]
    return sha256(bytes.fromhex(previous) + canonical(told).encode()).hexdigest()


def misfit(previous: End, entry: AuditEntry) -> str:
    """Return why an entry does not follow the end of a chain, "" when it does."""
    wanted = previous.seq + 1
    if entry.seq > wanted:
        missing = f"entry {wanted} is" if entry.seq == wanted + 1 else _missing(wanted, entry.seq)
        return f"{missing} missing: after {previous.seq} comes {entry.seq}"
    if entry.seq < wanted:
        return f"entry {entry.seq} stands before the first"
    if chained(previous.hash, entry) != entry.hash:
        return (
            f"entry {entry.seq} does not fit its hash: it was changed, or put in the place of "
            "another, after it was written"
        )
    return ""


def _missing(first: int, following: int) -> str:
    return f"entries {first} to {following - 1} are"


def _moment(at: datetime) -> str:
    """Return a time in UTC, always with six decimals, so that there is one way to write it."""
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")
