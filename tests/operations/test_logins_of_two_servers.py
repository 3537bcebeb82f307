"""Guessing passwords at two servers on one database: no faster than at one."""

from __future__ import annotations

import asyncio
from collections import Counter as Tally
from collections.abc import Awaitable, Callable

import pytest
from tests.operations.test_logins import ELSEWHERE, HOME, WRONG, WRONG_PASSWORD, Clock, Counter
from tests.support.core import ACCOUNT, Office, new_place, with_core

from postroad.tenancy.checks import Check
from postroad.tenancy.records import Mode

pytestmark = pytest.mark.usefixtures("offices")

FREE = 10


def test_guesses_at_two_servers_at_once_are_hardly_more_than_at_one() -> None:
    clock = Clock()

    async def beside(office: Office, other: Office) -> None:
        await office.add_app(mode=Mode.CAPTURE)
        await office.add_user()
        servers = [Counter(each, clock) for each in (office, other)]

        said = await asyncio.gather(*(servers[n % 2].said(WRONG) for n in range(200)))

        # Each server tries two at a time: those under way when the last free one fails are more.
        wrong = said.count(WRONG_PASSWORD)
        assert FREE <= wrong <= FREE + 3
        assert wrong == sum(len(each.passwords.asked) for each in servers)
        ((failures, _),) = await office.core.tenants.failures(
            [f"account:{office.request().text('appid')}:{ACCOUNT}"]
        )
        assert failures == wrong
        for server in servers:
            refused = await server.said(WRONG)
            assert refused is not None
            assert refused[0] is Check.TOO_SOON

    _at_two_servers(beside)


def test_turn_by_turn_two_servers_allow_what_one_does() -> None:
    clock = Clock()

    async def beside(office: Office, other: Office) -> None:
        await office.add_app(mode=Mode.CAPTURE)
        await office.add_user()
        servers = [Counter(each, clock) for each in (office, other)]

        said = [await servers[n % 2].said(WRONG) for n in range(20)]

        assert Tally(said) == {WRONG_PASSWORD: FREE, (Check.TOO_SOON, 1): FREE}

    _at_two_servers(beside)


def test_one_network_of_ipv6_is_one_address_at_both() -> None:
    clock = Clock()

    async def beside(office: Office, other: Office) -> None:
        await office.add_app(mode=Mode.CAPTURE)
        await office.add_user()
        servers = [Counter(each, clock) for each in (office, other)]
        for n in range(100):
            ip = f"2001:db8::{n:x}"
            assert (await servers[n % 2].said(WRONG, f"{1_000_000 + n}", ip)) == (
                Check.USER_UNKNOWN,
                0,
            )

        for server in servers:
            assert await server.said(WRONG, "9000000", "2001:db8::ffff") == (Check.TOO_SOON, 1)
            for ip in (HOME, ELSEWHERE, "2001:db8:0:1::1"):
                assert await server.said(WRONG, "9000001", ip) == (Check.USER_UNKNOWN, 0)

    _at_two_servers(beside)


def _at_two_servers(work: Callable[[Office, Office], Awaitable[None]]) -> None:
    """Do something with the cores of two processes on one database."""
    with new_place() as place:

        async def first(office: Office) -> None:
            await with_core(place, lambda other: work(office, other), is_server=False)

        asyncio.run(with_core(place, first))
