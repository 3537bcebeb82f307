"""What a command works with: the database of an installation, also beside a running server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from postroad.delivery.messages import Settlement
from postroad.operations.administration.desk import Desk
from postroad.operations.passwords import Passwords
from postroad.settings import Settings
from postroad.storage.audit import AuditLog
from postroad.storage.directory import DirectoryStore
from postroad.storage.folder import DataFolder
from postroad.storage.held import HeldStore
from postroad.storage.listing import MessageList
from postroad.storage.log import LogStore
from postroad.storage.mail import MailStore
from postroad.tenancy.audit import Actor
from postroad.wiring import databases
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

    @property
    def audit(self) -> AuditLog:
        """The audit log."""
        return self.core.audit

    @property
    def held(self) -> HeldStore:
        """Mail that waits for a person."""
        return HeldStore(self.core.database)

    async def servers(self) -> int | None:
        """Return how many servers work on a PostgreSQL database; None when it is a file."""
        if self.settings.postgresql is None:
            return None
        from postroad.storage.postgresql.examination import servers

        return await servers(self.core.database)

    def desk(self, actor: Actor) -> Desk:
        """Return what administration works with, in the name of `actor`."""
        return Desk(self.directory, self.passwords, actor=actor)

    async def release(self, app_id: str, message_id: str, actor: Actor) -> Settlement:
        """Send a message that was captured, is held or is in doubt, because `actor` says so."""
        return await self.core.releasing.release(app_id, message_id, by=actor)


@asynccontextmanager
async def installation(settings: Settings) -> AsyncIterator[Installation]:
    """Open the database that the settings name, for a command.

    raises: StorageError when there is none, or its schema is not this version's.
    """
    folder = DataFolder(settings.data_dir)
    core = Core(settings, await databases.open_for_command(settings), COMMAND, Watch())
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

    raises: StorageError, also when a server is using a file.
    """
    return asyncio.run(databases.migrated(settings))
