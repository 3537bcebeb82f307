"""The guards around an application that fails in ways no door does."""

from __future__ import annotations

import asyncio

import pytest
from litestar.types import Message, Receive, Scope, Send
from litestar.types.asgi_types import HTTPDisconnectEvent

from postroad.api.caller import TrustedProxies
from postroad.api.guards import Access, Guards
from postroad.api.incoming import Limits

SCOPE = {
    "type": "http",
    "method": "GET",
    "http_version": "1.1",
    "path": "/x",
    "raw_path": b"/x",
    "query_string": b"pass=hunter2",
    "headers": [(b"host", b"a.example")],
    "client": ("127.0.0.1", 1),
    "scheme": "http",
}


@pytest.mark.parametrize(("is_late", "statuses"), [(False, [500]), (True, [200])])
def test_a_defect_outside_the_doors_is_told_and_answered_once(
    is_late: bool, statuses: list[int]
) -> None:
    sent: list[Message] = []
    accesses: list[Access] = []
    crashes: list[tuple[str, BaseException]] = []

    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        if is_late:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("hunter2")

    async def send(message: Message) -> None:
        sent.append(message)

    guards = Guards(
        broken,
        ["/x"],
        TrustedProxies([]),
        Limits(),
        accesses.append,
        lambda path, error: crashes.append((path, error)),
    )

    asyncio.run(guards({**SCOPE}, _nothing, send))  # type: ignore[arg-type]

    assert [each["status"] for each in sent if each["type"] == "http.response.start"] == statuses
    assert "hunter2" not in repr(sent)
    assert [(path, str(error)) for path, error in crashes] == [("/x", "hunter2")]
    assert [access.status for access in accesses] == statuses
    assert guards.running == 0


async def _nothing() -> HTTPDisconnectEvent:
    return {"type": "http.disconnect"}
