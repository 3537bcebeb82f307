"""What is refused before any operation sees it, and in which words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.api.v1.managed import Client, Managed, managed
from tests.support.engines import Engine

from postroad.api.faults import Fault
from postroad.delivery.messages import LogEntry
from postroad.operations.administration import keys
from postroad.operations.ports import LogFilter

NAME = "/v1/developers"


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (None, "give an API key"),
        ("", "give an API key"),
        ("Bearer", "give an API key"),
        ("Bearer ", "give an API key"),
        ("Basic cHJfOng=", "give an API key"),
        ("Bearer pr_wrong", "there is no such API key"),
        ("Bearer \xff", "there is no such API key"),
    ],
)
def test_without_a_key_nothing_is_told(service: Managed, header: str | None, said: str) -> None:
    reply = service.nobody.call(
        "GET", "/v1/apps", headers={} if header is None else {"Authorization": header}
    )

    assert (reply.status, reply.headers["www-authenticate"]) == (401, 'Bearer realm="postroad"')
    assert said in reply.problem["detail"]
    assert reply.problem["type"] == "about:blank"
    assert "code" not in reply.problem


def test_a_key_is_no_cookie_and_no_parameter(service: Managed) -> None:
    secret = service.operator.key

    cookie = service.nobody.call("GET", "/v1/apps", headers={"Cookie": f"Authorization={secret}"})
    query = service.nobody.get("/v1/apps", key=secret, access_token=secret)

    assert (cookie.status, query.status) == (401, 401)


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"expires_at": "2000-01-01"}, 401, "the key expired at 2000-01-01"),
        ({"addresses": ["192.0.2.0/24"]}, 401, "may not be used from this address"),
        ({"is_disabled": True}, 401, "the key is disabled"),
        ({"scopes": ["send", "read"]}, 403, "the key lacks the scope manage"),
    ],
)
def test_a_key_that_may_not_is_told_why(
    service: Managed, app: tuple[str, Client], changes: dict[str, Any], status: int, said: str
) -> None:
    found = service.do(service.core.directory.apps.get(app[0]))
    assert found is not None
    made = service.do(keys.create(service.desk, found, scopes=["manage"]))
    client = service.client(made.secret)
    assert client.get("/v1/apps").status == 200

    service.do(keys.update(service.desk, [found], made.key.id, **changes))

    reply = client.get("/v1/apps")
    assert reply.status == status
    assert said in reply.problem["detail"]


def test_from_within_its_networks_a_key_may(service: Managed, app: tuple[str, Client]) -> None:
    made = app[1].made("/v1/keys", {"scopes": ["manage"], "addresses": ["127.0.0.0/8"]})

    assert service.client(made["secret"]).get("/v1/apps").status == 200


@pytest.mark.parametrize(
    ("body", "status", "fields"),
    [
        (b"", 400, []),
        (b"{", 400, []),
        (b"\xff", 400, []),
        (b"[]", 422, []),
        (b"null", 422, []),
        ({}, 422, ["name"]),
        ({"name": None}, 422, ["name"]),
        ({"name": 1}, 422, ["name"]),
        ({"name": "x" * 101}, 422, ["name"]),
        ({"name": "a", "nmae": "b"}, 422, ["nmae"]),
        ({"name": "a", "state": "asleep"}, 422, ["state"]),
        ({"name": "a", "paid_until": "soon"}, 422, ["paid_until"]),
        ({"name": "a\x00"}, 422, ["name"]),
        (b'{"name": "\\ud800"}', 400, []),
    ],
)
def test_a_body_that_cannot_stand_names_its_fields(
    operator: Client, body: object, status: int, fields: list[str]
) -> None:
    reply = operator.call("POST", NAME, body, headers={"Content-Type": "application/json"})

    assert reply.status == status, reply.body
    assert reply.problem["type"] == "config.invalid"
    assert reply.problem["code"] == -1
    assert [each["field"] for each in reply.problem.get("errors", [])] == fields
    assert "defect" not in reply.problem["detail"]


def test_all_wrong_fields_are_named_at_once(app: tuple[str, Client]) -> None:
    body = {"language": "xx", "account_min": 0, "interval_s": -1, "name": "\t"}

    reply = app[1].patch(f"/v1/apps/{app[0]}", body)

    assert {each["field"] for each in reply.problem["errors"]} == body.keys()


def test_shape_and_value_are_told_at_once(operator: Client, app: tuple[str, Client]) -> None:
    body = {"account": "ab", "nickname": 123, "email": "nope", "state": "asleep", "foo": 1}

    reply = operator.post("/v1/users", body | {"appid": app[0]})

    told = {each["field"]: each["message"] for each in reply.problem["errors"]}
    assert told.keys() == body.keys() | {"password"}
    assert told["foo"] == "there is no such field"
    assert told["nickname"] == "is a string of at most 500 characters, not a number"
    assert told["state"] == "is normal or disabled, not 'asleep'"
    assert told["password"] == "it has to be given"
    assert told["account"].startswith("ab has 2 characters")
    assert "6 fields cannot stand" in reply.problem["detail"]


def test_what_only_the_operation_can_tell_is_told_with_the_rest(
    operator: Client, app: tuple[str, Client]
) -> None:
    body = {"account": "ab", "password": "Pass 1", "email": "nope", "appid": app[0]}

    reply = operator.post("/v1/users", body)

    assert {each["field"] for each in reply.problem["errors"]} == {"account", "password", "email"}


@pytest.mark.parametrize(
    ("path", "body", "field", "message"),
    [
        ("/v1/developers", {"name": 5}, "name", "is a string of 1 to 100 characters, not a number"),
        ("/v1/developers", {"name": ""}, "name", "is a string of 1 to 100 characters, not 0"),
        ("/v1/developers", {"name": " "}, "name", "is blank"),
        ("/v1/apps", {"name": "a", "tokens": "yes"}, "tokens", "is true or false, not 'yes'"),
        ("/v1/apps", {"name": "a", "mode": "x"}, "mode", "is capture, allow-list or live, not 'x'"),
        ("/v1/apps", {"name": "a", "per_day": 1.5}, "per_day", "is a whole number, not 1.5"),
        ("/v1/apps", {"name": "a", "senders": [1]}, "senders", "is a list of strings"),
        ("/v1/keys", {"scopes": ["x"]}, "scopes", "is a list of send, read or manage"),
    ],
)
def test_what_is_wrong_is_told_in_our_own_words(
    operator: Client, path: str, body: dict[str, Any], field: str, message: str
) -> None:
    owner = {"appid": None} if path == "/v1/keys" else {}

    reply = operator.post(path, body | owner)

    assert reply.problem["errors"] == [{"field": field, "message": message}]
    assert reply.problem["detail"] == f"{field} {message}"


def test_a_preset_that_nobody_knows_is_told_under_its_field(operator: Client) -> None:
    body = {"name": "r", "appid": None, "preset": "nope", "port": 0}

    reply = operator.post("/v1/relays", body)

    assert [each["field"] for each in reply.problem["errors"]] == ["preset", "port"]
    assert reply.problem["errors"][0]["message"].startswith("no preset 'nope'. Known: naver, ")


def test_what_only_the_whole_relay_shows_is_told_under_its_field(operator: Client) -> None:
    body = {"name": "r", "appid": None, "host": "a b"}

    (error,) = operator.post("/v1/relays", body).problem["errors"]

    assert (error["field"], error["message"][:15]) == ("host", "must be a host ")


@pytest.mark.parametrize(
    ("path", "query", "field", "message"),
    [
        ("messages", "state=asleep", "state", "is queued, scheduled, "),
        (
            "messages",
            "status=sent",
            "status",
            "there is no such parameter; here it is called state",
        ),
        ("log", "state=sent", "state", "there is no such parameter; here it is called status"),
        ("users", "page=2", "page", "there is no such parameter; app, cursor or limit are known"),
        ("users", "limit=ten", "limit", "is a whole number from 1 to 200, not 'ten'"),
    ],
)
def test_a_parameter_is_refused_in_our_own_words(
    operator: Client, path: str, query: str, field: str, message: str
) -> None:
    (error,) = operator.get(f"/v1/{path}?{query}").problem["errors"]

    assert error["field"] == field
    assert error["message"].startswith(message)


@pytest.mark.parametrize("kind", ["messages", "log", "log.csv"])
@pytest.mark.parametrize("filter_", ["app", "relay"])
def test_a_filter_by_what_is_not_there_is_told(operator: Client, kind: str, filter_: str) -> None:
    reply = operator.get(f"/v1/{kind}", **{filter_: "nothing"})

    assert reply.problem["status"] == 404
    assert reply.problem["detail"] == f"there is no {filter_} 'nothing'"


@pytest.mark.parametrize(
    "path", ["/v1//apps", "/v1/apps/", "//v1/apps", "/v1/%61pps", "/v1/apps//", "/v1/./apps"]
)
def test_a_path_is_compared_as_it_was_sent(operator: Client, path: str) -> None:
    assert operator.get(path).status == 404


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_body_is_said_to_be_json(operator: Client, kind: str) -> None:
    reply = operator.call("POST", NAME, b'{"name": "a"}', headers={"Content-Type": kind})

    assert reply.problem["status"] == 415


def test_a_compressed_body_is_refused(operator: Client) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}

    assert operator.call("POST", NAME, b"{}", headers=headers).problem["status"] == 415


def test_a_body_beyond_the_limit_is_refused(service: Managed, operator: Client) -> None:
    body = json.dumps({"name": "x" * 1_100_000}).encode()

    reply = operator.call("POST", NAME, body, headers={"Content-Type": "application/json"})

    assert reply.problem["status"] == 413
    assert service.refused[-1][:2] == (Fault.TOO_LARGE, 413)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=ten", "limit"),
        ("limit=5&limit=6", "limit"),
        ("cursor=", "cursor"),
        ("cursor=AAAA", "cursor"),
        ("cursor=%00", "cursor"),
        ("cursor=MS54Lnk", "cursor"),
        ("page=2", "page"),
        ("app=a%00b", "app"),
        ("app=%ff", "app"),
        (f"app={'x' * 65}", "app"),
    ],
)
def test_a_query_that_cannot_stand_names_its_parameter(
    operator: Client, query: str, field: str
) -> None:
    reply = operator.get(f"/v1/users?{query}")

    assert reply.status == 400, reply.body
    assert reply.problem["errors"][0]["field"] == field


@pytest.mark.parametrize(
    "query",
    [
        *("state=asleep", "since=yesterday", "since=2026-01-01T00:00:00", "text=", "lang=en"),
        *("until=0001-01-01T00:00:00%2B23:59", "cursor=YSdi"),
    ],
)
def test_a_filter_that_cannot_stand_is_refused(operator: Client, query: str) -> None:
    assert operator.get(f"/v1/messages?{query}").problem["status"] == 400


def test_a_path_that_leads_nowhere_is_told(operator: Client, service: Managed) -> None:
    for path in ("/v1", "/v1/", "/v1/nothing", "/v1/apps/a/b", "/v1/apps//signature"):
        reply = operator.get(path)

        assert reply.problem["status"] == 404, path
    assert service.nobody.get("/v1/nothing").problem["status"] == 404


@pytest.mark.parametrize(
    "record_id", ["x", "0" * 64, "a%00b", "%27%20OR%201=1--", "..%2f..", "%ff", "x" * 5_000, "안녕"]
)
@pytest.mark.parametrize(
    "kind", ["developers", "apps", "users", "keys", "relays", "routes", "messages"]
)
def test_what_is_no_id_does_not_exist(operator: Client, kind: str, record_id: str) -> None:
    path = f"/v1/{kind}/{record_id}".replace("안녕", "%EC%95%88")

    assert operator.get(path).problem["status"] == 404


def test_a_wrong_method_is_told_which_there_are(operator: Client) -> None:
    reply = operator.call("PUT", "/v1/apps")

    assert reply.problem["status"] == 405
    assert {"GET", "POST"} <= {each.strip() for each in reply.headers["allow"].split(",")}


def test_head_is_get_without_the_body(operator: Client) -> None:
    for path in ("/v1/apps", "/v1/log.csv", "/openapi.json", "/docs/api"):
        got, head = operator.get(path), operator.call("HEAD", path)

        assert (head.status, head.body) == (200, b"")
        assert head.headers["content-type"] == got.headers["content-type"]
    assert operator.call("HEAD", "/v1/apps/x").status == 404


def test_no_browser_of_another_origin_may_call(service: Managed, operator: Client) -> None:
    origin = {"Origin": "https://b.example", "Access-Control-Request-Method": "DELETE"}

    answers = [
        service.nobody.call("OPTIONS", "/v1/apps", headers=origin),
        operator.call("GET", "/v1/apps", headers=origin),
        service.nobody.call("GET", "/v1/apps", headers=origin),
        service.nobody.call("GET", "/openapi.json", headers=origin),
    ]

    for answer in answers:
        assert not [name for name in answer.headers if name.startswith("access-control-")]
        assert "set-cookie" not in answer.headers


def test_every_answer_is_kept_by_nobody_and_guessed_by_no_browser(operator: Client) -> None:
    for path in ("/v1/apps", "/v1/nothing", "/openapi.json", "/docs/api"):
        headers = operator.get(path).headers

        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"


def test_routes_are_counted_by_their_pattern(service: Managed, operator: Client) -> None:
    service.accesses.clear()

    operator.get("/v1/apps/1234567890/signature")
    operator.get("/v1/nothing")

    assert [each.route for each in service.accesses] == ["/v1/apps/{app_id}/signature", ""]


def test_a_limit_of_a_key_holds_and_is_told(service: Managed, app: tuple[str, Client]) -> None:
    made = app[1].made("/v1/keys", {"scopes": ["manage"], "per_minute": 2})
    client = service.client(made["secret"])

    first = client.get("/v1/apps")
    more = client.post("/v1/keys", {"per_minute": 3})
    third = client.get("/v1/apps")

    assert (first.status, first.headers["ratelimit-limit"]) == (200, "2")
    assert first.headers["ratelimit-remaining"] == "1"
    assert more.problem["status"] == 403
    assert third.problem["status"] == 429
    assert 1 <= int(third.headers["retry-after"]) <= 60
    assert third.headers["ratelimit-remaining"] == "0"


def test_a_key_with_a_limit_makes_none_without(service: Managed, app: tuple[str, Client]) -> None:
    made = app[1].made("/v1/keys", {"scopes": ["manage"], "per_minute": 100})
    client = service.client(made["secret"])

    child = client.made("/v1/keys", {"name": "child"})
    lifted = client.patch(f"/v1/keys/{made['key']['id']}", {"per_minute": 0})

    assert child["key"]["per_minute"] == 100
    assert lifted.problem["status"] == 403


def test_the_document_is_served_to_everybody(service: Managed) -> None:
    reply = service.nobody.get("/openapi.json")

    assert reply.headers["content-type"] == "application/json"
    assert reply.said["openapi"] == "3.1.0"
    assert reply.said["security"] == [{"key": []}]
    for item in reply.said["paths"].values():
        for operation in item.values():
            assert operation["summary"]
            assert {"400", "401", "403", "404", "503"} <= operation["responses"].keys()


def test_the_document_says_which_bodies_may_be_left_out(service: Managed) -> None:
    found = service.nobody.get("/openapi.json").said

    needless = {
        path
        for path, item in found["paths"].items()
        for operation in item.values()
        if not operation.get("requestBody", {"required": True})["required"]
    }
    owner = found["components"]["schemas"]["NewKey"]["properties"]["appid"]

    assert needless == {
        "/v1/apps/{app_id}/signature/rotate",
        "/v1/relays/{relay_id}/check",
    }
    assert {"type": "null"} in owner["anyOf"]


def test_the_page_names_every_operation_and_loads_nothing(service: Managed) -> None:
    document = service.nobody.get("/openapi.json").said

    reply = service.nobody.get("/docs/api")

    html = reply.body.decode()
    for path, item in document["paths"].items():
        for method in item:
            assert f"<h3>{method.upper()} {path}</h3>" in html
    assert "default-src 'none'" in reply.headers["content-security-policy"]
    assert "unsafe" not in reply.headers["content-security-policy"]
    for loads in ("<script", "<link", "<img", "src=", "http://", "https://", "url(", "style="):
        assert loads not in html


def test_when_nothing_can_be_read_a_call_says_so_and_when_to_come_back(engine: Engine) -> None:
    with engine.new() as place, managed(place) as service:
        assert service.operator.get("/v1/apps").status == 200
        service.do(service.core.database.aclose())

        reply = service.operator.get("/v1/apps")

        assert (reply.status, reply.headers["retry-after"]) == (503, "1")
        assert "nothing was done" in reply.problem["detail"]
        assert service.refused[-1][:2] == (Fault.STORAGE, 503)
        assert service.nobody.get("/openapi.json").status == 200


class _Broken:
    """A log that has a defect."""

    async def entries(self, which: LogFilter, *, limit: int) -> list[LogEntry]:
        raise LookupError


def test_a_defect_is_told_by_the_route_that_has_it(engine: Engine) -> None:
    with engine.new() as place, managed(place, send_log=lambda _: _Broken()) as service:
        reply = service.operator.get("/v1/log")
        crashes = [(route, type(error)) for route, error in service.crashes]
        service.crashes.clear()

    assert reply.problem["status"] == 500
    assert "LookupError" not in reply.body.decode()
    assert crashes == [("/v1/log", LookupError)]


def test_the_operators_key_sends_no_mail(service: Managed) -> None:
    form = {"user": "bo", "password": "x", "fromUsername": "Bo", "toEmail": "ann@b.example"}
    form |= {"subject": "s", "message": "m"}

    reply = service.operator.call("POST", "/api/danbee/navermailsender", form)

    assert "API 키가 올바르지 않습니다." in reply.body.decode()


def test_a_body_that_does_not_come_is_waited_for_no_longer(engine: Engine) -> None:
    with engine.new() as place, managed(place, receive_timeout_s=0.05) as service:
        reply = service.operator.call(
            "POST",
            "/v1/developers",
            b"{",
            headers={"Content-Type": "application/json", "Content-Length": "20"},
        )

        assert reply.problem["status"] == 408
        assert service.refused[-1][:2] == (Fault.TOO_SLOW, 408)
