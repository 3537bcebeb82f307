"""Users and what they log in with."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from tests.contracts.tenant_stores import APP, DAY, NOW, OTHER, TenantRunner, Tenants, token, user

from postroad.errors import NotFoundError

MINUTE = timedelta(minutes=1)
KEY, OTHER_KEY = f"account:{APP}:10001", "address:192.0.2.1"


def digest(number: int) -> bytes:
    return number.to_bytes(32, "big")


def test_an_account_is_taken_once(tenants: TenantRunner) -> None:
    first, second = user("10001"), user("10001")

    async def scenario(at: Tenants) -> None:
        assert await at.accounts.register(first) is True
        assert await at.accounts.register(second) is False
        assert await at.facts.user(APP, "10001") == first

    tenants(scenario)


def test_of_many_who_register_one_account_at_once_one_has_it(tenants: TenantRunner) -> None:
    async def scenario(at: Tenants) -> list[bool]:
        return await asyncio.gather(*(at.accounts.register(user("10001")) for _ in range(20)))

    assert sorted(tenants(scenario)) == [False] * 19 + [True]


def test_another_app_may_have_the_same_account(tenants: TenantRunner) -> None:
    async def scenario(at: Tenants) -> None:
        assert await at.accounts.register(user("10001", APP))
        assert await at.accounts.register(user("10001", OTHER))

    tenants(scenario)


def test_nobody_registers_with_an_app_that_is_not_there(tenants: TenantRunner) -> None:
    async def scenario(at: Tenants) -> None:
        with pytest.raises(NotFoundError):
            await at.accounts.register(user("10001", "1000000009"))

    tenants(scenario)


def test_a_token_is_a_login(tenants: TenantRunner) -> None:
    owner = user()

    async def scenario(at: Tenants) -> None:
        await at.accounts.register(owner)
        await at.accounts.add_token(token(owner, digest(1), at=NOW + DAY), keep=10)

        assert await at.facts.token(APP, digest(1)) == token(owner, digest(1), at=NOW + DAY)
        found = await at.facts.user_by_id(APP, owner.id)
        assert found is not None
        assert found.login_at == NOW + DAY

    tenants(scenario)


def test_only_the_newest_tokens_of_a_user_live(tenants: TenantRunner) -> None:
    owner, neighbour = user("10001"), user("10002")

    async def scenario(at: Tenants) -> None:
        for each in (owner, neighbour):
            await at.accounts.register(each)
        await at.accounts.add_token(token(neighbour, digest(99), at=NOW - DAY), keep=3)
        for number in range(5):
            made = token(owner, digest(number), at=NOW + number * MINUTE)
            await at.accounts.add_token(made, keep=3)

        lives = [await at.facts.token(APP, digest(number)) is not None for number in range(5)]

        assert lives == [False, False, True, True, True]
        assert await at.facts.token(APP, digest(99)) is not None

    tenants(scenario)


def test_a_new_token_lives_whatever_the_clock_says(tenants: TenantRunner) -> None:
    owner = user()

    async def scenario(at: Tenants) -> None:
        await at.accounts.register(owner)
        for number in range(3):  # the clock was set back between them
            made = token(owner, digest(number), at=NOW - number * MINUTE)
            await at.accounts.add_token(made, keep=2)

            assert await at.facts.token(APP, digest(number)) is not None

    tenants(scenario)


def test_a_token_for_another_apps_user_is_refused(tenants: TenantRunner) -> None:
    owner = user(app_id=OTHER)
    stranger = user(app_id=APP)

    async def scenario(at: Tenants) -> None:
        await at.accounts.register(owner)
        forged = token(stranger, digest(1))

        with pytest.raises(NotFoundError):
            await at.accounts.add_token(forged, keep=10)

        assert await at.facts.token(APP, digest(1)) is None

    tenants(scenario)


def test_a_mail_address_is_bound_to_the_apps_own_user_only(tenants: TenantRunner) -> None:
    owner = user(email="")

    async def scenario(at: Tenants) -> None:
        await at.accounts.register(owner)
        with pytest.raises(NotFoundError):
            await at.accounts.bind_mail(OTHER, owner.id, "eve@b.example")

        await at.accounts.bind_mail(APP, owner.id, "bo@b.example")

        found = await at.facts.user_by_id(APP, owner.id)
        assert found is not None
        assert found.email == "bo@b.example"

    tenants(scenario)


def test_failures_are_counted_until_a_login_succeeds(tenants: TenantRunner) -> None:
    async def scenario(at: Tenants) -> None:
        await at.accounts.login_failed([KEY, OTHER_KEY], NOW)
        await at.accounts.login_failed([KEY], NOW + MINUTE)
        assert list(await at.facts.failures([KEY, OTHER_KEY])) == [(2, NOW + MINUTE), (1, NOW)]

        await at.accounts.login_succeeded([KEY])

        failures = await at.facts.failures([KEY, OTHER_KEY])
        assert [count for count, _ in failures] == [0, 1]

    tenants(scenario)


def test_no_failure_of_two_hundred_at_once_is_missed(tenants: TenantRunner) -> None:
    async def scenario(at: Tenants) -> int:
        await asyncio.gather(*(at.accounts.login_failed([KEY], NOW) for _ in range(200)))
        return (await at.facts.failures([KEY]))[0][0]

    assert tenants(scenario) == 200


def test_a_clock_that_was_set_back_does_not_shorten_the_delay(tenants: TenantRunner) -> None:
    async def scenario(at: Tenants) -> None:
        await at.accounts.login_failed([KEY], NOW)
        await at.accounts.login_failed([KEY], NOW - DAY)

        assert list(await at.facts.failures([KEY])) == [(2, NOW)]

    tenants(scenario)


def test_a_failure_is_forgiven_one_at_a_time_and_never_below_none(tenants: TenantRunner) -> None:
    async def scenario(at: Tenants) -> None:
        await at.accounts.login_failed([KEY, KEY, OTHER_KEY], NOW)

        counts = []
        for _ in range(3):
            await at.accounts.failure_forgiven(KEY)
            counts.append([count for count, _ in await at.facts.failures([KEY, OTHER_KEY])])

        assert counts == [[1, 1], [0, 1], [0, 1]]

    tenants(scenario)


def test_failures_of_a_month_ago_are_forgotten(tenants: TenantRunner) -> None:
    async def scenario(at: Tenants) -> None:
        await at.accounts.login_failed([KEY], NOW)
        await at.accounts.login_failed([OTHER_KEY], NOW + 29 * DAY)
        assert (await at.facts.failures([KEY]))[0][0] == 1

        await at.accounts.login_failed([OTHER_KEY], NOW + 31 * DAY)

        assert [count for count, _ in await at.facts.failures([KEY, OTHER_KEY])] == [0, 2]

    tenants(scenario)
