"""`postroad log`: every request that named an app and proved it, sent or not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import click

from postroad.cli.filters import Filters, filter_options
from postroad.cli.installation import Where, inside, installation_options
from postroad.cli.layout import Column
from postroad.cli.options import CONTEXT, SectionedCommand, json_option, limit_option, option

if TYPE_CHECKING:
    from postroad.delivery.messages import LogEntry
    from postroad.operations.ports import LogFilter
    from postroad.wiring import Installation

_LOOK_S = 1.0
_MOST_AT_ONCE = 500
_SEARCHED = 10_000  # of the newest entries, for an address in other letter case
SHORT_ID: Final = 8  # of an id's end: two messages in 4,000,000,000 share it
_GAP = 2
_INDENT = " " * 4
_COLUMNS: Final = (
    *(Column("Time (UTC)"), Column("Status"), Column("App", 6)),
    *(Column("To", 12), Column("Title", 8), Column("Message")),
)
_TITLES: Final = tuple(column.title for column in _COLUMNS)
_MESSAGE: Final = 5
_STARTS: Final = (14, 8, 6, 24, 16, SHORT_ID)  # that a stream's later lines seldom need more
_LEAST: Final = (14, 8, 3, 2, 5, SHORT_ID)
_WIDEST: Final = (14, 8, 16, 40, 30, 36)
STATES = ("sent", "captured", "queued", "sending", "failed", "in_doubt", "held", "refused")
COLOURS = {
    **dict.fromkeys(("sent", "accepted"), "green"),
    **dict.fromkeys(("captured", "queued", "sending", "scheduled"), "cyan"),
    **dict.fromkeys(("in_doubt", "deferred", "held"), "yellow"),
    **dict.fromkeys(("failed", "refused", "bounced", "expired", "quarantined"), "red"),
}

Show = Callable[[Sequence["LogEntry"], Mapping[str, str]], None]
"""Writes entries, given the names of apps by appid."""


@click.command("log", cls=SectionedCommand, context_settings=CONTEXT)
@option("--follow", "-f", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@filter_options("requests")
@option("--to", metavar="ADDRESS", help="Only mail to this recipient, as it was given.")
@option(
    "--state",
    type=click.Choice(STATES),
    metavar="STATE",
    help=f"Only requests that ended so: {', '.join(STATES)}.",
)
@limit_option("How many of the newest.")
@installation_options
@json_option("the entries (with --follow one object a line)")
def command(
    follow: bool,
    filters: Filters,
    to: str | None,
    state: str | None,
    limit: int,
    where: Where,
    as_json: bool,
) -> None:
    """Show the send log: who asked for what, and what became of it, the newest last.

    Every request whose appid and signature, or whose key, were right is in it, sent or not. A
    reason stands below its entry. `postroad message show ID` tells more of an entry with a message:
    the id in the last column, of which a narrow terminal has the end, is enough.
    """
    show: Show = _json_lines(is_stream=follow) if as_json else Lines(is_stream=follow)

    async def work(found: Installation) -> None:
        import asyncio
        from dataclasses import replace

        from postroad.operations.ports import LogFilter

        which = LogFilter(to=to, status=state, **await filters.fields(found))
        entries = await found.send_log.entries(which, limit=limit)
        names = await _names(found)
        if not (entries or follow or as_json):
            await _say_nothing_found(found, which)
            return
        show(entries, names)
        while follow:
            if entries:
                which = replace(which, after=entries[-1].id)
            if len(entries) < _MOST_AT_ONCE:
                await asyncio.sleep(_LOOK_S)
            entries = await found.send_log.entries(which, limit=_MOST_AT_ONCE)
            if any(entry.app_id not in names for entry in entries):
                names = await _names(found)
            if entries:
                show(entries, names)

    inside(where, work)


async def _names(found: Installation) -> dict[str, str]:
    return {app.id: app.name for app in await found.directory.apps.list()}


async def _say_nothing_found(found: Installation, which: LogFilter) -> None:
    """Say that there is no entry, and under which other spelling there is one."""
    from dataclasses import replace

    from postroad.cli.output import say
    from postroad.cli.records import shown

    say("The log holds no such request.", err=True)
    if which.to is None:
        return
    others = await found.send_log.entries(replace(which, to=None), limit=_SEARCHED)
    wanted = which.to.casefold()
    spelled = {each.recipient for each in others if each.recipient.casefold() == wanted}
    if spelled:
        say(
            f"There are some to {shown(sorted(spelled))}: upper and lower case count in --to.",
            err=True,
        )


def _json_lines(*, is_stream: bool) -> Show:
    """Return what writes entries as one list, or for a stream as an object a line."""
    from postroad.cli.output import as_json, say_json
    from postroad.cli.records import as_object

    def show(entries: Sequence[LogEntry], _: Mapping[str, str]) -> None:
        if is_stream:
            for entry in entries:
                click.echo(as_json(as_object(entry)))
        else:
            say_json([as_object(entry) for entry in entries])

    return show


class Lines:
    """Writes entries as lines of columns that later ones continue, each reason on its own."""

    def __init__(self, *, is_stream: bool) -> None:
        from postroad.cli.output import line_width, say

        # A stream is for somebody: the closed pipe that `say` swallows has to end it.
        self._write: Callable[[str], None] = click.echo if is_stream else say
        self._room = line_width()
        self._widths = list(_STARTS if is_stream else _LEAST)
        self._has_titles = False
        self._is_stream = is_stream

    def __call__(self, entries: Sequence[LogEntry], names: Mapping[str, str]) -> None:
        """Write the entries, under the titles if these are the first."""
        from postroad.cli.layout import wrapped
        from postroad.cli.records import shown

        rows = [_row(entry, names) for entry in entries]
        widths = self._fitted(rows)
        if not self._has_titles:
            self._write(click.style(_line(_TITLES, widths), bold=True))
            self._has_titles = True
        room = None if self._room is None else self._room - len(_INDENT) - 1
        for entry, row in zip(entries, rows, strict=True):
            self._write(_line(row, widths))
            for line in wrapped(shown(entry.reason), room, cuts=True) if entry.reason else ():
                self._write(_INDENT + line)
        last = next((each.message_id for each in reversed(entries) if each.message_id), None)
        if self._room is not None and not self._is_stream and last is not None:
            self._write("")
            self._write(f"More of one: postroad message show {last[-widths[_MESSAGE] :]}")

    def _fitted(self, rows: Sequence[Sequence[str]]) -> list[int]:
        """Return the columns' widths: as wide as the widest so far, as far as there is room."""
        from postroad.cli.layout import display_width, narrow

        for index, most in enumerate(_WIDEST):
            widest = max((display_width(row[index]) for row in rows), default=0)
            self._widths[index] = max(self._widths[index], min(widest, most))
        widths = list(self._widths)
        excess = 0 if self._room is None else sum(widths) + _GAP * (len(widths) - 1) - self._room
        if excess >= 0 and self._room is not None:  # some terminals wrap a line that fills them
            widths[_MESSAGE] = SHORT_ID
            narrow(widths, _COLUMNS, self._room - 1)
        return widths


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    """Return one line: every cell in its columns, its end cut off; of an id its beginning."""
    from postroad.cli.layout import padded, shortened

    *cells, message = row
    if message != _TITLES[_MESSAGE]:
        message = message[-widths[_MESSAGE] :]
    parts = [
        padded(shortened(cell, width), width)
        for cell, width in zip((*cells, message), widths, strict=True)
    ]
    return (" " * _GAP).join(parts).rstrip()


def _row(entry: LogEntry, names: Mapping[str, str]) -> tuple[str, ...]:
    from postroad.cli.records import shown

    return (
        f"{entry.at:%m-%d %H:%M:%S}",
        coloured(entry.status),
        shown(names.get(entry.app_id, entry.app_id)),
        shown(entry.recipient),
        shown(entry.title),
        entry.message_id or "",
    )


def coloured(word: str) -> str:
    """Return the word of a state in its colour."""
    return click.style(word, fg=COLOURS.get(word))
