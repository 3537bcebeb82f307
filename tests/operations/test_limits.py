"""Limits through the doors: who is let through, who is told to wait, and what is kept of it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.support.core import KEY, Office, in_office

from postroad.operations.danbee import DanbeeCall
from postroad.operations.limiting import Limiting
from postroad.operations.sending import NotSent, Sent
from postroad.simulators import hostile
from postroad.storage.counters import CounterStore
from postroad.tenancy.checks import Check, Refusal
from postroad.tenancy.limits import RECIPIENT_HOUR, Kind
from postroad.tenancy.records import Mode

pytestmark = pytest.mark.usefixtures("offices")

NAVER = {
    "user": "danbee",
    "password": "ABCD1234EFGH",
    "fromUsername": "단비",
    "toEmail": "bo@b.example",
    "subject": "안녕하세요",
    "message": "반가워요.",
}


def naver(**changes: str) -> DanbeeCall:
    return DanbeeCall("naver", NAVER | changes, key=KEY, ip="192.0.2.1")


async def opened(office: Office, **app: Any) -> None:
    """Make an app that captures, with the limits of a new one but for `app`."""
    await office.add_app(**({"mode": Mode.CAPTURE, "per_recipient_hour": None} | app))
    await office.add_user()


async def sent(office: Office, session: str = "one", **changes: str) -> Sent | NotSent | Refusal:
    return await office.core.nobase.send(office.request(**changes), session)


def test_five_hundred_mails_to_one_victim_in_a_new_session_each_are_thirty() -> None:
    async def work(office: Office) -> None:
        await opened(office)

        answers = await asyncio.gather(*(sent(office, f"session {n}") for n in range(500)))

        refusals = [each for each in answers if isinstance(each, Refusal)]
        assert sum(isinstance(each, Sent) for each in answers) == RECIPIENT_HOUR == 30
        assert {each.check for each in refusals} == {Check.OVER_LIMIT}
        assert all(3_590 <= each.seconds <= 3_600 for each in refusals)
        assert len(await office.stored()) == 30
        assert [each.status for each in await office.log()].count("refused") == 470

    in_office(work)


def test_spelling_the_victim_otherwise_helps_nobody() -> None:
    async def work(office: Office) -> None:
        await opened(office, per_recipient_hour=1)

        await sent(office, mail="bo@b.example")

        for mail in ("Bo@b.example", "bo@B.Example", "BO@B.EXAMPLE"):
            answer = await sent(office, mail=mail)
            assert isinstance(answer, Refusal)
            assert answer.check is Check.OVER_LIMIT
        assert isinstance(await sent(office, mail="eve@b.example"), Sent)

    in_office(work)


def test_the_operator_sets_what_goes_to_one_recipient_for_all_apps_or_for_one() -> None:
    async def work(office: Office) -> None:
        await opened(office)
        answers = [await sent(office) for _ in range(3)]
        assert [type(each) for each in answers] == [Sent, Sent, Refusal]

        await office.core.directory.apps.change(
            office.request().text("appid"), per_recipient_hour=3
        )
        assert isinstance(await sent(office), Sent)
        assert isinstance(await sent(office), Refusal)

        await office.core.directory.apps.change(
            office.request().text("appid"), per_recipient_hour=0
        )
        assert isinstance(await sent(office), Sent)

    in_office(work, per_recipient_hour=2)


def test_a_day_and_a_month_are_counted_for_the_whole_app() -> None:
    async def work(office: Office) -> None:
        await opened(office, per_day=2, per_month=3)

        answers = [await sent(office, mail=f"{n}@b.example") for n in range(3)]

        first, _, third = answers
        assert isinstance(first, Sent)
        assert first.standing is not None
        assert (first.standing.kind, first.standing.remaining) == (Kind.DAY, 1)
        assert isinstance(third, Refusal)
        assert third.standing is not None
        assert (third.standing.kind, third.seconds) == (Kind.DAY, third.standing.seconds)
        assert third.seconds <= 86_400
        assert [entry.reason for entry in await office.log()] == ["", "", "over_limit: day"]

    in_office(work)


def test_a_refused_request_and_one_that_cannot_be_built_count_for_nothing() -> None:
    async def work(office: Office) -> None:
        await opened(office, per_day=1)

        assert isinstance(await sent(office, mail="nobody"), Refusal)
        assert isinstance(await sent(office, title="x" * 200_000), NotSent)

        assert isinstance(await sent(office), Sent)

    in_office(work)


def test_a_mail_that_the_relay_refused_has_counted() -> None:
    with hostile("550@rcpt") as server:

        async def work(office: Office) -> None:
            await opened(office, mode=Mode.LIVE, per_day=1)
            await office.add_relay(server.port)

            first = await sent(office)
            assert isinstance(first, NotSent)
            assert first.standing is not None
            assert first.standing.remaining == 0
            assert isinstance(await sent(office), Refusal)

        in_office(work)


def test_a_limit_that_refuses_starts_no_session_window() -> None:
    async def work(office: Office) -> None:
        await opened(office, per_recipient_hour=1, interval_s=60)
        await sent(office)
        user_waits = await sent(office, "two", mail="eve@b.example")
        assert isinstance(user_waits, Refusal)
        assert user_waits.check is Check.TOO_SOON

        appid = office.request().text("appid")
        await office.core.directory.apps.change(appid, interval_s=3_600)
        await office.core.database.execute("DELETE FROM session_window")
        over = await sent(office, "three")
        assert isinstance(over, Refusal)
        assert over.check is Check.OVER_LIMIT
        assert isinstance(await sent(office, "three", mail="eve@b.example"), Sent)

    in_office(work)


def test_a_mail_larger_than_the_app_may_send_is_refused_and_starts_nothing() -> None:
    async def work(office: Office) -> None:
        await opened(office, max_message=3_000, interval_s=60, per_day=1)

        answer = await sent(office, content="x" * 3_000)

        assert isinstance(answer, Refusal)
        assert answer.check is Check.TOO_LARGE
        (entry,) = await office.log()
        assert (entry.status, entry.reason) == ("refused", "too_large: size")
        assert await office.stored() == []
        assert isinstance(await sent(office), Sent)

    in_office(work)


# With an API key.


def test_a_key_has_no_limit_unless_one_is_set() -> None:
    async def work(office: Office) -> None:
        await opened(office)
        await office.add_key()

        answers = [await office.core.danbee.send(naver()) for _ in range(RECIPIENT_HOUR + 1)]

        assert all(each.is_sent and each.standing is None for each in answers)

    in_office(work)


def test_a_key_that_asks_too_often_is_told_in_korean_how_long_to_wait() -> None:
    async def work(office: Office) -> None:
        await opened(office)
        await office.add_key(per_minute=2)

        answers = await asyncio.gather(*(office.core.danbee.send(naver()) for _ in range(9)))

        refused = [each for each in answers if not each.is_sent]
        assert len(refused) == 7
        for each in refused:
            assert each.standing is not None
            assert each.standing.is_over
            seconds = each.standing.seconds
            assert each.message == f"요청이 너무 많습니다. {seconds}초 후에 다시 시도하세요."
            assert (each.code, each.api_message) == (-10, each.message)
        assert len(await office.stored()) == 2
        reasons = [entry.reason for entry in await office.log() if entry.status == "refused"]
        assert reasons == ["over_limit: key"] * 7

    in_office(work)


def test_a_request_with_a_key_counts_whatever_is_wrong_with_it() -> None:
    async def work(office: Office) -> None:
        await opened(office)
        await office.add_key(per_minute=1)

        assert not (await office.core.danbee.send(naver(toEmail=""))).is_sent
        second = await office.core.danbee.send(naver())

        assert second.code == -10

    in_office(work)


def test_the_limits_of_an_app_hold_with_a_key_too() -> None:
    async def work(office: Office) -> None:
        await opened(office, per_recipient_hour=1, max_message=5_000)
        await office.add_key(per_minute=100)

        first = await office.core.danbee.send(naver())
        second = await office.core.danbee.send(naver())
        large = await office.core.danbee.send(naver(message="x" * 5_000))

        assert first.is_sent
        assert first.standing is not None
        assert (first.standing.kind, first.standing.remaining) == (Kind.RECIPIENT, 0)
        assert (second.code, second.is_sent) == (-10, False)
        assert second.standing is not None
        assert second.standing.is_over
        assert (large.code, large.message) == (-1, "메일이 너무 큽니다. 최대 5,000바이트입니다.")

    in_office(work)


# Of an address.


def test_an_address_counts_in_a_minute_and_every_other_for_itself() -> None:
    async def work(office: Office) -> None:
        now = datetime(2026, 3, 1, tzinfo=UTC)
        counters = CounterStore(office.core.database)
        limiting = Limiting(counters, lambda: now, address_minute=2)

        async def is_over(ip: str) -> bool:
            standing = await limiting.address(ip)
            assert standing is not None
            return standing.is_over

        assert [await is_over("192.0.2.1") for _ in range(3)] == [False, False, True]
        assert not await is_over("192.0.2.2")
        assert [await is_over(f"2001:db8::{n}") for n in (1, 2, 3)] == [False, False, True]
        assert not await is_over("2001:db8:0:1::1")
        now += timedelta(minutes=1)
        assert not await is_over("192.0.2.1")

    in_office(work)


def test_without_a_limit_nothing_is_written_for_an_address() -> None:
    async def work(office: Office) -> None:
        assert await office.core.limiting.address("192.0.2.1") is None
        assert await office.core.database.read("SELECT count(*) FROM quota_counter") == [(0,)]

    in_office(work)
