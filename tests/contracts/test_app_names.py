"""No two apps have one name, and of two who rotate a signature at once one is told so."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from tests.contracts.overtaking import overtaken
from tests.contracts.tenant_stores import APP, OTHER, TenantRunner, Tenants, app

from postroad.errors import ConflictError
from postroad.operations.administration import apps
from postroad.operations.administration.desk import Desk
from postroad.operations.passwords import Passwords
from postroad.tenancy.audit import SYSTEM
from postroad.tenancy.records import App

SAME = ("SHOP É", "shop e\u0301", "shop\u200b é", "shop  é", "sh\u00adop é", "shop\ufe0f é")


def desk_of(at: Tenants) -> Desk:
    return Desk(at.directory, Passwords(), actor=SYSTEM)


@pytest.mark.parametrize("name", ["shop é", *SAME])
def test_a_name_that_reads_as_another_is_taken(tenants: TenantRunner, name: str) -> None:
    async def scenario(at: Tenants) -> None:
        await at.directory.apps.change(APP, name="shop é")

        with pytest.raises(ConflictError):
            await at.directory.apps.change(OTHER, name=name)
        with pytest.raises(ConflictError):
            await at.directory.apps.add(replace(app("1000000003"), name=name))

        names = [each.name for each in await at.directory.apps.list()]
        assert names == ["shop é", f"app {OTHER}"]

    tenants(scenario)


def test_an_app_may_write_its_own_name_in_another_way(tenants: TenantRunner) -> None:
    async def scenario(at: Tenants) -> None:
        await at.directory.apps.change(APP, name="shop")

        assert (await apps.update(desk_of(at), APP, name="Shop")).name == "Shop"
        assert (await apps.update(desk_of(at), OTHER, name="shops")).name == "shops"

    tenants(scenario)


def test_the_one_who_is_refused_is_told_the_name_and_nobodys_appid(tenants: TenantRunner) -> None:
    async def scenario(at: Tenants) -> None:
        await apps.update(desk_of(at), APP, name="shop")

        for work in (
            apps.update(desk_of(at), OTHER, name="SHOP"),
            apps.create(desk_of(at), "SHOP"),
            apps.create(desk_of(at), "SHOP", appid="1000000009"),
        ):
            with pytest.raises(ConflictError) as refused:
                await work
            assert str(refused.value) == "there is an app 'SHOP' already: give another name"

    tenants(scenario)


def test_of_many_who_take_a_name_at_once_one_gets_it(tenants: TenantRunner) -> None:
    async def scenario(at: Tenants) -> None:
        made = await asyncio.gather(
            *(apps.create(desk_of(at), "shop") for _ in range(6)), return_exceptions=True
        )

        refused = [each for each in made if isinstance(each, ConflictError)]
        assert len(refused) == 5
        assert len(await at.directory.apps.list()) == 3

    tenants(scenario)


def test_of_two_who_rotate_a_signature_at_once_only_one_is_told_his(tenants: TenantRunner) -> None:
    async def scenario(at: Tenants) -> None:
        before = await at.directory.apps.get(APP)

        async def rotated() -> None:
            told.append(await apps.rotate_signature(desk_of(at), APP))

        told: list[App] = []
        with pytest.raises(ConflictError, match="somebody else"):
            await apps.rotate_signature(overtaken(at.directory, rotated), APP)

        kept = await at.directory.apps.get(APP)
        assert kept is not None
        assert before is not None
        assert kept.signature == told[0].signature
        assert kept.old_signature == before.signature

    tenants(scenario)
