"""What the fields of records may hold; the sentence that refuses another value names the field."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import Any, TypeVar

from postroad.errors import AddressError, SettingsError
from postroad.message import Address

E = TypeVar("E", bound=StrEnum)

Rules = Mapping[str, Callable[[Any, str], Any]]
"""For each field what returns its checked value, given the value and the field's name."""

MAX_NAME = 100
MAX_TEXT = 500
MAX_LIST = 1_000

_ENDS_A_LINE = frozenset({"Cc", "Cs", "Zl", "Zp"})
_TURNS_WRITING = re.compile("[\u202a-\u202e\u2066-\u2069]")  # a name must not show another
_ORIGIN = re.compile(
    r"https?://(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?"
)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class FieldsError(SettingsError):
    """Fields that cannot stand; its own message is that of the first.

    found: each field with what is wrong with it.
    """

    def __init__(self, found: Sequence[tuple[str, str]]) -> None:
        super().__init__(found[0][1])
        self.found = tuple(found)


def checked(given: Mapping[str, Any], rules: Rules) -> dict[str, Any]:
    """Return the fields that are given, each as its rule returns it.

    raises: FieldsError naming all that cannot stand.
    """
    values: dict[str, Any] = {}
    wrong: list[tuple[str, str]] = []
    for field_name, value in given.items():
        if field_name not in rules:
            raise SettingsError(f"there is no field {field_name[:40]!r}")
        try:
            values[field_name] = rules[field_name](value, field_name)
        except SettingsError as error:
            wrong.append((field_name.rstrip("_"), str(error)))
    if wrong:
        raise FieldsError(wrong)
    return values


def within(least: int, most: int) -> Callable[[Any, str], int]:
    """Return the rule of a whole number."""
    return lambda value, field: whole(value, field, least, most)


def one_of(kind: type[E]) -> Callable[[Any, str], E]:
    """Return the rule of a word."""
    return lambda value, field: choice(value, field, kind)


def text_of(most: int) -> Callable[[Any, str], str]:
    """Return the rule of text of one line."""
    return lambda value, field: text(value, field, most=most)


def unless_empty(rule: Callable[[Any, str], Any]) -> Callable[[Any, str], Any]:
    """Return the rule of a field that may be empty: None and "" are None."""
    return lambda value, field: None if value is None or value == "" else rule(value, field)


def switch(value: object, field: str) -> bool:
    """Return True or False.

    raises: SettingsError.
    """
    if not isinstance(value, bool):
        raise SettingsError(f"{field} is true or false, not {str(value)[:40]!r}")
    return value


def name(value: str, field: str = "name", *, most: int = MAX_NAME) -> str:
    """Return a name: something visible on one line, without white space around it.

    raises: SettingsError.
    """
    if not value.strip():
        raise SettingsError(f"{field} is blank")
    if value != value.strip():
        raise SettingsError(f"{field} begins or ends with white space")
    return text(value, field, most=most)


def text(value: str, field: str, *, most: int = MAX_TEXT) -> str:
    """Return text of one line, which may be "".

    raises: SettingsError.
    """
    if len(value) > most:
        raise SettingsError(f"{field} has {len(value):,} characters; at most {most:,} are kept")
    for position, character in enumerate(value):
        if unicodedata.category(character) in _ENDS_A_LINE or _TURNS_WRITING.match(character):
            raise SettingsError(
                f"{field}: the character U+{ord(character):04X} at position {position} "
                "may not stand there"
            )
    return value


def whole(value: object, field: str, least: int, most: int) -> int:
    """Return a whole number within its limits.

    raises: SettingsError.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise SettingsError(f"{field} is a whole number from {least:,} to {most:,}, not {value!r}")
    return value


def seconds(value: float, field: str, least: float, most: float) -> float:
    """Return a number of seconds within its limits; NaN is within none.

    raises: SettingsError.
    """
    if isinstance(value, bool) or not least <= value <= most:
        raise SettingsError(f"{field} is a number of seconds from {least:g} to {most:g}")
    return float(value)


def choice(value: str, field: str, kind: type[E]) -> E:
    """Return the member of an enum that a word names.

    raises: SettingsError naming the words there are.
    """
    try:
        return kind(value)
    except ValueError:
        raise SettingsError(f"{field} is {listed(kind)}, not {value[:40]!r}") from None


def choices(values: Iterable[str], field: str, kind: type[E]) -> tuple[E, ...]:
    """Return the members that words name, each once, in the order of the enum.

    raises: SettingsError, also when there is none.
    """
    chosen = {choice(value.strip(), field, kind) for value in values}
    if not chosen:
        raise SettingsError(f"{field}: give at least one of {listed(kind)}")
    return tuple(member for member in kind if member in chosen)


def mailbox(value: str | Address, field: str) -> Address:
    """Return the mailbox that `Name <a@b>` or `a@b` is.

    raises: SettingsError.
    """
    try:
        return value if isinstance(value, Address) else Address.parse(value)
    except AddressError as error:
        raise SettingsError(f"{field}: {error}") from None


def address(value: str, field: str) -> str:
    """Return a bare address as it was given.

    raises: SettingsError.
    """
    try:
        return Address(value).email
    except AddressError as error:
        raise SettingsError(f"{field}: {error}") from None


def pattern(value: str, field: str) -> str:
    """Return an address, or a whole domain as "@b.example".

    raises: SettingsError.
    """
    if value.startswith("@"):
        address(f"any{value}", field)
        return value
    return address(value, field)


def patterns(values: Iterable[str], field: str) -> tuple[str, ...]:
    """Return addresses and domains, each once.

    raises: SettingsError.
    """
    return distinct((pattern(value, field) for value in values), field)


def origins(values: Iterable[str], field: str) -> tuple[str, ...]:
    """Return origins of browsers such as "https://b.example:8443", or "*" alone.

    raises: SettingsError.
    """
    found = distinct(values, field)
    for value in found:
        if value == "*" and len(found) > 1:
            raise SettingsError(f'{field}: "*" is every origin: give it alone, or leave it out')
        if value != "*" and not _ORIGIN.fullmatch(value):
            raise SettingsError(
                f"{field}: {value[:80]!r} is no origin as browsers write it, "
                "such as https://b.example (lower case, no path)"
            )
    return found


def networks(values: Iterable[str], field: str) -> tuple[str, ...]:
    """Return networks in CIDR form; a single address is a network of one.

    raises: SettingsError.
    """
    return distinct((_network(value, field) for value in values), field)


def moment(value: str | datetime, field: str) -> datetime:
    """Return a time in UTC: ISO 8601 with a zone, or a date for the end of that day in UTC.

    raises: SettingsError.
    """
    try:
        if isinstance(value, str) and _DAY.fullmatch(value):
            return datetime.combine(date.fromisoformat(value), time(23, 59, 59), UTC)
        found = datetime.fromisoformat(value) if isinstance(value, str) else value
        if found.tzinfo is not None:
            return found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise SettingsError(
            f"{field}: {str(value)[:40]!r} is neither a date such as 2026-12-31 "
            "nor a time such as 2026-12-31T18:00:00Z"
        ) from None
    raise SettingsError(f"{field}: say the zone of {str(value)[:40]!r}: put Z for UTC, or +09:00")


def listed(words: Iterable[str]) -> str:
    """Return words as a sentence names a choice: "a, b or c"."""
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last


def distinct(values: Iterable[str], field: str) -> tuple[str, ...]:
    """Return values as a tuple.

    raises: SettingsError for one that is given twice, and for more than are kept.
    """
    found = tuple(values)
    if len(found) > MAX_LIST:
        raise SettingsError(f"{field}: {len(found):,} entries; at most {MAX_LIST:,} are kept")
    seen: set[str] = set()
    for value in found:
        if value in seen:
            raise SettingsError(f"{field}: {value[:80]!r} is given twice")
        seen.add(value)
    return found


def _network(value: str, field: str) -> str:
    try:
        return str(ipaddress.ip_network(value))
    except ValueError as exc:
        raise SettingsError(f"{field}: {str(exc)[:120]} (CIDR, such as 192.0.2.0/24)") from None
