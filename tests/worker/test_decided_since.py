"""Queued mail leaves only if its app may still send when its turn comes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.support.core import APPID, moment
from tests.worker.bench import Bench, at_bench

from postroad.delivery.states import State
from postroad.errors import Code
from postroad.simulators import hostile
from postroad.tenancy.records import AppState, Developer, DeveloperState, Mode

YESTERDAY = moment() - timedelta(days=1)


async def attempt_error(bench: Bench) -> str:
    (message,) = await bench.office.stored()
    (attempt,) = await bench.office.core.mail.attempts(message.app_id, message.id)
    return attempt.error


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"state": AppState.STOPPED}, "the app is stopped"),
        ({"state": AppState.UNDER_REVIEW}, "the app is under review"),
    ],
)
def test_mail_of_an_app_that_was_stopped_since_is_held(change: dict[str, Any], why: str) -> None:
    with hostile() as server:

        async def work(bench: Bench) -> None:
            await bench.put()
            await bench.office.core.directory.apps.change(APPID, **change)

            await bench.loop.start()

            await bench.next_settled()
            assert await bench.state() is State.HELD
            assert await attempt_error(bench) == why

        at_bench(work, server.port)
        assert not server.messages


@pytest.mark.parametrize(
    ("developer", "why"),
    [
        ({"state": DeveloperState.DISABLED}, "the app's developer is disabled"),
        ({"paid_until": YESTERDAY}, "the app's developer has not paid"),
    ],
)
def test_mail_of_a_developer_who_was_disabled_since_is_held(
    developer: dict[str, Any], why: str
) -> None:
    with hostile() as server:

        async def work(bench: Bench) -> None:
            await bench.put()
            directory = bench.office.core.directory
            await directory.developers.add(Developer("d", "Dan", moment(), **developer))
            await directory.apps.change(APPID, developer_id="d")

            await bench.loop.start()

            await bench.next_settled()
            assert await bench.state() is State.HELD
            assert await attempt_error(bench) == why

        at_bench(work, server.port)
        assert not server.messages


@pytest.mark.parametrize(
    "change", [{"mode": Mode.CAPTURE}, {"mode": Mode.ALLOW_LIST, "allow_list": ("@c.example",)}]
)
def test_mail_of_an_app_that_only_captures_now_is_captured(change: dict[str, Any]) -> None:
    with hostile() as server:

        async def work(bench: Bench) -> None:
            await bench.put()
            await bench.office.core.directory.apps.change(APPID, **change)

            await bench.loop.start()

            await bench.next_settled()
            assert await bench.state() is State.CAPTURED
            assert await bench.queue.next_due() is None

        at_bench(work, server.port)
        assert not server.messages


def test_mail_to_who_is_on_the_allow_list_leaves() -> None:
    with hostile() as server:

        async def work(bench: Bench) -> None:
            await bench.put()
            change = {"mode": Mode.ALLOW_LIST, "allow_list": ("bo@b.example",)}
            await bench.office.core.directory.apps.change(APPID, **change)

            await bench.loop.start()

            assert (await bench.next_settled()).code is Code.OK

        at_bench(work, server.port)
        assert len(server.messages) == 1


def test_the_attempt_names_the_relay_that_was_tried() -> None:
    with hostile("550@rcpt") as server:

        async def work(bench: Bench) -> None:
            await bench.put()
            relays = bench.office.core.directory.relays(APPID)
            await relays.change(bench.relay.id, is_enabled=False)
            second = replace(bench.relay, id="second", name="second", port=server.port)
            await relays.add(second)

            await bench.loop.start()

            assert (await bench.next_settled()).relay_id == second.id
            (message,) = await bench.office.stored()
            (attempt,) = await bench.office.core.mail.attempts(message.app_id, message.id)
            assert attempt.relay_id == second.id

        at_bench(work)
