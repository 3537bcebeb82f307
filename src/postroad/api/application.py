"""The HTTP application: every door at its path, behind the guards."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

from litestar import Litestar, Request, Response, asgi
from litestar.exceptions import HTTPException
from litestar.handlers import ASGIRouteHandler
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from postroad.api.call import Answer, Call, Door, text_answer
from postroad.api.caller import TrustedProxies
from postroad.api.danbee import DanbeeDoor
from postroad.api.faults import BadRequest, Fault
from postroad.api.guards import Access, Guards
from postroad.api.health import Greeting, Health, Living, Metrics, Ready
from postroad.api.incoming import Limits
from postroad.api.limits import limit_fields
from postroad.api.nobase import BindMailDoor, LoginDoor, NobaseDoors, RegisterDoor, SendDoor
from postroad.api.session import Sessions
from postroad.api.v1.application import ManagementApp, is_managed
from postroad.errors import StorageError
from postroad.operations.danbee import Danbee
from postroad.operations.management.service import Management
from postroad.operations.nobase import Nobase
from postroad.tenancy.limits import Standing


@dataclass(frozen=True, slots=True)
class HttpOptions:
    """How the doors stand to the world.

    trusted_proxies: addresses and networks whose X-Forwarded-For and -Proto are believed.
    get_door:        whether parameters, secrets among them, may come in a URL.
    cookie_key:      signs the session cookie; 32 secret octets.
    is_tls:          the session cookie is given to TLS only.
    max_body_octets: of one request; max_bodies_octets of all together, never less than of one.
    """

    cookie_key: bytes = field(repr=False)
    trusted_proxies: tuple[str, ...] = ()
    get_door: bool = True
    is_tls: bool = False
    max_body_octets: int = 1024 * 1024
    max_bodies_octets: int = 64 * 1024 * 1024
    receive_timeout_s: float = 10
    body_timeout_s: float = 60


Counted = Callable[[str], Awaitable[Standing | None]]
Refused = Callable[[Fault, int, str], None]
Crash = Callable[[str, BaseException], None]


def application(
    nobase: Nobase,
    danbee: Danbee,
    health: Health,
    options: HttpOptions,
    *,
    management: Management | None = None,
    counted: Counted | None = None,
    on_access: Callable[[Access], None] = lambda _: None,
    on_refused: Refused = lambda _fault, _status, _ip: None,
    on_crash: Crash = lambda _path, _error: None,
) -> Guards:
    """Return the ASGI application.

    management: what /v1 asks; None is an application without it.
    counted:    counts a request from an address before anything is done for it; None where there
                is no limit. Health is never refused.
    on_access:  told of every request once it is answered.
    on_refused: told of the fault, the HTTP status and the caller's address of a request that no
                operation got to see, or that storage failed.
    on_crash:   told of the route and the exception of a defect; the caller is told nothing of it.
    raises:     SettingsError for a trusted proxy that is no network.
    """
    proxies = TrustedProxies(options.trusted_proxies)
    sessions = Sessions(options.cookie_key, is_tls=options.is_tls)
    shared = NobaseDoors(nobase, health, sessions, get_door=options.get_door)
    doors: Mapping[str, Door] = {
        "/": Greeting(),
        "/healthz": Living(),
        "/readyz": Ready(health),
        "/metrics": Metrics(health),
        "/api/mail/send": SendDoor(shared),
        "/api/user/register": RegisterDoor(shared),
        "/api/user/login": LoginDoor(shared),
        "/api/user/bind_mail": BindMailDoor(shared),
        "/api/danbee/navermailsender": DanbeeDoor("naver", danbee, get_door=options.get_door),
        "/api/danbee/gmailsender": DanbeeDoor("gmail", danbee, get_door=options.get_door),
        "/api/danbee/awssessender": DanbeeDoor("awsses", danbee, get_door=options.get_door),
    }

    limited = {path for path in doors if path.startswith("/api/")}

    def lost(request: Request[Any, Any, Any], error: Exception) -> Response[str]:
        """Answer what Litestar itself refuses: an impossible Host."""
        status = error.status_code if isinstance(error, HTTPException) else 500
        if not isinstance(error, HTTPException):
            on_crash(request.scope["path"], error)
        text = "This request cannot be served.\n"
        return Response(text, status_code=status, media_type="text/plain")

    litestar = Litestar(
        [
            _mounted(path, door, counted if path in limited else None, on_refused, on_crash)
            for path, door in doors.items()
        ],
        exception_handlers={Exception: lost},
        openapi_config=None,
        logging_config=None,
        debug=False,
    )
    managed = None
    if management is not None:
        managed = ManagementApp(management, on_refused, on_crash)
    limits = Limits(
        body_octets=options.max_body_octets,
        bodies_octets=max(options.max_bodies_octets, options.max_body_octets),
        receive_s=options.receive_timeout_s,
        body_s=options.body_timeout_s,
    )
    inner = _by_path(doors, litestar, managed)
    return Guards(inner, doors, proxies, limits, on_access, on_crash)


def _by_path(paths: Collection[str], doors: ASGIApp, managed: ManagementApp | None) -> ASGIApp:
    """Return the application that gives each request to whom its path belongs.

    The path is compared as it was sent: with an escape, a slash more or one less it is another,
    else a proxy's rules about paths could be walked around.
    """

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        path = cast("HTTPScope", scope)["raw_path"].decode("latin-1")
        if managed is not None and is_managed(path):
            await managed(scope, receive, send)
        elif path in paths:
            await doors(scope, receive, send)
        else:
            await text_answer("There is nothing here.", status=404).send(send)

    return inner


def _mounted(
    path: str, door: Door, counted: Counted | None, on_refused: Refused, on_crash: Crash
) -> ASGIRouteHandler:
    """Return the route of a door.

    An ASGI route rather than a handler of Litestar's: the doors read parameters by stricter rules
    than its own, and one core answers 23,000 instead of 12,000 requests a second.
    """

    @asgi(path, copy_scope=False)
    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        call = Call(scope, receive)
        outcome = await _outcome(path, door, call, counted, on_crash)
        if isinstance(outcome, Standing):
            answer = door.refuse(Fault.TOO_OFTEN, call, outcome.seconds)
            answer = replace(answer, headers=(*answer.headers, *limit_fields(outcome)))
            on_refused(Fault.TOO_OFTEN, answer.status, call.ip)
        elif isinstance(outcome, Fault):
            answer = door.refuse(outcome, call)
            on_refused(outcome, answer.status, call.ip)
        else:
            answer = outcome
        await answer.send(send)

    return route


async def _outcome(
    path: str, door: Door, call: Call, counted: Counted | None, on_crash: Crash
) -> Answer | Fault | Standing:
    """Return the answer, what is wrong with the request, or the limit that it is over."""
    try:
        if counted is not None and call.method != "OPTIONS":  # browsers ask that by themselves
            standing = await counted(call.ip)
            if standing is not None and standing.is_over:
                return standing
        return await door.answer(call)
    except BadRequest as bad:
        return bad.fault
    except StorageError:
        return Fault.STORAGE
    except asyncio.CancelledError:  # only Guards.cut does that, and this is the task's end
        return Fault.STOPPING
    except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets an answer
        on_crash(path, error)
        return Fault.CRASHED
