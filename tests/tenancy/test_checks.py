"""What the checks say beyond their order: texts, times, what is asked and what is told."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from types import FrameType
from typing import Any

import pytest
from tests.tenancy.world import (
    ACCOUNT,
    NOW,
    PASSWORD,
    SIGNATURE,
    TOKEN,
    WITH_PASSWORD,
    WITH_TOKEN,
    World,
    app,
    developer,
    relay,
    request,
    token,
    user,
)

from postroad.message import Address
from postroad.tenancy.checks import (
    Check,
    ChooseRelay,
    FindToken,
    FindUser,
    Granted,
    Refusal,
    Request,
    TestPassword,
    may_send,
    who_asks,
)
from postroad.tenancy.records import AppState, Mode

SECOND = timedelta(seconds=1)


def send(asking: Request, world: World | None = None) -> Granted | Refusal:
    return (world or World()).drive(may_send(asking, NOW))


def refused(asking: Request, world: World | None = None) -> Refusal:
    answer = send(asking, world)
    assert isinstance(answer, Refusal)
    return answer


def without_tokens(**fields: Any) -> World:
    return World(app=app(tokens=False, **fields))


CONTROLS = ["\0", "\t", "\n", "\r", "\x1b", "\x7f", "\x85", "\x9f", "\u2028", "\u2029", "\ud800"]


@pytest.mark.parametrize("control", CONTROLS, ids=ascii)
def test_a_control_character_is_illegal_in_every_parameter_but_three(control: str) -> None:
    text = f"a{control}b"

    found = {name: refused(request(WITH_TOKEN, **{name: text})) for name in ("title", "token")}
    of_signature = refused(request(WITH_TOKEN, signature=f"{SIGNATURE}{control}"))
    of_mail = refused(request(WITH_TOKEN, mail=f"bo@c.example{control}"))

    assert {name: (r.check, r.parameter) for name, r in found.items()} == {
        "title": (Check.ILLEGAL, "title"),
        "token": (Check.ILLEGAL, "token"),
    }
    assert of_signature.check is Check.SIGNATURE
    assert of_mail.check is Check.ADDRESS


@pytest.mark.parametrize("control", CONTROLS, ids=ascii)
def test_content_may_hold_every_character_but_nul_and_half_a_surrogate(control: str) -> None:
    answer = send(request(WITH_TOKEN, content=f"a{control}b"))

    if control in "\0\ud800":
        assert isinstance(answer, Refusal)
        assert (answer.check, answer.parameter) == (Check.ILLEGAL, "content")
    else:
        assert isinstance(answer, Granted)


def test_the_first_of_several_parameters_is_named() -> None:
    asking = request(WITH_TOKEN, title="a\nb", token="\n")

    assert refused(asking).parameter == "title"
    assert refused(replace(asking, repeated=("token", "content"))).parameter == "content"
    assert refused(Request({})).parameter == "appid"


def test_a_blank_parameter_of_the_other_mode_was_not_given() -> None:
    assert isinstance(send(request(WITH_TOKEN, user=" ", pass_="")), Granted)
    assert isinstance(send(request(WITH_PASSWORD, token="\u3000"), without_tokens()), Granted)


def test_nothing_is_taken_off_what_was_given() -> None:
    assert refused(request(WITH_TOKEN, appid=" 1000000001")).check is Check.APP_UNKNOWN
    assert refused(request(WITH_TOKEN, signature=f"{SIGNATURE} ")).check is Check.SIGNATURE
    assert refused(request(WITH_TOKEN, mail=" bo@c.example")).check is Check.ADDRESS
    assert refused(request(WITH_TOKEN, token=f"{TOKEN} ")).check is Check.TOKEN_INVALID


@pytest.mark.parametrize(
    "appid", ["1" * 9, "1" * 11, "1" * 1_900_000, "１" * 10, "١" * 10, "100000000a", " 000000001"]
)
def test_nobody_is_asked_for_an_app_whose_id_cannot_be_one(appid: str) -> None:
    world = World()

    answer = world.drive(may_send(request(WITH_TOKEN, appid=appid), NOW))
    found = world.drive(who_asks(request(WITH_TOKEN, appid=appid), NOW))

    assert isinstance(answer, Refusal)
    assert answer.check is Check.APP_UNKNOWN
    assert found is None
    assert world.asked == []


def test_the_old_signature_counts_until_its_time() -> None:
    rotated = app(signature="9" * 32, old_signature=SIGNATURE, old_signature_until=NOW + SECOND)

    during = send(Request(WITH_TOKEN), World(app=rotated))
    after = send(Request(WITH_TOKEN), World(app=replace(rotated, old_signature_until=NOW)))
    for_ever = send(Request(WITH_TOKEN), World(app=replace(rotated, old_signature_until=None)))

    assert isinstance(during, Granted)
    assert [answer.check for answer in (after, for_ever) if isinstance(answer, Refusal)] == [
        Check.SIGNATURE,
        Check.SIGNATURE,
    ]


def test_an_app_without_a_signature_is_signed_by_nothing() -> None:
    world = World(app=app(signature="", old_signature="", old_signature_until=NOW + SECOND))
    undecodable = Request(
        {name: text for name, text in WITH_TOKEN.items() if name != "signature"},
        undecodable=("signature",),
    )

    assert refused(undecodable, world).check is Check.SIGNATURE
    assert refused(request(WITH_TOKEN, signature="\0" * 32), world).check is Check.SIGNATURE


def test_a_signature_beyond_ascii_is_wrong_and_no_error() -> None:
    assert refused(request(WITH_TOKEN, signature="签名" * 16)).check is Check.SIGNATURE


def compared(world: World, asking: Request) -> tuple[int, list[str]]:
    """Return how often octets were compared in constant time, and what was asked."""
    count = 0

    def watch(frame: FrameType, event: str, called: Any) -> None:
        nonlocal count
        count += event == "c_call" and getattr(called, "__name__", "") == "compare_digest"

    checks = may_send(asking, NOW)
    sys.setprofile(watch)
    try:
        world.drive(checks)
    finally:
        sys.setprofile(None)
    return count, world.questions


def test_an_unknown_app_and_a_wrong_signature_take_the_same_path() -> None:
    unknown = compared(World(app=None), Request(WITH_TOKEN))
    wrong = compared(World(), request(WITH_TOKEN, signature="f" * 32))
    rotated = app(old_signature="9" * 32, old_signature_until=NOW + SECOND)
    wrong_of_two = compared(World(app=rotated), request(WITH_TOKEN, signature="f" * 32))

    assert unknown == wrong == wrong_of_two == (2, ["FindApp"])


def test_an_unknown_user_costs_the_same_password_test_as_a_known_one() -> None:
    known, unknown = without_tokens(), without_tokens()
    wrong = request(WITH_PASSWORD, pass_="Wrong123")

    of_known = refused(wrong, known)
    of_unknown = refused(replace(wrong, values={**wrong.values, "user": "13900139000"}), unknown)

    assert (of_known.check, of_unknown.check) == (Check.PASSWORD_WRONG, Check.USER_UNKNOWN)
    assert known.questions == unknown.questions
    assert unknown.asked[-1] == TestPassword(None, "Wrong123")


def test_a_login_that_has_to_wait_costs_no_password_test() -> None:
    world = without_tokens()
    world.delay = 4

    refusal = refused(Request(WITH_PASSWORD), world)

    assert (refusal.check, refusal.seconds) == (Check.TOO_SOON, 4)
    assert not {"FindUser", "TestPassword"} & {*world.questions}


def test_a_user_is_looked_for_inside_the_app() -> None:
    with_password, with_token = without_tokens(), World()

    send(Request(WITH_PASSWORD), with_password)
    send(Request(WITH_TOKEN), with_token)

    assert FindUser("1000000001", ACCOUNT) in with_password.asked
    assert all(
        question.app_id == "1000000001"
        for question in with_token.asked
        if isinstance(question, FindToken)
    )


@pytest.mark.parametrize("text", ["x", TOKEN[:-1], TOKEN + "0", TOKEN.upper(), "令" * 64])
def test_what_is_no_token_by_its_form_is_not_looked_up(text: str) -> None:
    world = World()

    assert refused(request(WITH_TOKEN, token=text), world).check is Check.TOKEN_INVALID
    assert "FindToken" not in world.questions


def test_a_token_is_looked_up_by_its_digest_and_counts_until_it_expires() -> None:
    last = World(token=token(expires_at=NOW + SECOND))
    over = World(token=token(expires_at=NOW))

    assert isinstance(send(Request(WITH_TOKEN), last), Granted)
    assert refused(Request(WITH_TOKEN), over).check is Check.TOKEN_INVALID
    assert TOKEN not in repr(last.asked)


@pytest.mark.parametrize(("length", "is_granted"), [(5, False), (6, True), (18, True), (19, False)])
def test_the_limits_of_an_account_are_inside(length: int, is_granted: bool) -> None:
    account = "1" * length
    world = World(app=app(tokens=False), user=user(account=account))

    answer = send(request(WITH_PASSWORD, user=account), world)

    assert isinstance(answer, Granted) is is_granted
    if isinstance(answer, Refusal):
        assert (answer.check, answer.low, answer.high) == (Check.ACCOUNT_LENGTH, 6, 18)


@pytest.mark.parametrize(
    "account", ["138001380a0", "１３８００１３８", "13800138²", "٣٣٣٣٣٣", " 138001"]
)
def test_an_account_that_sends_has_ascii_digits_only(account: str) -> None:
    answer = refused(request(WITH_PASSWORD, user=account), without_tokens())

    assert answer.check is Check.ACCOUNT_DIGITS


@pytest.mark.parametrize("password", ["a b", "abc!", "密码", "ａｂｃ", "a" * 129])
def test_a_password_has_ascii_letters_and_digits_only(password: str) -> None:
    answer = refused(request(WITH_PASSWORD, pass_=password), without_tokens())

    assert answer.check is Check.PASSWORD_FORMAT


def test_a_password_of_128_characters_is_tried() -> None:
    answer = refused(request(WITH_PASSWORD, pass_="a" * 128), without_tokens())

    assert answer.check is Check.PASSWORD_WRONG


@pytest.mark.parametrize(
    "mail",
    [
        *("first.last@c.example", "a+b@c.example", '"a b"@c.example', "bo@예시.example"),
        *("보@c.example", "bo@[192.0.2.1]"),
    ],
)
def test_every_valid_mailbox_is_taken(mail: str) -> None:
    answer = send(request(WITH_TOKEN, mail=mail))

    assert isinstance(answer, Granted)
    assert answer.address == Address(mail)


@pytest.mark.parametrize(
    "mail",
    [
        *("bo", "bo@", "@c.example", "Bo <bo@c.example>", "<bo@c.example>", "bo@c.example."),
        *("bo@c.example,cy@c.example", "bo@c.example;cy@c.example", "bo@c.example bo@d.example"),
        *(
            "bo@c.example ",
            "bo@192.0.2.1",
            "bo@@c.example",
            "bo@-c.example",
            "a" * 65 + "@c.example",
        ),
        *("bo@c.example\r\nBcc: cy@c.example", "bo\u202e@c.example"),
    ],
)
def test_what_is_not_exactly_one_mailbox_is_refused(mail: str) -> None:
    assert refused(request(WITH_TOKEN, mail=mail)).check is Check.ADDRESS


def test_an_app_needs_no_developer() -> None:
    world = World(app=app(developer_id=None))

    assert isinstance(send(Request(WITH_TOKEN), world), Granted)
    assert "FindDeveloper" not in world.questions


@pytest.mark.parametrize(
    ("paid_until", "overdue"),
    [
        (None, None),
        (NOW, None),
        (NOW - SECOND, SECOND),
        (NOW - timedelta(days=1), timedelta(days=1)),
    ],
)
def test_a_developer_is_overdue_after_the_time_paid_for(
    paid_until: datetime | None, overdue: timedelta | None
) -> None:
    answer = send(Request(WITH_TOKEN), World(developer=developer(paid_until=paid_until)))

    if overdue is None:
        assert isinstance(answer, Granted)
    else:
        assert isinstance(answer, Refusal)
        assert (answer.check, answer.overdue) == (Check.DEVELOPER_OVERDUE, overdue)


def test_a_stopped_app_says_its_own_prompt() -> None:
    world = World(app=app(state=AppState.STOPPED, stop_prompt="本应用已迁移"))

    assert refused(Request(WITH_TOKEN), world).prompt == "本应用已迁移"


def test_the_relay_is_asked_for_last_and_given_to_the_send() -> None:
    world = World()

    answer = send(Request(WITH_TOKEN), world)

    assert isinstance(answer, Granted)
    assert answer.relay == relay()
    assert isinstance(world.asked[-1], ChooseRelay)


def test_a_recipient_off_the_allow_list_is_captured() -> None:
    listed = app(mode=Mode.ALLOW_LIST, allow_list=("@c.example",))

    on_it = send(Request(WITH_TOKEN), World(app=listed))
    off_it = send(request(WITH_TOKEN, mail="bo@d.example"), World(app=listed, relay=None))

    assert [answer.is_captured for answer in (on_it, off_it) if isinstance(answer, Granted)] == [
        False,
        True,
    ]


@pytest.mark.parametrize(
    ("change", "is_known"),
    [
        (lambda good: good, True),
        (lambda good: replace(good, repeated=("title",), undecodable=("mail",)), True),
        (lambda good: Request({"appid": "1000000001", "signature": SIGNATURE}), True),
        (lambda good: Request({"appid": "1000000001", "signature": "f" * 32}), False),
        (lambda good: Request({"appid": "1000000002", "signature": SIGNATURE}), False),
        (lambda good: Request({"appid": "1000000001"}), False),
        (lambda good: Request({"signature": SIGNATURE}), False),
        (lambda good: replace(good, repeated=("appid",)), False),
        (lambda good: replace(good, repeated=("signature",)), False),
        (lambda good: replace(good, undecodable=("appid",)), False),
        (lambda good: replace(good, undecodable=("signature",)), False),
        (lambda good: Request({"appid": "\ud800", "signature": SIGNATURE}), False),
    ],
)
def test_who_asks_is_known_by_app_and_signature_alone(
    change: Callable[[Request], Request], is_known: bool
) -> None:
    world = World()

    found = world.drive(who_asks(change(Request(WITH_TOKEN)), NOW))

    assert found == (world.app if is_known else None)


def test_nothing_secret_is_in_what_the_values_show() -> None:
    world = without_tokens()

    answer = send(Request(WITH_PASSWORD), world)
    shown = repr((Request(WITH_PASSWORD), world.asked, answer, refused(Request(WITH_TOKEN), world)))

    assert not [secret for secret in (PASSWORD, SIGNATURE, TOKEN, "argon2") if secret in shown]
