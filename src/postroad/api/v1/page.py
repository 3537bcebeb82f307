"""The readable page of the API: one page of HTML, made from the document, that loads nothing."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final

_STYLE: Final = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 60rem; padding: 1.5rem; }
h2 { border-bottom: 1px solid; margin-top: 2.5rem; }
h3 { font: 600 1rem ui-monospace, monospace; margin-bottom: 0; overflow-wrap: anywhere; }
code { font: 0.9em ui-monospace, monospace; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; }
td, th { border-bottom: 1px solid #8886; padding: 0.25rem 0.75rem 0.25rem 0; text-align: left;
  vertical-align: top; }
summary { cursor: pointer; }
@media (max-width: 40rem) { td, th { display: block; border: 0; padding: 0; }
  tr { display: block; border-bottom: 1px solid #8886; padding: 0.5rem 0; } }
"""
_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

CONTENT_SECURITY_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


def page(document: Mapping[str, Any]) -> str:
    """Return the page of an OpenAPI document."""
    return "\n".join(_page(document))


def _page(document: Mapping[str, Any]) -> Iterator[str]:
    info = document["info"]
    title = f"{escape(info['title'])} API"
    yield '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{title}</title><style>{_STYLE}</style></head><body><main>"
    yield f"<h1>{title} <small>{escape(info['version'])}</small></h1>"
    yield f"<p>{_prose(info['description'])}</p>"
    yield '<p>For programs: <a href="/openapi.json">/openapi.json</a> (OpenAPI 3.1).</p>'
    by_tag: dict[str, list[tuple[str, str, Mapping[str, Any]]]] = {}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            by_tag.setdefault(operation["tags"][0], []).append((method, path, operation))
    links = (f'<a href="#{escape(tag)}">{escape(tag)}</a>' for tag in [*by_tag, "Shapes"])
    yield f"<nav>{' · '.join(links)}</nav>"
    for tag, operations in by_tag.items():
        yield f'<section><h2 id="{escape(tag)}">{escape(tag)}</h2>'
        for method, path, operation in operations:
            yield from _operation(method, path, operation)
        yield "</section>"
    yield '<section><h2 id="Shapes">Shapes</h2>'
    for name, schema in sorted(document["components"]["schemas"].items()):
        yield from _shape(name, schema)
    yield "</section><section><h2>Errors</h2><table>"
    for status, answer in document["components"]["responses"].items():
        yield f"<tr><th>{escape(status)}</th><td>{_prose(answer['description'])}</td></tr>"
    yield "</table></section></main></body></html>"


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f"<h3>{method.upper()} {escape(path)}</h3>"
    yield f"<p>{_prose(operation.get('description', ''))}</p>"
    rows = [
        (each["name"], _type(each["schema"]), each.get("description", ""))
        for each in operation.get("parameters", ())
        if each["in"] == "query"
    ]
    if rows:
        yield from _table(rows)
    for said, contents in (
        ("Takes", operation.get("requestBody", {}).get("content", {})),
        ("Answers", _success(operation)),
    ):
        for media_type, content in contents.items():
            shape = _type(content.get("schema", {}))
            yield f"<p>{said} {shape} <code>{escape(media_type)}</code></p>"


def _success(operation: Mapping[str, Any]) -> Mapping[str, Any]:
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            content: Mapping[str, Any] = answer.get("content", {})
            return content
    return {}


def _shape(name: str, schema: Mapping[str, Any]) -> Iterator[str]:
    yield f'<h3 id="{escape(name)}">{escape(name)}</h3>'
    if text := schema.get("description"):
        yield f"<p>{_prose(text)}</p>"
    required = schema.get("required", ())
    rows = [
        (
            f"{field} *" if field in required else field,
            _type(each),
            each.get("description", "") if isinstance(each, dict) else "",
        )
        for field, each in schema.get("properties", {}).items()
    ]
    if rows:
        yield from _table(rows)
    elif "enum" in schema:
        yield f"<p>{_words(schema['enum'])}</p>"


def _table(rows: list[tuple[str, str, str]]) -> Iterator[str]:
    yield "<table>"
    for name, shape, text in rows:
        cell = f"<td>{shape}</td><td>{_prose(text)}</td>"
        yield f"<tr><th><code>{escape(name)}</code></th>{cell}</tr>"
    yield "</table>"


def _type(schema: Mapping[str, Any]) -> str:
    """Return what a schema says, in a few words of HTML."""
    if reference := schema.get("$ref"):
        name = escape(reference.rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    for of_many in ("anyOf", "oneOf"):
        if of_many in schema:
            return " or ".join(_type(each) for each in schema[of_many])
    if "enum" in schema:
        return _words(schema["enum"])
    kind = schema.get("type", "anything")
    kind = " or ".join(kind) if isinstance(kind, list) else kind
    if kind == "array" and isinstance(schema.get("items"), dict):
        return f"list of {_type(schema['items'])}"
    if "default" in schema:
        return f"{escape(kind)}, by default {escape(str(schema['default']))}"
    return escape(kind)


def _words(words: list[Any]) -> str:
    return ", ".join(f"<code>{escape(str(word))}</code>" for word in words if word is not None)


def _prose(text: str) -> str:
    """Return text as HTML; what stands between backticks as code."""
    return re.sub("`([^`]*)`", r"<code>\1</code>", escape(text))
