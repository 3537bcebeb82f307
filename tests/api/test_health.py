"""The pages for monitors and for who asks by hand."""

from __future__ import annotations

import pytest
from tests.api.service import Service, head


def test_the_process_lives(service: Service) -> None:
    reply = service.get("/healthz")

    assert (reply.status, reply.body) == (200, b"ok\n")


@pytest.mark.parametrize(
    ("obstacle", "status", "body"),
    [("", 200, b"ready\n"), ("database: disk full", 503, b"not ready: database: disk full\n")],
)
def test_it_is_ready_when_it_can_commit(
    service: Service, obstacle: str, status: int, body: bytes
) -> None:
    service.health.obstacle = obstacle

    reply = service.get("/readyz")

    assert (reply.status, reply.body) == (status, body)


def test_figures_are_in_the_format_of_prometheus(service: Service) -> None:
    reply = service.get("/metrics")

    assert reply.header("content-type") == "text/plain; version=0.0.4; charset=utf-8"
    assert reply.body == b"postroad_up 1\n"


def test_the_root_says_what_this_is_in_one_line(service: Service) -> None:
    reply = service.get("/")

    assert reply.status == 200
    assert reply.body.startswith(b"Postroad ")
    assert reply.body.count(b"\n") == 1


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/metrics"])
def test_monitors_may_ask_for_the_head_only(service: Service, path: str) -> None:
    with service.connect() as client:
        client.send(head("HEAD", path) + head("GET", "/healthz"))
        reply, after = client.reply(has_body=False), client.reply()

    assert reply.status == 200
    assert after.body == b"ok\n"


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/metrics"])
def test_they_can_only_be_looked_at(service: Service, path: str) -> None:
    reply = service.post(path)

    assert reply.status == 405
    assert reply.header("allow") == "GET, HEAD"
