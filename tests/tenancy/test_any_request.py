"""Whatever a request holds, the checks come to an end, and ask nothing that cannot be asked."""

from __future__ import annotations

from dataclasses import astuple
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.tenancy.world import (
    BINDING,
    LOGIN,
    NOW,
    REGISTRATION,
    WITH_PASSWORD,
    WITH_TOKEN,
    World,
    app,
)

from postroad.tenancy.checks import (
    Check,
    Granted,
    Refusal,
    Request,
    may_bind_mail,
    may_login,
    may_register,
    may_send,
    who_asks,
)
from postroad.tenancy.records import AppState, Mode

NAMES = [*WITH_TOKEN, "user", "pass", "nickname", "qq", "email"]
TEXTS = st.one_of(
    st.text(max_size=40),
    st.text(st.characters(), max_size=40),
    st.text(st.sampled_from("\0\t\r\n\x7f\x85\u2028\ud800\udfff1１²aé密@. <>\"'"), max_size=20),
)
REQUESTS = st.builds(
    lambda good, given, repeated, undecodable: Request(
        {name: text for name, text in {**good, **given}.items() if name not in undecodable},
        tuple(repeated),
        tuple(undecodable),
    ),
    st.sampled_from([WITH_TOKEN, WITH_PASSWORD, REGISTRATION, LOGIN, BINDING, {}]),
    st.dictionaries(st.sampled_from(NAMES), TEXTS, max_size=4),
    st.lists(st.sampled_from(NAMES), max_size=1),
    st.sets(st.sampled_from(NAMES), max_size=1),
)
WORLDS = st.builds(
    lambda tokens, mode, state, delay: World(
        app=app(tokens=tokens, mode=mode, state=state), delay=delay
    ),
    st.booleans(),
    st.sampled_from(Mode),
    st.sampled_from([AppState.NORMAL, AppState.NORMAL, AppState.STOPPED]),
    st.sampled_from([0, 0, 0, 5]),
)
BEFORE_THE_APP = {
    *(Check.REPEATED, Check.ILLEGAL, Check.MISSING),
    *(Check.APP_UNKNOWN, Check.SIGNATURE),
}


@pytest.mark.parametrize("checks", [may_send, may_register, may_login, may_bind_mail])
@given(asking=REQUESTS, world=WORLDS)
def test_any_request_is_granted_or_refused(checks: Any, asking: Request, world: World) -> None:
    answer = world.drive(checks(asking, NOW))

    assert isinstance(answer, Granted | Refusal)
    if isinstance(answer, Refusal):
        assert (answer.app is None) is (answer.check in BEFORE_THE_APP)
        assert bool(answer.parameter) is (
            answer.check in (Check.REPEATED, Check.ILLEGAL, Check.MISSING)
        )
    asked = [part for question in world.asked for part in astuple(question)]
    assert not [part for part in asked if isinstance(part, str) and not is_unicode(part)]


@given(asking=REQUESTS, world=WORLDS)
def test_whoever_passes_the_signature_is_known_by_it(asking: Request, world: World) -> None:
    answer = world.drive(may_send(asking, NOW))

    found = World(app=world.app).drive(who_asks(asking, NOW))

    if answer.app is not None:
        assert found == answer.app
    elif answer.check in (Check.APP_UNKNOWN, Check.SIGNATURE):
        assert found is None


def is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)
