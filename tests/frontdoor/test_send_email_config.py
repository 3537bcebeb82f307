"""What `send_email` answers to a config that is wrong by itself: code -1, and nothing is dialed."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from postroad import send_email

SEED = Path(__file__).parents[2] / "examples" / "jsn" / "CaEmail.json"
REQUIRED = ("host", "port", "user", "pass", "from", "to", "subject", "body")
CONTROLS = [*(chr(n) for n in (*range(9), *range(10, 32), 127, 0x85)), "\u2028", "\u2029", "\ud800"]


@pytest.fixture
def nobody() -> Iterator[socket.socket]:
    """A listening socket that must stay without a connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield listener
        with pytest.raises(BlockingIOError):
            listener.accept()


@pytest.fixture
def config(nobody: socket.socket) -> dict[str, Any]:
    seed: dict[str, Any] = json.loads(SEED.read_text("utf-8"))["arg"]
    return seed | {"host": "127.0.0.1", "port": nobody.getsockname()[1]}


def refused(config: Any) -> str:
    """The error of a config that must be refused before anything is tried."""
    answer = send_email(config)

    assert answer["code"] == -1
    assert answer["log"] == ""
    assert answer["error"]
    assert answer["phase"] == "config"
    assert answer["hint"]
    return str(answer["error"])


@pytest.mark.parametrize("field", REQUIRED)
@pytest.mark.parametrize("absent", [False, True])
def test_a_required_field_that_is_missing_is_named(
    config: dict[str, Any], field: str, absent: bool
) -> None:
    if absent:
        del config[field]
    else:
        config[field] = None

    assert field in refused(config)


@pytest.mark.parametrize("value", [True, 7, 1.5, [], {}, ["x"], {"x": 1}, b"x", object()])
@pytest.mark.parametrize("field", ["host", "user", "pass", "subject", "body", "html", "provider"])
def test_text_of_another_type_is_refused(config: dict[str, Any], field: str, value: Any) -> None:
    assert field in refused(config | {field: value})


@pytest.mark.parametrize(
    "value", [0, -1, 65536, 10**400, 1.5, True, "abc", "", "0x19", "25 ", "٢٥", []]
)
def test_a_port_that_is_none_is_refused(config: dict[str, Any], value: Any) -> None:
    assert "port" in refused(config | {"port": value})


@pytest.mark.parametrize("field", ["ssl", "starttls", "verify"])
@pytest.mark.parametrize("value", ["true", 1, 0, "", [], {}])
def test_a_flag_is_true_or_false_and_nothing_like_it(
    config: dict[str, Any], field: str, value: Any
) -> None:
    assert field in refused(config | {field: value})


def test_ssl_and_starttls_together_are_refused(config: dict[str, Any]) -> None:
    assert "ssl and starttls" in refused(config | {"ssl": True, "starttls": True})


@pytest.mark.parametrize("value", [0, -1, True, "60", float("nan"), float("inf"), 86_401])
def test_a_timeout_that_is_none_is_refused(config: dict[str, Any], value: Any) -> None:
    assert "timeout" in refused(config | {"timeout": value})


@pytest.mark.parametrize(
    "address",
    [
        "",
        "nobody",
        "a@@b.c",
        "a@b@c.d",
        "a b@c.d",
        "a@b c.d",
        "@b.c",
        "a@",
        "a@" + "b." * 127 + "cc",
        "a@b.c, d@e.f",
        "<a@b.c",
        "a@b.c>",
        "a@-b.c",
        'a"b@c.d',
        "a@b..c",
        "x" * 1_000_000,
    ],
)
@pytest.mark.parametrize("field", ["from", "to", "cc", "bcc", "reply_to"])
def test_an_address_that_is_none_is_refused(
    config: dict[str, Any], field: str, address: str
) -> None:
    assert field in refused(config | {field: {"email": address}})
    assert field in refused(config | {field: address})


@pytest.mark.parametrize(
    "value",
    [
        5,
        True,
        {},
        {"name": "x"},
        {"email": 5},
        {"email": "a@b.c", "name": 5},
        {"email": "a@b.c", "nmae": "x"},
        [["a@b.c"]],
        [None],
    ],
)
@pytest.mark.parametrize("field", ["to", "cc"])
def test_a_person_of_another_shape_is_refused(
    config: dict[str, Any], field: str, value: Any
) -> None:
    assert field in refused(config | {field: value})


def test_an_empty_list_of_recipients_is_refused(config: dict[str, Any]) -> None:
    assert "to" in refused(config | {"to": []})


@pytest.mark.parametrize("control", CONTROLS, ids=lambda c: f"U+{ord(c):04X}")
def test_a_control_character_is_refused_wherever_it_stands(
    config: dict[str, Any], control: str
) -> None:
    text = f"a{control}b"

    for field in ("host", "user", "pass", "subject", "cafile"):
        assert field in refused(config | {"starttls": True, field: text})
    for field in ("from", "to", "cc", "bcc", "reply_to"):
        assert field in refused(config | {field: {"email": "a@b.c", "name": text}})
        assert field in refused(config | {field: {"email": f"{text}@b.c"}})
        assert field in refused(config | {field: {"email": f"a@{text}.c"}})
    assert "X-Ours" in refused(config | {"headers": {"X-Ours": text}})
    assert "header" in refused(config | {"headers": {text: "x"}})
    file = {"filename": text, "content": "eA=="}
    assert "attachments" in refused(config | {"attachments": [file]})
    file = {"filename": "x", "content": "eA==", "content_id": text}
    assert "attachments" in refused(config | {"attachments": [file]})


@pytest.mark.parametrize("field", ["host", "user", "pass", "subject"])
def test_a_megabyte_where_a_word_belongs_is_refused(config: dict[str, Any], field: str) -> None:
    assert field in refused(config | {field: "x" * 1_000_000})


@pytest.mark.parametrize(
    "value",
    [
        "x",
        5,
        [{"filename": "x"}],
        [{"content": "eA=="}],
        [{"filename": "x", "content": "%"}],
        [{"path": "/nowhere/at/all"}],
        [{"path": "/"}],
        [{"filename": "x", "content": "eA==", "path": "y"}],
        [{"filename": "x", "content": "eA==", "typo": 1}],
    ],
)
def test_an_attachment_that_is_none_is_refused(config: dict[str, Any], value: Any) -> None:
    assert "attachments" in refused(config | {"attachments": value})


def test_an_unknown_field_is_named_with_the_one_that_was_meant(config: dict[str, Any]) -> None:
    error = refused(config | {"startls": True})

    assert "'startls'" in error
    assert "starttls" in error


@pytest.mark.parametrize("config", [None, 5, "x", [], [("host", "x")], b"x", object()])
def test_a_config_that_is_no_object_is_refused(config: Any) -> None:
    assert "object" in refused(config)


def test_a_password_of_another_type_is_not_shown(config: dict[str, Any]) -> None:
    assert "8675309" not in refused(config | {"pass": 8675309})


def test_only_one_secret_may_be_given(config: dict[str, Any]) -> None:
    assert "pass_env" in refused(config | {"pass_env": "SECRET"})


def test_an_unset_variable_is_refused_without_repeating_it(config: dict[str, Any]) -> None:
    del config["pass"]

    error = refused(config | {"pass_env": "ABCD1234EFGH"})

    assert "pass_env" in error
    assert "ABCD1234EFGH" not in error  # it may be the password itself


@pytest.mark.parametrize("path", ["/nowhere/at/all", "/", "", "a\0b"])
def test_a_secret_file_that_cannot_be_read_is_named(config: dict[str, Any], path: str) -> None:
    del config["pass"]

    assert "file" in refused(config | {"pass_file": path})


def test_a_cafile_that_holds_no_certificate_is_refused(
    config: dict[str, Any], tmp_path: Path
) -> None:
    cafile = tmp_path / "ca.pem"
    cafile.write_text("no certificate")

    assert "cafile" in refused(config | {"starttls": True, "cafile": str(cafile)})


def test_every_missing_field_is_named_at_once() -> None:
    assert refused({}).startswith("host, port, user, pass, from, to, subject, body are missing")


@pytest.mark.parametrize("lang", ["fr", "", 5, True, "xx-ko"])
def test_a_language_that_is_not_spoken_is_refused(config: dict[str, Any], lang: Any) -> None:
    assert "lang" in refused(config | {"lang": lang})


@pytest.mark.parametrize(
    ("lang", "word"), [("ko", "다"), ("zh", "。"), ("en", "."), ("ko-KR", "다")]
)
def test_the_hint_speaks_the_language_asked_for(
    config: dict[str, Any], lang: str, word: str
) -> None:
    answer = send_email(config | {"port": 0, "lang": lang})

    assert word in answer["hint"]


def test_a_defect_of_ours_is_an_answer_too(config: dict[str, Any]) -> None:
    class Surprising(dict[str, Any]):
        def items(self) -> Any:
            raise RuntimeError("surprise")

    answer = send_email(Surprising(config))

    assert answer["code"] == -99
    assert "surprise" not in answer["error"]
