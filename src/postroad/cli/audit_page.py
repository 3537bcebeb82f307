"""How `postroad audit list` shows entries to a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from postroad.tenancy.audit import AuditEntry
    from postroad.tenancy.records import ApiKey

_INDENT: Final = " " * 5
_KEY: Final = "key:"
_WHO: Final = 28  # columns, so that the longest action fits beside it into 80
_END_OF_ID: Final = 8  # characters that tell a removed key from others


class KeyNames:
    """What API keys are called: by their name, or where two have it by their first characters."""

    def __init__(self, keys: Iterable[ApiKey]) -> None:
        keys = list(keys)
        times = Counter(key.name for key in keys)
        room = _WHO - len(_KEY)
        self._names = {
            key.id: key.name
            if times[key.name] == 1 and len(key.name.encode()) <= room
            else f"{key.hint}…"
            for key in keys
        }

    def of(self, key_id: str) -> str:
        """Return what a key is called; one that was removed, by the end of its id."""
        return self._names.get(key_id) or f"…{key_id[-_END_OF_ID:]}"

    def actor(self, given: str | None) -> str | None:
        """Return an actor as entries have it, who may be given as the list shows him."""
        if given is None or not given.startswith(_KEY):
            return given
        named = given.removeprefix(_KEY)
        found = [key_id for key_id, name in self._names.items() if name == named]
        return f"{_KEY}{found[0]}" if len(found) == 1 else given


def write(entries: Sequence[AuditEntry], names: KeyNames) -> None:
    """Write a line for each entry, and under it where it came from and what it is about."""
    from postroad.cli.layout import Column, shortened, table, wrapped
    from postroad.cli.output import line_width, say
    from postroad.cli.records import moment, shown

    if not entries:
        say("There are no such entries.", err=True)
        return
    columns = (Column("No.", is_right=True), Column("Time (UTC)"), Column("What"), Column("Who"))
    rows = [
        (
            str(entry.seq),
            moment(entry.at),
            shown(entry.action),
            shortened(shown(_who(entry, names)), _WHO),
        )
        for entry in entries
    ]
    titles, *lines = table(columns, rows, None)
    width = line_width()
    room = None if width is None else width - len(_INDENT)
    say(click.style(titles, bold=True))
    for entry, line in zip(entries, lines, strict=True):
        say(line)
        changes = _changes(entry)
        about = f"{_about(entry, names)}{': ' if changes else ''}{changes}"
        for text in (f"from {shown(entry.address)}" if entry.address else "", about):
            for part in wrapped(text, room, cuts=True) if text else ():
                say(_INDENT + part)


def _who(entry: AuditEntry, names: KeyNames) -> str:
    if entry.actor.startswith(_KEY):
        return _KEY + names.of(entry.actor.removeprefix(_KEY))
    return entry.actor


def _about(entry: AuditEntry, names: KeyNames) -> str:
    """Return what was changed, and whose it is."""
    from postroad.cli.records import shown

    kind = entry.action.partition(".")[0]
    name = names.of(entry.target) if kind == "key" and entry.target else entry.target
    target = f"{kind} {name}" if name else kind
    return shown(target if entry.app_id in (None, entry.target) else f"{target} of {entry.app_id}")


def _changes(entry: AuditEntry) -> str:
    """Return each value as old → new, - for none; of what was made only the new."""
    from postroad.cli.output import can_show
    from postroad.cli.records import shown

    arrow = "→" if can_show("→") else "->"
    parts = []
    for name, (old, new) in sorted(entry.changes.items()):
        if not entry.action.endswith(".create"):
            parts.append(f"{name}: {shown(old)} {arrow} {shown(new)}")
        elif new not in (None, "", []):
            parts.append(f"{name}: {shown(new)}")
    return ", ".join(parts)
