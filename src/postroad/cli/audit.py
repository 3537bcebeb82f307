"""`postroad audit`: who changed what, and whether the log still says so."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from postroad.cli.exits import Exit
from postroad.cli.groups import group, subcommand
from postroad.cli.installation import Where, acting, inside, installation_options
from postroad.cli.options import json_option, option
from postroad.errors import NotFoundError, StorageError

if TYPE_CHECKING:
    from postroad.operations.administration.examination import Finding
    from postroad.tenancy.audit import AuditEntry, End, Verification
    from postroad.wiring import Installation

_EXAMINED: Final = 10_000  # entries that `doctor` looks at: half a second
_INDENT: Final = " " * 5
_NOTED: Final = re.compile("([0-9]{1,15}):([0-9a-f]{64})")

command = group(
    "audit",
    """The audit log: who changed what, when and from where.

    Every change by a command, an API key or the service itself leaves an entry, which is written
    together with the change or not at all. Each entry carries a hash over itself and the one
    before.
    """,
)


class Noted(click.ParamType):  # type: ignore[type-arg]
    """The number and the hash of an entry, as `audit verify` prints them."""

    name = "number:hash"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, str]:
        """Return the two."""
        match = _NOTED.fullmatch(str(value))
        if match is None:
            self.fail(f"{value!r} is no NUMBER:HASH as `audit verify` prints it", param, ctx)
        return int(match[1]), match[2]


@subcommand(command, "list")
@option("--app", metavar="APP", help="Only changes of this app and what is its own: appid or name.")
@option(
    "--actor", metavar="ACTOR", help="Only changes by this one, as the list shows it: cli:root."
)
@option(
    "--action",
    metavar="ACTION",
    help="Only this: key.disable, or everything done to keys: key.",
)
@option(
    "--after",
    type=click.IntRange(0),
    metavar="NUMBER",
    help="The entries that follow this one, instead of the newest.",
)
@option(
    "--limit",
    type=click.IntRange(1, 100_000),
    metavar="NUMBER",
    default=50,
    show_default=True,
    help="How many.",
)
@installation_options
@json_option("the entries, and the number and the hash of the newest of all,")
def list_(
    app: str | None,
    actor: str | None,
    action: str | None,
    after: int | None,
    limit: int,
    where: Where,
    as_json: bool,
) -> None:
    """List changes, the newest last.

    Under each entry stands what it is about, with values as old → new; of a secret there is only
    ***. An app that was removed is still found by its appid.
    """
    from postroad.cli.output import say_json

    async def work(found: Installation) -> tuple[list[AuditEntry], End]:
        from postroad.tenancy.audit import AuditFilter

        app_id = None if app is None else await _app_id(found, app)
        which = AuditFilter(app_id, actor, action, after)
        return await found.audit.entries(which, limit=limit), await found.audit.end()

    entries, end = inside(where, work)
    if as_json:
        from postroad.tenancy.audit import as_object

        shown = [as_object(entry) for entry in entries]
        say_json({"entries": shown, "end": {"seq": end.seq, "hash": end.hash}})
    else:
        _print(entries)


@subcommand(command, "verify")
@option(
    "--noted",
    type=Noted(),
    metavar="NUMBER:HASH",
    help="The end of the log as it was printed before, and kept elsewhere: it must still be there.",
)
@installation_options
@json_option("what was found")
def verify(noted: tuple[int, str] | None, where: Where, as_json: bool) -> int:
    """Walk along the whole log; name the first entry that does not fit.

    A changed, removed, moved or added entry is found. Who can write to the database can also write
    the whole log anew, or cut off its end; that shows against an end that was noted elsewhere.

    \b
    Exit codes
      0  every entry is as it was written
      1  one is not
    """  # noqa: D301
    from postroad.cli.output import say, say_json
    from postroad.cli.records import shown

    async def work(found: Installation) -> Verification:
        from postroad.tenancy.audit import BEGINNING, End

        return await found.audit.verify(BEGINNING if noted is None else End(*noted))

    found = inside(where, work)
    if as_json:
        end = {"seq": found.end.seq, "hash": found.end.hash}
        said = {"ok": not found.misfit, "checked": found.checked, "end": end}
        say_json(said | {"misfit": found.misfit or None})
    else:
        say(f"{_entries(found.checked)} as written, up to {found.end.seq}:{found.end.hash}")
        if found.misfit:
            say(click.style(shown(f"Then {found.misfit}."), fg="red"))
    return Exit.FAILED if found.misfit else Exit.OK


async def examine_audit(found: Installation, *, newest: int = _EXAMINED) -> Finding:
    """Return what `doctor` says of the newest entries."""
    from postroad.operations.administration.examination import Finding, Verdict

    try:
        checked = await found.audit.verify(newest=newest)
    except StorageError as error:
        return Finding("audit log", Verdict.WRONG, str(error))
    if checked.misfit:
        said = f"{checked.misfit}; `postroad audit verify` looks at all of it"
        return Finding("audit log", Verdict.WRONG, said)
    if checked.checked < checked.end.seq:
        said = f"the newest {checked.checked:,} of {_entries(checked.end.seq)} as written"
    else:
        said = f"{_entries(checked.checked)} as written"
    return Finding("audit log", Verdict.FINE, said)


async def _app_id(found: Installation, app: str) -> str:
    """Return the id of an app, which may be one that was removed."""
    from postroad.operations.administration import apps

    try:
        return (await apps.find(found.desk(acting()), app)).id
    except NotFoundError:
        if app.isdecimal():
            return app
        raise


def _entries(number: int) -> str:
    return "1 entry is" if number == 1 else f"{number:,} entries are"


def _print(entries: Sequence[AuditEntry]) -> None:
    """Write a line for each entry, and under it what it is about."""
    from postroad.cli.layout import Column, indented, table
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
            shown(f"{entry.actor} {entry.address}".rstrip()),
        )
        for entry in entries
    ]
    titles, *lines = table(columns, rows, None)
    say(click.style(titles, bold=True))
    for entry, line in zip(entries, lines, strict=True):
        say(line)
        for part in indented(f"{_about(entry)}: {_changes(entry)}", _INDENT, line_width()):
            say(part)


def _about(entry: AuditEntry) -> str:
    """Return what was changed, and whose it is."""
    from postroad.cli.records import shown

    kind = entry.action.partition(".")[0]
    target = f"{kind} {entry.target}" if entry.target else kind
    return shown(target if entry.app_id in (None, entry.target) else f"{target} of {entry.app_id}")


def _changes(entry: AuditEntry) -> str:
    """Return a line of old → new; of what was made only the new, of what was removed the old."""
    from postroad.cli.output import can_show
    from postroad.cli.records import shown

    arrow = "→" if can_show("→") else "->"
    olds = {old is None for old, _ in entry.changes.values()}
    news = {new is None for _, new in entry.changes.values()}
    parts = []
    for name, (old, new) in sorted(entry.changes.items()):
        if olds == {True} or news == {True}:
            if (value := new if old is None else old) not in ("", []):
                parts.append(f"{name}: {shown(value)}")
        else:
            parts.append(f"{name}: {shown(old)} {arrow} {shown(new)}")
    return ", ".join(parts)
