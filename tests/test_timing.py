"""How long an answer takes tells nothing that its text does not."""

from __future__ import annotations

import gc
import math
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, quantiles, stdev, variance
from time import perf_counter_ns

import pytest
from tests.support.core import ACCOUNT, APPID, PASSWORD, SIGNATURE, Office, in_office

from postroad.operations.asking import Asker
from postroad.tenancy.checks import Check, Refusal, Request, may_login, may_send
from postroad.wiring.core import now

# Above 4.5 two means differ with a certainty beyond 99.999 % (ISO/IEC 17825).
_MOST = 4.5
_SMALL_NS = 5_000  # what no caller sees through a network
_TRIES = 20_000
_ROUNDS, _TRIES_OF_ROUND, _GUESSES = 24, 1_000, 100
IP = "192.0.2.1"

Ask = Callable[[], Awaitable[object]]


@dataclass(frozen=True)
class Compared:
    """Two samples of nanoseconds, without the slowest tenth: what the machine did meanwhile."""

    first: Sequence[int]
    second: Sequence[int]

    @property
    def t(self) -> float:
        """Welch's t."""
        spread = sum(variance(each) / len(each) for each in (self.first, self.second))
        return abs(self.apart_ns) / math.sqrt(spread)

    @property
    def apart_ns(self) -> float:
        return fmean(self.first) - fmean(self.second)

    @property
    def sigma_ns(self) -> float:
        return math.sqrt(max(variance(self.first), variance(self.second)))


async def compare(
    first: Sequence[Ask], second: Sequence[Ask], tries: int, after: Ask | None = None
) -> Compared:
    """Take the time of each kind so often, in an order that nobody can foretell.

    after: done after each try, and not counted.
    """
    kinds = [False, True] * tries
    random.shuffle(kinds)
    took: dict[bool, list[int]] = {False: [], True: []}
    gc.collect()
    gc.disable()
    try:
        for is_second in kinds:
            ask = random.choice(second if is_second else first)
            began = perf_counter_ns()
            await ask()
            took[is_second].append(perf_counter_ns() - began)
            if after is not None:
                await after()
    finally:
        gc.enable()
    limit = quantiles([*took[False], *took[True]], n=10)[-1]
    return Compared(*([each for each in took[kind] if each <= limit] for kind in (False, True)))


async def guessing(secret: str, ask_with: Callable[[str], Ask]) -> tuple[float, float]:
    """Return Student's t of guesses that begin well and guesses that do not, and the mean in ns.

    Guesses share seven eighths, with one another and in one kind with the secret: what a processor
    learns of text that comes again must not look like the secret. Nor must where objects lie in
    memory, which alone is worth 50 ns in either direction, and a t of 10 between equal kinds: each
    round has new guesses, made in an order of its own, and counts once.
    """
    head, tail = len(secret) * 7 // 8, len(secret) // 8
    apart = []
    for _ in range(_ROUNDS):
        heads = {True: secret[:head], False: _digits(head)}
        asks: dict[bool, list[Ask]] = {}
        for is_good in random.sample([True, False], 2):
            texts = (heads[is_good] + _digits(tail) for _ in range(_GUESSES))
            asks[is_good] = [ask_with(text) for text in texts if text != secret]
        apart.append((await compare(asks[True], asks[False], _TRIES_OF_ROUND)).apart_ns)
    return abs(fmean(apart)) / (stdev(apart) / math.sqrt(_ROUNDS)), fmean(apart)


def _digits(number: int) -> str:
    return "".join(random.choices("0123456789abcdef", k=number))


def sender(office: Office, check: Check, **changes: str) -> Ask:
    """Return what asks whether a message may be sent, and is refused by `check`."""
    tenants = office.core.tenants
    asker = Asker(tenants, tenants, office.core.passwords, now)
    request = office.request(**changes)

    async def ask() -> None:
        found = await asker.verdict(may_send, request)
        assert isinstance(found, Refusal)
        assert found.check is check

    return ask


def login(office: Office, check: Check, account: str) -> Ask:
    """Return a login with a wrong password that is refused by `check`."""
    tenants = office.core.tenants
    asker = Asker(tenants, tenants, office.core.passwords, now)
    values = {"appid": APPID, "signature": SIGNATURE, "user": account, "pass": "Wrong123"}
    request = Request(values, ip=IP)

    async def ask() -> None:
        found = await asker.verdict(may_login, request)
        assert isinstance(found, Refusal)
        assert found.check is check

    return ask


@pytest.mark.long
def test_a_signature_takes_as_long_however_much_of_it_is_right() -> None:
    async def work(office: Office) -> None:
        signature = _digits(32)
        await office.add_app(signature=signature)

        t, apart_ns = await guessing(
            signature, lambda text: sender(office, Check.SIGNATURE, signature=text)
        )

        assert t < _MOST, apart_ns

    in_office(work)


@pytest.mark.long
def test_a_token_takes_as_long_however_much_of_it_is_right() -> None:
    async def work(office: Office) -> None:
        await office.add_app()
        await office.add_user()

        t, apart_ns = await guessing(
            office.token, lambda text: sender(office, Check.TOKEN_INVALID, token=text)
        )

        assert t < _MOST, apart_ns

    in_office(work)


@pytest.mark.long
def test_a_comparison_that_ends_at_the_first_difference_would_be_found() -> None:
    secret = _digits(32)

    def ask_with(text: str) -> Ask:
        async def ask() -> bool:
            return all(a == b for a, b in zip(secret, text, strict=True))

        return ask

    async def work(_: Office) -> None:
        t, apart_ns = await guessing(secret, ask_with)

        assert t > _MOST
        assert apart_ns > 0

    in_office(work)


@pytest.mark.long
def test_an_unknown_app_is_as_quick_as_a_wrong_signature() -> None:
    async def work(office: Office) -> None:
        await office.add_app()

        found = await compare(
            [sender(office, Check.APP_UNKNOWN, appid="1000000000")],
            [sender(office, Check.SIGNATURE, signature="f" * 32)],
            _TRIES,
        )

        # Their texts tell them apart; the time must not tell more, such as what the app is like.
        assert abs(found.apart_ns) < max(_SMALL_NS, found.sigma_ns), found.apart_ns

    in_office(work)


@pytest.mark.long
def test_an_unknown_user_takes_as_long_as_a_wrong_password() -> None:
    async def work(office: Office) -> None:
        await office.add_app()
        await office.add_user()
        keys = [f"account:{APPID}:{ACCOUNT}", f"address:{IP}"]

        found = await compare(
            [login(office, Check.USER_UNKNOWN, "13900139000")],
            [login(office, Check.PASSWORD_WRONG, ACCOUNT)],
            300,
            after=lambda: office.core.tenants.login_succeeded(keys),
        )

        assert found.t < _MOST, found.apart_ns

    in_office(work)


@pytest.mark.long
def test_a_right_password_takes_as_long_as_a_wrong_one() -> None:
    async def work(office: Office) -> None:
        passwords = office.core.passwords
        right = await passwords.hash(PASSWORD)
        wrong = await passwords.hash("Other123")

        found = await compare(
            [lambda: passwords.verify(right, PASSWORD)],
            [lambda: passwords.verify(wrong, PASSWORD)],
            300,
        )

        assert found.t < _MOST, found.apart_ns

    in_office(work)


def test_a_password_that_is_not_tested_would_be_found() -> None:
    async def work(office: Office) -> None:
        await office.add_app()

        found = await compare(
            [sender(office, Check.APP_UNKNOWN, appid="1000000000")],
            [login(office, Check.USER_UNKNOWN, "13900139000")],
            10,
        )

        assert found.t > _MOST

    in_office(work)
