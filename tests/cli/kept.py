"""Mail that is put into a data folder, as a door would have."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

from postroad.delivery.messages import Envelope, Intake, LogEntry, NewMessage
from postroad.delivery.states import State
from postroad.message import Message, build
from postroad.operations.identifiers import new_id
from postroad.settings import Settings
from postroad.wiring import installation
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
            entry = _entry(appid, to, subject, "captured", "")
            await found.mail.accept(Intake(entry, entry, message), now=now())
            return message.id

    return asyncio.run(scene())


def log_refused(data_dir: Path, appid: str, *, to: str, subject: str = "x") -> None:
    """Store the entry of a request that was refused."""

    async def scene() -> None:
        async with installation(Settings(data_dir=data_dir)) as found:
            await found.mail.log(_entry(appid, to, subject, "refused", "address"))

    asyncio.run(scene())


def _entry(appid: str, to: str, title: str, status: str, reason: str) -> LogEntry:
    return LogEntry(new_id(), appid, now(), "nobase", "192.0.2.7", to, title, status, reason)


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
