"""One HTTP request and its answer, as the doors see them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol, cast

import msgspec
from litestar.types import HTTPScope, Receive, Scope, Send

from postroad.api.faults import BadRequest, Fault

Header = tuple[bytes, bytes]
Headers = tuple[Header, ...]

LATER_S: Final = 10
"""When a fault that passes is likely to be over, in seconds."""

_encode = msgspec.json.Encoder().encode


class Call:
    """A request; its body is read only when it is asked for."""

    __slots__ = ("_receive", "_scope")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._scope = cast("HTTPScope", scope)  # the guards let nothing else pass
        self._receive = receive

    @property
    def method(self) -> str:
        """GET, POST or anything else that a client made up."""
        return str(self._scope["method"])

    @property
    def query(self) -> bytes:
        """What stands behind the "?", as it was sent."""
        return self._scope["query_string"]

    @property
    def ip(self) -> str:
        """The caller's address, "" when there is none."""
        client = self._scope["client"]
        return client[0] if client else ""

    @property
    def is_secure(self) -> bool:
        """Whether it came over TLS, here or at a trusted proxy."""
        return self._scope["scheme"] == "https"

    def all(self, name: bytes) -> list[str]:
        """Return every field of a lower-case name."""
        return [value.decode("latin-1") for key, value in self._scope["headers"] if key == name]

    def only(self, name: bytes) -> str:
        """Return the one field of a lower-case name, "" when there is none.

        raises: BadRequest when there are several, of which a proxy may have read another one.
        """
        found = self.all(name)
        if len(found) > 1:
            raise BadRequest(Fault.MALFORMED)
        return found[0] if found else ""

    async def body(self) -> bytes:
        """Return the body; one that is too large or too slow is a BadRequest."""
        declared = self.only(b"content-length")
        if not declared and not self.all(b"transfer-encoding"):
            return b""
        length = int(declared) if declared else None  # the server lets only digits pass
        body = bytearray()
        while len(body) != length:  # the event that says "no more" costs as much as another
            message = await self._receive()
            if message["type"] != "http.request":  # it ended before its end
                raise BadRequest(Fault.MALFORMED)
            body += message["body"]
            if not message["more_body"]:
                break
        return bytes(body)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back."""

    body: bytes
    content_type: bytes = b"application/json; charset=utf-8"
    status: int = 200
    headers: tuple[Header, ...] = ()

    async def send(self, send: Send) -> None:
        """Send it."""
        headers = [(b"content-type", self.content_type), *self.headers]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": False})


def json_answer(value: object, *, status: int = 200, headers: tuple[Header, ...] = ()) -> Answer:
    """Return an answer in JSON, other scripts than Latin as they are."""
    return Answer(_encode(value), status=status, headers=headers)


def text_answer(text: str, *, status: int = 200, headers: tuple[Header, ...] = ()) -> Answer:
    """Return an answer for people and monitors."""
    return Answer(f"{text}\n".encode(), b"text/plain; charset=utf-8", status, headers)


class Door(Protocol):
    """What answers at a path, in one dialect."""

    async def answer(self, call: Call) -> Answer:
        """Return the answer to a request.

        raises: BadRequest, and StorageError when nothing was done.
        """
        ...

    def refuse(self, fault: Fault, call: Call, seconds: int = LATER_S) -> Answer:
        """Return what the dialect says to a request that did not get that far.

        seconds: after which the caller may try again, where the fault is one that passes.
        """
        ...
