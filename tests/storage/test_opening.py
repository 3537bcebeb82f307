"""Opening a database with its key."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.contracts.tenant_stores import APP, app

from postroad.errors import StorageError
from postroad.storage.directory import DirectoryStore
from postroad.storage.sqlite.migrate import migrate
from postroad.storage.sqlite.opening import open_beside, open_for_server
from postroad.tenancy.records import App


def start(folder: Path) -> None:
    """Start a first time, keep an app, and stop."""

    async def scenario() -> None:
        database = open_for_server(folder / "postroad.db", folder / "key")
        await DirectoryStore(database).apps.add(app(APP))
        await database.aclose()

    asyncio.run(scenario())


def found(folder: Path, *, is_server: bool) -> list[App]:
    async def scenario() -> list[App]:
        opened = open_for_server if is_server else open_beside
        database = opened(folder / "postroad.db", folder / "key")
        apps = await DirectoryStore(database).apps.list()
        await database.aclose()
        return apps

    return asyncio.run(scenario())


@pytest.mark.parametrize("is_server", [True, False])
def test_what_was_kept_is_found_again(folder: Path, is_server: bool) -> None:
    start(folder)

    assert found(folder, is_server=is_server) == [app(APP)]


@pytest.mark.parametrize("is_server", [True, False])
def test_a_lost_key_is_missed_and_no_other_takes_its_place(folder: Path, is_server: bool) -> None:
    start(folder)
    (folder / "key").unlink()

    with pytest.raises(StorageError, match="the key file is missing"):
        found(folder, is_server=is_server)

    assert not (folder / "key").exists()


def test_a_first_start_that_was_killed_before_it_had_a_key_is_made_good(folder: Path) -> None:
    migrate(folder / "postroad.db")

    assert found(folder, is_server=True) == []
    assert (folder / "key").exists()


def test_a_command_makes_no_database(folder: Path) -> None:
    with pytest.raises(StorageError, match="does not exist yet"):
        open_beside(folder / "postroad.db", folder / "key")

    assert list(folder.iterdir()) == []
