"""No secret is found in any file of the data folder, nor in anything the service says."""

from __future__ import annotations

import signal
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from tests.support.service import LOGIN, PASSWORD, SEND, SENT, Service, serving

from postroad.simulators import hostile

RELAY_PASSWORD = "tr0ub4dor&3 /+ 비밀"
REGISTERED = "Letters42AndDigits"
_LIVE = ("--mode", "live", "--from", "shop@b.example")


def forms(secret: str) -> dict[bytes, str]:
    """Return the octets a secret could be written as, each with its name."""
    octets = secret.encode()
    ways = {
        "as it is": octets,
        "base64": b64encode(octets).rstrip(b"="),
        "of AUTH PLAIN": b64encode(b"\0user\0" + octets).rstrip(b"="),
        "URL-safe base64": urlsafe_b64encode(octets).rstrip(b"="),
        "URL-encoded": quote(secret, safe="").encode(),
        "form-encoded": quote_plus(secret).encode(),
        "hexadecimal": octets.hex().encode(),
        "escaped": ascii(secret)[1:-1].encode(),
    }
    return {form: how for how, form in reversed(ways.items())}  # alike: the plainest name


def exercised(service: Service) -> dict[str, str]:
    """Use every door that takes a secret, well and badly; return the secrets by their names."""
    with hostile("auth-echo-raw") as echo, hostile() as relay:
        token_app = service.create_app("with tokens", *_LIVE)
        login_app = service.create_app("with logins", *_LIVE, tokens=False)
        refused = service.create_app("refused", *_LIVE)
        for app, port in ((token_app, relay.port), (login_app, relay.port), (refused, echo.port)):
            words = ("--username", "user", "--password-env", "RELAY_PASSWORD", "--allow-clear-auth")
            service.create_relay(app, port, *words, RELAY_PASSWORD=RELAY_PASSWORD)
        for method in ("GET", "POST"):
            for app in (token_app, login_app):
                answer = service.ask(SEND, app.mail("title", content="c0ntent"), method=method)
                assert answer.json() == SENT
            failed = service.ask(SEND, refused.mail("title"), method=method).json()
            assert failed["code"] == 405
            for name in ("signature", *token_app.proof):
                wrong = token_app.mail("title", **{name: "0" * 64})
                assert service.ask(SEND, wrong, method=method).json()["code"] in {401, 402}
            wrong = login_app.mail("title", **{"pass": "wr0ngWr0ngWr0ng"})
            assert service.ask(SEND, wrong, method=method).json()["code"] == 404
            account = {"user": f"user{method}", "pass": REGISTERED, "nickname": "n"}
            known = {"appid": login_app.appid, "signature": login_app.signature}
            assert service.ask("/api/user/register", known | account, method=method).json()
            assert service.ask(LOGIN, known | account, method=method).json()["code"] == 200
        service.ask("/nowhere?pass=" + PASSWORD, method="GET")
        service.ask(SEND, {"appid": "x" * 100_000, "pass": PASSWORD})
    return {
        "the relay's password": RELAY_PASSWORD,
        "a user's password": PASSWORD,
        "a registered user's password": REGISTERED,
        "a wrong password": "wr0ngWr0ngWr0ng",
        "a token": token_app.proof["token"],
        **{f"{app.appid}'s signature": app.signature for app in (token_app, login_app, refused)},
        **{f"{app.appid}'s API key": app.api_key for app in (token_app, login_app, refused)},
    }


def found_in(octets: bytes, secrets: dict[str, str]) -> list[str]:
    """Return which secrets stand in what was written, and how."""
    return [
        f"{name}, {how}"
        for name, secret in secrets.items()
        for form, how in forms(secret).items()
        if form in octets
    ]


@pytest.fixture(scope="module")
def used() -> Iterator[tuple[Service, dict[str, str]]]:
    with serving("--log-level", "debug") as service:
        yield service, exercised(service)


def files_of(service: Service) -> list[Path]:
    return [path for path in service.data.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    "end", [None, signal.SIGKILL, signal.SIGTERM], ids=["running", "killed", "ended"]
)
def test_no_file_holds_a_secret(
    used: tuple[Service, dict[str, str]], end: signal.Signals | None
) -> None:
    service, secrets = used
    if end is not None:
        service.signal(end)
        service.wait()

    holding = {
        path.name: found
        for path in files_of(service)
        if (found := found_in(path.read_bytes(), secrets))
    }

    if end is not None:
        service.start(flags=("--log-level", "debug"))
    assert holding == {}


def test_nothing_it_says_holds_a_secret(used: tuple[Service, dict[str, str]]) -> None:
    service, secrets = used

    assert found_in(service.output.encode(), secrets) == []


def test_the_address_of_a_request_is_never_logged_with_its_query(
    used: tuple[Service, dict[str, str]],
) -> None:
    service, _ = used

    for parameter in ("pass=", "token=", "signature=", "content=", "c0ntent", "?appid"):
        assert parameter not in service.output


def test_the_files_are_the_owners_alone(used: tuple[Service, dict[str, str]]) -> None:
    service, _ = used

    shared = [path for path in files_of(service) if path.stat().st_mode & 0o077]

    assert shared == []


def test_what_an_app_prints_later_holds_no_secret(
    used: tuple[Service, dict[str, str]],
) -> None:
    service, secrets = used
    words = [
        *(("app", "list"), ("relay", "list"), ("log",), ("message", "list"), ("doctor",)),
        *(("user", "list", "--app", "with tokens"), ("key", "list", "--app", "with tokens")),
    ]

    said = str([service.run(*each) for each in words])

    shown = {name: secret for name, secret in secrets.items() if "signature" not in name}
    assert found_in(said.encode(), shown) == []


def test_the_proof_finds_a_secret_that_is_there(used: tuple[Service, dict[str, str]]) -> None:
    _, secrets = used

    written = b"..." + b64encode(RELAY_PASSWORD.encode()) + secrets["a token"].encode()

    assert found_in(written, secrets) == ["the relay's password, base64", "a token, as it is"]
