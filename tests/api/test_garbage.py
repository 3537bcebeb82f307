"""Nothing of a bad request is left for the collector, which seldom comes."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from typing import Any

import pytest
from litestar.types import Message
from litestar.types.asgi_types import HTTPReceiveMessage
from tests.api.service import NAVER, OPTIONS, SEND, DanbeeStandIn, HealthStandIn, StandIn

from postroad.api.application import application
from postroad.api.bodies import FORM, JSON, MULTIPART, pairs_of_body
from postroad.api.faults import BadRequest
from postroad.api.guards import Guards

LARGE = 200_000
PART = b'--b\r\nContent-Disposition: form-data; name="z"\r\n\r\n'
TYPED = f"{MULTIPART}; boundary=b"
BAD = [
    (TYPED, b"\r\n" * (LARGE // 2)),
    (TYPED, b"x" * LARGE),
    (TYPED, PART + b"x" * LARGE + b"\r\n"),
    (TYPED, b"--b\r\n" + b"a:b\r\n" * (LARGE // 5)),
    (TYPED, b"--b\r\n" + b"a" * LARGE),
    (TYPED, PART.replace(b"z", b"\xff") + b"x" * LARGE + b"\r\n--b--\r\n"),
    (TYPED, (PART + b"\r\n") * 102 + b"x" * LARGE),
    (MULTIPART, PART + b"x" * LARGE),
    (f"{MULTIPART}; boundary={'b' * 2_000}", b"x" * LARGE),
    (JSON, b"{" + b"x" * LARGE),
    (JSON, b'["' + b"x" * LARGE + b'"]'),
    (JSON, b'{"a":' * (LARGE // 5)),
    (JSON, b'{"a":"\\ud800' + b"x" * LARGE),
    (JSON, b"{" + b",".join(b'"%d":0' % n for n in range(LARGE // 8)) + b"}"),
    (FORM, b"a=1&" * (LARGE // 4)),
    ("text/plain", b"x" * LARGE),
]


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize(("content_type", "body"), BAD)
def test_a_bad_body_is_gone_with_its_refusal(content_type: str, body: bytes) -> None:
    refused = 0
    for _ in range(10):
        try:  # pytest's own way keeps the exception in a circle
            pairs_of_body(content_type, body)
        except BadRequest:
            refused += 1

    assert refused == 10
    assert gc.collect() == 0


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("path", [SEND, NAVER])
@pytest.mark.parametrize(("content_type", "body"), BAD)
def test_a_bad_request_leaves_none_of_its_body_behind(
    path: str, content_type: str, body: bytes
) -> None:
    standing = StandIn()
    app = application(
        standing,  # type: ignore[arg-type]
        DanbeeStandIn(standing),  # type: ignore[arg-type]
        HealthStandIn(),
        OPTIONS,
    )

    async def scenario() -> int:
        await asked(app, path, content_type, body)  # what is made once only
        gc.collect()
        for _ in range(10):
            await asked(app, path, content_type, body)
        return left_octets()

    assert asyncio.run(scenario()) < LARGE // 2


async def asked(app: Guards, path: str, content_type: str, body: bytes) -> None:
    """Post a body in two pieces."""
    half = len(body) // 2
    pieces = [(body[:half], True), (body[half:], False)]

    async def receive() -> HTTPReceiveMessage:
        octets, more = pieces.pop(0)
        return {"type": "http.request", "body": octets, "more_body": more}

    async def send(message: Message) -> None:
        pass

    scope: Any = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [
            (b"host", b"a.example"),
            (b"content-type", content_type.encode()),
            (b"content-length", str(len(body)).encode()),
        ],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
        "extensions": {},
        "state": {},
    }
    await app(scope, receive, send)


def left_octets() -> int:
    """Return the octets that only the collector would have freed."""
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        gc.collect()
    finally:
        gc.set_debug(0)
    try:
        found = {
            id(each): len(each)
            for circle in gc.garbage
            for each in (circle, *gc.get_referents(circle))
            if isinstance(each, bytes | bytearray)
        }
        return sum(found.values())
    finally:
        gc.garbage.clear()
