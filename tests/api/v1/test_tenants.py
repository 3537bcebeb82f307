"""The life of everything that is managed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from tests.api.v1.managed import Client, Managed

from postroad.api.v1.schemas import mail, relays, tenants
from postroad.delivery import messages
from postroad.tenancy import audit, records

Name = Callable[[], str]


def test_a_developer_is_made_found_changed_and_deleted(operator: Client, name: Name) -> None:
    made = operator.made("/v1/developers", {"name": name(), "paid_until": "2100-01-01"})
    path = f"/v1/developers/{made['id']}"

    shown = operator.get(path).said
    changed = operator.patch(path, {"state": "disabled", "paid_until": None}).said
    deleted = operator.delete(path)

    assert made == shown
    assert made["paid_until"] == "2100-01-01T23:59:59Z"
    assert changed == made | {"state": "disabled", "paid_until": None}
    assert (deleted.status, deleted.body) == (204, b"")
    assert operator.get(path).status == 404


def test_a_developer_with_an_app_stays(operator: Client, name: Name) -> None:
    made = operator.made("/v1/developers", {"name": name()})
    operator.made("/v1/apps", {"name": name(), "developer": made["id"]})

    reply = operator.delete(f"/v1/developers/{made['id']}")

    assert reply.problem["status"] == 409
    assert reply.problem["detail"] == "this developer is still in use"


def test_an_app_is_made_with_a_key_and_its_signature_is_shown_to_its_owner(
    service: Managed, operator: Client, name: Name
) -> None:
    made = operator.made("/v1/apps", {"name": name(), "from": "Shop <shop@a.example>"})
    path = f"/v1/apps/{made['app']['id']}"

    signature = operator.get(f"{path}/signature").said

    assert made["app"] == operator.get(path).said
    assert made["app"]["from"] == "Shop <shop@a.example>"
    assert signature == {
        "signature": made["signature"],
        "old_signature": None,
        "old_signature_until": None,
    }
    assert made["key"]["scopes"] == ["send", "read"]
    assert service.client(made["secret"]).get(path).status == 403  # it may only send
    assert made["signature"] not in operator.get(path).body.decode()


def test_a_signature_rotates_with_an_overlap(app: tuple[str, Client]) -> None:
    app_id, client = app
    path = f"/v1/apps/{app_id}/signature"
    before = client.get(path).said["signature"]

    rotated = client.post(f"{path}/rotate", {"overlap_s": 3600}).said
    at_once = client.post(f"{path}/rotate", {"overlap_s": 0}).said

    assert rotated["old_signature"] == before
    assert rotated["old_signature_until"] is not None
    assert rotated["signature"] not in (before, at_once["signature"])
    assert (at_once["old_signature"], at_once["old_signature_until"]) == (None, None)


def test_a_rotation_that_says_nothing_leaves_the_old_signature_a_week(
    app: tuple[str, Client],
) -> None:
    path = f"/v1/apps/{app[0]}/signature/rotate"

    rotated = app[1].post(path)

    assert rotated.status == 200, rotated.body
    left = datetime.fromisoformat(rotated.said["old_signature_until"]) - datetime.now(UTC)
    assert timedelta(days=6, hours=23) < left <= timedelta(days=7)
    assert app[1].call("POST", path, b"null").problem["status"] == 415


def test_an_apps_key_changes_its_app_but_not_what_the_operator_says_of_it(
    app: tuple[str, Client], operator: Client
) -> None:
    app_id, client = app
    path = f"/v1/apps/{app_id}"

    changed = client.patch(path, {"mode": "live", "language": "ko"})
    refused = [
        client.patch(path, {field: value})
        for field, value in (
            ("state", "normal"),
            ("from", "ceo@bank.example"),
            ("senders", ["@bank.example"]),
            ("developer", None),
            ("stop_prompt", ""),
        )
    ]

    assert (changed.said["mode"], changed.said["language"]) == ("live", "ko")
    assert {reply.status for reply in refused} == {403}
    assert "from" in refused[1].problem["detail"]
    assert client.call("PUT", f"{path}/senders", {"items": ["@b.example"]}).status == 403
    assert client.delete(path).status == 403
    assert client.post("/v1/apps", {"name": "mine"}).status == 403
    assert operator.get(path).said["senders"] == []


def test_the_senders_of_an_app_are_replaced(app: tuple[str, Client], operator: Client) -> None:
    path = f"/v1/apps/{app[0]}/senders"

    replaced = operator.call("PUT", path, {"items": ["@b.example", "bo@c.example"]})

    assert replaced.status == 200
    assert app[1].get(path).said == {"items": ["@b.example", "bo@c.example"]}
    wrong = operator.call("PUT", path, {"items": ["@b.example", "@b.example"]})
    assert wrong.problem["errors"][0]["field"] == "items"


def test_an_app_without_messages_is_deleted_with_what_belongs_to_it(
    service: Managed, operator: Client, app: tuple[str, Client]
) -> None:
    app_id, client = app
    key_id = client.get("/v1/keys").said["items"][0]["id"]

    assert operator.delete(f"/v1/apps/{app_id}").status == 204

    assert client.get("/v1/keys").status == 401
    assert operator.get(f"/v1/keys/{key_id}").status == 404


def test_an_app_with_messages_stays(
    service: Managed, operator: Client, app: tuple[str, Client]
) -> None:
    service.keep(app[0])

    assert operator.delete(f"/v1/apps/{app[0]}").problem["detail"] == "this app is still in use"


def test_a_user_is_made_found_changed_and_deleted(app: tuple[str, Client]) -> None:
    app_id, client = app
    made = client.made("/v1/users", {"account": "13800138000", "password": "UserPass123"})
    path = f"/v1/users/{made['id']}"

    changed = client.patch(path, {"email": "bo@b.example", "password": "Other1"}).said
    again = client.post("/v1/users", {"account": "13800138000", "password": "UserPass123"})

    assert made["appid"] == app_id
    assert "pass" not in str(made)
    assert changed == made | {"email": "bo@b.example"} == client.get(path).said
    assert again.problem["status"] == 409
    assert client.delete(path).status == 204
    assert client.get(path).status == 404


def test_the_operator_says_whose_user_it_is(operator: Client, app: tuple[str, Client]) -> None:
    body = {"account": "13800138000", "password": "UserPass123"}

    whose = operator.post("/v1/users", body)
    made = operator.made("/v1/users", body | {"appid": app[0]})

    assert whose.problem["errors"][0]["field"] == "appid"
    assert [made] == operator.get("/v1/users", app=app[0]).said["items"]


def test_a_key_is_shown_once_works_and_is_deleted(
    service: Managed, app: tuple[str, Client]
) -> None:
    _, client = app
    made = client.made("/v1/keys", {"name": "second", "scopes": ["manage"]})
    path = f"/v1/keys/{made['key']['id']}"
    second = service.client(made["secret"])

    assert second.get(path).said == made["key"]
    assert made["secret"] not in second.get("/v1/keys").body.decode()
    assert client.patch(path, {"is_disabled": True}).said["is_disabled"]
    assert second.get(path).problem["detail"] == "the key is disabled"
    assert client.delete(path).status == 204
    assert second.get(path).problem["detail"] == "there is no such API key"


def test_only_the_operator_makes_keys_of_no_app(
    service: Managed, operator: Client, app: tuple[str, Client]
) -> None:
    own = app[1].made("/v1/keys", {"scopes": ["manage"]})
    operators = operator.made("/v1/keys", {"name": "second", "appid": None})

    assert own["key"]["appid"] == app[0]
    assert (operators["key"]["appid"], operators["key"]["scopes"]) == (None, ["manage"])
    assert service.client(operators["secret"]).get("/v1/developers").status == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [("/v1/keys", {}), ("/v1/relays", {"name": "r", "host": "relay.a.example"})],
)
def test_the_operator_says_whose_a_key_or_a_relay_is(
    operator: Client, app: tuple[str, Client], path: str, body: dict[str, Any]
) -> None:
    before = operator.get(path, limit=200).body

    silent = operator.post(path, body)
    empty = operator.post(path, body | {"appid": ""})
    of_nobody = app[1].post(path, body | {"appid": None})

    assert silent.problem["errors"] == [
        {
            "field": "appid",
            "message": "it has to be given: the app's appid, or null for the operator's own",
        }
    ]
    assert (empty.status, of_nobody.status) == (404, 403)
    assert operator.get(path, limit=200).body == before


def test_a_relay_keeps_its_password_to_itself(app: tuple[str, Client]) -> None:
    _, client = app
    body = {"name": "naver", "preset": "naver", "username": "bo", "password": "NaverSecret1"}
    made = client.made("/v1/relays", body)
    path = f"/v1/relays/{made['id']}"

    removed = client.patch(path, {"password": ""})

    assert made["has_secret"]
    assert "NaverSecret1" not in client.get("/v1/relays").body.decode()
    assert not removed.said["has_secret"]
    assert client.delete(path).status == 204
    assert client.get(path).status == 404


def test_a_relay_made_by_an_app_reaches_no_private_network(app: tuple[str, Client]) -> None:
    made = app[1].made(
        "/v1/relays", {"name": "inside", "host": "127.0.0.1", "port": 25, "security": "none"}
    )

    checked = app[1].post(f"/v1/relays/{made['id']}/check", {}).said

    assert made["made_by"] == "tenant"
    assert not checked["ok"]
    assert checked["word"] in ("connect.failed", "config.invalid")
    assert "refused the connection" not in checked["error"]


def test_an_operators_relay_that_an_app_leads_elsewhere_is_the_apps(
    operator: Client, app: tuple[str, Client]
) -> None:
    app_id, client = app
    where = {"host": "127.0.0.1", "port": 25, "security": "none"}
    made = operator.made("/v1/relays", {"name": "own", "appid": app_id, **where})
    path = f"/v1/relays/{made['id']}"

    renamed = client.patch(path, {"name": "renamed"}).said
    led = client.patch(path, {"host": "127.0.0.2"}).said
    file = client.patch(path, {"cafile": "/etc/passwd"})

    assert (made["made_by"], renamed["made_by"], led["made_by"]) == (
        "operator",
        "operator",
        "tenant",
    )
    assert file.problem["errors"][0]["field"] == "cafile"


def test_a_relay_that_nothing_listens_for_is_told_step_by_step(
    operator: Client, name: Name
) -> None:
    where = {"host": "127.0.0.1", "port": 9, "security": "none"}
    made = operator.made("/v1/relays", {"name": name(), "appid": None, **where})

    checked = operator.call("POST", f"/v1/relays/{made['id']}/check", {}, lang="ko").said

    assert made["appid"] is None
    assert (checked["ok"], checked["code"], checked["word"]) == (False, -2, "connect.failed")
    assert [step["step"] for step in checked["steps"]] == [
        *("connect", "tls", "ehlo", "auth", "mail", "rcpt")
    ]
    assert [step["ok"] for step in checked["steps"]] == [False, *[None] * 5]
    assert any("\uac00" <= character <= "\ud7a3" for character in checked["hint"])


def test_a_relay_without_its_password_is_not_checked(app: tuple[str, Client]) -> None:
    made = app[1].made("/v1/relays", {"name": "n", "preset": "naver", "username": "bo"})

    assert app[1].post(f"/v1/relays/{made['id']}/check", {}).problem["status"] == 422


def test_a_route_is_made_found_changed_and_deleted(
    operator: Client, app: tuple[str, Client], name: Name
) -> None:
    app_id, client = app
    where = {"host": "relay.a.example", "port": 25, "security": "none"}
    own = client.made("/v1/relays", {"name": "own", **where})
    shared = operator.made("/v1/relays", {"name": name(), "appid": None, **where})
    made = client.made("/v1/routes", {"relay": own["id"], "from": "@b.example", "position": 3})
    path = f"/v1/routes/{made['id']}"

    changed = client.patch(path, {"from": "", "position": 4}).said
    to_shared = client.patch(path, {"relay": shared["id"]})
    by_operator = operator.patch(path, {"relay": shared["id"]})
    moved = client.patch(path, {"position": 5}).said

    assert (made["appid"], made["relay_id"]) == (app_id, own["id"])
    assert changed == made | {"from": "", "position": 4}
    assert to_shared.problem["detail"] == f"there is no relay '{shared['id']}'"
    assert by_operator.said["relay_id"] == moved["relay_id"] == shared["id"]
    assert operator.get("/v1/routes", app=app_id).said["items"] == [moved]
    assert client.delete(path).status == 204
    assert client.get(path).status == 404


def test_a_list_is_read_page_by_page(app: tuple[str, Client]) -> None:
    _, client = app
    made = [
        client.made("/v1/users", {"account": f"user{number}", "password": "Pass1"})
        for number in range(100, 105)
    ]
    first = client.get("/v1/users", limit=2).said
    client.delete(f"/v1/users/{first['items'][-1]['id']}")  # the cursor's own row may go
    second = client.get("/v1/users", limit=2, cursor=first["next"]).said
    third = client.get("/v1/users", limit=2, cursor=second["next"]).said

    assert first["items"] + second["items"] + third["items"] == made
    assert third["next"] is None
    assert client.get("/v1/users", limit=4).said["next"] is None


def test_every_list_of_the_operator_goes_over_all_apps(operator: Client) -> None:
    for kind in ("developers", "apps", "users", "keys", "relays", "routes", "messages", "log"):
        walked, cursor = [], None
        while True:
            page = operator.get(f"/v1/{kind}", limit=3, **({"cursor": cursor} if cursor else {}))
            assert page.status == 200, page.body
            walked += [each["id"] for each in page.said["items"]]
            if (cursor := page.said["next"]) is None:
                break
        assert len(walked) == len(set(walked))
        whole = operator.get(f"/v1/{kind}", limit=200).said["items"]
        assert walked[:200] == [each["id"] for each in whole]


def test_a_change_is_noted_with_the_key_and_the_address(
    operator: Client, app: tuple[str, Client]
) -> None:
    app_id, client = app
    key_id = next(
        each["id"] for each in client.get("/v1/keys").said["items"] if each["name"] == "manage"
    )
    client.patch(f"/v1/apps/{app_id}", {"language": "en"})

    noted = operator.get("/v1/audit", app=app_id, actor=f"key:{key_id}").said["items"]

    assert [(each["action"], each["address"], each["changes"]) for each in noted] == [
        ("app.update", "127.0.0.1", {"language": ["zh", "en"]})
    ]


def test_the_audit_log_is_read_page_by_page_in_the_order_of_its_chain(operator: Client) -> None:
    first = operator.get("/v1/audit", limit=2).said
    second = operator.get("/v1/audit", limit=2, cursor=first["next"]).said

    assert [each["seq"] for each in first["items"] + second["items"]] == [1, 2, 3, 4]


_SECRET = {
    *("signature", "old_signature", "old_signature_until", "password_hash", "digest"),
    *("envelope", "is_kept_out_of_retry", "path"),
}


@pytest.mark.parametrize(
    ("view", "record"),
    [
        (tenants.Developer, records.Developer),
        (tenants.App, records.App),
        (tenants.User, records.User),
        (tenants.Key, records.ApiKey),
        (relays.Relay, records.RelayAccount),
        (relays.Route, records.Route),
        (mail.Message, messages.StoredMessage),
        (mail.LogEntry, messages.LogEntry),
        (mail.AuditEntry, audit.AuditEntry),
    ],
)
def test_a_view_shows_every_field_but_the_secret_ones(view: Any, record: Any) -> None:
    kept = {each.name for each in fields(record)}

    assert {each.name for each in msgspec.structs.fields(view)} == kept - _SECRET


@pytest.mark.parametrize(
    ("body", "rules"),
    [
        (tenants.AppChange, "apps"),
        (tenants.KeyChange, "keys"),
        (relays.RelayChange, "relays"),
        (tenants.UserChange, "users"),
        (tenants.DeveloperChange, "developers"),
        (relays.RouteChange, "routes"),
    ],
)
def test_a_change_takes_every_field_that_the_operation_takes(body: Any, rules: str) -> None:
    from importlib import import_module

    module = import_module(f"postroad.operations.administration.{rules}")
    beside = {"developer", "password", "region", "relay"}

    assert set(body.__struct_fields__) - beside == set(module.RULES)
