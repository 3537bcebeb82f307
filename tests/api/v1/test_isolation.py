"""Every operation of the document, with every id of one app, under the key of another and none.

What is called is read from the document, so that no operation is forgotten.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from tests.api.v1.managed import Client, Managed, managed
from tests.support.engines import Engine

from postroad.api.v1.application import ROUTERS
from postroad.api.v1.document import document

DOCUMENT = document(ROUTERS)
OPERATIONS = [(method.upper(), path) for path, item in DOCUMENT["paths"].items() for method in item]
WITH_IDS = [each for each in OPERATIONS if "{" in each[1]]
_ID = re.compile(r"\{(\w+)_id\}")

# A body that each operation takes, were the id one's own.
BODIES: Mapping[tuple[str, str], Any] = {
    ("POST", "/v1/apps/{app_id}/signature/rotate"): {},
    ("PUT", "/v1/apps/{app_id}/senders"): {"items": []},
    ("POST", "/v1/relays/{relay_id}/check"): {},
}


@dataclass(frozen=True)
class World:
    """Two apps. `ids` are of everything that the first one has, and of the operator's."""

    service: Managed
    ids: Mapping[str, list[str]]
    owner: Client
    stranger: Client
    appid: str


@pytest.fixture(scope="module")
def world(engine: Engine) -> Iterator[World]:
    with engine.new() as place, managed(place) as service:
        appid, owner = service.new_app("one")
        _, stranger = service.new_app("two")
        operator = service.operator
        where = {"host": "relay.a.example", "port": 25, "security": "none"}
        developer = operator.made("/v1/developers", {"name": "dev"})
        relay = owner.made("/v1/relays", {"name": "r", **where})
        shared = operator.made("/v1/relays", {"name": "shared", "appid": None, **where})
        user = owner.made("/v1/users", {"account": "13800138000", "password": "Pass1"})
        route = owner.made("/v1/routes", {"relay": relay["id"]})
        ids = {
            "developer": [developer["id"]],
            "app": [appid],
            "user": [user["id"]],
            "key": [
                each["id"]
                for each in operator.get("/v1/keys").said["items"]
                if each["appid"] in (appid, None)
            ],
            "relay": [relay["id"], shared["id"]],
            "route": [route["id"]],
            "message": [service.keep(appid)],
        }
        yield World(service, ids, owner, stranger, appid)


def test_the_world_has_an_id_of_every_kind_that_there_is(world: World) -> None:
    kinds = {kind for _, path in OPERATIONS for kind in _ID.findall(path)}

    assert kinds == world.ids.keys()
    assert len(OPERATIONS) >= 45


@pytest.mark.parametrize(("method", "path"), WITH_IDS)
def test_anothers_id_is_as_good_as_none(world: World, method: str, path: str) -> None:
    body = BODIES.get((method, path), {} if method == "PATCH" else None)
    (kind,) = _ID.findall(path)
    for record_id in world.ids[kind]:
        unknown = "01956000-0000-7000-8000-000000000000"
        targets = [re.sub(r"\{\w+\}", "1", _ID.sub(each, path)) for each in (record_id, unknown)]

        reply, none = (world.stranger.call(method, target, body) for target in targets)

        assert reply.status == 404, (method, path, reply.body)
        assert reply.body.decode() == none.body.decode().replace(unknown, record_id)
        assert {name: value for name, value in reply.headers.items() if name != "date"}.keys() == (
            {name: value for name, value in none.headers.items() if name != "date"}.keys()
        )


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_without_a_key_nothing_is_done(world: World, method: str, path: str) -> None:
    for record_ids in zip(*world.ids.values(), strict=False):
        known = dict(zip(world.ids, record_ids, strict=True))
        target = re.sub(
            r"\{\w+\}",
            "1",
            _ID.sub(lambda found: known[found[1]], path),  # noqa: B023
        )

        for client in (world.service.nobody, world.service.client("pr_wrong")):
            reply = client.call(method, target, BODIES.get((method, path), {}))

            assert reply.status == 401, (method, path, reply.body)


@pytest.mark.parametrize(
    "kind", ["apps", "users", "keys", "relays", "routes", "messages", "log", "log.csv"]
)
def test_a_list_shows_only_ones_own(world: World, kind: str) -> None:
    path = f"/v1/{kind}"

    shown = world.stranger.get(path)
    asked = world.stranger.get(path, app=world.appid) if kind != "apps" else None

    assert shown.status == 200
    for each in (id_ for ids in world.ids.values() for id_ in ids):
        assert each not in shown.body.decode()
    if asked is not None:
        assert asked.problem["detail"] == f"there is no app '{world.appid}'"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/users", {"account": "13800138001", "password": "Pass1"}),
        ("/v1/keys", {}),
        ("/v1/relays", {"name": "r2", "host": "relay.a.example"}),
        ("/v1/routes", {"relay": "RELAY"}),
    ],
)
def test_nothing_is_made_for_another_app(world: World, path: str, body: Any) -> None:
    body = {
        key: world.ids["relay"][0] if value == "RELAY" else value for key, value in body.items()
    }
    before = world.owner.get(path).body

    reply = world.stranger.post(path, body | {"appid": world.appid})

    assert reply.problem["detail"] == f"there is no app '{world.appid}'"
    assert world.owner.get(path).body == before


def test_no_route_leads_to_anothers_relay(world: World) -> None:
    for relay in world.ids["relay"]:
        reply = world.stranger.post("/v1/routes", {"relay": relay})

        assert reply.problem["detail"] == f"there is no relay '{relay}'"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/developers"),
        ("POST", "/v1/developers"),
        ("POST", "/v1/apps"),
        ("GET", "/v1/audit"),
    ],
)
def test_what_is_the_operators_alone_is_refused_to_an_app(
    world: World, method: str, path: str
) -> None:
    body = {"name": "x"} if method == "POST" else None

    assert world.stranger.call(method, path, body).problem["status"] == 403


def test_nothing_of_all_this_has_changed_anything(world: World) -> None:
    operator = world.service.operator
    for kind, ids in world.ids.items():
        for record_id in ids:
            assert operator.get(f"/v1/{kind}s/{record_id}").status == 200
    signature = operator.get(f"/v1/apps/{world.appid}/signature").said
    assert signature["old_signature"] is None
