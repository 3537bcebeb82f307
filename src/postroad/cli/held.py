"""`postroad message release --held`: everything that waits for a person, sent on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from postroad.cli.asking import is_agreed
from postroad.cli.exits import Exit
from postroad.cli.installation import Where, acting, inside

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from postroad.delivery.held import Held
    from postroad.wiring import Installation


def release(where: Where, app: str | None, *, is_sure: bool, as_json: bool) -> int:
    """Queue all held mail, of one app or of all, after a question; return the exit code."""
    from postroad.cli.output import say, say_json

    async def look(found: Installation) -> tuple[str | None, Sequence[Held], Mapping[str, str]]:
        from postroad.operations.administration import apps

        desk = found.desk(acting())
        app_id = None if app is None else (await apps.find(desk, app)).id
        names = {each.id: each.name for each in await desk.directory.apps.list()}
        return app_id, await found.held.count(app_id), names

    app_id, held, names = inside(where, look)
    waiting = sum(each.messages for each in held)
    if not as_json:
        _show(held, names)
    if waiting and not is_agreed(_question(waiting, held), is_sure=is_sure):
        say("Nothing was sent; it is held as before.", err=True)
        return Exit.USAGE

    async def let_go(found: Installation) -> int:
        return await found.held.release(app_id, now=datetime.now(UTC), by=acting())

    released = inside(where, let_go) if waiting else 0
    kept = sum(each.unsendable for each in held)
    if as_json:
        say_json({"released": released, "unsendable": kept})
        return Exit.OK
    if released:
        say(f"{_messages(released)} queued: a server that runs sends them now.")
    if kept:
        say(
            f"{_messages(kept)} stay held: the login of their relay came with the request and is"
            " not kept; only their sender can send them again."
        )
    return Exit.OK


def _show(held: Sequence[Held], names: Mapping[str, str]) -> None:
    from postroad.cli.layout import Column
    from postroad.cli.output import say
    from postroad.cli.records import listing, moment, shown

    columns = (
        Column("App", 12),
        Column("Messages", is_right=True),
        Column("Recipients", is_right=True),
        Column("May have it", is_right=True),
        Column("Oldest (UTC)"),
    )
    rows = [
        (
            shown(names.get(each.app_id, each.app_id)),
            f"{each.messages:,}",
            f"{each.recipients:,}",
            f"{each.doubtful:,}",
            moment(each.oldest),
        )
        for each in held
        if each.messages
    ]
    listing(columns, rows, empty="No mail is held that could be sent.")
    if rows:
        say()


def _question(waiting: int, held: Sequence[Held]) -> str:
    doubtful = sum(each.doubtful for each in held)
    doubt = f" although {doubtful:,} may arrive a second time" if doubtful else ""
    return f"Send {_messages(waiting)}{doubt}?"


def _messages(number: int) -> str:
    return f"{number:,} message{'' if number == 1 else 's'}"
