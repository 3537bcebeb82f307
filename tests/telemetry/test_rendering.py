"""Secrets masked, controls visible, one event a line."""

from __future__ import annotations

import json

import pytest

from postroad.errors import SettingsError
from postroad.telemetry.rendering import (
    MASK,
    MAX_CHARACTERS,
    as_json,
    as_text,
    clean,
    is_secret,
    masked,
    trace_of,
    visible,
)


def cleaned(**fields: object) -> dict[str, object]:
    return clean(None, "info", fields)


@pytest.mark.parametrize(
    "name",
    [
        *("password", "pass", "smtp_password", "passwd", "token", "user_token", "Token"),
        *("signature", "key", "api_key", "apikey", "X-API-Key", "authorization", "Authorisation"),
        *("cookie", "set_cookie", "secret", "client_secret", "credentials"),
    ],
)
def test_a_field_that_sounds_like_a_secret_is_masked(name: str) -> None:
    found = cleaned(**{name: "hunter2"})

    assert is_secret(name)
    assert found == {name: MASK}


@pytest.mark.parametrize("name", ["message", "key_id", "monkey", "app", "door", "keyboard"])
def test_any_other_is_not(name: str) -> None:
    assert cleaned(**{name: "x"}) == {name: "x"}


def test_secrets_are_masked_inside_what_a_field_holds() -> None:
    found = cleaned(given={"name": "bo", "pass": "hunter2", "deep": [{"token": "hunter2"}]})

    assert found == {"given": {"name": "bo", "pass": MASK, "deep": [{"token": MASK}]}}


def test_a_circle_ends() -> None:
    circle: list[object] = []
    circle.append(circle)

    assert "…" in str(cleaned(circle=circle))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\r\nfake event", r"a\r\nfake event"),
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
        ("\x9b31m \x85", r"\x9b31m \x85"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("\u2028", r"\u2028"),
        ("\ud800", r"\ud800"),
        ("\0", r"\x00"),
        ("안녕 世界 é", "안녕 世界 é"),
    ],
)
def test_controls_are_made_visible(text: str, shown: str) -> None:
    assert visible(text) == shown
    assert cleaned(text=text) == {"text": shown}


def test_a_long_value_is_cut() -> None:
    found = visible("x" * 1_000_000)

    assert len(found) == MAX_CHARACTERS + 1
    assert found.endswith("…")


def test_fields_without_a_value_are_left_out() -> None:
    assert cleaned(a=None, b=0, c="", d=False) == {"b": 0, "c": "", "d": False}


def test_json_is_one_object_on_one_line() -> None:
    event = cleaned(event="x", text="안녕\n", ms=1.5, states=("a", "b"), at=object)

    line = as_json(None, "info", event)

    assert b"\n" not in line
    assert json.loads(line) == {
        "event": "x",
        "text": "안녕\\n",
        "ms": 1.5,
        "states": ["a", "b"],
        "at": "<class 'object'>",
    }


def test_text_reads_as_words() -> None:
    event = cleaned(
        time="2026-03-01T09:00:00.123Z",
        level="info",
        event="message.settled",
        app="1234567890",
        ms=41.7,
        error='550 "no"',
        empty="",
        n=3,
    )

    line = as_text(None, "info", event)

    assert line.decode() == (
        "2026-03-01T09:00:00.123Z info    message.settled app=1234567890 ms=41.7 "
        r'error="550 \"no\"" empty="" n=3'
    )


def test_a_traceback_stands_under_its_event_and_cannot_pose_as_one() -> None:
    event = cleaned(time="T", level="error", event="defect.met", traceback="A\n  b.py:1 f\x1b")

    line = as_text(None, "error", event)

    assert line.decode() == "T error   defect.met\n    A\n      b.py:1 f\\x1b"


@pytest.mark.parametrize(
    "text",
    [
        "GET /api/mail/send?appid=1&token=hunter2&title=x",
        "password: hunter2",
        "{'pass': 'hunter2', 'x': 1}",
        '{"signature": "hunter2"}',
        "Authorization: Bearer hunter2",
        "api_key=hunter2;",
        'pass="a hunter2 b"',
    ],
)
def test_named_secrets_in_free_text_are_masked(text: str) -> None:
    assert "hunter2" not in masked(text)
    assert MASK in masked(text)


def test_free_text_without_them_stays() -> None:
    text = "Task exception was never retrieved: <Task pending> at 12:30"

    assert masked(text) == text


def fail(exc: Exception) -> None:
    raise exc


def raised(exc: Exception, context: Exception | None = None) -> Exception:
    """`exc` after it was raised, maybe while another one was handled."""
    with pytest.raises(type(exc)) as caught:
        try:
            fail(context or exc)
        except type(context or exc):
            fail(exc)
    return caught.value


def test_a_traceback_names_calls_and_not_what_the_exception_quotes() -> None:
    found = trace_of(raised(ValueError("hunter2 of bo@b.example"), KeyError("hunter2")))

    assert "hunter2" not in found
    assert "bo@" not in found
    lines = found.splitlines()
    assert lines[0] == "ValueError"
    assert "KeyError" in lines
    assert any("test_rendering.py" in line and line.endswith(" fail") for line in lines)


def test_the_words_of_our_own_errors_and_of_the_system_are_kept() -> None:
    ours = trace_of(raised(SettingsError("setting listen: no")))
    system = trace_of(raised(OSError(28, "No space left on device", "/home/bo/x")))

    assert ours.startswith("SettingsError: setting listen: no\n")
    assert system.startswith("OSError: No space left on device\n")
    assert "/home/bo" not in system
