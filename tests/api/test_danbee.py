"""The danbee dialect over HTTP: what it reads, the key, the envelope."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from tests.api.service import NAVER, Reply, Service, changed, head, running

from postroad.api.danbee import FAULTS
from postroad.api.faults import Fault
from postroad.errors import Code, StorageError
from postroad.operations.danbee import DanbeeAnswer

DOORS = {
    "naver": NAVER,
    "gmail": "/api/danbee/gmailsender",
    "awsses": "/api/danbee/awssessender",
}
ACCOUNT = {
    "user": "danbee",
    "password": "hunter2hunter",
    "fromUsername": "단비",
    "toEmail": "bo@b.example",
    "subject": "제목",
    "message": "<b>안녕</b>",
}
SES = {key: ACCOUNT[key] for key in ("toEmail", "subject", "message")} | {
    "fromEmail": "a@b.example"
}
FIELDS = {"naver": ACCOUNT, "gmail": ACCOUNT, "awsses": SES}

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


def envelope(reply: Reply) -> dict[str, str]:
    """The answer of a door, which has status 200 whatever happened."""
    assert reply.status == 200
    assert reply.header("content-type") == "application/json; charset=utf-8"
    said = reply.said
    assert list(said) == [
        "resultCode",
        "resultMessage",
        "apiResultCode",
        "apiResultMessage",
        "apiResultMsgId",
    ]
    assert all(isinstance(value, str) for value in said.values())
    assert isinstance(said, dict)
    return said


def request_of(way: str, path: str, fields: dict[str, str]) -> tuple[Any, ...]:
    """The arguments of Service.exchange's friends that give `fields` in one of the ways."""
    if way == "json":
        return path, json.dumps(fields, ensure_ascii=False).encode(), JSON
    if way == "form":
        return path, urlencode(fields).encode(), FORM
    return f"{path}?{urlencode(fields)}", b"", JSON


@pytest.mark.parametrize("way", ["json", "form", "query"])
@pytest.mark.parametrize("sender", DOORS)
def test_each_sender_reads_its_fields_from_json_form_and_query(
    service: Service, sender: str, way: str
) -> None:
    fields = FIELDS[sender]

    service.post(*request_of(way, DOORS[sender], fields | {"apikey": "pr_key", "other": "x"}))

    call = service.only_asked
    assert call.sender == sender
    assert call.values == fields
    assert call.key == "pr_key"
    assert call.ip == "127.0.0.1"
    assert (call.repeated, call.undecodable) == ((), ())


def test_a_get_may_have_a_body(service: Service) -> None:
    body = json.dumps(ACCOUNT)

    service.exchange(
        head("GET", NAVER, f"Content-Type: {JSON}", f"Content-Length: {len(body)}") + body.encode()
    )

    assert service.only_asked.values == ACCOUNT


@pytest.mark.parametrize(
    ("fields", "query", "key"),
    [
        (["Authorization: Bearer pr_a"], "", "pr_a"),
        (["authorization: bearer  pr_a "], "", "pr_a"),
        (["X-API-Key: pr_a"], "", "pr_a"),
        ([], "apikey=pr_a", "pr_a"),
        ([], "", ""),
        (["Authorization: Basic cHI6eA=="], "", ""),
        (["Authorization: Bearer pr_a", "X-API-Key: pr_b"], "apikey=pr_c", "pr_a"),
        (["X-API-Key: pr_b"], "apikey=pr_c", "pr_b"),
        ([], "apikey=pr_a&apikey=pr_a", ""),
    ],
)
def test_the_key_is_taken_from_one_place(
    service: Service, fields: list[str], query: str, key: str
) -> None:
    service.get(f"{NAVER}?{query}", *fields)

    assert service.only_asked.key == key


def test_a_key_said_twice_is_not_chosen_from(service: Service) -> None:
    reply = service.get(NAVER, "Authorization: Bearer pr_a", "Authorization: Bearer pr_b")

    assert envelope(reply)["resultCode"] == "fail"
    assert not service.operations.asked


def test_what_is_repeated_or_no_text_is_handed_on_by_name(service: Service) -> None:
    service.post(NAVER, b'{"subject": "a", "subject": "b", "message": ["x"]}', JSON)

    call = service.only_asked
    assert call.repeated == ("subject",)
    assert call.undecodable == ("message",)


@pytest.mark.parametrize("is_captured", [True, False])
def test_a_sent_mail_is_a_success(service: Service, is_captured: bool) -> None:
    service.operations.outcomes["danbee"] = DanbeeAnswer(
        is_sent=True,
        code=Code.OK,
        message="메일을 보냈습니다.",
        message_id="<m1@b.example>",
        is_captured=is_captured,
    )

    reply = service.post(NAVER, json.dumps(ACCOUNT).encode(), JSON)

    assert envelope(reply) == {
        "resultCode": "success",
        "resultMessage": "메일을 보냈습니다.",
        "apiResultCode": "0",
        "apiResultMessage": "",
        "apiResultMsgId": "<m1@b.example>",
    }
    assert reply.header("x-postroad-captured") == ("1" if is_captured else None)


def test_a_failure_has_the_stable_code_and_both_sentences(service: Service) -> None:
    service.operations.outcomes["danbee"] = DanbeeAnswer(
        is_sent=False, code=Code.AUTH, message="로그인 실패", api_message="535 5.7.1 no"
    )

    reply = service.post(NAVER)

    assert envelope(reply) == {
        "resultCode": "fail",
        "resultMessage": "로그인 실패",
        "apiResultCode": "-4",
        "apiResultMessage": "535 5.7.1 no",
        "apiResultMsgId": "",
    }


@pytest.mark.parametrize(
    ("error", "code", "crashes"), [(StorageError("full"), "-10", 0), (RuntimeError("x"), "-99", 1)]
)
def test_an_inner_failure_has_status_200_too_and_tells_nothing(
    service: Service, error: Exception, code: str, crashes: int
) -> None:
    service.operations.outcomes["danbee"] = error

    reply = service.post(NAVER)

    said = envelope(reply)
    assert (said["resultCode"], said["apiResultCode"]) == ("fail", code)
    assert str(error) not in said["resultMessage"]
    assert len(service.crashes) == crashes


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "FOO"])
def test_another_method_fails_in_the_dialect(service: Service, method: str) -> None:
    reply = service.exchange(head(method, NAVER))

    assert envelope(reply)["resultCode"] == "fail"
    assert not service.operations.asked


@pytest.mark.parametrize("body", [b"[", b"[]", b"<xml/>", b"user=1", b"[" * 100_000])
def test_a_body_that_is_no_json_object_fails_in_the_dialect(service: Service, body: bytes) -> None:
    reply = service.post(NAVER, body, JSON)

    assert envelope(reply)["resultMessage"] == "요청 형식이 올바르지 않습니다."
    assert not service.operations.asked


def test_the_get_door_can_be_shut() -> None:
    with running(changed(get_door=False)) as service:
        got = service.get(f"{NAVER}?password=hunter2")
        service.post(NAVER)

    assert envelope(got)["resultCode"] == "fail"
    assert len(service.operations.asked) == 1


def test_no_session_is_given(service: Service) -> None:
    reply = service.post(NAVER, b"", None, "Origin: https://a.example")

    assert reply.header("set-cookie") is None
    assert reply.header("access-control-allow-origin") is None


def test_every_fault_has_words_of_the_dialect() -> None:
    assert set(FAULTS) == set(Fault)
