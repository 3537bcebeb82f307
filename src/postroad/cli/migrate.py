"""`postroad migrate`: the database as this version needs it."""

from __future__ import annotations

import click

from postroad.cli.installation import (
    Where,
    installation_options,
    missing_package,
    note_other_database,
)
from postroad.cli.options import CONTEXT, SectionedCommand, json_option


@click.command("migrate", cls=SectionedCommand, context_settings=CONTEXT)
@installation_options
@json_option("the database and whether it was changed")
def command(where: Where, as_json: bool) -> None:
    """Bring the database to what this version needs, or make a new one.

    `postroad serve` does the same at its start. Killed at any moment it leaves what was there
    before, or the whole.
    """
    from postroad.cli.output import say, say_json

    settings = where.settings()
    note_other_database(settings)
    try:
        from postroad.wiring import migrated
    except ModuleNotFoundError as exc:
        raise missing_package(exc) from None

    was_changed = migrated(settings)
    name = settings.database_shown
    if as_json:
        say_json({"database": name, "was_changed": was_changed})
    elif was_changed:
        say(f"{name} is now as this version needs it.")
    else:
        say(f"{name} is as this version needs it; nothing was changed.")
