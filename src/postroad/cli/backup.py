"""`postroad backup`: everything in one file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from postroad.cli.installation import Where, installation_options, note_other_database
from postroad.cli.options import CONTEXT, SectionedCommand, json_option, option

if TYPE_CHECKING:
    from postroad.wiring.copies import Copied


@click.command("backup", cls=SectionedCommand, context_settings=CONTEXT)
@click.argument("file", type=click.Path(path_type=Path))
@option(
    "--with-key",
    is_flag=True,
    help="Write the key file too, as FILE.key. Whoever has both can read every secret.",
)
@installation_options
@json_option("what was copied")
def command(file: Path, with_key: bool, where: Where, as_json: bool) -> None:
    """Make a backup of everything, as it is at this moment, in one FILE.

    A server may run meanwhile, and does not wait for it. Nothing is ever overwritten. Killed at any
    moment it leaves the whole FILE or none. `postroad restore` makes an installation of it.

    \b
    Exit codes
      0  the backup is complete, and was read again
      1  there is no backup
    """  # noqa: D301
    from postroad.cli import copied

    settings = where.settings()
    note_other_database(settings)
    made = copied.copies().back_up(settings, file, with_key=with_key)
    if as_json:
        from postroad.cli.output import say_json

        say_json(copied.as_object(made))
        return
    copied.write("Backup", made)
    copied.paragraph(
        f"{(copied.size(made) or 0) / 1e6:,.1f} MB. Every row was counted, every page read, and"
        f" {copied.counted(made.secrets, 'secret', 'secrets')} opened with the key."
    )
    _write_key(made)


def _write_key(made: Copied) -> None:
    from postroad.cli.copied import paragraph

    if made.key:
        paragraph(
            f"Its key is in {made.key}: keep the two apart, since whoever has both can read every"
            " relay password and signature."
        )
    else:
        paragraph(
            "The key file is not in it. Keep a copy of the data folder's file `key` somewhere else:"
            " without it the relay passwords and signatures in the backup cannot be read."
        )
