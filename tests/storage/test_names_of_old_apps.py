"""Apps that had one name before that was refused keep it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from tests.storage.test_limits_of_old_apps import made_until

from postroad.errors import ConflictError
from postroad.storage.cipher import Cipher
from postroad.storage.directory import DirectoryStore
from postroad.storage.sqlite.database import SqliteDatabase
from postroad.storage.sqlite.migrate import migrate

OLD_APP = """
    INSERT INTO app (id, name, created_at, signature, state, stop_prompt, tokens, account_min,
        account_max, interval_s, "window", send, mode, time_limit_s, token_days, senders,
        allow_list, cors_origins, language, per_day, per_month, max_message, max_recipients,
        max_attachments)
    VALUES (?, ?, ?, ?, 'normal', '', 1, 6, 18, 60, 'both', 'sync', 'live', 9.0, 7,
        '[]', '[]', '["*"]', 'zh', 0, 0, 0, 0, 0)
"""
FIRST, SECOND, THIRD = "1000000003", "1000000002", "1000000001"  # not as they were made


def test_apps_of_one_name_keep_it_and_no_further_one_gets_it(folder: Path) -> None:
    path, cipher = folder / "postroad.db", Cipher.open(folder / "key")
    made_until(path, "0007")
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        for at, (app_id, name) in enumerate(((FIRST, "Shop"), (SECOND, "shop"), (THIRD, "SHOP"))):
            signature = cipher.encrypt("s" * 32, f"app:{app_id}:signature")
            connection.exec_driver_sql(OLD_APP, (app_id, name, at, signature))
    engine.dispose()

    migrate(path)

    async def looked_at() -> None:
        database = SqliteDatabase.open(path, is_server=True, cipher=cipher)
        try:
            apps = DirectoryStore(database).apps
            assert [each.name for each in await apps.list()] == ["Shop", "shop", "SHOP"]
            assert await apps.change(SECOND, per_day=3) is not None
            with pytest.raises(ConflictError):
                await apps.change(SECOND, name="sHop")
            assert await apps.change(FIRST, name="SHOP") is not None
            assert await apps.change(SECOND, name="second shop") is not None
        finally:
            await database.aclose()

    asyncio.run(looked_at())
