"""The OpenAPI document of /v1, made from the handlers and the shapes that they take and give."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from litestar import Litestar, Router
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig

from postroad.api.v1.problems import CONTENT_TYPE, Problem, phrase
from postroad.api.v1.schemas import mail, relays, tenants
from postroad.api.v1.schemas.view import Body, View

DOCUMENT: Final = "/openapi.json"
VERSION: Final = "1"  # of the API, as its paths have it

_SCHEMAS: Final = "#/components/schemas/{name}"
_REFUSALS: Final = {
    400: "A query, a cursor or a body that cannot be read.",
    401: "No key, or one that is unknown, disabled, expired or not for this address.",
    403: "The key may not do this.",
    404: "There is no such thing, or the key does not reach it.",
    408: "The body did not come in time.",
    409: "Something stands in the way; nothing was done.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    422: "Fields that cannot stand; `errors` names them.",
    429: "Too many requests: come back after `Retry-After` seconds.",
    500: "A defect in Postroad.",
    503: "Nothing can be read or written just now: come back after `Retry-After` seconds.",
}
_DESCRIPTION: Final = """\
What an operator can do, for programs. Every call shows an API key with the scope `manage`; the \
operator's own key reaches everything, an app's key its app, and what a key does not reach is \
answered as if it did not exist. Errors are problem documents (RFC 9457). Lists come in pages: \
give `next` as `cursor` until it is null."""
_EXAMPLE: Final = {
    "type": "config.invalid",
    "title": "Unprocessable Content",
    "status": 422,
    "detail": "name is blank",
    "code": -1,
    "errors": [{"field": "name", "message": "is blank"}],
}


def document(routers: Sequence[Router]) -> dict[str, Any]:
    """Return the document for the handlers of some routers."""
    config = OpenAPIConfig(
        title="Postroad", version=VERSION, path="/document", use_handler_docstrings=True
    )
    # Another application than the one that serves: this one has pages that load scripts.
    given = {name: Provide(lambda: None, sync_to_thread=False) for name in ("reach", "management")}
    app = Litestar([*routers], openapi_config=config, dependencies=given)
    made: Any = app.openapi_schema.to_schema()
    made = _renamed(made)
    paths = {path: item for path, item in made["paths"].items() if path.startswith("/v1")}
    for path, item in paths.items():
        for method, operation in item.items():
            _complete(path, method, operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Postroad", "version": VERSION, "description": _DESCRIPTION},
        "servers": [{"url": "/"}],
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "schemas": _schemas(made),
            "responses": {
                str(status): {
                    "description": meaning,
                    "content": {
                        CONTENT_TYPE: {
                            "schema": {"$ref": _SCHEMAS.format(name="Problem")},
                            "examples": {"fields": {"value": _EXAMPLE}} if status == 422 else {},
                        }
                    },
                }
                for status, meaning in _REFUSALS.items()
            },
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key with the scope `manage`.",
                }
            },
        },
    }


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    """Give an operation a plain name, and the answers that every one of them has."""
    operation["operationId"] = _name(path, method)
    operation.pop("deprecated", None)
    operation["summary"] = operation.get("description", "").partition("\n")[0].rstrip(".")
    answers = operation["responses"]
    for status in [status for status in answers if status.startswith("4")]:
        del answers[status]
    for status, answer in answers.items():
        answer["description"] = phrase(int(status))
        answer.pop("headers", None)
        for media_type, content in answer.get("content", {}).items():
            if not media_type.startswith("application/json"):
                content["schema"] = {"type": "string"}
    if path.endswith("/release"):
        answers["202"] = {**answers["200"], "description": "The relay takes its time."}
    for status in _REFUSALS:
        answers[str(status)] = {"$ref": f"#/components/responses/{status}"}
    for content in operation.get("requestBody", {}).get("content", {}).values():
        if "oneOf" in content["schema"]:  # a body that may be left out
            content["schema"] = _plain(content["schema"])
            operation["requestBody"]["required"] = False
    for parameter in operation.get("parameters", ()):
        for needless in ("deprecated", "allowEmptyValue", "allowReserved"):
            parameter.pop(needless, None)
        parameter["schema"] = _plain(parameter["schema"])


def _name(path: str, method: str) -> str:
    """Return what an operation is called: get_apps_signature."""
    words = re.sub(r"\{[^}]*\}", "one", path.removeprefix("/v1/"))
    return f"{method}_{re.sub('[^a-z]+', '_', words)}"


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a parameter; one that may be left out cannot be null as well."""
    for each in schema.get("oneOf", ()):
        if each.get("type") != "null":
            whole = {name: value for name, value in schema.items() if name != "oneOf"}
            return {**whole, **each}
    return schema


def _renamed(made: Any) -> Any:
    """Return the document with plain names for the pages of lists: AppPage."""
    text = re.sub(rb"Page_[A-Za-z0-9_.]*\.([A-Za-z]+)_", rb"\1Page", msgspec.json.encode(made))
    found: Any = msgspec.json.decode(text)
    return found


def _schemas(made: dict[str, Any]) -> dict[str, Any]:
    """Return the schemas, as the decoder of bodies understands their types."""
    kinds: list[type] = [
        kind
        for module in (tenants, relays, mail)
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind not in (View, Body)
    ]
    _, exact = msgspec.json.schema_components([*kinds, Problem], ref_template=_SCHEMAS)
    # Pages and the words of parameters are of no module's own.
    whole: dict[str, Any] = made["components"]["schemas"] | exact
    return whole
