"""A body that is no JSON, or JSON that two readers take differently, is its sender's fault."""

from __future__ import annotations

import pytest
from tests.api.v1.managed import Client, Managed

JSON = {"Content-Type": "application/json"}
MALFORMED = {
    "nested": b'{"name": ' + b"[" * 5_000 + b"]" * 5_000 + b"}",
    "nested, not closed": b'{"name": ' + b"[" * 100_000,
    "nested where nothing is": b'{"nothing": ' + b'{"a":' * 5_000 + b"1" + b"}" * 5_001,
    "no UTF-8": b'{"name": "\xff\xfe"}',
    "no UTF-8 in a name": b'{"\xc3\x28": 1}',
    "half a pair": b'{"name": "\\ud800"}',
    "a member twice": b'{"name": "a", "name": "b"}',
    "a member twice, escaped": b'{"name": "a", "n\\u0061me": "b"}',
    "a member twice, deeper": b'{"name": [{"a": 1, "a": 2}]}',
    "cut": b'{"name": ',
    "UTF-16": '{"name": "a"}'.encode("utf-16"),
}


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_a_body_that_cannot_be_read_is_refused(
    service: Managed, operator: Client, app: tuple[str, Client], method: str, body: bytes
) -> None:
    path = "/v1/apps" if method == "POST" else f"/v1/apps/{app[0]}"

    refused = operator.call(method, path, body, headers=JSON)

    assert refused.problem["status"] == 400
    assert service.crashes == []


@pytest.mark.parametrize("depth", [50, 200, 400, 600, 800, 900, 950, 980, 1_000, 2_000])
def test_a_body_is_refused_however_deep_it_is(
    service: Managed, operator: Client, app: tuple[str, Client], depth: int
) -> None:
    body = b'{"name": ' + b"[" * depth + b"]" * depth + b"}"

    refused = operator.call("PATCH", f"/v1/apps/{app[0]}", body, headers=JSON)

    assert refused.problem["status"] in {400, 422}
    assert service.crashes == []


def test_a_number_of_any_length_is_read(service: Managed, operator: Client) -> None:
    body = b'{"name": ' + b"1" * 10_000 + b"}"

    assert operator.call("POST", "/v1/apps", body, headers=JSON).problem["status"] in {400, 422}
    assert service.crashes == []
