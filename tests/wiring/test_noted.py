"""What is done to an installation as a whole stands in its audit log."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.core import Office, in_office
from tests.support.folders import open_folder
from tests.support.postgresql import PASSWORD, Postgresql

from postroad.operations.administration import apps
from postroad.settings import Settings
from postroad.storage.audit import AuditLog
from postroad.storage.cipher import Cipher
from postroad.storage.postgresql.database import PostgresqlDatabase
from postroad.tenancy.audit import Actor, AuditEntry, AuditFilter
from postroad.wiring import installation, migrated
from postroad.wiring.copies import back_up, move, restore
from postroad.wiring.demo import demo

KIM = Actor("cli:kim")


@pytest.fixture
def old() -> Iterator[Settings]:
    """An installation with two entries in its audit log."""

    async def fill(settings: Settings) -> None:
        async with installation(settings) as found:
            await apps.create(found.desk(KIM), "shop")

    with open_folder() as folder:
        settings = Settings(data_dir=folder / "data")
        migrated(settings)
        asyncio.run(fill(settings))
        yield settings


async def checked(log: AuditLog) -> list[AuditEntry]:
    assert (await log.verify()).misfit == ""
    return await log.entries(AuditFilter(), limit=10)


def test_the_demo_is_noted_as_made_by_the_system() -> None:
    async def work(office: Office) -> None:
        await demo(office.core, office.folder)

        entries = await checked(office.core.audit)
        assert [each.action for each in entries] == [
            *("app.create", "key.create", "user.create"),
            *("app.create", "key.create", "user.create"),
        ]
        assert {each.actor for each in entries} == {"system"}
        # At each later start its user logs in, which changes nothing that an operator manages.
        await demo(office.core, office.folder)
        assert await checked(office.core.audit) == entries

    in_office(work)


def test_a_restored_backup_says_so_at_the_end_of_its_log(old: Settings, tmp_path: Path) -> None:
    file, new = old.data_dir / "backup", Settings(data_dir=tmp_path / "data")
    back_up(old, file, with_key=True)

    made = restore(new, file, Path(f"{file}.key"), by=KIM)

    async def opened() -> list[AuditEntry]:
        async with installation(new) as found:
            return await checked(found.audit)

    _, _, entry = asyncio.run(opened())
    assert (entry.seq, entry.actor, entry.action) == (3, "cli:kim", "database.restore")
    at = made.at.isoformat(timespec="microseconds").replace("+00:00", "Z")
    assert entry.changes == {"backup_of": (None, at)}


def test_a_database_that_moved_says_so_at_the_end_of_its_log(
    old: Settings, postgresql: Postgresql
) -> None:
    url = postgresql.new_database("template0")

    move(old, url, by=KIM)

    async def opened() -> list[AuditEntry]:
        cipher = Cipher.open(old.data_dir / "key", may_create=False)
        database = await PostgresqlDatabase.open(url, cipher=cipher, may_be_unsafe=True)
        try:
            return await checked(AuditLog(database))
        finally:
            await database.aclose()

    _, _, entry = asyncio.run(opened())
    assert (entry.seq, entry.actor, entry.action) == (3, "cli:kim", "database.copy")
    before, after = entry.changes["database"]
    assert before == str(old.database_path)
    assert after.endswith(url.rpartition("/")[2])
    assert PASSWORD not in after
