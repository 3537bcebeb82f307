"""What every act of administration works with."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

from postroad.errors import ConflictError, NotFoundError
from postroad.operations.identifiers import new_id
from postroad.operations.ports import Directory, Records
from postroad.tenancy.audit import Actor

T = TypeVar("T")


class Hashes(Protocol):
    """Makes hashes of passwords (`operations.passwords.Passwords` does)."""

    async def hash(self, password: str) -> str:
        """Return a hash with a salt of its own."""
        ...


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Desk:
    """The records, the hashes, the clock, where ids and secrets come from, and who sits there.

    records: where every change is noted in the name of `actor`, when it is made through
             `directory` or `noting`.
    random:  returns so many octets that nobody can guess.
    """

    records: Directory
    passwords: Hashes
    clock: Callable[[], datetime] = _now
    new_id: Callable[[], str] = new_id
    random: Callable[[int], bytes] = secrets.token_bytes
    actor: Actor = field(kw_only=True)

    @property
    def directory(self) -> Directory:
        """The records, whose changes are noted by the kind of record: "app.update"."""
        return self.records.acting(self.actor)

    def noting(self, action: str) -> Directory:
        """Return the records, whose changes are noted as `action`."""
        return self.records.acting(self.actor, action)


async def find(
    records: Records[T],
    reference: str,
    what: str,
    *,
    names_of: Callable[[T], tuple[str, ...]],
    id_of: Callable[[T], str],
) -> T:
    """Return the record whose id, or else whose name alone, is `reference`.

    what:   of the error: "app", "relay", …
    raises: NotFoundError; ConflictError when several have that name.
    """
    return unique(await matches(records, reference, names_of), reference, what, id_of)


async def matches(
    records: Records[T], reference: str, names_of: Callable[[T], tuple[str, ...]]
) -> list[T]:
    """Return the record with the id `reference`, else those that go by that name."""
    if (found := await records.get(reference)) is not None:
        return [found]
    return [each for each in await records.list() if reference in names_of(each)]


def unique(found: list[T], reference: str, what: str, id_of: Callable[[T], str]) -> T:
    """Return the one that was found.

    raises: NotFoundError, ConflictError.
    """
    if not found:
        raise NotFoundError(f"there is no {what} {reference[:80]!r}")
    if len(found) > 1:
        ids = ", ".join(map(id_of, found))
        raise ConflictError(f"several are called {reference[:80]!r}: give the id of one: {ids}")
    return found[0]


async def removed(records: Records[Any], record_id: str, what: str) -> None:
    """Delete one record.

    raises: NotFoundError; ConflictError when something else still refers to it.
    """
    if not await records.remove(record_id):
        raise NotFoundError(f"there is no {what} {record_id[:80]!r}")


def present(record: T | None, what: str, reference: str) -> T:
    """Return the record, which somebody may have removed in between.

    raises: NotFoundError.
    """
    if record is None:
        raise NotFoundError(f"there is no {what} {reference[:80]!r}")
    return record
