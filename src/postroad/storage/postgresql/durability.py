"""What a server must be set to so that what it has confirmed is still there when it dies."""

from __future__ import annotations

from typing import Any, Final

from postroad.errors import StorageError

_NAMES: Final = ("fsync", "full_page_writes", "synchronous_commit")

SETTINGS: Final = ", ".join(f"current_setting('{name}')" for name in _NAMES)
"""For a SELECT or RETURNING; `check` is given the row."""


def check(row: tuple[Any, ...]) -> None:
    """Make sure that nothing of it is off.

    raises: StorageError, naming what is.
    """
    if found := missing(row):
        raise StorageError(
            f"PostgreSQL has {' and '.join(found)} off, so that it can lose mail that was accepted:"
            " set it to on, or allow it with allow_unsafe_postgresql"
        )


def missing(row: tuple[Any, ...]) -> list[str]:
    """Return the names of what is off."""
    return [name for name, value in zip(_NAMES, row, strict=True) if value == "off"]
