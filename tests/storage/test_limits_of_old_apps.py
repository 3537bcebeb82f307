"""An installation from before limits goes on without them."""

from __future__ import annotations

import asyncio
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from postroad.storage import migrations
from postroad.storage.cipher import Cipher
from postroad.storage.sqlite.database import SqliteDatabase
from postroad.storage.sqlite.identity import APPLICATION_ID
from postroad.storage.sqlite.migrate import migrate
from postroad.storage.tenants import TenantStore
from postroad.tenancy.records import ApiKey, App

OLD_APP = """
    INSERT INTO app (id, name, created_at, signature, state, stop_prompt, tokens, account_min,
        account_max, interval_s, "window", send, mode, time_limit_s, token_days, senders,
        allow_list, cors_origins, language)
    VALUES ('1000000001', 'old', 0, ?, 'normal', '', 1, 6, 18, 60, 'both', 'sync', 'live', 9.0, 7,
        '[]', '[]', '["*"]', 'zh')
"""
OLD_KEY = """
    INSERT INTO api_key (id, app_id, name, digest, hint, scopes, created_at, addresses, is_disabled)
    VALUES ('k1', '1000000001', 'old', x'01', 'pr_', '["send"]', 0, '[]', 0)
"""


def test_apps_and_keys_from_before_have_no_limit_but_their_doors(folder: Path) -> None:
    path, cipher = folder / "postroad.db", Cipher.open(folder / "key")
    made_until(path, "0003")
    signature = cipher.encrypt("s" * 32, "app:1000000001:signature")
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        connection.exec_driver_sql(OLD_APP, (signature,))
        connection.exec_driver_sql(OLD_KEY)
    engine.dispose()

    migrate(path)

    app, key = asyncio.run(kept(path, cipher))
    assert app is not None
    assert (app.signature, app.interval_s) == ("s" * 32, 60)
    assert (app.per_day, app.per_month, app.per_recipient_hour) == (0, 0, None)
    assert (app.max_message, app.max_recipients, app.max_attachments) == (0, 0, 0)
    assert key is not None
    assert key.per_minute == 0


def test_a_change_of_a_limit_is_noticed_by_every_process(path: Path) -> None:
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        triggers = connection.exec_driver_sql(
            "SELECT tbl_name, name FROM sqlite_schema WHERE type = 'trigger'"
        ).fetchall()
    engine.dispose()

    for table in ("app", "api_key"):
        assert {name for of, name in triggers if of == table} == {
            f"{table}_{change}_counts" for change in ("insert", "update", "delete")
        }


def made_until(path: Path, revision: str) -> None:
    """Make a file with the schema of an older version."""
    source = path.with_name("source.db")
    engine = create_engine(f"sqlite:///{source}")
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.exec_driver_sql(f"PRAGMA application_id={APPLICATION_ID}")
    engine.dispose()
    source.rename(path)


async def kept(path: Path, cipher: Cipher) -> tuple[App | None, ApiKey | None]:
    database = SqliteDatabase.open(path, is_server=True, cipher=cipher)
    try:
        tenants = TenantStore(database)
        return await tenants.app("1000000001"), await tenants.api_key(b"\x01")
    finally:
        await database.aclose()
