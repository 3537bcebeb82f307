"""Each check of a send wins over every later one: all pairs that can be violated at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from tests.tenancy.world import (
    NOW,
    TOKEN,
    WITH_PASSWORD,
    WITH_TOKEN,
    World,
    app,
    developer,
    token,
    user,
)

from postroad.tenancy.checks import Check, Granted, Refusal, Request, may_send
from postroad.tenancy.records import AppState, DeveloperState, Mode, UserState

ABSENT = None


@dataclass(frozen=True)
class Violation:
    """One way to fail a check; two that set the same thing cannot be had at once.

    values: what is given instead, ABSENT for nothing.
    world:  what is the case instead, `record.field` or a whole record.
    """

    check: Check
    parameter: str = ""
    values: dict[str, str | None] = field(default_factory=dict)
    repeated: str = ""
    undecodable: str = ""
    world: dict[str, Any] = field(default_factory=dict)
    name: str = ""

    def __str__(self) -> str:
        return "-".join(filter(None, (self.check.value, self.parameter, self.name)))

    @property
    def slots(self) -> set[str]:
        slots = {*self.values, *self.world}
        if self.repeated:
            slots.add(f"repeated {self.repeated}")
        if self.undecodable:
            slots.add(self.undecodable)
        return slots


PARAMETERS = ("appid", "signature", "mail", "title", "content")
LATE = NOW - timedelta(days=1)


def repeated_and_illegal(parameters: tuple[str, ...]) -> Iterator[Violation]:
    for name in parameters:
        yield Violation(Check.REPEATED, name, repeated=name)
    for name in parameters:
        if name not in ("signature", "mail"):
            yield Violation(Check.ILLEGAL, name, values={name: "a\0b"}, name="control")
            yield Violation(Check.ILLEGAL, name, undecodable=name, name="undecodable")


# In the order of the checks.
COMMON = [
    *(Violation(Check.MISSING, name, values={name: ABSENT}, name="absent") for name in PARAMETERS),
    *(
        Violation(Check.MISSING, name, values={name: " \u3000"}, name="blank")
        for name in PARAMETERS
    ),
    Violation(Check.APP_UNKNOWN, values={"appid": "1000000002"}),
    Violation(Check.SIGNATURE, values={"signature": "f" * 32}, name="other"),
    Violation(Check.SIGNATURE, values={"signature": "a\nb"}, name="control"),
    Violation(Check.SIGNATURE, undecodable="signature", name="undecodable"),
    Violation(Check.DEVELOPER_DISABLED, world={"developer.state": DeveloperState.DISABLED}),
    Violation(Check.DEVELOPER_OVERDUE, world={"developer.paid_until": LATE}),
    Violation(Check.APP_UNDER_REVIEW, world={"app.state": AppState.UNDER_REVIEW}),
    Violation(Check.APP_STOPPED, world={"app.state": AppState.STOPPED}),
]
COMMON.sort(  # a blank parameter is as good as an absent one
    key=lambda each: PARAMETERS.index(each.parameter) if each.parameter else len(PARAMETERS)
)
END = [
    Violation(Check.USER_DISABLED, world={"user.state": UserState.DISABLED}),
    Violation(Check.ADDRESS, values={"mail": "bo@"}, name="no mailbox"),
    Violation(Check.ADDRESS, values={"mail": "bo@c.example\n"}, name="control"),
    Violation(Check.ADDRESS, undecodable="mail", name="undecodable"),
    Violation(Check.NO_RELAY, world={"relay": None}),
]
TOKENS_ON = [
    *repeated_and_illegal((*PARAMETERS, "token", "user", "pass")),
    *COMMON,
    Violation(Check.TOKEN_MISSING, values={"token": ABSENT}, name="absent"),
    Violation(Check.TOKEN_MISSING, values={"token": "  "}, name="blank"),
    Violation(Check.BOTH_GIVEN, values={"user": "13800138000"}, name="user"),
    Violation(Check.BOTH_GIVEN, values={"pass": "x"}, name="pass"),
    Violation(Check.TOKEN_INVALID, values={"token": "no-token"}, name="form"),
    Violation(Check.TOKEN_INVALID, values={"token": TOKEN.upper()}, name="upper case"),
    Violation(Check.TOKEN_INVALID, values={"token": "0" * 64}, name="unknown"),
    Violation(Check.TOKEN_INVALID, world={"token.expires_at": NOW}, name="expired"),
    Violation(Check.TOKEN_INVALID, world={"token.user_id": "u9"}, name="no user"),
    *END,
]
TOKENS_OFF = [
    *repeated_and_illegal((*PARAMETERS, "token", "user", "pass")),
    *COMMON,
    Violation(Check.LOGIN_MISSING, values={"user": ABSENT}, name="no user"),
    Violation(Check.LOGIN_MISSING, values={"pass": " "}, name="no pass"),
    Violation(Check.BOTH_GIVEN, values={"token": "x"}, name="token"),
    Violation(Check.ACCOUNT_DIGITS, values={"user": "user123"}, name="letters"),
    Violation(Check.ACCOUNT_DIGITS, values={"user": "１３８００１３８"}, name="full width"),
    Violation(Check.ACCOUNT_DIGITS, values={"user": "13800138²"}, name="superscript"),
    Violation(Check.ACCOUNT_LENGTH, world={"app.account_min": 30}, name="short"),
    Violation(Check.ACCOUNT_LENGTH, world={"app.account_max": 5}, name="long"),
    Violation(Check.PASSWORD_FORMAT, values={"pass": "пароль"}, name="letters"),
    Violation(Check.PASSWORD_FORMAT, values={"pass": "a" * 129}, name="long"),
    Violation(Check.TOO_SOON, world={"delay": 7}),
    Violation(Check.USER_UNKNOWN, values={"user": "13900139000"}),
    Violation(Check.PASSWORD_WRONG, values={"pass": "Other123"}),
    *END,
]
MODES = {
    "tokens on": (TOKENS_ON, True, WITH_TOKEN),
    "tokens off": (TOKENS_OFF, False, WITH_PASSWORD),
}


def run(mode: str, *violations: Violation) -> Granted | Refusal:
    """Return what the checks say of a request that would be granted but for `violations`."""
    _, tokens, good = MODES[mode]
    records: dict[str, Any] = {
        "app": app(tokens=tokens),
        "developer": developer(),
        "user": user(),
        "token": token(),
    }
    whole: dict[str, Any] = {}
    values = dict(good)
    for violation in violations:
        for name, text in violation.values.items():
            if text is ABSENT:
                values.pop(name, None)
            else:
                values[name] = text
        if violation.undecodable:
            values.pop(violation.undecodable, None)
        for slot, value in violation.world.items():
            record, _, attribute = slot.partition(".")
            if attribute:
                records[record] = replace(records[record], **{attribute: value})
            else:
                whole[record] = value
    asking = Request(
        values,
        tuple(each.repeated for each in violations if each.repeated),
        tuple(each.undecodable for each in violations if each.undecodable),
    )
    return World(**records | whole).drive(may_send(asking, NOW))


SINGLES = [
    pytest.param(mode, violation, id=f"{mode}: {violation}")
    for mode, (violations, _, _) in MODES.items()
    for violation in violations
]


@pytest.mark.parametrize("mode", MODES)
def test_a_request_that_violates_nothing_is_granted(mode: str) -> None:
    granted = run(mode)

    assert isinstance(granted, Granted)
    assert granted.user == user()
    assert granted.address is not None
    assert granted.address.path == "bo@c.example"
    assert granted.relay is not None
    assert not granted.is_captured


@pytest.mark.parametrize(("mode", "violation"), SINGLES)
def test_each_check_refuses_what_violates_it_alone(mode: str, violation: Violation) -> None:
    refusal = run(mode, violation)

    assert isinstance(refusal, Refusal)
    assert (refusal.check, refusal.parameter) == (violation.check, violation.parameter)


@pytest.mark.parametrize(("mode", "first"), SINGLES)
def test_each_check_wins_over_every_later_one(mode: str, first: Violation) -> None:
    violations = MODES[mode][0]
    later = [
        second
        for second in violations[violations.index(first) + 1 :]
        if first.slots.isdisjoint(second.slots)
    ]

    refusals = {str(second): run(mode, first, second) for second in later}

    wrong = {
        second: refusal
        for second, refusal in refusals.items()
        if not isinstance(refusal, Refusal)
        or (refusal.check, refusal.parameter) != (first.check, first.parameter)
    }
    assert not wrong


def test_every_check_of_a_send_has_its_row() -> None:
    of_other_doors = {Check.ACCOUNT_FORMAT, Check.ACCOUNT_TAKEN}
    of_the_message = {Check.TOO_LARGE, Check.OVER_LIMIT}  # when it is built and when it is stored

    ours = {*Check} - of_other_doors - of_the_message
    assert {each.check for each in (*TOKENS_ON, *TOKENS_OFF)} == ours


def test_all_that_can_be_wrong_at_once_is_refused_by_the_first() -> None:
    for mode, (violations, _, _) in MODES.items():
        for start in range(len(violations)):
            chosen: list[Violation] = []
            for violation in violations[start:]:
                if all(violation.slots.isdisjoint(each.slots) for each in chosen):
                    chosen.append(violation)

            refusal = run(mode, *chosen)

            assert isinstance(refusal, Refusal)
            assert refusal.check is violations[start].check


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("violation", [*COMMON, *END], ids=str)
def test_the_app_is_told_as_soon_as_it_is_proven(mode: str, violation: Violation) -> None:
    refusal = run(mode, violation)

    is_proven = violation.check not in (Check.MISSING, Check.APP_UNKNOWN, Check.SIGNATURE)
    assert isinstance(refusal, Refusal)
    assert (refusal.app is not None) is is_proven


def test_captured_mail_needs_no_relay() -> None:
    world = World(app=app(mode=Mode.CAPTURE), relay=None)

    granted = world.drive(may_send(Request(WITH_TOKEN), NOW))

    assert isinstance(granted, Granted)
    assert (granted.is_captured, granted.relay) == (True, None)
    assert "ChooseRelay" not in world.questions
