"""What an operator does with developers, apps, users, keys and operators."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.operations.desk_in_memory import NOW, desk_in_memory

from postroad.errors import ConflictError, NotFoundError, SettingsError
from postroad.message import Address
from postroad.operations.administration import apps, developers, keys, operators, users
from postroad.operations.administration.desk import Desk
from postroad.tenancy.keys import digest
from postroad.tenancy.passwords import password_form
from postroad.tenancy.records import (
    AppState,
    DeveloperState,
    InDoubtPolicy,
    Mode,
    Scope,
    SendMode,
    UserState,
)


def test_a_developer_is_found_by_name_and_changed() -> None:
    desk, _ = desk_in_memory()

    async def scene() -> None:
        made = await developers.create(desk, "Dana", paid_until="2026-12-31")
        changed = await developers.update(desk, "Dana", state="disabled", paid_until="")

        assert made.paid_until == datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)
        assert changed == replace(made, state=DeveloperState.DISABLED, paid_until=None)
        assert await developers.find(desk, made.id) == changed

    asyncio.run(scene())


def test_two_of_one_name_have_to_be_told_apart_by_id() -> None:
    desk, _ = desk_in_memory()

    async def scene() -> None:
        first = await developers.create(desk, "Dana")
        second = await developers.create(desk, "Dana")

        with pytest.raises(ConflictError, match=f"{first.id}, {second.id}"):
            await developers.find(desk, "Dana")

    asyncio.run(scene())


def test_a_new_app_has_ten_digits_a_signature_and_a_key_that_sends_and_reads() -> None:
    desk, shelves = desk_in_memory()

    made = asyncio.run(apps.create(desk, "demo"))

    app = made.app
    assert app.id.isdecimal()
    assert len(app.id) == 10
    assert len(app.signature) == 32
    assert made.secret.startswith("pr_")
    assert made.key.digest == digest(made.secret)
    assert made.key.scopes == (Scope.SEND, Scope.READ)
    assert made.key.app_id == app.id
    assert (app.mode, app.send, app.tokens) == (Mode.CAPTURE, SendMode.SYNC, True)
    assert shelves.apps.kept == {app.id: app}
    assert app.signature not in repr(made)
    assert made.secret not in repr(made)


def test_every_field_of_an_app_can_be_given() -> None:
    desk, _ = desk_in_memory()

    async def scene() -> None:
        owner = await developers.create(desk, "Dana")
        made = await apps.create(
            desk,
            "demo",
            developer="Dana",
            state="under_review",
            stop_prompt="나중에",
            tokens=False,
            account_min=4,
            account_max=10,
            interval_s=0,
            window="session",
            send="queued",
            mode="allow-list",
            in_doubt="hold",
            time_limit_s=5,
            token_days=30,
            from_="Bo <bo@b.example>",
            senders=["news@b.example", "@c.example"],
            allow_list=["@b.example"],
            cors_origins=["https://b.example"],
            language="ko",
        )

        app = made.app
        assert app.developer_id == owner.id
        assert app.state is AppState.UNDER_REVIEW
        assert app.from_ == Address("bo@b.example", "Bo")
        assert app.senders == ("news@b.example", "@c.example")
        assert app.in_doubt is InDoubtPolicy.HOLD
        assert app.time_limit_s == 5.0
        assert (await apps.update(desk, "demo", in_doubt="", developer="", from_="")) == replace(
            app, in_doubt=None, developer_id=None, from_=None
        )

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": ""}, "name is blank"),
        ({"interval_s": 86_401}, "interval_s is a whole number from 0 to 86,400"),
        ({"account_min": 0}, "account_min is a whole number from 1 to 64"),
        ({"account_max": 65}, "account_max is a whole number from 1 to 64"),
        ({"account_min": 19}, "account_min is 19, more than account_max, 18"),
        ({"mode": "on"}, "mode is capture, allow-list or live"),
        ({"from_": "Bo"}, "from: 'Bo' is not a mailbox: no @"),
        ({"senders": ["b.example"]}, "senders: "),
        ({"cors_origins": ["b.example"]}, "cors_origins: "),
        ({"language": "fr"}, "language is ko, zh or en"),
        ({"token_days": 0}, "token_days"),
        ({"tokens": "on"}, "tokens is true or false"),
        ({"colour": "red"}, "there is no field 'colour'"),
    ],
)
def test_what_an_app_cannot_have_is_refused_and_nothing_is_stored(
    changes: dict[str, Any], said: str
) -> None:
    desk, shelves = desk_in_memory()
    app = asyncio.run(apps.create(desk, "demo")).app

    with pytest.raises(SettingsError) as refused:
        asyncio.run(apps.update(desk, app.id, **changes))

    assert said in str(refused.value)
    assert shelves.apps.kept == {app.id: app}


def test_an_app_of_a_developer_nobody_knows_is_refused() -> None:
    desk, shelves = desk_in_memory()

    with pytest.raises(NotFoundError, match="there is no developer 'Nobody'"):
        asyncio.run(apps.create(desk, "demo", developer="Nobody"))

    assert not shelves.apps.kept


def test_a_taken_appid_is_not_given_again() -> None:
    desk, _ = desk_in_memory()
    octets = iter([bytes(16), b"\1" * 16, bytes(32), bytes(16), bytes(16), b"\2" * 16, b"\3" * 32])
    desk = replace(desk, random=lambda _: next(octets))

    async def scene() -> None:
        first = await apps.create(desk, "first")
        second = await apps.create(desk, "second")

        assert first.app.id != second.app.id

    asyncio.run(scene())


@pytest.mark.parametrize(("overlap", "counts_until"), [(7, NOW + timedelta(days=7)), (0, None)])
def test_the_old_signature_counts_as_long_as_is_said(
    overlap: int, counts_until: datetime | None
) -> None:
    desk, _ = desk_in_memory()
    app = asyncio.run(apps.create(desk, "demo")).app

    turned = asyncio.run(apps.rotate_signature(desk, "demo", overlap=timedelta(days=overlap)))

    assert turned.signature != app.signature
    assert turned.old_signature == (app.signature if overlap else None)
    assert turned.old_signature_until == counts_until


def test_an_overlap_of_years_is_refused() -> None:
    desk, _ = desk_in_memory()
    asyncio.run(apps.create(desk, "demo"))

    with pytest.raises(SettingsError, match="overlap: from 0 to 365 days"):
        asyncio.run(apps.rotate_signature(desk, "demo", overlap=timedelta(days=366)))


def test_a_user_logs_in_with_the_password_and_with_its_md5() -> None:
    desk, _ = desk_in_memory()

    async def scene() -> None:
        app = (await apps.create(desk, "demo")).app
        user = await users.create(desk, app, "12345678", "abc123", nickname="보", qq="10001")
        again = await users.update(desk, app, "12345678", password=password_form("abc123").upper())

        assert user.password_hash == f"hash of {password_form('abc123')}"
        assert again.password_hash == user.password_hash
        assert (user.nickname, user.qq, user.state) == ("보", "10001", UserState.NORMAL)

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("account", "password", "said"),
    [
        ("bo", "abc123", "2 characters; the app demo takes 6 to 18"),
        ("x" * 19, "abc123", "19 characters"),
        ("b o b o", "abc123", "account: 2 to 64 ASCII letters and digits"),
        ("１２３４５６", "abc123", "account: 2 to 64 ASCII letters and digits"),
        ("123456", "", "password: 1 to 128 ASCII letters and digits"),
        ("123456", "se cret", "password: 1 to 128 ASCII letters and digits"),
    ],
)
def test_a_user_whom_the_doors_would_not_let_in_is_refused(
    account: str, password: str, said: str
) -> None:
    desk, shelves = desk_in_memory()

    async def scene() -> str:
        app = (await apps.create(desk, "demo")).app
        with pytest.raises(SettingsError) as refused:
            await users.create(desk, app, account, password)
        assert not shelves.users(app.id).kept
        return str(refused.value)

    told = asyncio.run(scene())

    assert said in told
    assert not password or password not in told


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"qq": "012345"}, "qq: a QQ number"),
        ({"email": "Bo <bo@b.example>"}, "email: "),
        ({"nickname": "a\nb"}, "nickname: "),
        ({"state": "gone"}, "state is normal or disabled"),
    ],
)
def test_what_a_user_cannot_have_is_refused(changes: dict[str, Any], said: str) -> None:
    desk, _ = desk_in_memory()

    async def scene() -> None:
        app = (await apps.create(desk, "demo")).app
        await users.create(desk, app, "123456", "abc123")
        with pytest.raises(SettingsError, match=said):
            await users.update(desk, app, "123456", **changes)

    asyncio.run(scene())


def test_a_user_of_another_app_is_not_found() -> None:
    desk, _ = desk_in_memory()

    async def scene() -> None:
        mine = (await apps.create(desk, "mine")).app
        other = (await apps.create(desk, "other")).app
        user = await users.create(desk, mine, "123456", "abc123")
        for reference in (user.account, user.id):
            with pytest.raises(NotFoundError):
                await users.find(desk, other, reference)

    asyncio.run(scene())


def test_a_key_is_found_by_its_beginning_and_disabled() -> None:
    desk, _ = desk_in_memory()

    async def scene() -> None:
        app = (await apps.create(desk, "demo")).app
        desk.directory.keys(app.id).kept.clear()  # type: ignore[attr-defined]
        made = await keys.create(
            desk,
            app,
            scopes=["manage"],
            expires_at="2027-01-01",
            addresses=["192.0.2.7"],
        )
        found = await keys.update(desk, [app], made.key.hint, is_disabled=True)

        assert made.key.name == "key of 2026-03-01"
        assert made.key.scopes == (Scope.MANAGE,)
        assert made.key.addresses == ("192.0.2.7/32",)
        assert made.secret.startswith(made.key.hint)
        assert found == replace(made.key, is_disabled=True)

    asyncio.run(scene())


def test_a_key_that_has_expired_before_it_is_made_is_refused() -> None:
    desk, _ = desk_in_memory()

    async def scene() -> None:
        app = (await apps.create(desk, "demo")).app
        with pytest.raises(SettingsError, match="expires_at is past"):
            await keys.create(desk, app, expires_at="2026-02-28")

    asyncio.run(scene())


def one_time(desk: Desk, name: str = "") -> operators.OneTime:
    return asyncio.run(operators.reset(desk, name))


def test_where_there_is_no_operator_a_reset_makes_the_first() -> None:
    desk, shelves = desk_in_memory()

    made = one_time(desk)

    assert made.operator.name == "operator"
    assert made.operator.is_setup
    assert shelves.operators.kept[made.operator.id].password_hash == f"hash of {made.password}"
    assert made.password not in repr(made)


def test_a_reset_replaces_the_password_of_the_only_operator() -> None:
    desk, shelves = desk_in_memory()
    first = one_time(desk)
    asyncio.run(shelves.operators.change(first.operator.id, is_setup=False))

    second = one_time(desk)

    assert second.password != first.password
    assert second.operator.id == first.operator.id
    assert second.operator.is_setup
    assert second.operator.password_hash == f"hash of {second.password}"


def test_of_several_operators_one_has_to_be_named() -> None:
    desk, shelves = desk_in_memory()
    first = one_time(desk).operator
    asyncio.run(shelves.operators.add(replace(first, id="id-9", name="ops")))

    with pytest.raises(ConflictError, match="say which, operator or ops"):
        one_time(desk)
    assert one_time(desk, "ops").operator.id == "id-9"
    with pytest.raises(NotFoundError, match="there is no operator 'nobody'"):
        one_time(desk, "nobody")


def test_a_one_time_password_has_120_bits_in_groups() -> None:
    assert operators.new_password(bytes(15)) == "-".join(["aaaaaa"] * 4)
    assert len(set(operators.new_password(bytes(range(15))))) > 8
