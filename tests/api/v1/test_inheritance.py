"""A key makes no key that may do more than it, and takes no name that another app has."""

from __future__ import annotations

from typing import Any

import pytest
from tests.api.v1.managed import Client, Managed

END = "2099-01-02T03:04:05Z"
NARROW: dict[str, Any] = {
    "scopes": ["manage"],
    "expires_at": END,
    "addresses": ["127.0.0.0/8"],
    "per_minute": 100,
}
WIDER: list[dict[str, Any]] = [
    {"scopes": ["manage", "send"]},
    {"scopes": ["read"]},
    {"expires_at": None},
    {"expires_at": "2099-01-02T03:04:06Z"},
    {"addresses": []},
    {"addresses": ["126.0.0.0/7"]},
    {"addresses": ["127.0.0.1", "::1"]},
    {"per_minute": 0},
    {"per_minute": 101},
]
wider = pytest.mark.parametrize(
    "said", WIDER, ids=[str(next(iter(each.values()))) for each in WIDER]
)


@pytest.fixture
def narrow(service: Managed, app: tuple[str, Client]) -> tuple[str, Client]:
    """Return the id of a key that is limited in every way, and a client with it."""
    made = app[1].made("/v1/keys", NARROW | {"scopes": ["manage"]})
    return made["key"]["id"], service.client(made["secret"])


def test_what_is_not_said_of_a_new_key_is_as_of_the_one_that_makes_it(
    narrow: tuple[str, Client],
) -> None:
    made = narrow[1].made("/v1/keys", {"name": "child"})["key"]

    assert {name: made[name] for name in NARROW} == NARROW


@wider
def test_a_key_makes_none_that_may_do_more(
    narrow: tuple[str, Client], said: dict[str, Any]
) -> None:
    refused = narrow[1].post("/v1/keys", said)

    assert refused.problem["status"] == 403
    assert next(iter(said)) in refused.problem["detail"]


@wider
def test_a_key_lets_itself_do_no_more(narrow: tuple[str, Client], said: dict[str, Any]) -> None:
    key_id, client = narrow

    assert client.patch(f"/v1/keys/{key_id}", said).problem["status"] == 403
    shown = client.get(f"/v1/keys/{key_id}").said
    assert {name: shown[name] for name in NARROW} == NARROW


def test_a_key_makes_others_that_may_do_less(narrow: tuple[str, Client]) -> None:
    less = {
        "scopes": ["manage"],
        "expires_at": "2098-01-01T00:00:00Z",
        "addresses": ["127.0.0.1/32"],
        "per_minute": 99,
    }

    made = narrow[1].made("/v1/keys", less)["key"]

    assert {name: made[name] for name in less} == less


def test_the_operators_key_is_bound_for_its_own_kind_and_not_for_the_apps(
    service: Managed, operator: Client, app: tuple[str, Client]
) -> None:
    made = operator.made("/v1/keys", NARROW | {"appid": None})
    client = service.client(made["secret"])

    lifted = client.post("/v1/keys", {"appid": None, "addresses": []})
    child = client.made("/v1/keys", {"appid": None})["key"]
    of_app = client.made("/v1/keys", {"appid": app[0], "scopes": ["send"]})["key"]

    assert lifted.problem["status"] == 403
    assert (child["expires_at"], child["addresses"]) == (END, ["127.0.0.0/8"])
    assert (of_app["expires_at"], of_app["addresses"]) == (None, [])


def test_an_app_takes_no_name_that_another_has(service: Managed, app: tuple[str, Client]) -> None:
    app_id, client = app
    other, _ = service.new_app("another one")

    refused = client.patch(f"/v1/apps/{app_id}", {"name": "Another  One"})

    assert refused.problem["status"] == 409
    assert other not in str(refused.problem)
    assert client.get(f"/v1/apps/{app_id}").said["name"] != "Another  One"
