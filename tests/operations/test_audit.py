"""Whatever administration changes is in the audit log, and no secret ever is."""

from __future__ import annotations

import asyncio
import base64
import inspect
import pkgutil
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any, TypeVar

import pytest
from tests.operations.desk_in_memory import Marked
from tests.support.engines import Place

from postroad.operations import administration
from postroad.operations.administration import (
    apps,
    developers,
    examination,
    keys,
    operators,
    relays,
    routes,
    users,
)
from postroad.operations.administration.desk import Desk
from postroad.operations.first_start import first_operator
from postroad.operations.passwords import Passwords
from postroad.storage.audit import AuditLog
from postroad.storage.directory import DirectoryStore
from postroad.storage.engine import Database
from postroad.tenancy.audit import Actor, AuditEntry, AuditFilter, as_object, canonical
from postroad.tenancy.records import ApiKey, App, Developer, RelayAccount, Route, User

T = TypeVar("T")

KIM = Actor("key:kim", "192.0.2.7")
RELAY_PASSWORD, NEXT_PASSWORD = "relay-hunter2", "relay-hunter3"
USER_PASSWORD, NEXT_USER_PASSWORD = "userhunter2", "userhunter3"
SIGNATURE = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"


@dataclass(frozen=True, slots=True)
class Scene:
    """A desk at which KIM sits, and one record of each kind."""

    desk: Desk
    database: Database
    developer: Developer
    app: App
    key: ApiKey
    user: User
    relay: RelayAccount
    route: Route
    key_secret: str

    async def entries(self) -> list[AuditEntry]:
        return await AuditLog(self.database).entries(AuditFilter(), limit=1_000)

    async def version(self) -> int:
        """The number that every change of a record adds to, whoever makes it."""
        return int((await self.database.read("SELECT number FROM tenant_version"))[0][0])


Act = Callable[[Scene], Awaitable[Any]]

CHANGES: dict[str, tuple[Act, list[str]]] = {
    "apps.create": (
        lambda at: apps.create(at.desk, "second"),
        ["app.create", "key.create"],
    ),
    "apps.update": (lambda at: apps.update(at.desk, "shop", state="stopped"), ["app.update"]),
    "apps.rotate_signature": (
        lambda at: apps.rotate_signature(at.desk, "shop"),
        ["app.rotate_signature"],
    ),
    "apps.remove": (lambda at: apps.remove(at.desk, at.app), ["app.remove"]),
    "developers.create": (lambda at: developers.create(at.desk, "Lee"), ["developer.create"]),
    "developers.update": (
        lambda at: developers.update(at.desk, "Dana", state="disabled"),
        ["developer.update"],
    ),
    "developers.remove": (
        lambda at: developers.remove(at.desk, at.developer),
        ["developer.remove"],
    ),
    "keys.create": (lambda at: keys.create(at.desk, at.app, name="second"), ["key.create"]),
    "keys.update": (lambda at: keys.update(at.desk, [at.app], "first", name="x"), ["key.update"]),
    "keys.remove": (lambda at: keys.remove(at.desk, at.key), ["key.remove"]),
    "operators.reset": (lambda at: operators.reset(at.desk), ["operator.reset"]),
    "relays.create": (
        lambda at: relays.create(
            at.desk, at.app, "b", host="b.example", username="b", password=NEXT_PASSWORD
        ),
        ["relay.create", "relay.set_secret"],
    ),
    "relays.update": (
        lambda at: relays.update(
            at.desk, [at.app], "naver", is_enabled=False, password=NEXT_PASSWORD
        ),
        ["relay.update", "relay.set_secret"],
    ),
    "relays.remove": (lambda at: relays.remove(at.desk, at.relay), ["relay.remove"]),
    "routes.create": (lambda at: routes.create(at.desk, at.app, "naver"), ["route.create"]),
    "routes.update": (
        lambda at: routes.update(at.desk, at.app, at.route.id, position=7),
        ["route.update"],
    ),
    "routes.remove": (lambda at: routes.remove(at.desk, at.app, at.route.id), ["route.remove"]),
    "users.create": (
        lambda at: users.create(at.desk, at.app, "secondaccount", NEXT_USER_PASSWORD),
        ["user.create"],
    ),
    "users.update": (
        lambda at: users.update(at.desk, at.app, "13800138000", password=NEXT_USER_PASSWORD),
        ["user.update"],
    ),
    "users.remove": (lambda at: users.remove(at.desk, at.user), ["user.remove"]),
}
READS: dict[str, Act] = {
    "apps.check_name": lambda at: apps.check_name(at.desk, "free"),
    "apps.find": lambda at: apps.find(at.desk, "shop"),
    "apps.has_relay": lambda at: apps.has_relay(at.desk, at.app),
    "apps.relays_tried": lambda at: apps.relays_tried(at.desk, at.app),
    "developers.find": lambda at: developers.find(at.desk, "Dana"),
    "examination.examine": lambda at: examination.examine(at.desk),
    "keys.find": lambda at: keys.find(at.desk, [at.app], "first"),
    "relays.find": lambda at: relays.find(at.desk, [at.app], "naver"),
    "routes.find": lambda at: routes.find(at.desk, at.app, at.route.id),
    "users.find": lambda at: users.find(at.desk, at.app, "13800138000"),
}


def operations() -> Iterator[str]:
    """Every public operation: what is asked of a desk."""
    for each in pkgutil.iter_modules(administration.__path__):
        module = import_module(f"{administration.__name__}.{each.name}")
        for name, found in vars(module).items():
            if (
                inspect.iscoroutinefunction(found)
                and found.__module__ == module.__name__
                and not name.startswith("_")
                and next(iter(inspect.signature(found).parameters), "") == "desk"
            ):
                yield f"{each.name}.{name}"


def seated(place: Place, work: Callable[[Scene], Awaitable[T]]) -> T:
    """Return what `work` returns, given a scene on an empty database."""

    async def run() -> T:
        database = await place.open()
        desk = Desk(DirectoryStore(database), Marked(), actor=KIM)
        try:
            developer = await developers.create(desk, "Dana")
            made = await apps.create(desk, "shop", signature=SIGNATURE)
            relay = await relays.create(
                desk,
                made.app,
                "naver",
                host="smtp.b.example",
                username="shop",
                password=RELAY_PASSWORD,
            )
            scene = Scene(
                desk,
                database,
                developer,
                made.app,
                made.key,
                await users.create(desk, made.app, "13800138000", USER_PASSWORD),
                relay,
                await routes.create(desk, made.app, "naver"),
                made.secret,
            )
            return await work(scene)
        finally:
            await database.aclose()

    return asyncio.run(run())


def test_every_operation_is_known_here() -> None:
    # A new one belongs into one of the two, and the test of that one shows whether it is right.
    assert sorted(operations()) == sorted([*CHANGES, *READS])


@pytest.mark.parametrize("name", CHANGES)
def test_an_operation_that_changes_something_is_noted(place: Place, name: str) -> None:
    act, actions = CHANGES[name]

    async def work(at: Scene) -> None:
        before, version = len(await at.entries()), await at.version()

        await act(at)

        noted = (await at.entries())[before:]
        assert [each.action for each in noted] == actions
        assert {(each.actor, each.address) for each in noted} == {(KIM.name, KIM.address)}
        assert all(each.changes and each.target for each in noted)
        if name != "operators.reset":  # of operators nothing is remembered
            assert await at.version() > version
        assert (await AuditLog(at.database).verify()).misfit == ""

    seated(place, work)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", READS)
def test_an_operation_that_only_looks_changes_and_notes_nothing(place: Place, name: str) -> None:
    async def work(at: Scene) -> None:
        before, version = await at.entries(), await at.version()

        await READS[name](at)

        assert await at.version() == version
        assert await at.entries() == before

    seated(place, work)


def test_a_key_that_is_disabled_or_let_in_again_is_noted_in_these_words(place: Place) -> None:
    async def work(at: Scene) -> None:
        await keys.update(at.desk, [at.app], "first", is_disabled=True)
        await keys.update(at.desk, [at.app], "first", is_disabled=False)
        await keys.update(at.desk, [at.app], "first", is_disabled=True, name="old")

        noted = (await at.entries())[-3:]
        assert [each.action for each in noted] == ["key.disable", "key.enable", "key.update"]
        assert noted[0].changes == {"is_disabled": (False, True)}
        assert (noted[0].app_id, noted[0].target) == (at.app.id, at.key.id)

    seated(place, work)


def test_no_entry_holds_a_secret_its_hash_or_what_it_is_encrypted_to(place: Place) -> None:
    async def work(at: Scene) -> None:
        rotated = await apps.rotate_signature(at.desk, "shop")
        await relays.update(at.desk, [at.app], "naver", password=NEXT_PASSWORD)
        await users.update(at.desk, at.app, "13800138000", password=NEXT_USER_PASSWORD)
        made = await operators.reset(at.desk)
        again = await operators.reset(at.desk)
        key = await keys.create(at.desk, None, name="operator's", scopes=["manage"])
        sealed = await at.database.read(
            "SELECT signature FROM app UNION ALL SELECT old_signature FROM app"
            " UNION ALL SELECT secret FROM relay"
        )
        stored = await at.database.read("SELECT password_hash FROM app_user")
        for remove in (
            routes.remove(at.desk, at.app, at.route.id),
            relays.remove(at.desk, at.relay),
            users.remove(at.desk, at.user),
            keys.remove(at.desk, at.key),
            apps.remove(at.desk, at.app),
        ):
            await remove

        texts = [
            *(RELAY_PASSWORD, NEXT_PASSWORD, USER_PASSWORD, NEXT_USER_PASSWORD),
            *(SIGNATURE, rotated.signature, made.password, again.password),
            *(at.key_secret, key.secret, *(row[0] for row in stored), "hash of"),
        ]
        octets = [bytes(row[0]) for row in sealed] + [at.key.digest, key.key.digest]
        texts += [each.hex() for each in octets]
        texts += [base64.b64encode(each).decode().rstrip("=") for each in octets]
        kept = await at.database.read("SELECT * FROM audit")
        told = repr(kept) + canonical([as_object(each) for each in await at.entries()])

        assert len(texts) > 20
        assert [text for text in texts if text in told or text.lower() in told] == []
        assert "***" in told

    seated(place, work)


def test_the_first_start_is_noted_as_done_by_the_system(place: Place) -> None:
    async def run() -> None:
        database = await place.open()
        passwords = Passwords()
        try:
            desk = Desk(DirectoryStore(database), passwords, actor=KIM)
            assert await first_operator(DirectoryStore(database), passwords, desk.clock)

            (entry,) = await AuditLog(database).entries(AuditFilter(), limit=10)
            assert (entry.actor, entry.action) == ("system", "operator.create")
            assert entry.changes["password_hash"] == (None, "***")
        finally:
            passwords.close()
            await database.aclose()

    asyncio.run(run())
