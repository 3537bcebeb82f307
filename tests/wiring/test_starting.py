"""What a start makes, once; what health says of the database; one server for a folder."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.core import Office, in_office, with_core
from tests.support.folders import open_folder

from postroad.errors import StorageError
from postroad.operations.first_start import first_operator
from postroad.operations.sending import Sent
from postroad.settings import Listen, Settings
from postroad.storage.folder import DataFolder
from postroad.storage.sqlite.migrate import migrate
from postroad.telemetry.metrics import Metrics
from postroad.tenancy.checks import Request
from postroad.wiring import installation, migrated, serve
from postroad.wiring.core import now
from postroad.wiring.demo import FILE, Demo, demo
from postroad.wiring.health import ServiceHealth
from postroad.wiring.watch import Watch


def in_turn(*works: Callable[[Office], Awaitable[None]]) -> None:
    """Do each piece of work in a process' life of its own, on one folder."""
    with open_folder() as folder:
        migrate(folder / "postroad.db")
        for work in works:
            asyncio.run(with_core(folder, work))


# The first operator


def test_the_first_start_makes_an_operator_whose_password_is_told_once() -> None:
    told: list[str | None] = []

    async def start(office: Office) -> None:
        core = office.core
        told.append(await first_operator(core.directory, core.passwords, now))
        (operator,) = await core.directory.operators.list()
        assert operator.is_setup
        assert await core.passwords.verify(operator.password_hash, told[0] or "")
        assert not await core.passwords.verify(operator.password_hash, "")

    in_turn(start, start)

    assert told[0]
    assert len(told[0]) >= 22  # 128 bits
    assert told[1] is None


def test_an_operator_who_chose_a_password_is_left_alone() -> None:
    async def work(office: Office) -> None:
        core = office.core
        await first_operator(core.directory, core.passwords, now)
        (operator,) = await core.directory.operators.list()
        chosen = await core.directory.operators.change(operator.id, is_setup=False)

        assert await first_operator(core.directory, core.passwords, now) is None
        assert await core.directory.operators.list() == [chosen]

    in_office(work)


# The demo


def test_a_second_start_shows_the_same_demo_with_another_token() -> None:
    shown: list[Demo] = []

    async def start(office: Office) -> None:
        shown.append(await demo(office.core, office.folder))
        assert len(await office.core.directory.apps.list()) == 2

    in_turn(start, start)

    first, second = shown
    assert replace(second.with_tokens, token="") == replace(first.with_tokens, token="")
    assert first.with_tokens.token != second.with_tokens.token
    assert second.without_tokens == first.without_tokens


def test_the_demo_sends_its_first_mail_in_both_ways_and_nothing_leaves() -> None:
    async def work(office: Office) -> None:
        shown = await demo(office.core, office.folder)
        mail = {"mail": "bo@b.example", "title": "title", "content": "content"}
        on, off = shown.with_tokens, shown.without_tokens
        proofs = ((on, {"token": on.token}), (off, {"user": off.account, "pass": off.password}))

        for app, proof in proofs:
            for _ in range(2):
                values = {"appid": app.appid, "signature": app.signature} | mail | proof
                sent = await office.core.nobase.send(Request(values), "session")

                assert isinstance(sent, Sent)
                assert sent.is_captured

    in_office(work)


def test_the_demos_secrets_are_its_owners_alone_and_in_no_repr() -> None:
    async def work(office: Office) -> None:
        shown = await demo(office.core, office.folder)

        assert stat.S_IMODE(shown.file.stat().st_mode) == 0o600
        kept = json.loads(shown.file.read_text("utf-8"))
        secrets = [kept[app][name] for app in kept for name in ("signature", "api_key", "password")]
        assert len(secrets) == 6
        assert not [
            secret for secret in [*secrets, shown.with_tokens.token] if secret in str(shown)
        ]

    in_office(work)


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"on": {}}', '{"on": 1, "off": 2}', "null"])
def test_a_damaged_file_of_the_demo_is_named_and_nothing_is_made_anew(damage: str) -> None:
    async def work(office: Office) -> None:
        (office.folder / FILE).write_text(damage, "utf-8")

        with pytest.raises(StorageError, match=FILE):
            await demo(office.core, office.folder)

        assert await office.core.directory.apps.list() == []

    in_office(work)


def test_a_demo_begun_anew_leaves_the_one_before_it_alone() -> None:
    async def work(office: Office) -> None:
        await demo(office.core, office.folder)
        (office.folder / FILE).unlink()
        await demo(office.core, office.folder)
        names.extend(each.name for each in await office.core.directory.apps.list())

    names: list[str] = []
    in_office(work)

    assert sorted(names) == ["demo", "demo-2", "demo-off", "demo-off-2"]


def test_a_demo_whose_database_is_another_says_what_to_do() -> None:
    with open_folder() as folder:

        async def first(office: Office) -> None:
            await demo(office.core, folder)

        async def second(office: Office) -> None:
            with pytest.raises(StorageError, match=f"remove {FILE}"):
                await demo(office.core, folder)

        in_office(first)
        in_office(second)


def test_the_demo_writes_through_no_link() -> None:
    async def work(office: Office) -> None:
        target = office.folder / "target"
        (office.folder / FILE).symlink_to(target)

        with pytest.raises(StorageError):
            await demo(office.core, office.folder)

        assert not target.exists()

    in_office(work)


# Health


def health_of(office: Office) -> ServiceHealth:
    core = office.core
    return ServiceHealth(core.database, core.tenants, core.queue, Metrics(), Watch())


def test_a_service_that_can_commit_is_ready_until_it_stops() -> None:
    async def work(office: Office) -> None:
        health = health_of(office)

        assert await health.is_ready() == ""
        health.stop()

        assert await health.is_ready() == "service: stopping"

    in_office(work)


def test_a_service_that_cannot_commit_is_not_ready_and_says_no_more_than_that() -> None:
    async def work(office: Office) -> None:
        health = health_of(office)
        await office.core.database.aclose()

        assert await health.is_ready() == "storage: nothing can be written"

    in_office(work)


def test_the_origins_of_an_unknown_app_are_any() -> None:
    async def work(office: Office) -> None:
        app = await office.add_app(cors_origins=("https://a.example",))
        health = health_of(office)

        assert await health.cors_origins(app.id) == ("https://a.example",)
        assert await health.cors_origins("1000000000") == ("*",)
        assert await health.cors_origins("") == ("*",)

    in_office(work)


# The folder


def test_a_second_server_on_a_folder_refuses_and_touches_nothing() -> None:
    with open_folder() as folder, DataFolder(folder).serving():
        with pytest.raises(StorageError, match="in use by another server"):
            serve(Settings(data_dir=folder, listen=Listen("127.0.0.1", 0)), lambda _: None)

        assert sorted(path.name for path in folder.iterdir()) == ["lock", "postroad.db-lock"]


def test_a_command_needs_a_database_and_works_beside_a_server() -> None:
    async def names(settings: Settings) -> list[str]:
        async with installation(settings) as opened:
            return [app.name for app in await opened.directory.apps.list()]

    with open_folder() as folder:
        settings = Settings(data_dir=folder)
        with pytest.raises(StorageError, match="does not exist yet"):
            asyncio.run(names(settings))
        assert migrated(settings)
        assert not migrated(settings)

        async def server(office: Office) -> list[str]:
            await office.add_app()
            return await names(settings)

        assert asyncio.run(with_core(folder, server)) == ["demo"]


def test_a_database_elsewhere_is_found_by_its_setting() -> None:
    with open_folder() as folder:
        (folder / "data").mkdir()
        file = folder / "elsewhere.db"
        settings = Settings(data_dir=folder / "data", database=f"sqlite:///{file}")

        assert migrated(settings)

        assert file.exists()
        assert not Path(settings.data_dir / "postroad.db").exists()
