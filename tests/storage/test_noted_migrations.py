"""A migration of a database that was there before is in its audit log."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import asyncpg
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine
from sqlalchemy.ext.asyncio import create_async_engine
from tests.support.postgresql import Postgresql

from postroad.storage import migrations
from postroad.storage.audit import AuditLog
from postroad.storage.cipher import Cipher
from postroad.storage.engine import Database
from postroad.storage.migrations import HEAD
from postroad.storage.postgresql.database import PostgresqlDatabase
from postroad.storage.postgresql.migrate import migrate as migrate_postgresql
from postroad.storage.sqlite.database import SqliteDatabase
from postroad.storage.sqlite.identity import APPLICATION_ID
from postroad.storage.sqlite.migrate import migrate as migrate_sqlite
from postroad.tenancy.audit import AuditEntry, AuditFilter

OLD = "0002"  # it had no audit log


def make_old(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.attributes["connection"] = connection
    command.upgrade(config, OLD)


async def entries(database: Database) -> list[AuditEntry]:
    log = AuditLog(database)
    assert (await log.verify()).misfit == ""
    return await log.entries(AuditFilter(), limit=10)


def check(noted: list[AuditEntry]) -> None:
    (entry,) = noted
    assert (entry.seq, entry.actor, entry.action) == (1, "system", "database.migrate")
    assert (entry.app_id, entry.target) == (None, "")
    assert entry.changes == {"schema": (OLD, HEAD)}


async def of_file(path: Path) -> list[AuditEntry]:
    cipher = Cipher.open(path.parent / "key")
    database = SqliteDatabase.open(path, is_server=True, cipher=cipher)
    try:
        return await entries(database)
    finally:
        await database.aclose()


def test_an_old_file_that_is_migrated_says_so_once(folder: Path) -> None:
    path = folder / "postroad.db"
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        make_old(connection)
    engine.dispose()
    made = sqlite3.connect(path)
    made.execute(f"PRAGMA application_id={APPLICATION_ID}")
    made.execute("PRAGMA journal_mode=WAL")
    made.close()

    migrate_sqlite(path)
    migrate_sqlite(path)

    check(asyncio.run(of_file(path)))


def test_a_new_file_has_an_empty_log(path: Path) -> None:
    assert asyncio.run(of_file(path)) == []


def test_an_old_database_on_postgresql_that_is_migrated_says_so_once(
    postgresql: Postgresql, folder: Path
) -> None:
    url = postgresql.new_database("template0")

    async def scenario() -> list[AuditEntry]:
        engine: Any = create_async_engine(
            "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(url)
        )
        async with engine.begin() as transaction:
            await transaction.run_sync(make_old)
        await engine.dispose()

        await migrate_postgresql(url)
        await migrate_postgresql(url)

        cipher = Cipher.open(folder / "key")
        database = await PostgresqlDatabase.open(url, cipher=cipher, may_be_unsafe=True)
        try:
            return await entries(database)
        finally:
            await database.aclose()

    check(asyncio.run(scenario()))
