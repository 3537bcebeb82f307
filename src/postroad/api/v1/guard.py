"""What every call of /v1 passes before it is read: whose key it is, and what its query may hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from functools import cache
from types import NoneType
from typing import Annotated, Any, Final, cast

from litestar.connection import ASGIConnection, Request
from litestar.handlers.base import BaseRouteHandler
from litestar.types import Scope
from litestar.typing import FieldDefinition
from msgspec import Meta

from postroad.api.v1.checking import check_body
from postroad.api.v1.expected import wrong as wrong_value
from postroad.api.v1.problems import BadQueryError, TooOftenError, UnsupportedBodyError
from postroad.api.v1.schemas.view import Body
from postroad.errors import UnauthorizedError
from postroad.operations.administration.fields import listed
from postroad.operations.management.reach import Reach
from postroad.operations.management.service import Management
from postroad.tenancy.limits import Standing

Guard = Callable[[ASGIConnection[Any, Any, Any, Any], BaseRouteHandler], Awaitable[None]]

_REACH: Final = "postroad.reach"
_STANDING: Final = "postroad.standing"
_MEANT: Final = {"status": "state", "state": "status"}  # of messages, and of the log
_NOT_OF_THE_QUERY: Final = frozenset({"data", "request", "reach", "management"})


def guard_of(management: Management) -> Guard:
    """Return the guard: it lets pass who shows a key that may manage."""

    async def guard(
        connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler
    ) -> None:
        client = connection.scope["client"]
        ip = client[0] if client else ""
        _count(connection, await management.limiting.address(ip))
        reach = await management.admit(_bearer(connection), ip)
        _count(connection, await management.limiting.key(reach.authority.key))
        _noted(connection.scope)[_REACH] = reach
        _check_query(connection, handler)
        if "data" in handler.parsed_fn_signature.parameters:
            await _check_body(cast("Request[Any, Any, Any]", connection), handler, reach)

    return guard


def reach_of(request: Request[Any, Any, Any]) -> Reach:
    """Return what the key of a request reaches, as the guard found it."""
    found: Reach = _noted(request.scope)[_REACH]
    return found


def standing_of(scope: Scope) -> Standing | None:
    """Return how the caller stands to the limit that was counted last, None to none."""
    found: Standing | None = _noted(scope).get(_STANDING)
    return found


def _noted(scope: Scope) -> dict[str, Any]:
    """Return the scope as a dict, which may hold more than the server's own."""
    return cast("dict[str, Any]", scope)


def _count(connection: ASGIConnection[Any, Any, Any, Any], standing: Standing | None) -> None:
    """Refuse a request beyond a limit.

    raises: TooOftenError.
    """
    if standing is not None:
        _noted(connection.scope)[_STANDING] = standing
        if standing.is_over:
            raise TooOftenError(standing.seconds)


def _bearer(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """Return the key that a request shows.

    raises: UnauthorizedError when it shows none in the way there is, or two.
    """
    shown = [value for name, value in connection.scope["headers"] if name == b"authorization"]
    scheme, _, secret = shown[0].decode("latin-1").partition(" ") if shown else ("", "", "")
    if len(shown) != 1 or scheme.lower() != "bearer":
        raise UnauthorizedError("give an API key: Authorization: Bearer pr_…")
    return secret.strip()


def _check_query(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Refuse what no parameter is called, what is given twice, and what is no text.

    raises: BadQueryError.
    """
    pairs = [*connection.query_params.multi_items()]
    if not pairs:
        return
    known = _parameters(handler)
    wrong = [(name, _unknown(name, known)) for name, _ in pairs if name not in known]
    twice = [name for name, times in Counter(name for name, _ in pairs).items() if times > 1]
    wrong += [(name, "it is given twice") for name in twice]
    wrong += [
        (name, "it holds a control character, or is not UTF-8")
        for name, value in pairs
        if not value.isprintable() or "\ufffd" in value
    ]
    wrong += [
        (name, "null is no value")  # the framework would take it for an absent one
        for name, value in pairs
        if value.lower() == "null" and name in known and not known[name].is_text
    ]
    told = {name for name, _ in wrong}
    wrong += [
        (name, why)
        for name, value in pairs
        if name in known and name not in told
        if (why := wrong_value(value, known[name].kind, is_text=True))
    ]
    if wrong:
        raise BadQueryError([(name[:80], why) for name, why in wrong])


def _unknown(name: str, known: Collection[str]) -> str:
    """Return what to say of a parameter that a call does not have."""
    meant = _MEANT.get(name)
    if meant in known:
        return f"there is no such parameter; here it is called {meant}"
    return (
        f"there is no such parameter; {listed(sorted(known))} are known"
        if known
        else ("there is no such parameter; none is known")
    )


async def _check_body(
    request: Request[Any, Any, Any], handler: BaseRouteHandler, reach: Reach
) -> None:
    """Refuse a body that is not said to be JSON, is compressed, or cannot stand.

    A call that needs no body may come without one.

    raises: UnsupportedBodyError, UnreadableBodyError, FieldsError, BadRequest.
    """
    field = handler.parsed_fn_signature.parameters["data"]
    if field.default is None and not await request.body():
        return
    headers = request.headers
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" or headers.get("content-encoding", "identity") != "identity":
        raise UnsupportedBodyError
    kinds = [each for each in (field.annotation, *field.args) if _is_body(each)]
    await check_body(await request.body(), kinds[0], reach)


def _is_body(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Body)


@dataclass(frozen=True, slots=True)
class _Parameter:
    """What a parameter of a query takes; `is_text`: any text that is not too long."""

    kind: Any
    is_text: bool


@cache
def _parameters(handler: BaseRouteHandler) -> dict[str, _Parameter]:
    """Return a handler's parameters in the query by their names."""
    found = handler.parsed_fn_signature.parameters
    in_path = {name for path in handler.paths for name in found if f"{{{name}:" in path}
    return {
        getattr(each.kwarg_definition, "name", None) or name: _Parameter(
            _kind(each), str in (each.annotation, *each.args)
        )
        for name, each in found.items()
        if name not in in_path and name not in _NOT_OF_THE_QUERY
    }


def _kind(each: FieldDefinition) -> Any:
    """Return the type of a parameter with its limits; one that is left out is not null."""
    said = each.kwarg_definition
    kinds = [kind for kind in each.args if kind is not NoneType] if each.is_optional else []
    limits = {
        name: value
        for name in ("ge", "le", "min_length", "max_length")
        if (value := getattr(said, name, None)) is not None
    }
    return Annotated[kinds[0] if kinds else each.annotation, Meta(**limits)]
