"""The session cookie: given, recognized, and never forged."""

from __future__ import annotations

import pytest

from postroad.api.session import COOKIE, Sessions

SESSIONS = Sessions(b"k" * 32)


def test_a_session_that_was_given_out_is_recognized() -> None:
    given = SESSIONS.of([])

    again = SESSIONS.of([f"theme=dark; {COOKIE}={given.value}; lang=zh"])

    assert again == given


def test_every_new_session_is_another_one() -> None:
    sessions = {SESSIONS.of([]).value for _ in range(100)}

    assert len(sessions) == 100


@pytest.mark.parametrize(
    "change",
    [
        lambda value: "",
        lambda value: value[:-1],
        lambda value: value + "A",
        lambda value: "A" + value[1:] if value[0] != "A" else "B" + value[1:],
        lambda value: value.partition(".")[0],
        lambda value: value.partition(".")[0] + ".",
        lambda value: "." + value.partition(".")[2],
        lambda value: value.replace(".", ".é"),
        lambda value: Sessions(b"x" * 32).of([]).value,
    ],
)
def test_a_forged_session_counts_as_none(change) -> None:  # type: ignore[no-untyped-def]
    given = SESSIONS.of([])

    forged = change(given.value)

    assert SESSIONS.of([f"{COOKIE}={forged}"]).value not in {given.value, forged}


def test_a_forged_session_does_not_hide_a_true_one() -> None:
    given = SESSIONS.of([])

    found = SESSIONS.of([f"{COOKIE}=x.y; {COOKIE}={given.value}"])

    assert found == given


def test_the_digest_tells_nothing_of_the_cookie() -> None:
    given = SESSIONS.of([])

    assert given.digest not in given.value
    assert given.value.partition(".")[0] not in given.digest
    assert SESSIONS.of([f"{COOKIE}={given.digest}"]) != given


@pytest.mark.parametrize(
    ("sessions", "is_secure", "ending"),
    [
        (SESSIONS, False, "; Path=/; HttpOnly; SameSite=Lax"),
        (SESSIONS, True, "; Path=/; HttpOnly; SameSite=Lax; Secure"),
        (Sessions(b"k" * 32, is_tls=True), False, "; Path=/; HttpOnly; SameSite=Lax; Secure"),
    ],
)
def test_the_cookie_is_kept_from_scripts_and_other_sites(
    sessions: Sessions, is_secure: bool, ending: str
) -> None:
    session = sessions.of([])

    cookie = sessions.cookie(session, is_secure=is_secure)

    assert cookie.decode() == f"{COOKIE}={session.value}{ending}"
