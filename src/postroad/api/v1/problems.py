"""What went wrong, as a problem document (RFC 9457)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Final

import msgspec
from litestar.exceptions import HTTPException
from msgspec import Meta

from postroad.api.faults import BadRequest, Fault
from postroad.errors import (
    Code,
    ConflictError,
    MessageError,
    NotFoundError,
    SettingsError,
    StorageError,
    UnauthorizedError,
)
from postroad.operations.administration.fields import FieldsError
from postroad.operations.management.authority import ForbiddenError

CONTENT_TYPE: Final = "application/problem+json"
BLANK: Final = "about:blank"

_FAULTS: Final[Mapping[Fault, int]] = {
    Fault.TOO_LARGE: 413,
    Fault.FAR_TOO_LARGE: 413,
    Fault.TOO_SLOW: 408,
    Fault.BUSY: 503,
    Fault.STORAGE: 503,
    Fault.STOPPING: 503,
    Fault.CRASHED: 500,
}
_FAULT_WORDS: Final[Mapping[Fault, str]] = {
    Fault.MALFORMED: "the body ends early, or comes in too many pieces",
    Fault.TOO_LARGE: "the body is too large",
    Fault.FAR_TOO_LARGE: "the body is too large",
    Fault.TOO_SLOW: "the body did not come in time",
    Fault.BUSY: "other requests hold all the memory there is: come back later",
    Fault.STORAGE: "nothing can be read or written just now; nothing was done",
    Fault.STOPPING: "the service is stopping; what became of this only the log knows",
    Fault.CRASHED: "a defect in Postroad; its log tells more",
}
_NAMED: Final = re.compile(
    r"(?!there |this |it )([a-z_]+)(?::| (?=is |has |must |begins |belongs ))"
)
_PHRASES: Final = {413: "Content Too Large", 422: "Unprocessable Content"}  # RFC 9110 §15.5
_VERBS: Final = ("is ", "has ", "must ", "begins ", "belongs ")
_LONGEST: Final = 500
_RETRY: Final = "1"  # seconds after which the database is asked again anyhow


class FieldProblem(msgspec.Struct, frozen=True):
    """One field that cannot stand."""

    field: str
    message: str


class Problem(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Why nothing was done."""

    type: Annotated[
        str, Meta(description="A word of the table of errors, or about:blank: see `status`.")
    ]
    title: str
    status: int
    detail: str
    code: Annotated[int, Meta(description="The number of that word.")] | None = None
    errors: tuple[FieldProblem, ...] = ()


class CallError(Exception):
    """A call that no operation gets to see."""

    def told(self) -> tuple[Problem, dict[str, str]]:
        """Return the document for it, and header fields that belong to it."""
        raise NotImplementedError


class BadQueryError(CallError):
    """Query parameters that cannot stand.

    found: each with what is wrong with it.
    """

    def __init__(self, found: Sequence[tuple[str, str]]) -> None:
        super().__init__(found[0][1])
        self.found = tuple(found)

    def told(self) -> tuple[Problem, dict[str, str]]:
        """Return the document, 400."""
        return _fields(400, "", self.found), {}


class BadCursorError(BadQueryError):
    """A cursor that this list has not given."""

    def __init__(self) -> None:
        super().__init__([("cursor", "cursor: this list has not given it")])


class TooOftenError(CallError):
    """A request beyond a limit, that may come again after some seconds."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"too many requests: come back in {seconds} s")
        self.seconds = seconds

    def told(self) -> tuple[Problem, dict[str, str]]:
        """Return the document, 429."""
        return plain(429, str(self)), {"Retry-After": str(self.seconds)}


class UnreadableBodyError(CallError):
    """A body that has no fields.

    status: 400 when it cannot be read, 422 when it is JSON of another kind.
    """

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(sentence)
        self.status = status

    def told(self) -> tuple[Problem, dict[str, str]]:
        """Return the document."""
        return _fields(self.status, str(self), []), {}


class UnsupportedBodyError(CallError):
    """A body that is not said to be JSON."""

    def told(self) -> tuple[Problem, dict[str, str]]:
        """Return the document, 415."""
        return plain(415, "give the body as Content-Type: application/json"), {}


def problem_of(error: Exception) -> tuple[Problem, dict[str, str]]:
    """Return the document for an error, and header fields that belong to it.

    A defect is told as such; what it was only the log says.
    """
    match error:
        case CallError():
            return error.told()
        case UnauthorizedError():
            return plain(401, str(error)), {"WWW-Authenticate": 'Bearer realm="postroad"'}
        case ForbiddenError():
            return plain(403, str(error)), {}
        case NotFoundError():
            return plain(404, str(error)), {}
        case ConflictError():
            return plain(409, str(error)), {}
        case FieldsError():
            return _fields(422, "", error.found), {}
        case SettingsError() | MessageError():
            return _fields(422, str(error), _named(str(error))), {}
        case StorageError():
            return plain(503, _FAULT_WORDS[Fault.STORAGE]), {"Retry-After": _RETRY}
        case BadRequest():
            status = _FAULTS.get(error.fault, 400)
            retry = {"Retry-After": _RETRY} if status == 503 else {}
            return plain(status, _FAULT_WORDS.get(error.fault, str(error.fault))), retry
        case HTTPException():
            return _of_litestar(error)
        case _:
            return _of_code(500, Code.INTERNAL, _FAULT_WORDS[Fault.CRASHED]), {}


def plain(status: int, detail: str) -> Problem:
    """Return a problem that its HTTP status says."""
    return Problem(type=BLANK, title=phrase(status), status=status, detail=detail)


def phrase(status: int) -> str:
    """Return what an HTTP status is called, by any version of Python."""
    return _PHRASES.get(status) or HTTPStatus(status).phrase


def _of_litestar(error: HTTPException) -> tuple[Problem, dict[str, str]]:
    allowed = [value for name, value in (error.headers or {}).items() if name.lower() == "allow"]
    headers = {"Allow": _with_head(allowed[0])} if allowed else {}
    if error.status_code == 404:
        return plain(404, "there is nothing at this path"), {}
    if error.status_code == 405:
        return plain(405, "this method cannot be used here"), headers
    if error.status_code == 400:  # what the guard lets pass and is in the path: a number
        return plain(400, "the path holds what cannot stand there"), {}
    if error.status_code >= 500:
        return _of_code(500, Code.INTERNAL, _FAULT_WORDS[Fault.CRASHED]), {}
    return plain(error.status_code, "this request cannot be served"), headers


def _with_head(allowed: str) -> str:
    """Return the methods of a path in a fixed order, HEAD among them where GET is."""
    methods = {each.strip() for each in allowed.split(",")} | {"OPTIONS"}
    return ", ".join(sorted(methods | {"HEAD"} if "GET" in methods else methods))


def _fields(status: int, detail: str, found: Sequence[tuple[str, str]]) -> Problem:
    """Return the problem of fields.

    detail: "" when what was found says it all.
    found:  each field with what is wrong with it, its name before it or not.
    """
    errors = tuple(FieldProblem(field, _nameless(field, sentence)) for field, sentence in found)
    names = list(dict.fromkeys(each.field for each in errors))
    if not detail and len(names) == 1:
        detail = _with_name(errors[0])
    elif not detail:
        detail = f"{len(names)} fields cannot stand: {', '.join(names)}"[:_LONGEST]
    return _of_code(status, Code.CONFIG, detail, errors)


def _nameless(field: str, sentence: str) -> str:
    """Return a sentence without the field's name, which many begin with."""
    found = _NAMED.match(sentence)
    is_named = found is not None and found[1].rstrip("_") == field
    return sentence[found.end() :].lstrip() if found and is_named else sentence


def _with_name(problem: FieldProblem) -> str:
    is_verb = problem.message.startswith(_VERBS)
    return f"{problem.field}{'' if is_verb else ':'} {problem.message}"


def _of_code(
    status: int, code: Code, detail: str, errors: tuple[FieldProblem, ...] = ()
) -> Problem:
    return Problem(
        type=code.word,
        title=phrase(status),
        status=status,
        detail=detail,
        code=int(code),
        errors=errors,
    )


def _named(sentence: str) -> list[tuple[str, str]]:
    """Return the field that a sentence begins with, as all of them do that are about one."""
    found = _NAMED.match(sentence)
    return [(found[1].rstrip("_"), sentence)] if found else []
