"""`postroad log`: every request that named an app and proved it, sent or not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import click

from postroad.cli.installation import Where, inside, installation_options
from postroad.cli.options import CONTEXT, SectionedCommand, json_option, option

if TYPE_CHECKING:
    from postroad.cli.layout import Column
    from postroad.delivery.messages import LogEntry
    from postroad.wiring import Installation

_LOOK_S = 1.0
_MOST_AT_ONCE = 500
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
    show = _json_lines(is_stream=follow) if as_json else _text_lines()

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
    from postroad.cli.output import say_json, say_json_line
    from postroad.cli.records import as_object

    def show(entries: Sequence[LogEntry]) -> None:
        if not is_stream:
            say_json([as_object(entry) for entry in entries])
            return
        for entry in entries:
            say_json_line(as_object(entry))

    return show


def _text_lines() -> Callable[[Sequence[LogEntry]], None]:
    """Return what writes entries as a table that later ones continue."""
    from postroad.cli.layout import Column, display_width, padded, table
    from postroad.cli.output import line_width, say
    from postroad.cli.records import moment, shown

    titles = ["Time (UTC)", "Status", "Appid", "To", "Title", "Reason"]
    least = [None, None, None, 12, 8, 12]
    widths = [19, 8, 10, 24, 16, 0]
    has_titles = False

    def rows(entries: Iterable[LogEntry]) -> list[tuple[str, ...]]:
        return [
            (
                moment(entry.at),
                entry.status,
                entry.app_id,
                shown(entry.recipient),
                shown(entry.title),
                shown(entry.reason) if entry.reason else "",
            )
            for entry in entries
        ]

    def columns() -> list[Column]:
        padded_titles = [padded(title, width) for title, width in zip(titles, widths, strict=True)]
        return [Column(title, each) for title, each in zip(padded_titles, least, strict=True)]

    def show(entries: Sequence[LogEntry]) -> None:
        nonlocal has_titles
        cells = rows(entries)
        for index, width in enumerate(widths):
            found = max((display_width(row[index]) for row in cells), default=0)
            widths[index] = max(width, min(found, 40))
        first, *lines = table(columns(), _coloured(cells), line_width())
        if not has_titles:
            say(click.style(first, bold=True))
            has_titles = True
        for line in lines:
            say(line)

    return show


def _coloured(cells: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
    return [(at, click.style(status, fg=COLOURS.get(status)), *rest) for at, status, *rest in cells]


def coloured(word: str) -> str:
    """Return the word of a state in its colour."""
    return click.style(word, fg=COLOURS.get(word))
