"""What one app has, another one's caller neither sees nor uses; windows hold for all processes."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from tests.support.core import (
    ACCOUNT,
    APPID,
    FROM,
    KEY,
    PASSWORD,
    SIGNATURE,
    Office,
    in_office,
    moment,
    new_place,
    with_core,
)

from postroad.operations.danbee import DanbeeCall
from postroad.operations.identifiers import new_id
from postroad.operations.nobase import Bound, LoggedIn, Registered
from postroad.operations.ports import LogFilter
from postroad.operations.sending import Sent
from postroad.simulators import hostile
from postroad.tenancy.checks import Check, Refusal, Request
from postroad.tenancy.records import App, AppState, Mode, RelayAccount, Route, Window

pytestmark = pytest.mark.usefixtures("offices")

STRANGER, STRANGERS_SIGNATURE = "9876543210", "f" * 32


async def two_apps(office: Office, **app: Any) -> App:
    """Store the app with its user, and the stranger's app, which is returned."""
    values: dict[str, Any] = {"mode": Mode.CAPTURE, "interval_s": 0} | app
    await office.add_app(**values)
    await office.add_user()
    stranger = App(STRANGER, "stranger", moment(), signature=STRANGERS_SIGNATURE, from_=FROM)
    stranger = replace(stranger, **values)
    await office.core.directory.apps.add(stranger)
    return stranger


def of_stranger(office: Office, **changes: str) -> Request:
    """A request to send by the stranger's app."""
    return office.request(**({"appid": STRANGER, "signature": STRANGERS_SIGNATURE} | changes))


def check_of(found: object) -> Check:
    assert isinstance(found, Refusal), found
    return found.check


def login(**changes: str) -> Request:
    values = {"appid": APPID, "signature": SIGNATURE, "user": ACCOUNT, "pass": PASSWORD}
    return Request(values | changes, ip="192.0.2.1")


def test_nothing_of_ones_own_lets_into_another_app() -> None:
    async def work(office: Office) -> None:
        await two_apps(office)
        nobase = office.core.nobase

        token = await nobase.send(of_stranger(office), "session")
        signature = await nobase.send(of_stranger(office, signature=SIGNATURE), "session")
        user = await nobase.login(login(appid=STRANGER, signature=STRANGERS_SIGNATURE))
        binding = {"appid": STRANGER, "signature": STRANGERS_SIGNATURE, "mail": "x@c.example"}
        bound = await nobase.bind_mail(Request(binding | {"token": office.token}))

        assert check_of(token) is Check.TOKEN_INVALID
        assert check_of(signature) is Check.SIGNATURE
        assert check_of(user) is Check.USER_UNKNOWN
        assert check_of(bound) is Check.TOKEN_INVALID
        assert await office.stored() == []

    in_office(work)


def test_the_same_account_is_another_user_in_another_app() -> None:
    async def work(office: Office) -> None:
        await two_apps(office)
        nobase = office.core.nobase
        theirs = {"appid": STRANGER, "signature": STRANGERS_SIGNATURE, "pass": "Other123"}

        made = await nobase.register(login(**theirs, nickname="An"))
        crossed = await nobase.login(login(**theirs | {"pass": PASSWORD}))
        there = await nobase.login(login(**theirs))
        assert isinstance(there, LoggedIn)
        binding = {"appid": STRANGER, "signature": STRANGERS_SIGNATURE, "mail": "x@c.example"}
        bound = await nobase.bind_mail(Request(binding | {"token": there.token}))
        here = await nobase.login(login())

        assert made == Registered()
        assert check_of(crossed) is Check.PASSWORD_WRONG
        assert bound == Bound()
        assert isinstance(here, LoggedIn)
        assert (here.user.nickname, here.user.email) == ("Bo", "")

    in_office(work)


def test_a_message_its_content_and_its_attempts_are_the_apps_own() -> None:
    async def work(office: Office) -> None:
        await two_apps(office)
        await office.core.nobase.send(office.request(), "session")
        (message,) = await office.stored()
        mail = office.core.mail

        assert await mail.message(APPID, message.id) is not None
        assert await mail.message(STRANGER, message.id) is None
        assert await mail.content(STRANGER, message.id) is None
        assert await mail.attempts(STRANGER, message.id) == []
        assert await office.core.send_log.entries(LogFilter(app_id=STRANGER), limit=9) == []

    in_office(work)


def test_a_relay_of_another_app_carries_nothing_and_tells_nothing() -> None:
    with hostile() as server:

        async def work(office: Office) -> None:
            await two_apps(office, mode=Mode.LIVE)
            relays = office.core.directory.relays(STRANGER)
            theirs = RelayAccount(
                new_id(), STRANGER, "theirs", "127.0.0.1", server.port, moment(), security="none"
            )
            await relays.add(theirs)

            refused = await office.core.nobase.send(office.request(), "session")

            assert check_of(refused) is Check.NO_RELAY
            tenants = office.core.tenants
            assert await tenants.relay(APPID, theirs.id) is None
            assert await tenants.relays(APPID) == []
            with pytest.raises(Exception, match="relay"):
                await office.core.directory.routes(APPID).add(
                    Route(new_id(), APPID, theirs.id, moment())
                )

        in_office(work)
        assert server.transcripts == []


def test_an_api_key_acts_for_its_own_app_whatever_else_is_said() -> None:
    async def work(office: Office) -> None:
        await two_apps(office)
        await office.add_key()
        values = {
            "user": "danbee",
            "password": "ABCD1234EFGH",
            "fromUsername": "단비",
            "toEmail": "bo@b.example",
            "subject": "안녕",
            "message": "반가워요",
            "appid": STRANGER,
        }

        answer = await office.core.danbee.send(DanbeeCall("naver", values, key=KEY))

        assert answer.is_sent
        assert [(entry.app_id, entry.status) for entry in await office.log()] == [
            (APPID, "captured")
        ]

    in_office(work)


def test_windows_and_delays_of_one_app_hold_up_no_other() -> None:
    async def work(office: Office) -> None:
        await two_apps(office, interval_s=60)
        nobase = office.core.nobase
        theirs = {"appid": STRANGER, "signature": STRANGERS_SIGNATURE}
        await nobase.register(login(**theirs, nickname="An"))
        await office.core.tenants.login_failed([f"account:{APPID}:{ACCOUNT}"] * 50, moment())

        first = await nobase.send(office.request(), "session")
        there = await nobase.login(login(**theirs))
        assert isinstance(there, LoggedIn)
        other = await nobase.send(of_stranger(office, token=there.token), "session")
        again = await nobase.send(office.request(), "session")

        assert isinstance(first, Sent)
        assert isinstance(other, Sent)
        assert check_of(again) is Check.TOO_SOON

    in_office(work)


def test_an_app_that_is_stopped_stops_no_other() -> None:
    async def work(office: Office) -> None:
        await two_apps(office)
        await office.core.directory.apps.change(STRANGER, state=AppState.STOPPED)

        assert check_of(await office.core.nobase.send(of_stranger(office), "s")) is (
            Check.APP_STOPPED
        )
        assert isinstance(await office.core.nobase.send(office.request(), "s"), Sent)

    in_office(work)


# One session window for all processes


def beside(work: Any, **app: Any) -> None:
    """Do `work` with two cores on one database, as two processes have it."""

    async def first(office: Office) -> None:
        await office.add_app(**({"mode": Mode.CAPTURE, "interval_s": 60} | app))
        await office.add_user()

        async def second(other: Office) -> None:
            other.token = office.token
            await work(office, other)

        await with_core(office.place, second, is_server=False)

    with new_place() as place:
        asyncio.run(with_core(place, first))


def test_of_many_messages_at_once_from_two_processes_one_is_stored() -> None:
    async def work(office: Office, other: Office) -> None:
        ended = await asyncio.gather(
            *(
                each.core.nobase.send(each.request(), f"session {number}")
                for number in range(50)
                for each in (office, other)
            )
        )

        assert sum(isinstance(each, Sent) for each in ended) == 1
        refused = [each for each in ended if isinstance(each, Refusal)]
        assert {each.check for each in refused} == {Check.TOO_SOON}
        assert len(await office.stored()) == 1
        assert sorted(entry.status for entry in await office.log()) == (
            ["captured"] + ["refused"] * 99
        )

    beside(work)


def test_the_session_waits_where_the_user_does_not_count() -> None:
    async def work(office: Office, other: Office) -> None:
        ended = await asyncio.gather(
            *(
                each.core.nobase.send(each.request(), f"session {number}")
                for number in range(4)
                for each in (office, other, office)
            )
        )

        assert sum(isinstance(each, Sent) for each in ended) == 4
        assert len(await office.stored()) == 4

    beside(work, window=Window.SESSION)


def test_the_seconds_are_those_that_are_left() -> None:
    async def work(office: Office, other: Office) -> None:
        began = moment()
        assert isinstance(await office.core.nobase.send(office.request(), "one"), Sent)

        refused = await other.core.nobase.send(other.request(), "two")

        assert isinstance(refused, Refusal)
        # Rounded up: who waits as long as he is told is not told so again.
        assert 60 - (moment() - began).total_seconds() <= refused.seconds <= 60

    beside(work)


def test_a_request_that_any_check_refuses_leaves_the_window_open() -> None:
    async def work(office: Office, other: Office) -> None:
        spoilt = [
            {"title": ""},
            {"title": "a\r\nb"},
            {"signature": "0" * 32},
            {"token": "0" * 64},
            {"user": ACCOUNT},
            {"mail": "nobody"},
        ]
        for changes in spoilt:
            found = await office.core.nobase.send(office.request(**changes), "one")
            assert check_of(found) is not Check.TOO_SOON
        await office.core.directory.apps.change(APPID, mode=Mode.LIVE)
        assert check_of(await office.core.nobase.send(office.request(), "one")) is Check.NO_RELAY
        await office.core.directory.apps.change(APPID, mode=Mode.CAPTURE)

        assert isinstance(await other.core.nobase.send(other.request(), "one"), Sent)

    beside(work)


def test_a_window_is_shut_after_a_restart_too() -> None:
    async def first(office: Office) -> str:
        await office.add_app(mode=Mode.CAPTURE, interval_s=60)
        await office.add_user()
        assert isinstance(await office.core.nobase.send(office.request(), "one"), Sent)
        return office.token

    async def second(office: Office) -> None:
        assert check_of(await office.core.nobase.send(office.request(), "two")) is Check.TOO_SOON

    with new_place() as place:
        token = asyncio.run(with_core(place, first))

        async def again(office: Office) -> None:
            office.token = token
            await second(office)

        asyncio.run(with_core(place, again))
