"""Databases as older versions left them."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool, StaticPool
from tests.support.postgresql import execute

from postroad.storage import migrations
from postroad.storage.sqlite.identity import APPLICATION_ID

if TYPE_CHECKING:
    from sqlalchemy import Connection

OLD: Final = "0002"
"""The first version that kept mail."""

ENTRY: Final = (
    "INSERT INTO send_log (id, app_id, at, door, ip, recipient, title, status, reason, account)"
    " VALUES ('old', 'a', 0, '', '', '', '', '', '', '')"
)


def make_old(path: Path) -> None:
    """Make a SQLite file of that version, with an entry of the log."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
    connection.execute("PRAGMA journal_mode=WAL").fetchall()
    engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
    with engine.begin() as transaction:
        _upgrade(transaction)
        transaction.exec_driver_sql(ENTRY)
    engine.dispose()


def make_old_in_postgresql(url: str) -> None:
    """Make it in an empty database."""

    async def work() -> None:
        engine = create_async_engine(
            url.replace("postgresql:", "postgresql+asyncpg:"), poolclass=NullPool
        )
        async with engine.begin() as transaction:
            await transaction.run_sync(_upgrade)
        await engine.dispose()

    asyncio.run(work())
    execute(url, ENTRY)


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.attributes["connection"] = connection
    command.upgrade(config, OLD)
