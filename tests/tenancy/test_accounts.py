"""Who may register, log in and bind an address."""

from __future__ import annotations

from typing import Any

import pytest
from tests.tenancy.world import (
    ACCOUNT,
    BINDING,
    LOGIN,
    NOW,
    PASSWORD,
    REGISTRATION,
    SIGNATURE,
    World,
    app,
    developer,
    request,
    user,
)

from postroad.message import Address
from postroad.tenancy.checks import (
    Check,
    Granted,
    Refusal,
    Request,
    may_bind_mail,
    may_login,
    may_register,
)
from postroad.tenancy.records import AppState, DeveloperState, UserState

DOORS = {
    "register": (may_register, REGISTRATION),
    "login": (may_login, LOGIN),
    "bind_mail": (may_bind_mail, BINDING),
}


def ask(door: str, asking: Request | None = None, world: World | None = None) -> Granted | Refusal:
    checks, good = DOORS[door]
    return (world or World()).drive(checks(asking or Request(good), NOW))


def check(door: str, asking: Request, world: World | None = None) -> Check:
    answer = ask(door, asking, world)
    assert isinstance(answer, Refusal)
    return answer.check


def test_a_new_account_may_be_registered() -> None:
    granted = ask("register")

    assert granted == Granted(app(), None, None, None, is_captured=False)


def test_a_user_may_log_in() -> None:
    granted = ask("login")

    assert granted == Granted(app(), user(), None, None, is_captured=False)


def test_an_address_may_be_bound_by_token_or_by_password() -> None:
    by_password = {**BINDING, "user": ACCOUNT, "pass": PASSWORD}
    del by_password["token"]
    world = World(app=app(tokens=False))

    granted = ask("bind_mail"), ask("bind_mail", Request(by_password), world)

    bound = Address("bo@c.example")
    assert granted == (
        Granted(app(), user(), bound, None, is_captured=False),
        Granted(app(tokens=False), user(), bound, None, is_captured=False),
    )


@pytest.mark.parametrize(
    ("door", "order"),
    [
        ("register", ["appid", "signature", "user", "pass", "nickname"]),
        ("login", ["appid", "user", "pass", "signature"]),
        ("bind_mail", ["appid", "mail", "signature"]),
    ],
)
def test_what_is_missing_is_named_in_the_order_of_the_door(door: str, order: list[str]) -> None:
    values = dict(DOORS[door][1])
    named = []

    for name in reversed(order):
        del values[name]
        refusal = ask(door, Request(values))
        assert isinstance(refusal, Refusal)
        assert refusal.check is Check.MISSING
        named.append(refusal.parameter)

    assert named == order[::-1]


@pytest.mark.parametrize("door", DOORS)
def test_app_and_developer_are_checked_at_every_door(door: str) -> None:
    good = Request(DOORS[door][1])
    worlds = {
        Check.APP_UNKNOWN: World(app=None),
        Check.SIGNATURE: World(app=app(signature="9" * 32)),
        Check.DEVELOPER_DISABLED: World(developer=developer(state=DeveloperState.DISABLED)),
        Check.DEVELOPER_OVERDUE: World(developer=developer(paid_until=user().created_at)),
        Check.APP_UNDER_REVIEW: World(app=app(state=AppState.UNDER_REVIEW)),
        Check.APP_STOPPED: World(app=app(state=AppState.STOPPED)),
    }

    assert [check(door, good, world) for world in worlds.values()] == [*worlds]


@pytest.mark.parametrize("door", ["register", "login"])
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"user": "user_123"}, Check.ACCOUNT_FORMAT),
        ({"user": "用户12345"}, Check.ACCOUNT_FORMAT),
        ({"user": "user1"}, Check.ACCOUNT_LENGTH),
        ({"user": "u" * 19}, Check.ACCOUNT_LENGTH),
        ({"pass": "päss"}, Check.PASSWORD_FORMAT),
        ({"pass": "p" * 129}, Check.PASSWORD_FORMAT),
        ({"user": "a\tb"}, Check.ILLEGAL),
        ({"user": "user_123", "pass": "päss"}, Check.ACCOUNT_FORMAT),
        ({"user": "user1", "pass": "päss"}, Check.ACCOUNT_LENGTH),
    ],
)
def test_accounts_have_letters_and_digits(
    door: str, change: dict[str, str], expected: Check
) -> None:
    assert check(door, Request({**DOORS[door][1], **change})) is expected


def test_a_user_with_letters_logs_in_and_cannot_send_by_password() -> None:
    world = World(app=app(tokens=False), user=user(account="user123456"))
    by_password = {**BINDING, "user": "user123456", "pass": PASSWORD}
    del by_password["token"]

    assert isinstance(ask("login", request(LOGIN, user="user123456"), world), Granted)
    assert check("bind_mail", Request(by_password), world) is Check.ACCOUNT_DIGITS


def test_an_account_is_registered_once() -> None:
    world = World(user=user(account="user123456"))

    assert check("register", Request(REGISTRATION), world) is Check.ACCOUNT_TAKEN


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"email": "bo@c.example"}, Address("bo@c.example")),
        ({"email": " "}, None),
        ({"qq": "10001"}, None),
        ({"email": "bo@"}, Check.ADDRESS),
        ({"email": "bo@c.example\n"}, Check.ADDRESS),
        ({"nickname": "a\nb"}, Check.ILLEGAL),
        ({"qq": "1\0"}, Check.ILLEGAL),
    ],
)
def test_what_a_new_user_may_add_is_checked(given: dict[str, str], expected: Any) -> None:
    answer = ask("register", Request({**REGISTRATION, **given}))

    found = answer.check if isinstance(answer, Refusal) else answer.address
    assert found == expected


@pytest.mark.parametrize(
    ("world", "expected"),
    [
        (World(delay=3), Check.TOO_SOON),
        (World(user=None), Check.USER_UNKNOWN),
        (World(user=user(state=UserState.DISABLED)), Check.USER_DISABLED),
    ],
)
def test_a_login_is_refused_for_its_reason(world: World, expected: Check) -> None:
    assert check("login", Request(LOGIN), world) is expected


def test_a_disabled_user_learns_it_with_the_right_password_only() -> None:
    world = World(user=user(state=UserState.DISABLED))

    assert check("login", request(LOGIN, pass_="Other123"), world) is Check.PASSWORD_WRONG


def test_a_login_of_an_unknown_user_costs_the_same_password_test() -> None:
    known, unknown = World(), World(user=None)

    check("login", request(LOGIN, pass_="Other123"), known)
    check("login", request(LOGIN, pass_="Other123"), unknown)

    assert known.questions == unknown.questions
    assert known.questions[-1] == "TestPassword"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({**BINDING, "mail": "bo"}, Check.ADDRESS),
        ({**BINDING, "user": "1"}, Check.BOTH_GIVEN),
        ({**BINDING, "token": " "}, Check.TOKEN_MISSING),
        ({**BINDING, "token": "0" * 64}, Check.TOKEN_INVALID),
        ({**BINDING, "signature": SIGNATURE[::-1]}, Check.SIGNATURE),
    ],
)
def test_binding_an_address_is_checked_like_a_send(values: dict[str, str], expected: Check) -> None:
    assert check("bind_mail", Request(values)) is expected


def test_a_parameter_of_another_door_does_not_count() -> None:
    asking = Request({**LOGIN, "title": "\0"}, repeated=("mail",), undecodable=("content",))

    assert isinstance(ask("login", asking), Granted)
