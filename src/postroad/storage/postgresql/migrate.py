"""The schema of a PostgreSQL database, brought to what this version needs."""

from __future__ import annotations

from typing import Any, Final

import asyncpg

from postroad.errors import StorageError
from postroad.storage import migrations
from postroad.storage.migrations import HEAD
from postroad.storage.postgresql.connecting import connect, options, shown
from postroad.storage.postgresql.failures import ERRORS, failed

# Two servers that start at once migrate one after the other.
_LOCK: Final = 0x506F_7374_726F_6164  # "Postroad"
_STEPS_S: Final = 3_600.0  # a step may copy a table


async def is_current(url: str, *, answer_s: float) -> bool:
    """Return whether the database has the schema that this version needs.

    raises: StorageError when it cannot be read, or was written by a newer version.
    """
    connection = await connect(url, answer_s=answer_s)
    try:
        return await _version(connection, url) == HEAD
    except ERRORS as error:
        raise failed(error) from error
    finally:
        await connection.close(timeout=answer_s)


async def migrate(url: str) -> None:
    """Bring the database to the newest schema, in one transaction.

    Killed at any moment it leaves what was there before, or the whole.

    raises: StorageError when the server refuses, or the tables there are not Postroad's.
    """
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.ext.asyncio import create_async_engine
    from sqlalchemy.pool import NullPool

    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: asyncpg.connect(**options(url, answer_s=_STEPS_S)),
        poolclass=NullPool,
    )
    try:
        async with engine.begin() as transaction:
            await transaction.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
            driver: Any = (await transaction.get_raw_connection()).driver_connection
            if await _version(driver, url) != HEAD:
                await transaction.run_sync(migrations.upgrade)
    except DBAPIError as error:
        raise StorageError(f"the migration failed: {error.orig}") from error
    except (*ERRORS, ValueError) as error:
        raise failed(error) from error
    finally:
        await engine.dispose()


async def _version(connection: Any, url: str) -> str:
    """Return the schema's version, "" when there is nothing yet.

    raises: StorageError when the database holds something else, or a newer schema.
    """
    if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
        tables = await connection.fetchval(
            "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()"
        )
        if tables:
            raise StorageError(
                f"{shown(url)} holds {tables} tables that are not Postroad's: give it a database"
                " of its own"
            )
        return ""
    version = await connection.fetchval("SELECT max(version_num) FROM alembic_version") or ""
    if version > HEAD:
        raise StorageError(
            f"{shown(url)} has schema {version} of a newer Postroad; this one knows up to {HEAD}"
        )
    return str(version)
