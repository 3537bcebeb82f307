"""Records as JSON and as text for a person; a secret is in neither unless it was just made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from postroad.cli.layout import Column

NOTHING = "-"
_SECRETS = frozenset({"signature", "old_signature", "password_hash", "digest"})
_NAMES = {"from_": "from", "app_id": "appid"}


def as_object(record: Any) -> dict[str, Any]:
    """Return a record as JSON carries it, without what is secret."""
    return {
        _NAMES.get(each.name, each.name): plain(getattr(record, each.name))
        for each in fields(record)
        if each.name not in _SECRETS
    }


def plain(value: Any) -> Any:
    """Return a field's value as JSON carries it."""
    from postroad.message import Address

    if isinstance(value, Address):
        return mailbox(value)
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (tuple, list)):
        return [plain(each) for each in value]
    return as_object(value) if is_dataclass(value) else value


def mailbox(address: Any) -> str:
    """Return an Address as a person writes it."""
    return f"{address.name} <{address.email}>" if address.name else str(address.email)


def shown(value: Any) -> str:
    """Return a field's value for a person, on one line, without control characters."""
    from postroad.smtp.reply import printable

    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, datetime):
        return f"{moment(value)} UTC"
    if isinstance(value, (tuple, list)):
        return ", ".join(map(shown, value)) or NOTHING
    found = plain(value)
    return printable(str(found)) if found not in (None, "") else NOTHING


def moment(at: datetime | None) -> str:
    """Return a time to the second, for a column that says that it is UTC."""
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else NOTHING


def page(title: str, rows: Iterable[tuple[str, Any]]) -> None:
    """Write a title, and under it each label with its value."""
    from postroad.cli.layout import display_width, padded, wrapped
    from postroad.cli.output import line_width, say
    from postroad.smtp.reply import printable

    shown_rows = [(label, shown(value)) for label, value in rows]
    indent = max(display_width(label) for label, _ in shown_rows) + 4
    width = line_width()
    say(click.style(printable(title), bold=True))
    say()
    for label, value in shown_rows:
        first, *rest = wrapped(value, None if width is None else max(width - indent, 20))
        say(padded(f"  {label}", indent) + first)
        for line in rest:
            say(" " * indent + line)


def once(name: str, secrets: Sequence[tuple[str, str]], rows: Iterable[tuple[str, Any]]) -> None:
    """Write what was just made, with its secrets, which nothing shows again."""
    from postroad.cli.layout import display_width
    from postroad.cli.output import say

    mark = click.style("  ← shown once", dim=True) if _can_show("←") else "  (shown once)"
    names = [label for label, _ in (*rows, *secrets)]
    indent = max(map(display_width, names)) + 4
    say(click.style(shown(name), bold=True))
    say()
    for label, value in rows:
        say(f"  {label}".ljust(indent) + shown(value))
    for label, value in secrets:
        say(f"  {label}".ljust(indent) + click.style(value, fg="green") + mark)


def listing(columns: Sequence[Column], rows: Sequence[Sequence[str]], *, empty: str) -> None:
    """Write a table, or `empty` to stderr when there is nothing to list."""
    from postroad.cli.layout import table
    from postroad.cli.output import line_width, say

    if not rows:
        say(empty, err=True)
        return
    titles, *lines = table(columns, rows, line_width())
    say(click.style(titles, bold=True))
    for line in lines:
        say(line)


def _can_show(characters: str) -> bool:
    from postroad.cli.output import can_show

    return can_show(characters)
