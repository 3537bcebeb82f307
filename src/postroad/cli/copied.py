"""What `postroad backup`, `restore` and `copy` tell of the copy they made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from postroad.cli.installation import missing_package

if TYPE_CHECKING:
    from types import ModuleType

    from postroad.wiring.copies import Copied

# What a person counts; --json has every table.
_COUNTED: Final = {
    "developer": "developers",
    "app": "apps",
    "app_user": "users",
    "api_key": "API keys",
    "relay": "relays",
    "route": "routes",
    "operator": "operators",
    "message": "messages",
    "recipient": "their recipients",
    "attempt": "attempts",
    "send_log": "entries of the send log",
    "audit": "entries of the audit log",
}


def copies() -> ModuleType:
    """Return what does the copying.

    raises: SettingsError when the server's packages are not installed.
    """
    try:
        from postroad.wiring import copies as found
    except ModuleNotFoundError as exc:
        raise missing_package(exc) from None
    return found


def as_object(copied: Copied) -> dict[str, Any]:
    """Return a copy as JSON carries it."""
    from postroad.cli.records import plain

    return {
        "from": copied.source,
        "to": copied.target,
        "at": plain(copied.at),
        "octets": size(copied),
        "tables": copied.tables,
        "open": copied.open,
        "secrets": copied.secrets,
        "key": copied.key,
    }


def write(title: str, copied: Copied) -> None:
    """Write how much was copied, a row for each kind of thing."""
    import click

    from postroad.cli.layout import Column, table
    from postroad.cli.output import say
    from postroad.cli.records import moment, page

    page(
        title,
        [
            ("from", copied.source),
            ("to", copied.target),
            ("as of", f"{moment(copied.at)} UTC"),
        ],
    )
    say()
    rows = []
    for name, label in _COUNTED.items():
        if copied.tables.get(name):
            rows.append((label, f"{copied.tables[name]:,}"))
        if name == "recipient":
            rows += [(f"  {state}", f"{number:,}") for state, number in copied.open.items()]
    columns = (Column("Copied"), Column("Number", is_right=True))
    titles, *lines = table(columns, rows, None)
    say(click.style(titles, bold=True))
    for line in lines:
        say(line)
    say()


def size(copied: Copied) -> int | None:
    """Return the octets of a copy that is a file."""
    path = Path(copied.target)
    return path.stat().st_size if path.is_file() else None


def counted(number: int, one: str, more: str) -> str:
    """Return a number of things in words."""
    return f"{number:,} {one if number == 1 else more}"


def paragraph(*sentences: str) -> None:
    """Write sentences, wrapped for a terminal."""
    from postroad.cli.layout import wrapped
    from postroad.cli.output import line_width, say

    for line in wrapped(" ".join(sentences), line_width()):
        say(line)
