"""Health is the sum of named checks, within a time limit."""

from __future__ import annotations

import asyncio

from postroad.telemetry.health import Health


async def well() -> str:
    return ""


async def full() -> str:
    return "disk full"


async def broken() -> str:
    raise ValueError("hunter2")


async def hanging() -> str:
    await asyncio.Event().wait()
    return ""


def test_without_a_check_that_fails_it_is_ready() -> None:
    health = Health()
    health.add("storage", well)

    assert asyncio.run(health.is_ready()) == ""
    assert asyncio.run(health.report()) == {"storage": ""}


def test_every_check_that_fails_is_named_with_its_reason() -> None:
    health = Health(time_limit_s=0.01)
    for name, check in (("a", well), ("b", full), ("c", broken), ("d", hanging)):
        health.add(name, check)

    assert asyncio.run(health.is_ready()) == (
        "b: disk full; c: ValueError; d: no answer within 0.01 s"
    )


def test_a_later_check_replaces_one_of_the_same_name() -> None:
    health = Health()
    health.add("storage", full)
    health.add("storage", well)

    assert asyncio.run(health.is_ready()) == ""


def test_a_service_that_drains_is_not_ready_whatever_its_checks_say() -> None:
    health = Health()
    health.add("storage", well)

    health.stop()

    assert asyncio.run(health.is_ready()) == "service: stopping"
    assert asyncio.run(health.report()) == {"service": "stopping", "storage": ""}
