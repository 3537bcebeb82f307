"""What a command works with: the database of an installation, also beside a running server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from postroad.delivery.messages import Settlement
from postroad.operations.passwords import Passwords
from postroad.settings import Settings
from postroad.storage.directory import DirectoryStore
from postroad.storage.folder import DataFolder
from postroad.storage.listing import MessageList
from postroad.storage.log import LogStore
from postroad.storage.mail import MailStore
from postroad.storage.migrate import is_current
from postroad.storage.opening import open_beside, open_for_server
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
    folder = DataFolder(settings.data_dir)
    core = Core(settings, open_beside(settings.database_path, folder.key), COMMAND, Watch())
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
    if is_current(settings.database_path):
        return False
    with DataFolder(settings.data_dir).serving(settings.database_path) as folder:
        database = open_for_server(settings.database_path, folder.key)
        asyncio.run(database.aclose())
    return True
