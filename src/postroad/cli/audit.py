"""`postroad audit`: who changed what, and whether the log still says so."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import click

from postroad.cli.exits import Exit
from postroad.cli.groups import group, subcommand
from postroad.cli.installation import Where, acting, inside, installation_options
from postroad.cli.options import json_option, limit_option, option
from postroad.errors import NotFoundError, StorageError

if TYPE_CHECKING:
    from postroad.cli.audit_page import KeyNames
    from postroad.operations.administration.examination import Finding
    from postroad.tenancy.audit import AuditEntry, End, Verification
    from postroad.wiring import Installation

_KEYS: Final = 10_000  # whose names are looked up
_EXAMINED: Final = 10_000  # entries that `doctor` looks at: half a second
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
@limit_option("How many.")
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

    Under each entry stands where it came from, and what it is about, with values as old → new, -
    for none; of what was made only the new. Of a secret there is only ***. An API key is called by
    its name. An app that was removed is still found by its appid.
    """
    from postroad.cli.output import say_json

    _check_known(actor, action)

    async def work(found: Installation) -> tuple[list[AuditEntry], End, KeyNames]:
        from postroad.cli.audit_page import KeyNames
        from postroad.tenancy.audit import AuditFilter

        app_id = None if app is None else await _app_id(found, app)
        names = KeyNames(await found.directory.every_key.page(after=None, limit=_KEYS))
        which = AuditFilter(app_id, names.actor(actor), action, after)
        return await found.audit.entries(which, limit=limit), await found.audit.end(), names

    entries, end, names = inside(where, work)
    if as_json:
        from postroad.tenancy.audit import as_object

        shown = [as_object(entry) for entry in entries]
        say_json({"entries": shown, "end": {"seq": end.seq, "hash": end.hash}})
    else:
        from postroad.cli.audit_page import write

        write(entries, names)


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


def _check_known(actor: str | None, action: str | None) -> None:
    """Refuse to look for what no entry can ever have.

    raises: UsageError.
    """
    from postroad.tenancy.audit import ACTORS, KINDS

    if actor is not None and not actor.startswith(ACTORS):
        kinds = ", ".join(f"{kind}…" if kind.endswith(":") else kind for kind in ACTORS)
        raise click.UsageError(f"--actor: nobody is called {actor!r}: there are {kinds}")
    kind = None if action is None else action.partition(".")[0]
    if kind is not None and kind not in KINDS:
        raise click.UsageError(f"--action: nothing is done to {kind!r}: it is {', '.join(KINDS)}")


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
