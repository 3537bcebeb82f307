"""A relay's password and its host: written as one, read as one."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contracts.overtaking import overtaken
from tests.contracts.tenant_stores import APP, TenantRunner, Tenants, relay

from postroad.errors import ConflictError, StorageError
from postroad.operations.administration import relays
from postroad.operations.administration.desk import Desk
from postroad.operations.passwords import Passwords
from postroad.storage.audit import AuditLog
from postroad.tenancy.audit import SYSTEM, AuditFilter

OLD, NEW = "old.b.example", "new.b.example"


async def told(at: Tenants, relay_id: str) -> tuple[str, str]:
    """Return the host that a relay leads to, and the password that it is told."""
    found = await at.relays.relay(APP, relay_id)
    assert found is not None
    return found.host, await at.relays.relay_secret(APP, found)


def test_a_host_is_not_changed_when_its_password_cannot_be_kept(tenants: TenantRunner) -> None:
    own = relay(host=OLD, username="bo")

    async def scenario(at: Tenants) -> None:
        await at.directory.relays(APP).add(own, secret="for old")
        with pytest.raises(UnicodeEncodeError):
            await at.directory.relays(APP).change_with_secret(own.id, "\ud800", host=NEW)

        assert await told(at, own.id) == (OLD, "for old")

    tenants(scenario)


def test_a_relay_is_not_made_when_its_password_cannot_be_kept(tenants: TenantRunner) -> None:
    async def scenario(at: Tenants) -> None:
        with pytest.raises(UnicodeEncodeError):
            await at.directory.relays(APP).add(relay(username="bo"), secret="\ud800")

        assert await at.directory.relays(APP).list() == []

    tenants(scenario)


def test_a_password_is_not_kept_when_the_change_with_it_is_refused(tenants: TenantRunner) -> None:
    own, other = relay(host=OLD, username="bo"), relay()

    async def scenario(at: Tenants) -> None:
        shelf = at.directory.relays(APP)
        await shelf.add(own, secret="for old")
        await shelf.add(other)
        with pytest.raises(ConflictError):
            await shelf.change_with_secret(own.id, "for new", name=other.name, host=NEW)
        with pytest.raises(ConflictError):
            await shelf.change_with_secret(own.id, "for other", {"host": NEW})

        assert await told(at, own.id) == (OLD, "for old")

    tenants(scenario)


def test_a_password_is_told_to_no_host_but_the_one_it_lies_beside(tenants: TenantRunner) -> None:
    own = relay(host=OLD, username="bo")

    async def scenario(at: Tenants) -> None:
        await at.directory.relays(APP).add(own, secret="for old")
        before = await at.relays.relay(APP, own.id)
        await at.directory.relays(APP).change_with_secret(own.id, "for new", host=NEW)

        assert before is not None
        with pytest.raises(StorageError, match="try again"):
            await at.relays.relay_secret(APP, before)
        assert await told(at, own.id) == (NEW, "for new")

    tenants(scenario)


@pytest.mark.parametrize(
    "wanted",
    [{"password": "again for old"}, {"port": 2525}, {"allow_clear_auth": True}],
    ids=lambda wanted: next(iter(wanted)),
)
def test_who_is_overtaken_by_a_new_host_changes_nothing(
    tenants: TenantRunner, wanted: dict[str, Any]
) -> None:
    own = relay(host=OLD, username="bo", verify=False)

    async def scenario(at: Tenants) -> None:
        await at.directory.relays(APP).add(own, secret="for old")

        async def moved() -> None:
            await at.directory.relays(APP).change_with_secret(own.id, "for new", host=NEW)

        app = await at.directory.apps.get(APP)
        with pytest.raises(ConflictError, match="somebody else"):
            await relays.update(overtaken(at.directory, moved), [app], own.id, **wanted)

        assert await told(at, own.id) == (NEW, "for new")

    tenants(scenario)


def test_a_relay_that_gets_a_password_meanwhile_gets_no_other_host(tenants: TenantRunner) -> None:
    own = relay(host=OLD, username="bo")

    async def scenario(at: Tenants) -> None:
        await at.directory.relays(APP).add(own)

        async def given() -> None:
            await at.directory.relays(APP).change_with_secret(own.id, "for old")

        app = await at.directory.apps.get(APP)
        with pytest.raises(ConflictError, match="somebody else"):
            await relays.update(overtaken(at.directory, given), [app], own.id, host=NEW)

        assert await told(at, own.id) == (OLD, "for old")

    tenants(scenario)


def test_a_change_of_both_is_noted_as_both(tenants: TenantRunner) -> None:
    async def scenario(at: Tenants) -> None:
        desk = Desk(at.directory, Passwords(), actor=SYSTEM)
        app = await at.directory.apps.get(APP)
        made = await relays.create(desk, app, "out", host=OLD, username="bo", password="for old")
        await relays.update(desk, [app], made.id, host=NEW, password="for new")

        entries = await AuditLog(at.database).entries(AuditFilter(), limit=4)
        assert [each.action for each in entries] == [
            *("relay.create", "relay.set_secret", "relay.update", "relay.set_secret"),
        ]

    tenants(scenario)
