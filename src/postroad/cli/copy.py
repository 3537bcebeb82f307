"""`postroad copy`: from SQLite into PostgreSQL, for good."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from postroad.cli.asking import is_agreed
from postroad.cli.exits import Exit
from postroad.cli.installation import Where, acting, installation_options
from postroad.cli.options import CONTEXT, SectionedCommand, json_option, option
from postroad.cli.passwords import check_no_password

if TYPE_CHECKING:
    from postroad.settings import Settings


@click.command("copy", cls=SectionedCommand, context_settings=CONTEXT)
@option("--to", "url", metavar="URL", help="An empty database: postgresql://user@host/name.")
@option("--undo", is_flag=True, help="Let servers open the SQLite database again.")
@option("--yes", is_flag=True, help="Ask nothing.")
@installation_options
@json_option("what was copied")
def command(url: str | None, undo: bool, yes: bool, where: Where, as_json: bool) -> int | None:
    """Move everything from SQLite into an empty PostgreSQL database.

    No server may run on either. Open mail stays open, and is sent from there only: the SQLite
    database is marked as moved, and no server opens it any more. The key file stays where it is,
    and is needed there too. The password of PostgreSQL comes from PGPASSWORD or ~/.pgpass.

    Killed at any moment it leaves everything here or everything there; if a server then refuses to
    start here, the same command finishes.

    --undo opens the SQLite database again, as it was, also while POSTROAD_DATABASE names
    PostgreSQL: then it is the one in the data folder. What was sent from PostgreSQL since would be
    sent from here once more.

    \b
    Exit codes
      0  everything is there
      1  everything is here as before
    """  # noqa: D301
    from postroad.cli import copied

    if (url is None) is not undo:
        raise click.UsageError("give either --to URL or --undo")
    if url is None:
        return _undo(where, is_sure=yes, as_json=as_json)
    made = copied.copies().move(where.settings(), _checked(url), by=acting())
    if as_json:
        from postroad.cli.output import say_json

        say_json(copied.as_object(made))
        return None
    copied.write("Moved", made)
    copied.paragraph(
        "Start servers with POSTROAD_DATABASE set to the URL that you gave to --to, and with the"
        f" same data folder, which has the key file. {made.source} is marked as moved; keep it"
        " until you have seen mail go out."
    )
    return None


def _undo(where: Where, *, is_sure: bool, as_json: bool) -> int:
    from postroad.cli.copied import copies, paragraph
    from postroad.cli.output import say, say_json

    settings = where.settings()
    url = copies().moved_to(settings)
    question = (
        f"The mail moved to {url}. What was sent from there since is sent from here once more."
        " Go on?"
    )
    if url and not is_agreed(question, is_sure=is_sure):
        say("Nothing was changed.", err=True)
        return Exit.USAGE
    copies().undo_move(settings)
    if as_json:
        say_json({"database": str(settings.database_path), "was_moved_to": url})
    else:
        paragraph(
            f"Servers open {settings.database_path} again. Let none run on {url}.",
            *([f"Unset {_source(settings)} first."] if settings.postgresql else []),
        )
    return Exit.OK


def _source(settings: Settings) -> str:
    """Return what names the database."""
    return settings.sources.get("database", "POSTROAD_DATABASE")


def _checked(url: str) -> str:
    """Return a URL that may stand on the command line.

    raises: UsageError; a password there is for every user of the machine to read.
    """
    from postroad.settings.databases import is_postgresql, why_unfit

    if not is_postgresql(url):
        raise click.UsageError("--to must be a URL such as postgresql://user@host/name")
    check_no_password("--to", url)
    if problem := why_unfit(url):
        raise click.UsageError(f"--to: {problem}")
    return url
