"""What is meant for a database, a template or a shell is text like any other, in every field."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.api.v1.managed import Client, Managed

from postroad.api.v1.application import ROUTERS
from postroad.api.v1.document import document

STRINGS = (
    "' OR '1'='1",
    "'; DROP TABLE message; --",
    '" UNION SELECT secret FROM relay --',
    "1) OR (1=1",
    "%' ESCAPE '!",
    "$1 ? :name %s %(name)s",
    "{{7*7}} ${7*7} #{7*7} <%= 7*7 %>",
    "{0.__class__.__mro__}",
    "*)(uid=*",
    "$(id) `id` ; id |",
    "<script>alert(1)</script>",
    "\\x27 \\u0027 \\",
    "=cmd|' /C calc'!A0",
    "../../etc/passwd",
    "\u202egnp.exe",
    "\ufeff",
    "𝒳" * 50,
)
DOCUMENT = document(ROUTERS)


def _bodies() -> list[tuple[str, str, str, str]]:
    """Return each field of text of each body, with the path that takes it."""
    found = []
    for path, item in DOCUMENT["paths"].items():
        for method, operation in item.items():
            content = operation.get("requestBody", {}).get("content", {})
            reference = content.get("application/json", {}).get("schema", {}).get("$ref", "")
            name = reference.rpartition("/")[2]
            fields = DOCUMENT["components"]["schemas"].get(name, {}).get("properties", {})
            found += [(method.upper(), path, name, field) for field in fields]
    return found


WHOLE: dict[str, dict[str, Any]] = {
    "NewDeveloper": {"name": "a"},
    "NewApp": {"name": "a"},
    "NewUser": {"account": "13800138000", "password": "Pass1"},
    "NewRelay": {"name": "a", "host": "relay.a.example"},
    "NewRoute": {"relay": "x"},
    "SendersChange": {"items": []},
}


@pytest.mark.parametrize(("method", "path", "name", "field"), _bodies())
def test_in_a_body(
    service: Managed, app: tuple[str, Client], method: str, path: str, name: str, field: str
) -> None:
    target = path.replace("{app_id}", app[0])
    for kind in ("developer", "user", "key", "relay", "route", "message"):
        target = target.replace(f"{{{kind}_id}}", "01956000-0000-7000-8000-000000000000")
    is_list = DOCUMENT["components"]["schemas"][name]["properties"][field].get("type") == "array"
    for number, text in enumerate(STRINGS):
        for value in (text, [text]) if number == 0 or is_list else (text,):
            body = WHOLE.get(name, {}) | {field: value}
            if "account" in body and field != "account":
                body["account"] = f"user{number:06d}"

            reply = service.operator.call(method, target, body)

            assert reply.status in {200, 201, 404, 409, 422}, reply.body
            if reply.status in (200, 201) and value == text and field != "password":
                shown = reply.body.decode()
                assert msgspec.json.encode(text)[1:-1].decode() in shown or field in _UNSEEN
    assert service.do(service.core.directory.apps.get(app[0])) is not None


_UNSEEN = {"signature", "region"}  # shown elsewhere, or only looked up


def test_in_a_query(service: Managed, app: tuple[str, Client]) -> None:
    message = service.keep(app[0])
    for kind in ("messages", "log"):
        for text in STRINGS:
            for field in ("recipient", "text", "relay", "app"):
                value = text[:60]
                reply = service.operator.get(f"/v1/{kind}", **{field: value})

                assert reply.status in {200, 400, 404}, reply.body
                if reply.status == 200:
                    assert reply.said == {"items": [], "next": None}, (field, text)
    for text in STRINGS:
        for field in ("actor", "action"):
            assert service.operator.get("/v1/audit", **{field: text[:90]}).status in {200, 400}
    assert app[1].get(f"/v1/messages/{message}").status == 200


def test_no_template_is_filled_in(app: tuple[str, Client]) -> None:
    changed = app[1].patch(f"/v1/apps/{app[0]}", {"name": "{{7*7}} {0} %s ${7*7}"})

    assert changed.said["name"] == "{{7*7}} {0} %s ${7*7}"
