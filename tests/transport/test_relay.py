"""A relay is checked when it is described, and keeps its secrets to itself."""

from __future__ import annotations

from typing import Any

import pytest

from postroad import Relay, Timeouts, ses_smtp_password
from postroad.errors import SettingsError


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("host", ""),
        ("host", "a b"),
        ("host", "a\r\nb"),
        ("host", "http://x"),
        ("host", "x" * 256),
        ("port", 0),
        ("port", 65_536),
        ("port", True),
        ("port", "25"),
        ("port", 25.0),
        ("security", "ssl"),
        ("username", "a\0b"),
        ("password", "a\nb"),
        ("client_name", "a b"),
        ("client_name", ""),
        ("client_name", "홍"),
        ("client_name", "a\r\nMAIL"),
        ("auth", "NTLM"),
    ],
)
def test_a_field_that_cannot_work_is_named(field: str, value: Any) -> None:
    fields: dict[str, Any] = {"host": "h", "port": 25, "username": "u", "password": "p"}

    with pytest.raises(SettingsError, match=field):
        Relay(**(fields | {field: value}))


def test_a_password_and_a_token_exclude_each_other() -> None:
    with pytest.raises(SettingsError, match="not both"):
        Relay(host="h", port=25, username="u", password="p", token="t")


@pytest.mark.parametrize("login", [{"password": "p"}, {"token": "t"}, {"username": "u"}])
def test_a_login_has_a_username_and_a_secret(login: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="username"):
        Relay(host="h", port=25, **login)


def test_a_port_does_not_stand_in_the_host() -> None:
    with pytest.raises(SettingsError, match="port 587"):
        Relay(host="smtp.example.com:587", port=25)


def test_secrets_do_not_show() -> None:
    relay = Relay(host="h", port=25, username="u", password="hunter2 and more")

    assert "hunter2" not in repr(relay)
    assert "hunter2" not in repr(relay.credentials())


def test_a_preset_fills_the_server_and_any_field_can_be_replaced() -> None:
    relay = Relay.preset("naver", username="danbee", password="x", timeouts=Timeouts(connect_s=1))

    assert (relay.host, relay.port, relay.security) == ("smtp.naver.com", 465, "tls")
    assert (relay.username, relay.provider) == ("danbee", "naver")
    assert relay.timeouts.connect_s == 1
    login: dict[str, Any] = {"username": "danbee", "password": "x"}
    assert Relay.preset("naver", **login, host="localhost", port=25).port == 25
    assert Relay.preset("naver", **login, security="starttls").port == 587


def test_a_preset_of_a_region_needs_it() -> None:
    password = ses_smtp_password("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "ap-northeast-2")

    relay = Relay.preset("ses", username="AKIA", password=password, region="ap-northeast-2")

    assert relay.host == "email-smtp.ap-northeast-2.amazonaws.com"
    assert relay.password == "BFrwSu3BsGr8nvY2bDCyObUpnNCGFtmAY0j+5nSYn0ZQ"
    with pytest.raises(SettingsError, match="region"):
        Relay.preset("ses", username="AKIA", password=password)


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), 86_401])
def test_a_time_out_is_a_number_of_seconds(seconds: float) -> None:
    with pytest.raises(SettingsError, match="connect_s"):
        Timeouts(connect_s=seconds)
