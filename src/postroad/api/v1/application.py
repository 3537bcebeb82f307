"""The management API as an ASGI application."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any, Final, cast

import msgspec
from litestar import Litestar, MediaType, Request, Response, Router, get
from litestar.di import Provide
from litestar.exceptions import HTTPException, LitestarException, NotFoundException
from litestar.types import HTTPScope, Message, Receive, Scope, Send

from postroad.api.call import Answer
from postroad.api.faults import BadRequest, Fault
from postroad.api.guards import OTHER
from postroad.api.limits import limit_fields
from postroad.api.v1 import (
    apps,
    audit,
    developers,
    keys,
    log,
    messages,
    relays,
    routes,
    users,
)
from postroad.api.v1.document import DOCUMENT, document
from postroad.api.v1.guard import guard_of, reach_of, standing_of
from postroad.api.v1.page import CONTENT_SECURITY_POLICY, page
from postroad.api.v1.problems import CONTENT_TYPE, CallError, TooOftenError, problem_of
from postroad.errors import PostroadError, StorageError
from postroad.operations.management.service import Management

PAGE: Final = "/docs/api"
ROUTERS: Final = (
    *(developers.router, apps.router, users.router, keys.router, relays.router, routes.router),
    *(messages.router, log.router, log.csv_router, audit.router),
)
_EXPECTED: Final = (PostroadError, HTTPException, BadRequest, CallError)
# No escape, no slash more or one less: no id and no word of a path needs them.
_PLAIN: Final = re.compile(r"(?:/[0-9A-Za-z._-]+)+")
_ANY_OTHER: Final[Any] = "ANY OTHER"  # a method that nothing has

Refused = Callable[[Fault, int, str], None]
Crash = Callable[[str, BaseException], None]


def is_managed(path: str) -> bool:
    """Whether a path belongs to this application."""
    return path.startswith("/v1/") or path in (DOCUMENT, PAGE, "/v1")


class ManagementApp:
    """Answers everything below /v1, the document that describes it, and its page.

    on_refused: told of a request that no operation got to see, or that storage failed.
    on_crash:   told of the route, or OTHER, and the exception of a defect; the caller is told
                nothing of it.
    """

    def __init__(self, management: Management, on_refused: Refused, on_crash: Crash) -> None:
        self._on_refused = on_refused
        self._on_crash = on_crash
        self._document: asyncio.Future[bytes] | None = None
        self._litestar = Litestar(
            [_guarded(management), self._described()],
            exception_handlers={Exception: self._problem},
            openapi_config=None,
            logging_config=None,
            request_max_body_size=None,  # the guards have their own limit
            debug=False,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path = cast("HTTPScope", scope)["raw_path"].decode("latin-1")
        if not _PLAIN.fullmatch(path):  # the framework would take it for the path that it resembles
            await self._answer(NotFoundException(), send)
            return
        began = False
        call = cast("dict[str, Any]", scope)  # the guards let nothing but HTTP pass
        method = call["method"]
        if method == "HEAD":  # as GET, but for the body, which the server leaves out
            call["method"] = "GET"
            call[log.HEAD] = True
        elif call["method"] == "OPTIONS":  # the framework's own answer names the first one only
            call["method"] = _ANY_OTHER

        async def answer(message: Message) -> None:
            nonlocal began
            if message["type"] == "http.response.start":
                began = True
                message["headers"] = [*message["headers"], *limit_fields(standing_of(scope))]
            await send(message)

        try:
            await self._litestar(scope, receive, answer)
        except asyncio.CancelledError:  # only Guards.cut does that, and this is the task's end
            if not began:
                await self._answer(BadRequest(Fault.STOPPING), send)
        except LitestarException as error:  # an answer that had begun, and stays incomplete
            if not _is_of_storage(error.__cause__):
                raise
            self._on_refused(Fault.STORAGE, 200, _ip(scope))
        finally:
            call["method"] = method

    async def _answer(self, error: Exception, send: Send) -> None:
        problem, headers = problem_of(error)
        fields = tuple((name.lower().encode(), text.encode()) for name, text in headers.items())
        body = msgspec.json.encode(problem)
        await Answer(body, CONTENT_TYPE.encode(), problem.status, fields).send(send)

    def _problem(self, request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
        """Answer what was refused, and what failed."""
        problem, headers = problem_of(error)
        if problem.status == 405 and request.scope["method"] == _ANY_OTHER:
            return Response(b"", status_code=204, headers=headers)
        ip = _ip(request.scope)
        if isinstance(error, TooOftenError):
            self._on_refused(Fault.TOO_OFTEN, 429, ip)
        elif problem.status == 500 or not isinstance(error, _EXPECTED):
            self._on_crash(request.scope.get("path_template") or OTHER, error)
        elif isinstance(error, BadRequest):
            self._on_refused(error.fault, problem.status, ip)
        elif problem.status == 503:
            self._on_refused(Fault.STORAGE, 503, ip)
        return Response(
            msgspec.json.encode(problem),
            status_code=problem.status,
            media_type=CONTENT_TYPE,
            headers=headers,
        )

    def _described(self) -> Router:
        """Return the routes of the document and its page, which need no key."""

        @get(DOCUMENT, media_type=MediaType.JSON)
        async def show_document() -> Response[bytes]:
            return Response(await self._made(), media_type=MediaType.JSON)

        @get(PAGE, media_type=MediaType.HTML)
        async def show_page() -> Response[str]:
            html = await asyncio.to_thread(page, msgspec.json.decode(await self._made()))
            headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY}
            return Response(html, media_type=MediaType.HTML, headers=headers)

        return Router("/", route_handlers=[show_document, show_page])

    async def _made(self) -> bytes:
        """Return the document, made once, on a thread: it takes a while."""
        if self._document is None:
            self._document = asyncio.ensure_future(
                asyncio.to_thread(lambda: msgspec.json.encode(document(ROUTERS)))
            )
        return await asyncio.shield(self._document)


def _guarded(management: Management) -> Router:
    return Router(
        "/",
        route_handlers=list(ROUTERS),
        guards=[guard_of(management)],
        dependencies={
            "reach": Provide(reach_of, sync_to_thread=False),
            "management": Provide(lambda: management, sync_to_thread=False),
        },
    )


def _is_of_storage(cause: BaseException | None) -> bool:
    """Whether a stream broke off because storage failed; a stream is a group of tasks."""
    if isinstance(cause, BaseExceptionGroup):
        return all(map(_is_of_storage, cause.exceptions))
    return isinstance(cause, StorageError)


def _ip(scope: Scope) -> str:
    client = scope["client"]
    return client[0] if client else ""
