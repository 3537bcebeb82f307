"""The schema of a PostgreSQL database."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from tests.support.postgresql import Postgresql, execute, rows

from postroad.errors import StorageError
from postroad.storage import migrations
from postroad.storage.migrations import HEAD
from postroad.storage.postgresql.migrate import is_current, migrate
from postroad.storage.schema import load

OLD_APP = """
    INSERT INTO app (id, name, created_at, signature, state, stop_prompt, tokens, account_min,
        account_max, interval_s, "window", send, mode, time_limit_s, token_days, senders,
        allow_list, cors_origins, language, per_day, per_month, max_message, max_recipients,
        max_attachments)
    VALUES ('{id}', '{name}', {at}, '', 'normal', '', true, 6, 18, 60, 'both', 'sync', 'live', 9.0,
        7, '[]', '[]', '["*"]', 'zh', 0, 0, 0, 0, 0)
"""
TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"


@pytest.fixture
def url(postgresql: Postgresql) -> Iterator[str]:
    """Return a database with nothing in it."""
    url = postgresql.new_database("template0")
    try:
        yield url
    finally:
        postgresql.drop(url)


def current(url: str) -> bool:
    return asyncio.run(is_current(url, answer_s=10))


def test_a_new_database_gets_the_newest_schema_once(url: str) -> None:
    assert not current(url)

    asyncio.run(migrate(url))
    asyncio.run(migrate(url))

    assert current(url)
    assert rows(url, "SELECT version_num FROM alembic_version") == [(HEAD,)]


def test_the_steps_make_what_the_schema_describes(url: str) -> None:
    asyncio.run(migrate(url))

    def differences(connection: Connection) -> list[object]:
        return [*compare_metadata(MigrationContext.configure(connection), load())]

    async def compared() -> list[object]:
        engine = create_async_engine(url.replace("postgresql:", "postgresql+asyncpg:"))
        try:
            async with engine.connect() as connection:
                return await connection.run_sync(differences)
        finally:
            await engine.dispose()

    assert asyncio.run(compared()) == []


def test_apps_of_one_name_from_before_keep_it(url: str) -> None:
    asyncio.run(until(url, "0007"))
    names = {"1000000003": "Shop", "1000000002": "shop", "1000000001": "other"}
    execute(
        url,
        *(
            OLD_APP.format(id=app_id, name=name, at=at)
            for at, (app_id, name) in enumerate(names.items())
        ),
    )

    asyncio.run(migrate(url))

    assert rows(url, "SELECT id, name, name_key FROM app ORDER BY created_at") == [
        ("1000000003", "Shop", "shop"),
        ("1000000002", "shop", "shop\n1000000002"),
        ("1000000001", "other", "other"),
    ]


async def until(url: str, revision: str) -> None:
    """Make the schema of an older version."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))

    def upgrade(connection: Connection) -> None:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)

    engine = create_async_engine(url.replace("postgresql:", "postgresql+asyncpg:"))
    try:
        async with engine.begin() as connection:
            await connection.run_sync(upgrade)
    finally:
        await engine.dispose()


def test_servers_that_start_at_once_migrate_one_after_the_other(url: str) -> None:
    async def together() -> None:
        await asyncio.gather(*(migrate(url) for _ in range(4)))

    asyncio.run(together())

    assert current(url)


def test_a_database_of_a_newer_version_is_left_alone(url: str) -> None:
    asyncio.run(migrate(url))
    execute(url, "UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(StorageError, match="has schema 9999 of a newer Postroad"):
        current(url)
    with pytest.raises(StorageError, match="has schema 9999 of a newer Postroad"):
        asyncio.run(migrate(url))


def test_a_database_of_another_program_is_left_alone(url: str) -> None:
    execute(url, "CREATE TABLE theirs (id integer)")

    with pytest.raises(StorageError, match="holds 1 tables that are not Postroad's"):
        asyncio.run(migrate(url))

    assert rows(url, TABLES) == [("theirs",)]


def test_no_error_tells_the_password(url: str) -> None:
    execute(url, "CREATE TABLE theirs (id integer)")
    wrong = url.replace("s3cret", "hunter2")

    for each in (url, wrong):
        with pytest.raises(StorageError) as caught:
            asyncio.run(migrate(each))

        assert "hunter2" not in str(caught.value)
        assert "s3cret" not in str(caught.value)


KILLED = """
import asyncio, os, signal, sys
from alembic.operations import Operations
from postroad.storage.postgresql.migrate import migrate

left = int(sys.argv[2])
create = Operations.create_table

def counted(self, *rest, **more):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return create(self, *rest, **more)

import alembic.op
alembic.op.create_table = lambda *rest, **more: counted(alembic.op._proxy, *rest, **more)
asyncio.run(migrate(sys.argv[1]))
"""


@pytest.mark.parametrize("tables", [0, 1, 9, 16])
def test_killed_at_any_moment_it_leaves_nothing_and_the_next_start_does_it(
    url: str, tables: int
) -> None:
    ended = subprocess.run([sys.executable, "-c", KILLED, url, str(tables)], timeout=60)

    assert ended.returncode == -signal.SIGKILL
    assert not current(url)
    asyncio.run(migrate(url))
    assert current(url)
