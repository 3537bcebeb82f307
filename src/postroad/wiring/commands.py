"""What a command works with: the database of an installation, also beside a running server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from postroad.delivery.messages import Settlement
from postroad.errors import StorageError
from postroad.operations.passwords import Passwords
from postroad.settings import Settings
from postroad.storage.directory import DirectoryStore
from postroad.storage.folder import DataFolder
from postroad.storage.listing import MessageList
from postroad.storage.log import LogStore
from postroad.storage.mail import MailStore
from postroad.storage.migrate import is_current
from postroad.storage.opening import open_database
from postroad.wiring.core import COMMAND, Core
from postroad.wiring.watch import Watch

_GRACE_S = 600.0  # a command that releases a message waits as long as the relay may take


@dataclass(frozen=True, slots=True)
class Installation:
    """An open installation."""

    settings: Settings
    folder: DataFolder
    directory: DirectoryStore
    mail: MailStore
    send_log: LogStore
    messages: MessageList
    passwords: Passwords
    core: Core

    async def release(self, app_id: str, message_id: str) -> Settlement:
        """Send a message that was captured, is held or is in doubt."""
        return await self.core.releasing.release(app_id, message_id)


@asynccontextmanager
async def installation(settings: Settings) -> AsyncIterator[Installation]:
    """Open the database that the settings name, for a command.

    raises: StorageError when there is none, or its schema is not this version's.
    """
    path = settings.database_path
    if not path.exists():
        raise StorageError(
            f"there is no database at {path}: `postroad serve` makes one, and so does "
            "`postroad migrate`"
        )
    if not is_current(path):
        raise StorageError(f"{path} has the schema of an older Postroad: run `postroad migrate`")
    folder = DataFolder.open(settings.data_dir, is_server=False, database=path)
    core = Core(settings, open_database(folder, is_server=False), COMMAND, Watch())
    try:
        yield Installation(
            settings,
            folder,
            core.directory,
            core.mail,
            core.send_log,
            core.messages,
            core.passwords,
            core,
        )
    finally:
        await core.aclose(_GRACE_S)


def migrated(settings: Settings) -> bool:
    """Bring the database to this version's schema, or make one; whether anything was to be done.

    raises: StorageError, also when a server is using it.
    """
    path = settings.database_path
    if path.exists() and is_current(path):
        return False
    with DataFolder.open(settings.data_dir, is_server=True, database=path) as folder:
        asyncio.run(open_database(folder, is_server=True).aclose())
    return True
