"""What the checks ask for on every request."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.contracts.tenant_stores import (
    APP,
    DAY,
    NOW,
    OTHER,
    TenantRunner,
    Tenants,
    app,
    developer,
    full_app,
    key,
    relay,
    route,
    token,
    user,
)

from postroad.errors import StorageError
from postroad.message import Address
from postroad.tenancy.records import App, DeveloperState, Maker, Scope, UserState

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
UNKNOWN = "1000000009"


def test_an_app_comes_back_with_every_field(tenants: TenantRunner) -> None:
    owner = developer()
    given = full_app("1000000003", owner.id)

    async def scenario(at: Tenants) -> App | None:
        await at.directory.developers.add(owner)
        await at.directory.apps.add(given)
        return await at.facts.app(given.id)

    assert tenants(scenario) == given


@pytest.mark.parametrize(
    "address",
    [
        Address("bo@b.example"),
        Address("bo@b.example", "Bo"),
        Address("bo@b.example", "Lee, Bo (us)"),
        Address("bo@b.example", '"Bo" \\ B'),
        Address("bo@b.example", "王小明"),
        Address('"b o"@b.example', "Bo"),
        Address("用户@例子.example"),
    ],
    ids=str,
)
def test_the_mailbox_of_an_app_is_kept_to_the_letter(
    tenants: TenantRunner, address: Address
) -> None:
    async def scenario(at: Tenants) -> Address | None:
        await at.directory.apps.add(app("1000000003", from_=address))
        found = await at.facts.app("1000000003")
        assert found is not None
        return found.from_

    assert tenants(scenario) == address


def test_an_app_is_as_fresh_as_the_last_commit(tenants: TenantRunner) -> None:
    async def scenario(at: Tenants) -> None:
        for signature in ("a" * 32, "b" * 32):
            await at.directory.apps.change(APP, signature=signature)

            found = await at.facts.app(APP)

            assert found is not None
            assert found.signature == signature

    tenants(scenario)


def test_of_an_unknown_app_there_is_nothing(tenants: TenantRunner) -> None:
    async def scenario(at: Tenants) -> None:
        assert await at.facts.app(UNKNOWN) is None
        assert await at.facts.developer(UNKNOWN) is None
        assert await at.facts.user(UNKNOWN, "10001") is None
        assert await at.facts.user_by_id(UNKNOWN, UNKNOWN) is None
        assert await at.facts.token(UNKNOWN, b"x" * 32) is None
        assert await at.facts.api_key(b"x" * 32) is None
        assert await at.facts.routes(UNKNOWN) == []

    tenants(scenario)


def test_a_developer_comes_back_as_he_was_stored(tenants: TenantRunner) -> None:
    given = [
        developer(),
        developer(state=DeveloperState.DISABLED, paid_until=NOW - timedelta(microseconds=1)),
        developer(paid_until=datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
        developer(paid_until=datetime(1, 1, 1, tzinfo=UTC)),
    ]

    async def scenario(at: Tenants) -> None:
        for each in given:
            await at.directory.developers.add(each)

            assert await at.facts.developer(each.id) == each

    tenants(scenario)


def test_a_user_is_found_by_account_and_by_id(tenants: TenantRunner) -> None:
    given = replace(
        user(), nickname="小明", qq="123", email="bo@b.example", state=UserState.DISABLED
    )

    async def scenario(at: Tenants) -> None:
        await at.accounts.register(given)

        assert await at.facts.user(APP, given.account) == given
        assert await at.facts.user_by_id(APP, given.id) == given

    tenants(scenario)


def test_accounts_are_told_apart_by_case(tenants: TenantRunner) -> None:
    async def scenario(at: Tenants) -> None:
        await at.accounts.register(user("Bo"))

        assert await at.facts.user(APP, "bo") is None
        assert await at.accounts.register(user("bo"))

    tenants(scenario)


def test_an_api_key_comes_back_as_it_was_stored(tenants: TenantRunner) -> None:
    given = [
        key(),
        key(
            scopes=(Scope.MANAGE,),
            expires_at=NOW + DAY,
            addresses=("192.0.2.0/24", "2001:db8::/32"),
            is_disabled=True,
        ),
    ]

    async def scenario(at: Tenants) -> None:
        for each in given:
            await at.directory.keys(APP).add(each)

            assert await at.facts.api_key(each.digest) == each

    tenants(scenario)


def test_another_app_finds_no_user_token_or_route(tenants: TenantRunner) -> None:
    owner, leads_to = user(), relay()

    async def scenario(at: Tenants) -> None:
        await at.accounts.register(owner)
        await at.accounts.add_token(token(owner, b"d" * 32), keep=10)
        await at.directory.relays(APP).add(leads_to)
        await at.directory.routes(APP).add(route(leads_to))

        assert await at.facts.user(OTHER, owner.account) is None
        assert await at.facts.user_by_id(OTHER, owner.id) is None
        assert await at.facts.token(OTHER, b"d" * 32) is None
        assert await at.facts.relays(OTHER) == []
        assert await at.facts.routes(OTHER) == []

    tenants(scenario)


def test_an_app_may_use_its_own_relays_and_the_operators_the_oldest_first(
    tenants: TenantRunner,
) -> None:
    own_new = relay(created_at=NOW + 2 * DAY, made_by=Maker.TENANT, security="tls", preset="naver")
    shared = relay(None, created_at=NOW + DAY, verify=False, cafile="/ca.pem", username="bo")
    own_old = relay(paused="too many", is_enabled=False, per_minute=3, per_day=4, connections=2)
    foreign = relay(OTHER, allow_clear_auth=True)

    async def scenario(at: Tenants) -> None:
        for each in (own_new, shared, own_old, foreign):
            await at.directory.relays(each.app_id).add(each)

        assert list(await at.facts.relays(APP)) == [own_old, shared, own_new]
        assert list(await at.facts.relays(OTHER)) == [foreign, shared]

    tenants(scenario)


def test_routes_come_in_rising_position(tenants: TenantRunner) -> None:
    to = relay()
    routes = [route(to, position=place, from_=f"@{place}.example") for place in (2, -1, 1)]

    async def scenario(at: Tenants) -> None:
        await at.directory.relays(APP).add(to)
        for each in routes:
            await at.directory.routes(APP).add(each)

        assert [each.position for each in await at.facts.routes(APP)] == [-1, 1, 2]
        assert {*await at.facts.routes(APP)} == {*routes}

    tenants(scenario)


def test_failures_are_told_for_each_key_in_its_place(tenants: TenantRunner) -> None:
    async def scenario(at: Tenants) -> None:
        await at.accounts.login_failed(["b"], NOW)

        assert list(await at.facts.failures(["a", "b", "c"])) == [(0, EPOCH), (1, NOW), (0, EPOCH)]
        assert list(await at.facts.failures([])) == []

    tenants(scenario)


def test_every_fact_outlives_the_process(tenants: TenantRunner) -> None:
    owner, used = user(), key()

    async def before(at: Tenants) -> None:
        await at.accounts.register(owner)
        await at.accounts.add_token(token(owner, b"d" * 32), keep=10)
        await at.directory.keys(APP).add(used)
        await at.accounts.login_failed(["a"], NOW)

    async def after(at: Tenants) -> None:
        assert await at.facts.user(APP, owner.account) == replace(owner, login_at=NOW)
        assert await at.facts.token(APP, b"d" * 32) == token(owner, b"d" * 32)
        assert await at.facts.api_key(used.digest) == used
        assert list(await at.facts.failures(["a"])) == [(1, NOW)]

    tenants(before)
    tenants(after)


def test_a_relays_secret_is_given_to_whoever_may_use_the_relay(tenants: TenantRunner) -> None:
    own, shared, foreign, bare = relay(), relay(None), relay(OTHER), relay()

    async def scenario(at: Tenants) -> None:
        for each in (own, shared, foreign, bare):
            await at.directory.relays(each.app_id).add(each)
        for each in (own, shared, foreign):
            assert await at.directory.relays(each.app_id).change_with_secret(
                each.id, f"pass {each.id}"
            )

        assert await at.relays.relay_secret(APP, own) == f"pass {own.id}"
        assert await at.relays.relay_secret(APP, shared) == f"pass {shared.id}"
        assert await at.relays.relay_secret(APP, bare) == ""
        assert await at.relays.relay_secret(APP, foreign) == ""
        assert await at.relays.relay(APP, own.id) == replace(own, has_secret=True)
        assert await at.relays.relay(APP, shared.id) == replace(shared, has_secret=True)
        assert await at.relays.relay(APP, bare.id) == bare
        assert await at.relays.relay(APP, foreign.id) is None

    tenants(scenario)


def test_a_secret_under_a_lost_key_is_a_storage_error(tenants: TenantRunner) -> None:
    own = relay()

    async def before(at: Tenants) -> None:
        await at.directory.relays(APP).add(own)
        await at.directory.relays(APP).change_with_secret(own.id, "hidden-pass")

    async def after(at: Tenants) -> None:
        with pytest.raises(StorageError) as caught:
            await at.relays.relay_secret(APP, own)
        assert "hidden-pass" not in str(caught.value)
        with pytest.raises(StorageError):
            await at.facts.app(APP)

    tenants(before)
    tenants.forget_key()
    tenants(after)


@pytest.mark.parametrize("times", [1, 2])
def test_times_are_kept_to_the_microsecond(tenants: TenantRunner, times: int) -> None:
    moments = [NOW + timedelta(microseconds=n * times) for n in range(5)]

    async def scenario(at: Tenants) -> None:
        for number, moment in enumerate(moments):
            await at.accounts.login_failed([str(number)], moment)

        found = await at.facts.failures([str(number) for number in range(5)])
        assert [at for _, at in found] == moments

    tenants(scenario)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_no_fact_scans_a_table(tenants: TenantRunner) -> None:
    async def scenario(at: Tenants) -> None:
        asked = tenants.trace(at)
        await at.facts.app(APP)
        await at.facts.developer("x")
        await at.facts.user(APP, "x")
        await at.facts.user_by_id(APP, "x")
        await at.facts.token(APP, b"x")
        await at.facts.api_key(b"x")
        await at.facts.relays(APP)
        await at.facts.routes(APP)
        await at.facts.failures(["x"])
        await at.relays.relay(APP, "x")
        await at.relays.relay_secret(APP, relay())

        plans = [tenants.plan(at, statement) for statement in asked]

        assert len(plans) >= 11
        assert not [step for step in itertools.chain(*plans) if step.startswith("SCAN")]

    tenants(scenario)
