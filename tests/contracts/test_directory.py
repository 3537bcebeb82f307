"""Everything an operator manages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

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
    new_id,
    operator,
    relay,
    route,
    token,
    user,
)

from postroad.errors import ConflictError, NotFoundError
from postroad.message import Address
from postroad.operations.ports import Records
from postroad.tenancy.records import AppState, Scope, UserState

SHARED = relay(None, name="shared")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of records and how it is made.

    of:     its Records for an app, which those without owner ignore.
    make:   a new one for an app.
    change: fields that a change sets.
    """

    of: Callable[[Tenants, str], Records[Any]]
    make: Callable[[str], Any]
    change: dict[str, Any]


OWNED = {
    "user": Kind(
        lambda at, app_id: at.directory.users(app_id),
        lambda app_id: user(new_id()[-9:], app_id),
        {"state": UserState.DISABLED, "email": "bo@b.example", "login_at": NOW + DAY},
    ),
    "key": Kind(
        lambda at, app_id: at.directory.keys(app_id),
        key,
        {"scopes": (Scope.MANAGE,), "is_disabled": True, "addresses": ("192.0.2.1/32",)},
    ),
    "relay": Kind(
        lambda at, app_id: at.directory.relays(app_id),
        relay,
        {"host": "mx.b.example", "port": 465, "security": "tls", "verify": False, "paused": "why"},
    ),
    "route": Kind(
        lambda at, app_id: at.directory.routes(app_id),
        lambda app_id: route(SHARED, app_id),
        {"from_": "@b.example", "position": -3},
    ),
}
UNOWNED = {
    "developer": Kind(
        lambda at, _: at.directory.developers, lambda _: developer(), {"paid_until": NOW}
    ),
    "app": Kind(
        lambda at, _: at.directory.apps,
        lambda _: app("2" + new_id()[-9:].zfill(9)),
        {"state": AppState.NORMAL, "signature": "0" * 32, "from_": Address("a@b.example", "A")},
    ),
    "operator": Kind(
        lambda at, _: at.directory.operators,
        lambda _: operator(new_id()),
        {"password_hash": "$argon2id$2", "is_setup": True},
    ),
    "operator's relay": Kind(
        lambda at, _: at.directory.relays(None),
        lambda _: relay(None),
        {"connections": 3, "is_enabled": False},
    ),
}
EVERY = pytest.mark.parametrize("kind", [*(OWNED | UNOWNED).values()], ids=[*OWNED, *UNOWNED])
EVERY_OWNED = pytest.mark.parametrize("kind", [*OWNED.values()], ids=[*OWNED])


async def prepare(at: Tenants) -> None:
    await at.directory.relays(None).add(SHARED)


@EVERY
def test_what_was_added_is_found_and_listed(tenants: TenantRunner, kind: Kind) -> None:
    async def scenario(at: Tenants) -> None:
        await prepare(at)
        records = kind.of(at, APP)
        before = await records.list()
        given = [kind.make(APP) for _ in range(3)]

        for each in given:
            await records.add(each)

        assert [await records.get(each.id) for each in given] == given
        assert [each for each in await records.list() if each not in before] == given

    tenants(scenario)


@EVERY
def test_a_list_has_the_oldest_first(tenants: TenantRunner, kind: Kind) -> None:
    async def scenario(at: Tenants) -> None:
        await prepare(at)
        given = [replace(kind.make(APP), created_at=NOW + n * DAY) for n in (3, 1, 2)]

        for each in given:
            await kind.of(at, APP).add(each)

        found = [each for each in await kind.of(at, APP).list() if each in given]
        assert found == sorted(given, key=lambda each: each.created_at)

    tenants(scenario)


@EVERY
def test_an_id_is_taken_once(tenants: TenantRunner, kind: Kind) -> None:
    async def scenario(at: Tenants) -> None:
        await prepare(at)
        first = kind.make(APP)
        await kind.of(at, APP).add(first)

        with pytest.raises(ConflictError):
            await kind.of(at, APP).add(replace(kind.make(APP), id=first.id))

        assert await kind.of(at, APP).get(first.id) == first

    tenants(scenario)


@EVERY
def test_a_change_sets_what_it_names_and_leaves_the_rest(tenants: TenantRunner, kind: Kind) -> None:
    async def scenario(at: Tenants) -> None:
        await prepare(at)
        given, neighbour = kind.make(APP), kind.make(APP)
        for each in (given, neighbour):
            await kind.of(at, APP).add(each)

        changed = await kind.of(at, APP).change(given.id, **kind.change)

        assert changed == replace(given, **kind.change)
        assert await kind.of(at, APP).get(given.id) == changed
        assert await kind.of(at, APP).get(neighbour.id) == neighbour

    tenants(scenario)


@EVERY
def test_a_change_of_nothing_returns_what_is_there(tenants: TenantRunner, kind: Kind) -> None:
    async def scenario(at: Tenants) -> None:
        await prepare(at)
        given = kind.make(APP)
        await kind.of(at, APP).add(given)

        assert await kind.of(at, APP).change(given.id) == given

    tenants(scenario)


@EVERY
def test_what_is_not_there_is_neither_found_changed_nor_removed(
    tenants: TenantRunner, kind: Kind
) -> None:
    async def scenario(at: Tenants) -> None:
        await prepare(at)
        records = kind.of(at, APP)

        assert await records.get("unknown") is None
        assert await records.change("unknown", **kind.change) is None
        assert await records.change("unknown") is None
        assert await records.remove("unknown") is False

    tenants(scenario)


@EVERY
def test_what_was_removed_is_gone(tenants: TenantRunner, kind: Kind) -> None:
    async def scenario(at: Tenants) -> None:
        await prepare(at)
        given, neighbour = kind.make(APP), kind.make(APP)
        for each in (given, neighbour):
            await kind.of(at, APP).add(each)

        assert await kind.of(at, APP).remove(given.id) is True

        assert await kind.of(at, APP).get(given.id) is None
        assert await kind.of(at, APP).get(neighbour.id) == neighbour

    tenants(scenario)


@EVERY
@pytest.mark.parametrize("name", ["nonsense", "id", "app_id", "has_secret", "secret", "name_key"])
def test_a_field_that_cannot_be_set_is_refused(
    tenants: TenantRunner, kind: Kind, name: str
) -> None:
    async def scenario(at: Tenants) -> None:
        await prepare(at)
        given = kind.make(APP)
        await kind.of(at, APP).add(given)

        with pytest.raises(TypeError, match=name):
            await kind.of(at, APP).change(given.id, **{name: "x"})

        assert await kind.of(at, APP).get(given.id) == given

    tenants(scenario)


@EVERY_OWNED
def test_another_app_reaches_nothing(tenants: TenantRunner, kind: Kind) -> None:
    async def scenario(at: Tenants) -> None:
        await prepare(at)
        given = kind.make(APP)
        await kind.of(at, APP).add(given)

        theirs = kind.of(at, OTHER)

        assert await theirs.get(given.id) is None
        assert await theirs.list() == []
        assert await theirs.change(given.id, **kind.change) is None
        assert await theirs.remove(given.id) is False
        with pytest.raises(NotFoundError):
            await theirs.add(kind.make(APP))
        assert await kind.of(at, APP).get(given.id) == given

    tenants(scenario)


@EVERY_OWNED
def test_an_app_takes_everything_with_it(tenants: TenantRunner, kind: Kind) -> None:
    async def scenario(at: Tenants) -> None:
        await prepare(at)
        given, theirs = kind.make(APP), kind.make(OTHER)
        await kind.of(at, APP).add(given)
        await kind.of(at, OTHER).add(theirs)

        assert await at.directory.apps.remove(APP) is True

        assert await kind.of(at, APP).list() == []
        assert await kind.of(at, OTHER).list() == [theirs]

    tenants(scenario)


@EVERY_OWNED
def test_nothing_belongs_to_an_app_that_is_not_there(tenants: TenantRunner, kind: Kind) -> None:
    async def scenario(at: Tenants) -> None:
        await prepare(at)

        with pytest.raises(NotFoundError):
            await kind.of(at, "1000000009").add(kind.make("1000000009"))

    tenants(scenario)


def test_an_apps_relays_and_the_operators_do_not_see_each_other(tenants: TenantRunner) -> None:
    own, shared = relay(name="same"), relay(None, name="same")

    async def scenario(at: Tenants) -> None:
        await at.directory.relays(APP).add(own)
        await at.directory.relays(None).add(shared)

        assert await at.directory.relays(APP).list() == [own]
        assert await at.directory.relays(None).list() == [shared]
        assert await at.directory.relays(APP).get(shared.id) is None
        assert await at.directory.relays(None).get(own.id) is None
        assert await at.directory.relays(APP).change(shared.id, port=1) is None
        assert await at.directory.relays(None).remove(own.id) is False
        assert await at.directory.relays(APP).change_with_secret(shared.id, "x") is None
        assert await at.directory.relays(None).change_with_secret(own.id, "x") is None
        assert await at.directory.relays(OTHER).change_with_secret(own.id, "x") is None
        assert await at.relays.relay_secret(APP, own) == ""

    tenants(scenario)


def test_names_that_must_be_unique_are(tenants: TenantRunner) -> None:
    used = key()

    async def scenario(at: Tenants) -> None:
        await at.directory.users(APP).add(user("10001"))
        await at.directory.operators.add(operator("root"))
        await at.directory.relays(APP).add(relay(name="naver"))
        await at.directory.relays(None).add(relay(None, name="naver"))
        await at.directory.relays(OTHER).add(relay(OTHER, name="naver"))
        await at.directory.keys(APP).add(used)

        with pytest.raises(ConflictError):
            await at.directory.users(APP).add(user("10001"))
        with pytest.raises(ConflictError):
            await at.directory.operators.add(operator("root"))
        with pytest.raises(ConflictError):
            await at.directory.relays(APP).add(relay(name="naver"))
        with pytest.raises(ConflictError):
            await at.directory.relays(None).add(relay(None, name="naver"))
        with pytest.raises(ConflictError):
            await at.directory.keys(OTHER).add(key(OTHER, digest=used.digest))

    tenants(scenario)


def test_a_change_to_a_taken_name_is_refused(tenants: TenantRunner) -> None:
    second = relay(name="second")

    async def scenario(at: Tenants) -> None:
        await at.directory.relays(APP).add(relay(name="first"))
        await at.directory.relays(APP).add(second)

        with pytest.raises(ConflictError):
            await at.directory.relays(APP).change(second.id, name="first", port=1)

        assert await at.directory.relays(APP).get(second.id) == second

    tenants(scenario)


def test_a_route_leads_only_to_relays_the_app_may_use(tenants: TenantRunner) -> None:
    own, shared, foreign = relay(), relay(None), relay(OTHER)

    async def scenario(at: Tenants) -> None:
        for each in (own, shared, foreign):
            await at.directory.relays(each.app_id).add(each)
        routes = at.directory.routes(APP)
        first = route(own)
        await routes.add(first)
        await routes.add(route(shared))

        with pytest.raises(NotFoundError):
            await routes.add(route(foreign))
        with pytest.raises(NotFoundError):
            await routes.change(first.id, relay_id=foreign.id)

        changed = await routes.change(first.id, relay_id=shared.id)
        assert changed == replace(first, relay_id=shared.id)

    tenants(scenario)


def test_a_relay_takes_its_routes_with_it(tenants: TenantRunner) -> None:
    own = relay()

    async def scenario(at: Tenants) -> None:
        await at.directory.relays(APP).add(own)
        await at.directory.routes(APP).add(route(own))

        assert await at.directory.relays(APP).remove(own.id) is True

        assert await at.directory.routes(APP).list() == []

    tenants(scenario)


def test_a_user_takes_his_tokens_with_him(tenants: TenantRunner) -> None:
    owner = user()

    async def scenario(at: Tenants) -> None:
        await at.directory.users(APP).add(owner)
        await at.accounts.add_token(token(owner, b"d" * 32), keep=10)

        assert await at.directory.users(APP).remove(owner.id) is True

        assert await at.facts.token(APP, b"d" * 32) is None

    tenants(scenario)


def test_a_developer_with_apps_stays(tenants: TenantRunner) -> None:
    owner = developer()

    async def scenario(at: Tenants) -> None:
        await at.directory.developers.add(owner)
        await at.directory.apps.add(full_app("1000000003", owner.id))

        with pytest.raises(ConflictError, match="developer is still in use"):
            await at.directory.developers.remove(owner.id)

        await at.directory.apps.remove("1000000003")
        assert await at.directory.developers.remove(owner.id) is True

    tenants(scenario)


def test_an_app_of_an_unknown_developer_is_refused(tenants: TenantRunner) -> None:
    async def scenario(at: Tenants) -> None:
        with pytest.raises(NotFoundError):
            await at.directory.apps.add(app("1000000003", developer_id="nobody"))
        with pytest.raises(NotFoundError):
            await at.directory.apps.change(APP, developer_id="nobody")

    tenants(scenario)


def test_a_relays_secret_is_kept_replaced_and_removed(tenants: TenantRunner) -> None:
    own = relay(username="bo")

    async def scenario(at: Tenants) -> None:
        relays = at.directory.relays(APP)
        await relays.add(own)
        for secret in ("first", "second"):
            assert await at.directory.relays(APP).change_with_secret(own.id, secret) is not None
            assert await relays.get(own.id) == replace(own, has_secret=True)
            assert await at.relays.relay_secret(APP, own) == secret
        assert await relays.change(own.id, port=25) == replace(own, port=25, has_secret=True)

        assert await at.directory.relays(APP).change_with_secret(own.id, "") is not None

        assert await relays.get(own.id) == replace(own, port=25)
        assert await at.directory.relays(APP).change_with_secret("unknown", "x") is None

    tenants(scenario)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("state", "normal"),
        ("tokens", "off"),
        ("tokens", 1),
        ("account_min", "6"),
        ("account_min", True),
        ("name", None),
        ("created_at", "2026-01-01"),
        ("old_signature_until", datetime(2026, 1, 1)),  # noqa: DTZ001 - that is what is wrong
        ("from_", "a@b.example"),
        ("senders", ["a@b.example"]),
        ("senders", "a@b.example"),
        ("senders", (1,)),
        ("signature", b"x"),
        ("time_limit_s", "9"),
    ],
)
def test_a_value_of_another_type_is_refused(
    tenants: TenantRunner, field: str, value: object
) -> None:
    async def scenario(at: Tenants) -> None:
        before = await at.directory.apps.get(APP)

        with pytest.raises(TypeError):
            await at.directory.apps.change(APP, **{field: value})

        assert await at.directory.apps.get(APP) == before

    tenants(scenario)


def test_a_relay_has_one_of_three_securities(tenants: TenantRunner) -> None:
    own = relay()

    async def scenario(at: Tenants) -> None:
        await at.directory.relays(APP).add(own)

        with pytest.raises(TypeError, match="security"):
            await at.directory.relays(APP).change(own.id, security="ssl")

    tenants(scenario)


def test_signatures_can_be_changed_and_taken_away(tenants: TenantRunner) -> None:
    until = datetime(2026, 4, 1, tzinfo=UTC)

    async def scenario(at: Tenants) -> None:
        apps = at.directory.apps
        rotated = await apps.change(
            APP, signature="n" * 32, old_signature="s" * 32, old_signature_until=until
        )
        assert rotated == app(
            APP, signature="n" * 32, old_signature="s" * 32, old_signature_until=until
        )

        ended = await apps.change(APP, old_signature=None, old_signature_until=None)

        assert ended == app(APP, signature="n" * 32)

    tenants(scenario)
