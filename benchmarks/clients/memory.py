"""Says how much memory a kind of sending takes, at its peak, as the kernel counts it.

Arguments: "import", or "many PORT COUNT", or "attachment PORT OCTETS asyncio|blocking".
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path


def resident(field: str) -> int:
    """Return VmRSS (now) or VmHWM (the peak since this program was loaded) in octets.

    `getrusage` is no use here: its peak includes what the parent had when it forked.
    """
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise LookupError(field)


async def many(port: int, count: int) -> dict[str, float]:
    from benchmarks.clients.postroad_async import send

    from postroad import AsyncMailer, Relay

    before = resident("VmRSS")
    began = time.perf_counter()
    async with AsyncMailer(Relay("127.0.0.1", port, security="none")) as mailer:
        accepted = await send(mailer, 0, count)
    seconds = time.perf_counter() - began
    return {
        "accepted": accepted,
        "seconds": seconds,
        "before": before,
        "peak": resident("VmHWM"),
    }


async def attachment(port: int, size: int, *, is_async: bool) -> dict[str, float]:
    """Send a small message, then one with an attachment of `size` octets."""
    from benchmarks.clients.postroad_async import messages

    from postroad import AsyncMailer, Attachment, Mailer, Message, Relay

    relay = Relay("127.0.0.1", port, security="none")
    blocking = Mailer(relay)
    mailer = AsyncMailer(relay, connections=1)
    small = next(messages(0, 1))
    accepted = int(bool(await mailer.send(small) if is_async else blocking.send(small)))
    before = resident("VmRSS")
    large = Message(
        from_="orders@danbee.example",
        to="customer@mail.example",
        subject="첨부 파일",
        text="첨부 파일을 확인해 주세요.",
        attachments=Attachment("보고서.pdf", os.urandom(size)),
    )
    began = time.perf_counter()
    accepted += bool(await mailer.send(large) if is_async else blocking.send(large))
    seconds = time.perf_counter() - began
    await mailer.aclose()
    blocking.close()
    return {
        "accepted": accepted,
        "seconds": seconds,
        "before": before,
        "peak": resident("VmHWM"),
    }


def main() -> None:
    kind, *rest = sys.argv[1:]
    if kind == "import":
        import postroad

        answer = {"nothing_used": resident("VmRSS")}
        _ = postroad.AsyncMailer, postroad.Message, postroad.Relay
        answer["all_used"] = resident("VmRSS")
        print(json.dumps(answer))
    elif kind == "many":
        print(json.dumps(asyncio.run(many(int(rest[0]), int(rest[1])))))
    else:
        is_async = rest[2] == "asyncio"
        print(json.dumps(asyncio.run(attachment(int(rest[0]), int(rest[1]), is_async=is_async))))


if __name__ == "__main__":
    main()
