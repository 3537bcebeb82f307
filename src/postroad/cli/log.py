"""`postroad log`: every request that named an app and proved it, sent or not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import click

from postroad.cli.installation import Where, inside, installation_options
from postroad.cli.options import CONTEXT, SectionedCommand, json_option, option

if TYPE_CHECKING:
    from postroad.cli.layout import Column
    from postroad.delivery.messages import LogEntry
    from postroad.wiring import Installation

_LOOK_S = 1.0
_MOST_AT_ONCE = 500
_TITLE = 30  # columns: the whole one is in --json
_WIDEST = 40
_COLUMNS: Final = (  # each with the columns it may be narrowed to
    ("Time (UTC)", None),
    ("Status", None),
    ("Appid", None),
    ("To", 12),
    ("Title", 8),
    ("Reason", 12),
)
STATES = ("sent", "captured", "queued", "sending", "failed", "in_doubt", "refused")
COLOURS = {
    **dict.fromkeys(("sent", "accepted"), "green"),
    **dict.fromkeys(("captured", "queued", "sending", "scheduled"), "cyan"),
    **dict.fromkeys(("in_doubt", "deferred", "held"), "yellow"),
    **dict.fromkeys(("failed", "refused", "bounced", "expired", "quarantined"), "red"),
}


@click.command("log", cls=SectionedCommand, context_settings=CONTEXT)
@option("--follow", "-f", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@option("--app", metavar="APP", help="Only requests of this app: appid or name.")
@option("--to", metavar="ADDRESS", help="Only mail to this recipient, as it was given.")
@option(
    "--state",
    type=click.Choice(STATES),
    metavar="STATE",
    help=f"Only requests that ended so: {', '.join(STATES)}.",
)
@option(
    "--limit",
    type=click.IntRange(1, 100_000),
    metavar="NUMBER",
    default=50,
    show_default=True,
    help="How many of the newest.",
)
@installation_options
@json_option("the entries (with --follow one object a line)")
def command(
    follow: bool,
    app: str | None,
    to: str | None,
    state: str | None,
    limit: int,
    where: Where,
    as_json: bool,
) -> None:
    """Show the send log: who asked for what, and what became of it, the newest last.

    Every request whose appid and signature, or whose key, were right is in it, sent or not.
    """
    show = _json_lines(is_stream=follow) if as_json else Lines(is_stream=follow)

    async def work(found: Installation) -> None:
        import asyncio

        from postroad.operations.ports import LogFilter

        app_id = None if app is None else await _app_id(found, app)
        which = LogFilter(app_id, to, state)
        entries = await found.send_log.entries(which, limit=limit)
        show(entries)
        while follow:
            if entries:
                which = LogFilter(app_id, to, state, after=entries[-1].id)
            if len(entries) < _MOST_AT_ONCE:
                await asyncio.sleep(_LOOK_S)
            entries = await found.send_log.entries(which, limit=_MOST_AT_ONCE)
            if entries:
                show(entries)

    inside(where, work)


async def _app_id(found: Installation, app: str) -> str:
    from postroad.operations.administration import apps
    from postroad.operations.administration.desk import Desk

    return (await apps.find(Desk(found.directory, found.passwords), app)).id


def _json_lines(*, is_stream: bool) -> Callable[[Sequence[LogEntry]], None]:
    """Return what writes entries as one list, or for a stream as an object a line."""
    from postroad.cli.output import as_json, say_json
    from postroad.cli.records import as_object

    def show(entries: Sequence[LogEntry]) -> None:
        if is_stream:
            for entry in entries:
                click.echo(as_json(as_object(entry)))
        else:
            say_json([as_object(entry) for entry in entries])

    return show


class Lines:
    """Writes entries as a table that later ones continue, as wide as the widest so far."""

    def __init__(self, *, is_stream: bool) -> None:
        from postroad.cli.output import say

        # A stream is for somebody: the closed pipe that `say` swallows has to end it.
        self._write: Callable[[str], None] = click.echo if is_stream else say
        self._widths = [19, 8, 10, 24, 16, 0]
        self._has_titles = False
        self._is_stream = is_stream

    def __call__(self, entries: Sequence[LogEntry]) -> None:
        """Write a line for each entry, under the titles if these are the first."""
        from postroad.cli.layout import display_width, table
        from postroad.cli.output import line_width, say

        if not (entries or self._is_stream):
            say("The log holds no such request.", err=True)
            return
        rows = [_row(entry) for entry in entries]
        for index, width in enumerate(self._widths):
            widest = max((display_width(row[index]) for row in rows), default=0)
            self._widths[index] = max(width, min(widest, _WIDEST))
        titles, *lines = table(self._columns(), rows, line_width())
        if not self._has_titles:
            self._write(click.style(titles, bold=True))
            self._has_titles = True
        for line in lines:
            self._write(line)

    def _columns(self) -> list[Column]:
        from postroad.cli.layout import Column, padded

        return [
            Column(padded(title, width), least)
            for (title, least), width in zip(_COLUMNS, self._widths, strict=True)
        ]


def _row(entry: LogEntry) -> tuple[str, ...]:
    from postroad.cli.records import moment, shortened, shown

    return (
        moment(entry.at),
        coloured(entry.status),
        entry.app_id,
        shown(entry.recipient),
        shortened(shown(entry.title), _TITLE),
        shown(entry.reason) if entry.reason else "",
    )


def coloured(word: str) -> str:
    """Return the word of a state in its colour."""
    return click.style(word, fg=COLOURS.get(word))
