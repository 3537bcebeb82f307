"""Text in columns: as wide as a terminal shows it, Korean and Chinese included."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

# Escape sequences of colour have no width.
_STYLE = re.compile(r"\x1b\[[0-9;]*m")

# Chinese and Japanese break between any two characters, but no line begins or ends with these.
_NEVER_FIRST = frozenset("，。、；：？！）」』】》〉”’…—·％,.;:?!)]}%\"'")
_NEVER_LAST = frozenset("（「『【《〈“‘([{\"'")

_GAP = 2


def display_width(text: str) -> int:
    """Return the columns `text` takes on a terminal (Unicode Standard Annex 11).

    Ambiguous characters count as one, as terminals show them unless told otherwise.
    """
    if text.isascii():
        return len(_STYLE.sub("", text))
    return sum(_width(character) for character in _STYLE.sub("", text))


def padded(text: str, width: int) -> str:
    """Return `text` followed by the spaces that fill `width` columns."""
    return text + " " * (width - display_width(text))


def wrapped(text: str, width: int | None, *, cuts: bool = False) -> list[str]:
    """Return `text` as lines of at most `width` columns; None leaves it one line.

    cuts: a word that is too long is cut, after a dot if possible; else it stands out, whole.
    """
    if width is None or display_width(text) <= width:
        return [text]
    lines = [""]
    for space, unit in _units(text, width if cuts else None):
        candidate = f"{lines[-1]}{space}{unit}"
        if not lines[-1] or display_width(candidate) <= width:
            lines[-1] = candidate if lines[-1] else unit
        else:
            lines.append(unit)
    return lines


def indented(text: str, indent: str, width: int | None) -> list[str]:
    """Return `text` wrapped, each line after `indent`."""
    room = None if width is None else width - display_width(indent)
    return [indent + line for line in wrapped(text, room)]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    least:    the columns it may be narrowed to, its cells wrapped; None: never narrowed.
    is_right: its cells stand at the right.
    is_cut:   its cells lose their ends instead of being wrapped; they hold no colour.
    """

    title: str
    least: int | None = None
    is_right: bool = False
    is_cut: bool = False


def shortened(text: str, width: int) -> str:
    """Return `text`, its end cut off where it takes more than `width` columns."""
    if display_width(text) <= width:
        return text
    while display_width(text) > width - 1:
        text = text[:-1]
    return f"{text.rstrip()}…"


def table(columns: Sequence[Column], rows: Iterable[Sequence[str]], width: int | None) -> list[str]:
    """Return lines: the titles, then each row, aligned, narrowed to `width` as columns allow."""
    cells = [tuple(column.title for column in columns), *map(tuple, rows)]
    widths = [max(display_width(row[index]) for row in cells) for index in range(len(columns))]
    if width is not None:
        narrow(widths, columns, width - 1)  # some terminals wrap a line that fills them
    return [line for row in cells for line in _row(row, widths, columns)]


def narrow(widths: list[int], columns: Sequence[Column], room: int) -> None:
    """Take from the column that has most to spare until all fit or none may be narrowed."""
    excess = sum(widths) + _GAP * (len(widths) - 1) - room
    while excess > 0:
        spare = [
            (widths[index] - column.least, index)
            for index, column in enumerate(columns)
            if column.least is not None and widths[index] > column.least
        ]
        if not spare:
            return
        widths[max(spare)[1]] -= 1
        excess -= 1


def _lines(cell: str, width: int, column: Column) -> list[str]:
    if column.is_cut:
        return [shortened(cell, width)]
    return [cell] if column.least is None else wrapped(cell, width, cuts=True)


def _row(row: Sequence[str], widths: list[int], columns: Sequence[Column]) -> Iterator[str]:
    parts = [
        _lines(cell, width, column)
        for cell, width, column in zip(row, widths, columns, strict=True)
    ]
    for number in range(max(map(len, parts))):
        line = ""
        for part, width, column in zip(parts, widths, columns, strict=True):
            cell = part[number] if number < len(part) else ""
            fill = " " * max(width - display_width(cell), 0)
            line += (fill + cell if column.is_right else cell + fill) + " " * _GAP
        yield line.rstrip()


def _width(character: str) -> int:
    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    if "\u1160" <= character <= "\u11ff":  # vowels and finals of a decomposed syllable
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _units(text: str, longest: int | None) -> Iterator[tuple[str, str]]:
    """Yield what may not be broken, each with the space before it.

    longest: cut units that are wider.
    """
    space, unit = "", ""
    for character in text:
        if character == " ":
            if unit:
                yield from _cut(space, unit, longest)
                space, unit = "", ""
            space += character
        elif unit and _may_break(unit[-1], character):
            yield from _cut(space, unit, longest)
            space, unit = "", character
        else:
            unit += character
    if unit:
        yield from _cut(space, unit, longest)


def _may_break(before: str, after: str) -> bool:
    if before in _NEVER_LAST or after in _NEVER_FIRST:
        return False
    return _is_ideographic(before) or _is_ideographic(after)


def _is_ideographic(character: str) -> bool:
    """Wide and not Hangul: Korean breaks at spaces only."""
    if character.isascii() or "\uac00" <= character <= "\ud7a3":
        return False
    return _width(character) == 2


def _cut(space: str, unit: str, longest: int | None) -> Iterator[tuple[str, str]]:
    while longest is not None and display_width(unit) > longest:
        end, taken = 0, 0
        while taken + _width(unit[end]) <= longest:
            taken += _width(unit[end])
            end += 1
        dot = max(unit.rfind(mark, 0, end) for mark in "./,@:_-") + 1
        end = dot if dot > end // 2 else max(end, 1)
        yield space, unit[:end]
        space, unit = "", unit[end:]
    if unit:
        yield space, unit
