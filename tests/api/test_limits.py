"""Limits over HTTP: the header fields, and whose address a request counts for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.api.service import NAVER, SEND, Reply, Service, running

from postroad.api.faults import Fault
from postroad.errors import Code, StorageError
from postroad.operations.danbee import DanbeeAnswer
from postroad.operations.sending import NotSent, Sent
from postroad.tenancy.checks import Check, Refusal
from postroad.tenancy.limits import Kind, Standing

LEFT = Standing(Kind.DAY, 100, 99, 3_600)
OVER = replace(LEFT, remaining=0, is_over=True)
LATER = "요청이 너무 많습니다. 3600초 후에 다시 시도하세요."


def fields(reply: Reply) -> tuple[str | None, ...]:
    """Return the fields that tell of a limit: how much, what is left, until when; when to come."""
    names = ("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "retry-after")
    return tuple(reply.header(name) for name in names)


@pytest.mark.parametrize(
    ("name", "outcome", "path", "shown"),
    [
        ("send", Sent("m1"), SEND, (None,) * 4),
        ("send", Sent("m1", standing=LEFT), SEND, ("100", "99", "3600", None)),
        ("send", Sent("m1", is_captured=True, standing=LEFT), SEND, ("100", "99", "3600", None)),
        ("send", NotSent("no", Code.AUTH, standing=LEFT), SEND, ("100", "99", "3600", None)),
        (
            "send",
            Refusal(Check.OVER_LIMIT, seconds=3_600, standing=OVER),
            SEND,
            ("100", "0", "3600", "3600"),
        ),
        ("send", Refusal(Check.TOO_SOON, seconds=50), SEND, (None, None, None, "50")),
        ("send", Refusal(Check.TOO_LARGE), SEND, (None,) * 4),
        ("send", StorageError("gone"), SEND, (None, None, None, "10")),
        ("danbee", DanbeeAnswer(is_sent=True, code=0, message="메일"), NAVER, (None,) * 4),
        (
            "danbee",
            DanbeeAnswer(is_sent=True, code=0, message="메일", is_captured=True, standing=LEFT),
            NAVER,
            ("100", "99", "3600", None),
        ),
        (
            "danbee",
            DanbeeAnswer(is_sent=False, code=-10, message=LATER, standing=OVER),
            NAVER,
            ("100", "0", "3600", "3600"),
        ),
        ("danbee", StorageError("gone"), NAVER, (None, None, None, "10")),
    ],
)
def test_the_fields_say_what_is_left_and_when_to_come_back(
    service: Service, name: str, outcome: Any, path: str, shown: tuple[str | None, ...]
) -> None:
    service.operations.outcomes[name] = outcome

    reply = service.post(path)

    assert reply.status == 200
    assert fields(reply) == shown


def test_a_captured_mail_says_so_beside_its_limit(service: Service) -> None:
    service.operations.outcomes["send"] = Sent("m1", is_captured=True, standing=LEFT)

    assert service.post(SEND).header("x-postroad-captured") == "1"


def test_an_address_that_asks_too_often_is_told_in_the_words_of_the_door(service: Service) -> None:
    service.most_of_address = 1
    assert service.post(SEND).code_and_data[0] == 200

    nobase, danbee = service.post(SEND), service.post(NAVER)

    assert nobase.code_and_data == (405, "请求频繁:请于42秒后再添加任务!")
    assert nobase.header("set-cookie") is not None
    assert danbee.said["apiResultCode"] == "-10"
    assert danbee.said["resultMessage"] == "요청이 너무 많습니다. 42초 후에 다시 시도하세요."
    assert fields(nobase) == fields(danbee) == ("1", "0", "42", "42")
    assert {reply.status for reply in (nobase, danbee)} == {200}
    assert service.refused == [(Fault.TOO_OFTEN, 200, "127.0.0.1")] * 2
    assert len(service.operations.asked) == 1


def test_health_and_preflights_count_for_nothing(service: Service) -> None:
    service.most_of_address = 1

    for _ in range(3):
        assert service.get("/healthz").status == 200
        assert (
            service.exchange(f"OPTIONS {SEND} HTTP/1.1\r\nHost: a\r\n\r\n".encode()).status == 204
        )

    assert service.counted == {}


def test_a_request_that_cannot_be_counted_is_not_let_through(service: Service) -> None:
    service.count_error = StorageError("gone")

    assert service.post(SEND).code_and_data == (405, "请求频繁:请于10秒后再添加任务!")
    assert service.operations.asked == []


def test_who_claims_another_address_counts_for_his_own(service: Service) -> None:
    service.most_of_address = 2

    replies = [
        service.post(SEND, b"", None, f"X-Forwarded-For: 203.0.113.{n}", f"Forwarded: for=10.{n}")
        for n in range(4)
    ]

    assert [reply.code_and_data[0] for reply in replies] == [200, 200, 405, 405]
    assert service.counted == {"127.0.0.1": 4}


def test_behind_a_trusted_proxy_the_address_it_saw_counts_and_not_what_the_caller_said() -> None:
    with running(lambda options: replace(options, trusted_proxies=("127.0.0.1",))) as service:
        service.most_of_address = 1
        for n in range(3):
            service.post(SEND, b"", None, f"X-Forwarded-For: 203.0.113.{n}, 198.51.100.7")
        other = service.post(SEND, b"", None, "X-Forwarded-For: 198.51.100.8")

        assert service.counted == {"198.51.100.7": 3, "198.51.100.8": 1}
        assert other.code_and_data[0] == 200
        assert len(service.operations.asked) == 2
