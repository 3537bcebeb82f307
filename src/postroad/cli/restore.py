"""`postroad restore`: an installation out of a backup."""

from __future__ import annotations

from pathlib import Path

import click

from postroad.cli.installation import (
    Where,
    acting,
    installation_options,
    note_other_database,
)
from postroad.cli.options import CONTEXT, SectionedCommand, json_option, option


@click.command("restore", cls=SectionedCommand, context_settings=CONTEXT)
@click.argument("file", type=click.Path(path_type=Path))
@option(
    "--key",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The backup's key file; by default the one that is in the data folder already.",
)
@installation_options
@json_option("what was copied")
def command(file: Path, key: Path | None, where: Where, as_json: bool) -> None:
    """Make an installation out of the backup in FILE, and hold its open mail.

    There must be none yet: nothing is ever overwritten. Mail that was open when the backup was made
    may have been sent since; all of it is held, and `postroad message release --held` sends it.
    Killed at any moment it leaves the whole installation or none.

    \b
    Exit codes
      0  the installation is complete
      1  there is no new installation
    """  # noqa: D301
    from postroad.cli import copied

    settings = where.settings()
    note_other_database(settings)
    made = copied.copies().restore(settings, file, key, by=acting())
    if as_json:
        from postroad.cli.output import say_json

        say_json(copied.as_object(made))
        return
    copied.write("Restored", made)
    if held := sum(made.open.values()):
        copied.paragraph(
            f"The mail to {copied.counted(held, 'recipient', 'recipients')} was open then, and may"
            f" have been sent since. It is held: `postroad message release --held{where.words}`"
            " sends it."
        )
    else:
        copied.paragraph("No mail was open then, so that none is held.")
