"""What every act of administration works with."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol, TypeVar

from postroad.errors import ConflictError, NotFoundError
from postroad.operations.identifiers import new_id
from postroad.operations.ports import Directory, Records

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
    """The records, the hashes, the clock, and where ids and secrets come from.

    random: returns so many octets that nobody can guess.
    """

    directory: Directory
    passwords: Hashes
    clock: Callable[[], datetime] = _now
    new_id: Callable[[], str] = new_id
    random: Callable[[int], bytes] = secrets.token_bytes


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


def present(record: T | None, what: str, reference: str) -> T:
    """Return the record, which somebody may have removed in between.

    raises: NotFoundError.
    """
    if record is None:
        raise NotFoundError(f"there is no {what} {reference[:80]!r}")
    return record
