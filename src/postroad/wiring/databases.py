"""Which engine the settings name, and how its database is opened."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from postroad.settings import Settings
from postroad.storage.engine import Database
from postroad.storage.folder import DataFolder
from postroad.storage.migrations import HEAD
from postroad.wiring.core import SERVER

if TYPE_CHECKING:
    from postroad.storage.postgresql.examination import Examination

__all__ = [
    "HEAD",
    "dead",
    "examined",
    "is_current",
    "migrated",
    "open_for_command",
    "opened_for_server",
]

_START_S = 30.0


async def is_current(settings: Settings) -> bool:
    """Return whether the database is there with the schema that this version needs.

    raises: StorageError when it cannot be used, or was written by a newer version.
    """
    if settings.postgresql is not None:
        from postroad.storage.postgresql import migrate

        return await migrate.is_current(settings.postgresql, answer_s=_START_S)
    from postroad.storage.sqlite.migrate import is_current

    return is_current(settings.database_path)


@asynccontextmanager
async def opened_for_server(
    settings: Settings, committed: Callable[[int, float], None] | None = None
) -> AsyncIterator[Database]:
    """Open the database with the newest schema; who opens it closes it.

    SQLite's folder is kept for one server alone as long as the context lasts.

    committed: told of each transaction how many writes it held and the seconds it took.
    raises:    StorageError.
    """
    folder = DataFolder(settings.data_dir)
    if settings.postgresql is not None:
        from postroad.storage.postgresql.opening import open_for_server as open_postgresql

        folder.make()
        yield await open_postgresql(
            settings.postgresql,
            folder.key,
            may_be_unsafe=settings.allow_unsafe_postgresql,
            committed=committed,
        )
        return
    from postroad.storage.sqlite.opening import open_for_server as open_sqlite

    with folder.serving(settings.database_path):
        yield open_sqlite(settings.database_path, folder.key, committed)


async def open_for_command(settings: Settings) -> Database:
    """Return the database for a command, which servers may have open too.

    raises: StorageError when there is none, or its schema is not this version's.
    """
    folder = DataFolder(settings.data_dir)
    if settings.postgresql is not None:
        from postroad.storage.postgresql.opening import open_beside as beside_postgresql

        return await beside_postgresql(settings.postgresql, folder.key)
    from postroad.storage.sqlite.opening import open_beside as beside_sqlite

    return beside_sqlite(settings.database_path, folder.key)


async def migrated(settings: Settings) -> bool:
    """Bring the database to this version's schema, or make one; whether anything was to be done.

    raises: StorageError, also when a server is using a file.
    """
    if await is_current(settings):
        return False
    async with opened_for_server(settings) as database:
        await database.aclose()
    return True


def dead(settings: Settings) -> str:
    """Return how the tokens begin of leases that nobody can hold any more, "" for none.

    Who has the folder of a file has outlived the server before him; of those on PostgreSQL any may
    be alive, and what they hold runs out by itself.
    """
    return "" if settings.postgresql is not None else SERVER


async def examined(settings: Settings) -> Examination:
    """Return what can be said of a PostgreSQL database from outside.

    raises: StorageError when it cannot be asked; ValueError for a file.
    """
    from postroad.storage.postgresql.examination import examine

    if settings.postgresql is None:
        raise ValueError("a file is examined by SQLite")
    return await examine(settings.postgresql)
