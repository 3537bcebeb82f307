"""Everything that the management API asks for, behind one door."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from postroad.delivery.messages import LogEntry, Settlement, StoredMessage
from postroad.errors import ConflictError, NotFoundError
from postroad.operations.administration.desk import Desk, Hashes
from postroad.operations.limiting import Limiting
from postroad.operations.management.authority import Authority, admit
from postroad.operations.management.browsing import Told, told
from postroad.operations.management.probing import Probing
from postroad.operations.management.reach import Reach
from postroad.operations.ports import (
    Audit,
    Directory,
    Facts,
    LogFilter,
    Mail,
    Messages,
    SendLog,
)
from postroad.operations.release import Release
from postroad.tenancy.audit import Actor, Note
from postroad.worker.ports import Relays

_LOG_PAGE: Final = 500  # entries of an export that are in memory at once


@dataclass(frozen=True, slots=True)
class Management:
    """What is managed, and who may.

    releasing: sends what was kept.
    probing:   tries relays.
    limiting:  counts requests, before anything is done for them.
    """

    directory: Directory
    passwords: Hashes
    facts: Facts
    mail: Mail
    messages: Messages
    send_log: SendLog
    audit: Audit
    relays: Relays
    releasing: Release
    probing: Probing
    limiting: Limiting
    clock: Callable[[], datetime]

    async def admit(self, secret: str, ip: str) -> Reach:
        """Return what the key `secret` reaches.

        raises: UnauthorizedError, ForbiddenError, StorageError.
        """
        authority = await admit(self.facts, secret, ip, self.clock())
        return Reach(authority, self.directory, self.mail)

    def desk(self, authority: Authority) -> Desk:
        """Return what administration works with, in the name of who asks."""
        return Desk(self.directory, self.passwords, self.clock, actor=_actor(authority))

    async def told(self, message: StoredMessage, lang: str) -> Told:
        """Return a message with its attempts, and each reply explained in `lang`."""
        return await told(self.mail, self.relays, message, lang)

    async def content(self, message: StoredMessage) -> bytes:
        """Return the octets of a message.

        raises: NotFoundError when they are no longer kept.
        """
        octets = await self.mail.content(message.app_id, message.id)
        if octets is None:
            raise NotFoundError(f"the content of message {message.id} is no longer kept")
        return octets

    async def release(
        self, authority: Authority, message: StoredMessage, *, within_s: float
    ) -> Settlement | None:
        """Send a message that was captured, is held or is in doubt.

        returns: what became of it; None when that takes longer than `within_s`: it goes on.
        raises:  ConflictError, StorageError.
        """
        task = asyncio.ensure_future(
            self.releasing.release(message.app_id, message.id, by=_actor(authority))
        )
        _under_way.add(task)
        task.add_done_callback(_under_way.discard)
        done, _ = await asyncio.wait({task}, timeout=within_s)
        return task.result() if done else None

    async def discard(self, authority: Authority, message: StoredMessage) -> None:
        """Delete captured mail with its content.

        raises: ConflictError for mail that was sent, or is to be; NotFoundError.
        """
        note = Note(_actor(authority), "message.delete", message.app_id, message.id)
        if not await self.mail.discard(message.app_id, message.id, note=note, now=self.clock()):
            raise ConflictError(
                f"message {message.id} cannot be deleted: only captured mail can, that nobody has"
                " sent or is sending"
            )

    async def exported(self, which: LogFilter) -> AsyncIterator[list[LogEntry]]:
        """Yield the send log from its beginning, some entries at a time."""
        after = ""
        while True:
            found = await self.send_log.entries(replace(which, after=after), limit=_LOG_PAGE)
            if found:
                yield found
            if len(found) < _LOG_PAGE:
                return
            after = found[-1].id


_under_way: set[asyncio.Future[Settlement]] = set()  # somebody has to hold them


def _actor(authority: Authority) -> Actor:
    return Actor(f"key:{authority.key.id}", authority.ip)
