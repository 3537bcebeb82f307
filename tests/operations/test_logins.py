"""Guessing passwords: slower and slower, counted for all processes, and in nobody else's way."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.support.core import (
    ACCOUNT,
    APPID,
    PASSWORD,
    SIGNATURE,
    Office,
    in_office,
    new_place,
    with_core,
)

from postroad.operations.asking import Asker
from postroad.operations.nobase import Registered
from postroad.operations.passwords import Passwords
from postroad.operations.sending import Sent
from postroad.tenancy.checks import Check, Granted, Refusal, Request, may_login, may_send
from postroad.tenancy.passwords import password_form
from postroad.tenancy.records import Mode

pytestmark = pytest.mark.usefixtures("offices")

WRONG = "Wrong123"
HOME, ELSEWHERE = "192.0.2.1", "198.51.100.7"
OTHER = "13900139000"


class Clock:
    """A clock that stands until it is told otherwise."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def go(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Quick(Passwords):
    """Knows the one right password without Argon2, and counts what it is asked.

    gate: set while answers are given.
    """

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[bool] = []  # whether there was a hash to test against
        self.gate = threading.Event()
        self.gate.set()
        self.running = self.most_running = 0
        self._lock = threading.Lock()
        self._came, self._awaited, self._all_came = 0, 0, asyncio.Event()

    async def until(self, waiting: int) -> None:
        """Wait until so many have asked."""
        self.awaits(waiting)
        await self.come()

    def awaits(self, waiting: int) -> None:
        """Count from now on."""
        self._came, self._awaited = 0, waiting
        self._all_came.clear()

    async def come(self) -> None:
        """Wait until as many have asked as were awaited."""
        await asyncio.wait_for(self._all_came.wait(), 10)

    async def verify(self, known: str | None, password: str, owner: str = "") -> bool:
        self._note()
        return await super().verify(known, password, owner)

    async def hash(self, password: str, owner: str = "") -> str:
        self._note()
        return await super().hash(password, owner)

    def _note(self) -> None:
        self._came += 1
        if self._came == self._awaited:
            self._all_came.set()

    def _hash(self, password: str) -> str:
        self._run()
        return password

    def _run(self) -> None:
        with self._lock:
            self.running += 1
            self.most_running = max(self.most_running, self.running)
        self.gate.wait(10)
        with self._lock:
            self.running -= 1

    def _verify(self, known: str, password: str) -> bool:
        with self._lock:
            self.asked.append(known != self._nobody)
        self._run()
        return known != self._nobody and password == password_form(PASSWORD)


class Counter:
    """A desk where logins are asked for, with its own clock and passwords."""

    def __init__(self, office: Office, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.passwords = Quick()
        tenants = office.core.tenants
        self.asker = Asker(tenants, tenants, self.passwords, self.clock)

    async def login(
        self, password: str = PASSWORD, account: str = ACCOUNT, ip: str = HOME, **changes: str
    ) -> Granted | Refusal:
        values = {"appid": APPID, "signature": SIGNATURE, "user": account, "pass": password}
        return await self.asker.verdict(may_login, Request(values | changes, ip=ip))

    async def said(self, *given: str, **named: str) -> tuple[Check, int] | None:
        """Return what refused a login and for how many seconds, None where it was let in."""
        found = await self.login(*given, **named)
        return (found.check, found.seconds) if isinstance(found, Refusal) else None


WRONG_PASSWORD = (Check.PASSWORD_WRONG, 0)


async def opened(office: Office, **app: Any) -> Counter:
    await office.add_app(**({"mode": Mode.CAPTURE} | app))
    await office.add_user()
    return Counter(office)


async def fail(counter: Counter, times: int, ip: str = HOME) -> None:
    """Fail so often, as patiently as one has to."""
    for _ in range(times):
        assert await counter.said(WRONG, ip=ip) == WRONG_PASSWORD
        counter.clock.go(1_000)


def test_ten_wrong_passwords_are_called_wrong_and_then_everybody_waits() -> None:
    async def work(office: Office) -> None:
        counter = await opened(office)

        said = [await counter.said(WRONG) for _ in range(11)]

        assert said == [WRONG_PASSWORD] * 10 + [(Check.TOO_SOON, 1)]
        assert await counter.said(PASSWORD) == (Check.TOO_SOON, 1)
        assert len(counter.passwords.asked) == 10

    in_office(work)


def test_the_right_password_is_let_in_after_the_delay_and_ends_it() -> None:
    async def work(office: Office) -> None:
        counter = await opened(office)
        await fail(counter, 13)
        counter.clock.go(-1_000)
        assert await counter.said(PASSWORD) == (Check.TOO_SOON, 8)

        counter.clock.go(7.5)
        assert await counter.said(PASSWORD) == (Check.TOO_SOON, 1)
        counter.clock.go(0.5)

        assert await counter.said(PASSWORD) is None
        assert await counter.said(WRONG) == WRONG_PASSWORD

    in_office(work)


def test_a_login_that_was_told_to_wait_does_not_make_the_wait_longer() -> None:
    async def work(office: Office) -> None:
        counter = await opened(office)
        await fail(counter, 12)
        counter.clock.go(-1_000)

        said = [await counter.said(WRONG) for _ in range(20)]

        assert said == [(Check.TOO_SOON, 4)] * 20

    in_office(work)


def test_the_wait_is_never_longer_than_fifteen_minutes() -> None:
    async def work(office: Office) -> None:
        counter = await opened(office)
        await fail(counter, 60)
        counter.clock.go(-1_000)

        assert await counter.said(PASSWORD) == (Check.TOO_SOON, 900)

    in_office(work)


def test_nine_failures_and_a_success_leave_nothing_behind() -> None:
    async def work(office: Office) -> None:
        counter = await opened(office)

        for _ in range(3):
            await fail(counter, 9)
            assert await counter.said(PASSWORD) is None

        assert await counter.said(WRONG) == WRONG_PASSWORD

    in_office(work)


def test_another_account_does_not_wait() -> None:
    async def work(office: Office) -> None:
        counter = await opened(office)
        values = {"appid": APPID, "signature": SIGNATURE, "user": OTHER, "pass": PASSWORD}
        await office.core.nobase.register(Request(values | {"nickname": "An"}, ip=HOME))
        await fail(counter, 12)
        counter.clock.go(-1_000)

        assert await counter.said(PASSWORD) == (Check.TOO_SOON, 4)
        assert await counter.said(PASSWORD, OTHER) is None

    in_office(work)


def test_the_wait_holds_from_every_address() -> None:
    async def work(office: Office) -> None:
        counter = await opened(office)
        await fail(counter, 12)
        counter.clock.go(-1_000)

        assert await counter.said(PASSWORD, ip=ELSEWHERE) == (Check.TOO_SOON, 4)

    in_office(work)


def test_an_address_that_asks_for_a_hundred_strangers_waits_for_them_and_nobody_else_does() -> None:
    async def work(office: Office) -> None:
        counter = await opened(office)

        said = [await counter.said(WRONG, f"{1_000_000 + n}") for n in range(101)]

        assert said == [(Check.USER_UNKNOWN, 0)] * 100 + [(Check.TOO_SOON, 1)]
        assert await counter.said(PASSWORD) is None
        assert await counter.said(WRONG) == WRONG_PASSWORD
        assert await counter.said(WRONG, "2000000", ip=ELSEWHERE) == (Check.USER_UNKNOWN, 0)

    in_office(work)


def address(app_id: str, ip: str, day: str = "20260301") -> str:
    """The key of an address."""
    return f"address:{app_id}:{ip}:{day}"


def test_an_address_that_tries_a_hundred_passwords_waits_and_others_do_not() -> None:
    async def work(office: Office) -> None:
        counter = await opened(office)
        now = counter.clock()
        await office.core.tenants.login_failed([address(APPID, HOME)] * 99, now)

        assert await counter.said(WRONG) == WRONG_PASSWORD
        assert await counter.said(PASSWORD) == (Check.TOO_SOON, 1)
        assert await counter.said(PASSWORD, ip=ELSEWHERE) is None

    in_office(work)


def test_failures_of_an_address_at_one_app_delay_nobody_at_another() -> None:
    async def work(office: Office) -> None:
        counter = await opened(office)
        now = counter.clock()
        await office.core.tenants.login_failed([address("1000000000", HOME)] * 200, now)

        assert await counter.said(PASSWORD) is None

    in_office(work)


def test_each_success_takes_a_failure_off_its_address_and_a_day_takes_all() -> None:
    async def work(office: Office) -> None:
        counter = await opened(office)
        key = address(APPID, HOME)
        await office.core.tenants.login_failed([key] * 95, counter.clock())

        for _ in range(3):
            assert await counter.said(PASSWORD) is None

        assert (await office.core.tenants.failures([key]))[0][0] == 92
        await office.core.tenants.login_failed([key] * 100, counter.clock())
        assert await counter.said(PASSWORD) == (Check.TOO_SOON, 900)
        counter.clock.go(86_400)
        assert await counter.said(WRONG) == WRONG_PASSWORD
        assert await counter.said(PASSWORD) is None

    in_office(work)


def test_whoever_sends_with_a_token_does_not_wait() -> None:
    async def work(office: Office) -> None:
        counter = await opened(office)
        await office.core.tenants.login_failed(
            [f"account:{APPID}:{ACCOUNT}", address(APPID, HOME)] * 150, counter.clock()
        )

        assert await counter.said(PASSWORD) == (Check.TOO_SOON, 900)
        assert isinstance(await office.core.nobase.send(office.request(), "session"), Sent)

    in_office(work)


def test_a_message_sent_with_a_password_waits_like_a_login() -> None:
    async def work(office: Office) -> None:
        await office.add_app(tokens=False, mode=Mode.CAPTURE)
        await office.core.nobase.register(
            Request(
                {
                    "appid": APPID,
                    "signature": SIGNATURE,
                    "user": ACCOUNT,
                    "pass": PASSWORD,
                    "nickname": "Bo",
                }
            )
        )
        counter = Counter(office)
        values = office.request(user=ACCOUNT, **{"pass": WRONG}).values

        def asked(password: str) -> Any:
            request = Request({**values, "pass": password}, ip=HOME)
            return counter.asker.verdict(may_send, request)

        checks = [(await asked(WRONG)).check for _ in range(11)]

        assert checks == [Check.PASSWORD_WRONG] * 10 + [Check.TOO_SOON]
        assert (await asked(PASSWORD)).check is Check.TOO_SOON
        assert await counter.said(PASSWORD) == (Check.TOO_SOON, 1)
        counter.clock.go(1)
        assert isinstance(await asked(PASSWORD), Granted)

    in_office(work)


def test_failures_outlive_the_process_and_are_shared_by_all() -> None:
    clock = Clock()

    async def first(office: Office) -> None:
        counter = await opened(office)
        counter.clock = counter.asker._clock = clock
        for _ in range(6):
            assert await counter.said(WRONG) == WRONG_PASSWORD

    async def beside(office: Office, other: Office) -> None:
        here, there = Counter(office, clock), Counter(other, clock)
        for counter in (here, there, here, there):
            assert await counter.said(WRONG) == WRONG_PASSWORD

        assert await here.said(PASSWORD) == (Check.TOO_SOON, 1)
        assert await there.said(PASSWORD) == (Check.TOO_SOON, 1)
        clock.go(1)
        assert await there.said(PASSWORD) is None
        assert await here.said(WRONG) == WRONG_PASSWORD

    with new_place() as place:
        asyncio.run(with_core(place, first))

        async def again(office: Office) -> None:
            await with_core(place, lambda other: beside(office, other), is_server=False)

        asyncio.run(with_core(place, again))


def test_guesses_made_all_at_once_are_no_more_than_guesses_made_in_turn() -> None:
    async def work(office: Office) -> None:
        counter = await opened(office)

        said = await asyncio.gather(*(counter.said(WRONG) for _ in range(200)))

        wrong = said.count(WRONG_PASSWORD)
        assert 10 <= wrong <= 11  # two are tried at once, and the tenth may be one of them
        assert wrong == len(counter.passwords.asked)
        assert {each for each in said if each != WRONG_PASSWORD} <= {
            (Check.TOO_SOON, 1),
            (Check.TOO_SOON, 2),
        }

    in_office(work)


def test_two_passwords_are_tested_at_a_time_and_mail_goes_on_meanwhile() -> None:
    async def work(office: Office) -> None:
        counter = await opened(office)
        passwords = counter.passwords
        passwords.gate.clear()
        logins = [
            asyncio.create_task(counter.said(WRONG, f"{1_000_000 + n}", ip=f"192.0.2.{n}"))
            for n in range(200)
        ]
        await passwords.until(200)
        assert passwords.is_busy_for(APPID)

        sent = await office.core.nobase.send(office.request(), "session")

        assert isinstance(sent, Sent)
        assert not any(login.done() for login in logins)
        assert await counter.said(PASSWORD) == (Check.TOO_SOON, 5)
        assert passwords.running <= 2
        passwords.gate.set()
        assert await asyncio.gather(*logins) == [(Check.USER_UNKNOWN, 0)] * 200
        assert passwords.most_running == 2
        assert await counter.said(PASSWORD) is None

    in_office(work)


def registration(account: str, appid: str = APPID) -> Request:
    values = {"appid": appid, "signature": SIGNATURE, "user": account, "pass": PASSWORD}
    return Request(values | {"nickname": "Bo"}, ip=HOME)


def test_registrations_of_one_app_are_held_back_and_another_app_goes_first() -> None:
    async def work(office: Office) -> None:
        counter = await opened(office)
        other = await office.core.directory.apps.get(APPID)
        assert other is not None
        await office.core.directory.apps.add(replace(other, id="1000000001", name="other"))
        passwords, nobase = counter.passwords, office.core.nobase
        nobase._passwords, nobase._asker = passwords, counter.asker
        passwords.gate.clear()
        many = [
            asyncio.create_task(nobase.register(registration(f"user{n:04}"))) for n in range(200)
        ]
        await passwords.until(200)

        refused = await nobase.register(registration("user9999"))
        login = await counter.login()
        passwords.awaits(1)
        elsewhere = asyncio.create_task(nobase.register(registration("user0000", "1000000001")))
        await passwords.come()
        passwords.gate.set()

        assert isinstance(refused, Refusal)
        assert (refused.check, refused.seconds) == (Check.TOO_SOON, 5)
        assert isinstance(login, Refusal)
        assert (login.check, login.seconds) == (Check.TOO_SOON, 5)
        assert await elsewhere == Registered()
        assert not all(each.done() for each in many)
        assert await asyncio.gather(*many) == [Registered()] * 200
        assert passwords.most_running == 2

    in_office(work)


def test_an_unknown_user_costs_one_password_test_like_a_known_one() -> None:
    async def work(office: Office) -> None:
        counter = await opened(office)

        assert await counter.said(WRONG) == WRONG_PASSWORD
        assert await counter.said(WRONG, OTHER) == (Check.USER_UNKNOWN, 0)

        assert counter.passwords.asked == [True, False]

    in_office(work)


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"appid": "1000000000"}, Check.APP_UNKNOWN),
        ({"signature": "0" * 32}, Check.SIGNATURE),
        ({"user": "no spaces"}, Check.ACCOUNT_FORMAT),
        ({"pass": "pässword"}, Check.PASSWORD_FORMAT),
    ],
)
def test_a_request_that_is_refused_before_tests_no_password_and_counts_nothing(
    changes: dict[str, str], check: Check
) -> None:
    async def work(office: Office) -> None:
        counter = await opened(office)

        said = [await counter.login(**{"password": PASSWORD} | changes) for _ in range(20)]

        assert {each.check for each in said if isinstance(each, Refusal)} == {check}
        assert counter.passwords.asked == []
        assert await counter.said(PASSWORD) is None

    in_office(work)


def test_the_same_app_of_another_number_has_its_own_delays() -> None:
    async def work(office: Office) -> None:
        counter = await opened(office)
        await office.core.tenants.login_failed(
            [f"account:1000000000:{ACCOUNT}"] * 50, counter.clock()
        )

        assert await counter.said(PASSWORD) is None

    in_office(work)


def test_a_password_and_its_md5_log_in_whichever_was_registered() -> None:
    async def work(office: Office) -> None:
        await office.add_app()
        md5 = password_form(PASSWORD)
        nobase = office.core.nobase
        for account, kept in ((ACCOUNT, PASSWORD), (OTHER, md5)):
            values = {"appid": APPID, "signature": SIGNATURE, "user": account, "pass": kept}
            await nobase.register(Request(values | {"nickname": "n"}))
            for given in (PASSWORD, md5, md5.upper()):
                answer = await nobase.login(Request(values | {"pass": given}))

                assert not isinstance(answer, Refusal)
            answer = await nobase.login(Request(values | {"pass": PASSWORD.lower()}))
            assert isinstance(answer, Refusal)

    in_office(work)
