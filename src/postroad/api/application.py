"""The HTTP application: every door at its path, behind the guards."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from litestar import Litestar, Request, Response, asgi
from litestar.exceptions import HTTPException
from litestar.handlers import ASGIRouteHandler
from litestar.types import Receive, Scope, Send

from postroad.api.call import Answer, Call, Door
from postroad.api.caller import TrustedProxies
from postroad.api.danbee import DanbeeDoor
from postroad.api.faults import BadRequest, Fault
from postroad.api.guards import Access, Guards, Limits
from postroad.api.health import Greeting, Health, Living, Metrics, Ready
from postroad.api.nobase import BindMailDoor, LoginDoor, NobaseDoors, RegisterDoor, SendDoor
from postroad.api.session import Sessions
from postroad.errors import StorageError
from postroad.operations.danbee import Danbee
from postroad.operations.nobase import Nobase


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


Refused = Callable[[Fault, int, str], None]
Crash = Callable[[str, BaseException], None]


def application(
    nobase: Nobase,
    danbee: Danbee,
    health: Health,
    options: HttpOptions,
    *,
    on_access: Callable[[Access], None] = lambda _: None,
    on_refused: Refused = lambda _fault, _status, _ip: None,
    on_crash: Crash = lambda _path, _error: None,
) -> Guards:
    """Return the ASGI application.

    on_access:  told of every request once it is answered.
    on_refused: told of the fault, the HTTP status and the caller's address of a request that no
                operation got to see, or that storage failed.
    on_crash:   told of the path and the exception of a defect; the caller is told nothing of it.
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

    def lost(request: Request[Any, Any, Any], error: Exception) -> Response[str]:
        """Answer what Litestar itself refuses: an unknown path, an impossible Host."""
        status = error.status_code if isinstance(error, HTTPException) else 500
        if not isinstance(error, HTTPException):
            on_crash(request.scope["path"], error)
        text = "There is nothing here.\n" if status == 404 else "This request cannot be served.\n"
        return Response(text, status_code=status, media_type="text/plain")

    litestar = Litestar(
        [_mounted(path, door, on_refused, on_crash) for path, door in doors.items()],
        exception_handlers={Exception: lost},
        openapi_config=None,
        logging_config=None,
        debug=False,
    )
    limits = Limits(
        body_octets=options.max_body_octets,
        bodies_octets=max(options.max_bodies_octets, options.max_body_octets),
        receive_s=options.receive_timeout_s,
        body_s=options.body_timeout_s,
    )
    return Guards(litestar, doors, proxies, limits, on_access, on_crash)


def _mounted(path: str, door: Door, on_refused: Refused, on_crash: Crash) -> ASGIRouteHandler:
    """Return the route of a door.

    An ASGI route rather than a handler of Litestar's: the doors read parameters by stricter rules
    than its own, and one core answers 23,000 instead of 12,000 requests a second.
    """

    @asgi(path, copy_scope=False)
    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        call = Call(scope, receive)
        outcome = await _outcome(path, door, call, on_crash)
        if isinstance(outcome, Fault):
            answer = door.refuse(outcome, call)
            on_refused(outcome, answer.status, call.ip)
        else:
            answer = outcome
        await answer.send(send)

    return route


async def _outcome(path: str, door: Door, call: Call, on_crash: Crash) -> Answer | Fault:
    try:
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
