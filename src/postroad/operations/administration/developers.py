"""Developers: who owns apps, and whether they have paid."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final, TypedDict, Unpack

from postroad.operations.administration import fields
from postroad.operations.administration.desk import Desk, present, removed
from postroad.operations.administration.desk import find as find_record
from postroad.tenancy.records import Developer, DeveloperState

RULES: Final[fields.Rules] = {
    "name": fields.name,
    "state": fields.one_of(DeveloperState),
    "paid_until": fields.unless_empty(fields.moment),
}


class DeveloperFields(TypedDict, total=False):
    """What can be said of a developer; `paid_until` "" or None is no end."""

    name: str
    state: str
    paid_until: str | datetime | None


async def create(desk: Desk, name: str, /, **given: Unpack[DeveloperFields]) -> Developer:
    """Return a new developer, stored.

    raises: SettingsError, ConflictError.
    """
    developer = replace(
        Developer(desk.new_id(), fields.name(name, "name"), desk.clock()),
        **fields.checked(given, RULES),
    )
    await desk.directory.developers.add(developer)
    return developer


async def find(desk: Desk, reference: str) -> Developer:
    """Return the developer with this id or name.

    raises: NotFoundError, ConflictError.
    """
    return await find_record(
        desk.directory.developers,
        reference,
        "developer",
        names_of=lambda each: (each.name,),
        id_of=lambda each: each.id,
    )


async def update(desk: Desk, reference: str, **given: Unpack[DeveloperFields]) -> Developer:
    """Change a developer and return it.

    raises: SettingsError, NotFoundError, ConflictError.
    """
    checked = fields.checked(given, RULES)
    developer = await find(desk, reference)
    changed = await desk.directory.developers.change(developer.id, **checked)
    return present(changed, "developer", reference)


async def remove(desk: Desk, developer: Developer) -> None:
    """Delete a developer.

    raises: NotFoundError; ConflictError while an app belongs to it.
    """
    await removed(desk.directory.developers, developer.id, "developer")
