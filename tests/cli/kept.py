"""Mail that is put into a data folder, as a door would have."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

from postroad.delivery.messages import (
    Claim,
    Envelope,
    Fate,
    Intake,
    Lease,
    LogEntry,
    NewMessage,
    Settlement,
)
from postroad.delivery.states import State
from postroad.errors import Code
from postroad.message import Message, build
from postroad.operations.identifiers import new_id
from postroad.settings import Settings
from postroad.wiring import Installation, installation
from postroad.wiring.core import now


def keep(
    data_dir: Path,
    appid: str,
    *,
    from_: str = "Danbee <danbee@naver.com>",
    to: str = "bo@b.example",
    subject: str = "안녕하세요",
) -> str:
    """Store a captured message and its entry of the send log; return its id."""

    async def scene() -> str:
        async with installation(Settings(data_dir=data_dir)) as found:
            message = _message(appid, from_, to, subject)
            entry = _entry(appid, to, subject, "captured", "", message.id)
            await found.mail.accept(Intake(entry, message), now=now())
            return message.id

    return asyncio.run(scene())


def keep_tried(
    data_dir: Path,
    message_id: str,
    state: State,
    *,
    code: Code = Code.RECIPIENTS,
    reply: tuple[int, str, str] = (0, "", ""),
    error: str = "",
    transcript: str = "",
    due: datetime | None = None,
    relay_id: str | None = None,
) -> None:
    """Store an attempt at a kept message that brought `state` to its recipient."""

    async def scene() -> None:
        async with installation(Settings(data_dir=data_dir)) as found:
            claim = await _claimed(found, message_id)
            fate = Fate(0, state, *reply)
            settlement = Settlement(code, "rcpt", error, (fate,), due, now(), relay_id, transcript)
            assert await found.core.queue.settle(claim, settlement)

    asyncio.run(scene())


def keep_abandoned(data_dir: Path, message_id: str) -> None:
    """Store an attempt at a kept message whose outcome nobody learned."""

    async def scene() -> None:
        async with installation(Settings(data_dir=data_dir)) as found:
            claim = await _claimed(found, message_id)
            await found.core.queue.expire(now=claim.lease.until)

    asyncio.run(scene())


async def _claimed(found: Installation, message_id: str) -> Claim:
    app_id = await found.mail.find_app(message_id)
    assert app_id is not None
    lease = Lease("test:1", now() + timedelta(minutes=5))
    claim = await found.core.queue.claim_one(app_id, message_id, lease, now=now())
    assert claim is not None
    return claim


def log_refused(
    data_dir: Path, appid: str, *, to: str, subject: str = "x", reason: str = "address"
) -> None:
    """Store the entry of a request that was refused."""

    async def scene() -> None:
        async with installation(Settings(data_dir=data_dir)) as found:
            await found.mail.log(_entry(appid, to, subject, "refused", reason))

    asyncio.run(scene())


def _entry(
    appid: str, to: str, title: str, status: str, reason: str, message: str | None = None
) -> LogEntry:
    return LogEntry(
        id=message or new_id(),
        app_id=appid,
        at=now(),
        door="nobase",
        ip="192.0.2.7",
        recipient=to,
        title=title,
        status=status,
        reason=reason,
        account="danbee1",
        message_id=message,
    )


def _message(appid: str, from_: str, to: str, subject: str) -> NewMessage:
    identifier = new_id()
    at = now()
    built = build(
        Message(from_=from_, to=to, subject=subject, text="본문"),
        date=at,
        message_id=f"<{identifier}@b.example>",
        boundary="boundary",
    )
    return NewMessage(
        id=identifier,
        app_id=appid,
        door="nobase",
        message_id=built.message_id,
        from_=from_,
        recipients=(to,),
        subject=subject,
        content=built.content,
        envelope=Envelope(built.reverse_path, built.forward_paths),
        state=State.CAPTURED,
        created_at=at,
        expires_at=at + timedelta(days=2),
    )
