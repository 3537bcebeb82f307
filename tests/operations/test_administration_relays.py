"""Relays and routes: complete, safe, and never one that refuses the app's From."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.operations.desk_in_memory import Shelves, desk_in_memory

from postroad.errors import ConflictError, NotFoundError, SettingsError
from postroad.operations.administration import apps, relays, routes
from postroad.operations.administration.desk import Desk
from postroad.operations.administration.examination import Finding, Verdict, examine
from postroad.tenancy.records import App, RelayAccount

OWN: dict[str, Any] = {"host": "mail.b.example", "username": "bo", "password": "secret"}


def make(desk: Desk, app: App | None = None, name: str = "out", **given: Any) -> RelayAccount:
    return asyncio.run(relays.create(desk, app, name, **given))


def an_app(desk: Desk, **given: Any) -> App:
    return asyncio.run(apps.create(desk, "demo", **given)).app


def found(desk: Desk) -> list[Finding]:
    return asyncio.run(examine(desk))


def wrong(desk: Desk) -> list[str]:
    return [
        f"{each.subject}: {each.sentence}" for each in found(desk) if each.verdict is Verdict.WRONG
    ]


def desk_with_app(**given: Any) -> tuple[Desk, Shelves, App]:
    desk, shelves = desk_in_memory()
    return desk, shelves, an_app(desk, **given)


def test_a_preset_fills_what_is_left_out_and_cleans_the_password() -> None:
    desk, shelves, app = desk_with_app()

    relay = make(desk, app, preset="gmail", username="bo@gmail.com", password="abcd efgh ijkl mnop")

    assert (relay.host, relay.port, relay.security) == ("smtp.gmail.com", 465, "tls")
    assert relay.per_day == 500
    assert relay.has_secret
    assert shelves.secrets == {relay.id: "abcdefghijklmnop"}
    assert relay.is_usable


def test_a_limit_by_the_second_is_one_by_the_minute() -> None:
    desk, _, app = desk_with_app()

    relay = make(desk, app, preset="tencent-ses", username="a@b.example", password="x")

    assert relay.per_minute == 1_200


def test_a_preset_with_regions_needs_one() -> None:
    desk, _ = desk_in_memory()

    with pytest.raises(SettingsError, match="region: the preset ses needs one"):
        make(desk, preset="ses", username="AKIA", password="x")
    relay = make(desk, preset="ses", region="us-east-1", username="AKIA", password="x")

    assert relay.host == "email-smtp.us-east-1.amazonaws.com"
    assert relay.app_id is None


def test_a_preset_may_be_reached_through_another_host() -> None:
    desk, _, app = desk_with_app()

    relay = make(
        desk,
        app,
        preset="naver",
        host="localhost",
        port=2465,
        security="none",
        username="danbee",
        password="x",
    )

    assert (relay.host, relay.port, relay.security) == ("localhost", 2465, "none")


@pytest.mark.parametrize(
    ("security", "port"), [("tls", 465), ("starttls", 587), ("none", 25), (None, 587)]
)
def test_a_host_of_its_own_has_the_port_of_its_security(security: str | None, port: int) -> None:
    desk, _, app = desk_with_app()
    chosen = {"security": security} if security else {}

    relay = make(desk, app, host="mail.b.example", **chosen)

    assert (relay.security, relay.port) == (security or "starttls", port)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "give a relay: a preset, or a host"),
        ({"host": "mail.b.example:25"}, "host: give the port by itself"),
        ({"host": "mail b"}, "host must be a host name"),
        ({"host": "h", "port": 0}, "port is a whole number from 1 to 65,535"),
        ({"host": "h", "security": "ssl"}, "security is none, starttls or tls"),
        ({"host": "h", "password": "x"}, "password: it needs a username"),
        ({"host": "h", "connections": 0}, "connections is a whole number from 1"),
        ({"host": "h", "region": "us-east-1"}, "region belongs to a preset"),
        ({"host": "h", "cafile": "/nowhere/ca.pem"}, "cafile"),
        ({"preset": "navr", "username": "x"}, "navr"),
        ({"preset": "naver"}, "username: the preset naver needs the Naver ID"),
        ({"preset": "gmail", "username": "bo"}, "has no @"),
        ({"preset": "outlook", "username": "bo@outlook.com"}, "takes access tokens only"),
        ({"preset": "gmail", "username": "bo@gmail.com", "security": "none"}, "gmail offers tls"),
    ],
)
def test_a_relay_that_could_not_work_is_refused_and_nothing_is_stored(
    given: dict[str, Any], said: str
) -> None:
    desk, shelves, app = desk_with_app()

    with pytest.raises(SettingsError) as refused:
        make(desk, app, **given)

    assert said in str(refused.value)
    assert not shelves.relays(app.id).kept
    assert not shelves.secrets


@pytest.mark.parametrize("host", ["mail.b.example", "192.0.2.1", "10.0.0.1", "localhost.b.example"])
def test_a_password_crosses_no_network_in_the_clear_unless_that_is_said(host: str) -> None:
    desk, shelves, app = desk_with_app()
    given = OWN | {"host": host, "security": "none"}

    with pytest.raises(SettingsError, match="--allow-clear-auth") as refused:
        make(desk, app, **given)
    relay = make(desk, app, **given, allow_clear_auth=True)

    assert "secret" not in str(refused.value)
    assert relay.allow_clear_auth
    with pytest.raises(SettingsError, match="--allow-clear-auth"):
        asyncio.run(relays.update(desk, [app], "out", allow_clear_auth=False))
    assert shelves.relays(app.id).kept == {relay.id: relay}


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", "smtp.localhost"])
def test_on_this_machine_a_password_needs_no_encryption(host: str) -> None:
    desk, _, app = desk_with_app()

    assert make(desk, app, **(OWN | {"host": host, "security": "none"})).is_usable


def test_without_a_login_nothing_has_to_be_allowed() -> None:
    desk, _, app = desk_with_app()

    assert make(desk, app, host="mail.b.example", security="none").is_usable


def test_a_relay_that_would_refuse_the_app_s_from_is_refused_naming_both() -> None:
    desk, shelves, app = desk_with_app(from_="news@b.example")

    with pytest.raises(SettingsError) as refused:
        make(desk, app, preset="naver", username="danbee", password="x")

    assert "news@b.example" in str(refused.value)
    assert "danbee@naver.com" in str(refused.value)
    assert not shelves.relays(app.id).kept


def test_a_from_that_a_relay_of_the_app_would_refuse_is_refused() -> None:
    desk, _, app = desk_with_app()
    make(desk, app, preset="naver", username="danbee", password="x")

    with pytest.raises(SettingsError, match=r"danbee@naver.com, not from news@b.example"):
        asyncio.run(apps.update(desk, app.id, from_="news@b.example"))
    changed = asyncio.run(apps.update(desk, app.id, from_="단비 <danbee@naver.com>"))

    assert str(changed.from_ and changed.from_.email) == "danbee@naver.com"


def test_another_account_of_a_relay_is_held_against_the_app_s_from() -> None:
    desk, _, app = desk_with_app(from_="danbee@naver.com")
    make(desk, app, preset="naver", username="danbee", password="x")

    with pytest.raises(SettingsError, match=r"other@naver.com, not from danbee@naver.com"):
        asyncio.run(relays.update(desk, [app], "out", username="other"))


def test_a_route_to_a_shared_relay_that_would_refuse_from_is_refused() -> None:
    desk, _, app = desk_with_app(from_="news@b.example")
    shared = make(desk, preset="naver", username="danbee", password="x")

    for from_ in ("", "@b.example", "ops@b.example"):
        with pytest.raises(SettingsError, match=r"danbee@naver\.com, not from (news|ops)@"):
            asyncio.run(routes.create(desk, app, shared.id, from_=from_))
    route = asyncio.run(routes.create(desk, app, "out", from_="danbee@naver.com", position=3))

    assert (route.relay_id, route.position) == (shared.id, 3)
    with pytest.raises(SettingsError):
        asyncio.run(routes.update(desk, app, route.id, from_=""))


def test_a_shared_relay_s_new_account_is_held_against_the_apps_routed_to_it() -> None:
    desk, _, app = desk_with_app(from_="danbee@naver.com")
    make(desk, preset="naver", username="danbee", password="x")
    asyncio.run(routes.create(desk, app, "out"))

    with pytest.raises(SettingsError, match=r"not from danbee@naver\.com"):
        asyncio.run(relays.update(desk, [None], "out", username="other"))


def test_another_host_needs_the_password_again() -> None:
    desk, shelves, app = desk_with_app()
    relay = make(desk, app, **OWN)

    with pytest.raises(SettingsError, match="give the password again"):
        asyncio.run(relays.update(desk, [app], "out", host="evil.example"))
    moved = asyncio.run(relays.update(desk, [app], "out", host="new.example", password="new"))

    assert moved.host == "new.example"
    assert shelves.secrets[relay.id] == "new"


def test_another_security_needs_its_port() -> None:
    desk, _, app = desk_with_app()
    make(desk, app, **OWN)

    with pytest.raises(SettingsError, match="give both"):
        asyncio.run(relays.update(desk, [app], "out", security="tls"))
    changed = asyncio.run(relays.update(desk, [app], "out", security="tls", port=465))

    assert (changed.security, changed.port, changed.has_secret) == ("tls", 465, True)


@pytest.mark.parametrize("change", [{"password": ""}, {"username": ""}])
def test_a_password_can_be_removed(change: dict[str, Any]) -> None:
    desk, shelves, app = desk_with_app()
    relay = make(desk, app, **OWN)

    changed = asyncio.run(relays.update(desk, [app], "out", **change))

    assert not changed.has_secret
    assert shelves.secrets[relay.id] == ""


def test_a_relay_is_found_among_those_asked_for_only() -> None:
    desk, _, app = desk_with_app()
    make(desk, app, **OWN)
    other = asyncio.run(apps.create(desk, "other")).app
    make(desk, other, **OWN)

    with pytest.raises(ConflictError, match="several are called 'out'"):
        asyncio.run(relays.find(desk, [app, other], "out"))
    with pytest.raises(NotFoundError):
        asyncio.run(relays.find(desk, [None], "out"))
    with pytest.raises(NotFoundError):
        asyncio.run(routes.create(desk, app, "nowhere"))


def test_a_route_is_removed_once() -> None:
    desk, _, app = desk_with_app()
    make(desk, app, **OWN)
    route = asyncio.run(routes.create(desk, app, "out"))

    assert asyncio.run(routes.remove(desk, app, route.id)) == route
    with pytest.raises(NotFoundError, match="there is no route"):
        asyncio.run(routes.remove(desk, app, route.id))


def test_an_examination_finds_nothing_wrong_with_what_works() -> None:
    desk, _, app = desk_with_app(mode="live", from_="bo@b.example")
    make(desk, app, **OWN)

    said = {f"{each.subject}: {each.sentence}": each.verdict for each in found(desk)}

    assert said == {
        "relays: 1 relay is complete (nothing was connected; `postroad relay check` does)": (
            Verdict.FINE
        ),
        "apps: 1 app is set up": Verdict.FINE,
    }


def test_an_examination_names_a_missing_password_and_the_app_that_suffers() -> None:
    desk, _, app = desk_with_app(mode="live", from_="bo@b.example")
    make(desk, app, **OWN)
    asyncio.run(relays.update(desk, [app], "out", password=""))

    assert wrong(desk) == [
        "relay out: the password of bo is missing: give it",
        "app demo: it is live, and its nobase callers get 407: relay out has no password",
    ]


def test_an_examination_says_what_keeps_each_relay_from_an_app() -> None:
    desk, _, app = desk_with_app(mode="live", from_="bo@b.example")
    make(desk, app, "off", host="mail.b.example", is_enabled=False)
    make(desk, name="slow", host="mail.b.example", paused="quota used up")

    assert wrong(desk) == [
        (
            "app demo: it is live, and its nobase callers get 407: "
            "relay off is disabled, relay slow is paused (quota used up)"
        )
    ]
    said = [f"{each.subject}: {each.sentence}" for each in found(desk)]
    assert said[0].startswith("relays: 2 relays are complete")
    assert "relay off: it is disabled: no mail leaves by it" in said


def test_an_examination_warns_of_an_app_that_has_no_relay_yet() -> None:
    desk, _, app = desk_with_app(mode="live", from_="bo@b.example")

    warned = [each for each in found(desk) if each.verdict is Verdict.WARNING]

    assert not wrong(desk)
    assert [each.subject for each in warned] == ["app demo"]
    assert f"callers get 407: it has no relay yet; `postroad relay create NAME --app {app.id}`" in (
        warned[0].sentence
    )


def test_an_examination_leaves_captured_stopped_and_disabled_alone() -> None:
    desk, _, app = desk_with_app()
    make(desk, app, **(OWN | {"password": ""}), is_enabled=False)
    asyncio.run(apps.create(desk, "stopped", mode="live", state="stopped"))

    assert not wrong(desk)


def test_an_examination_warns_of_what_crosses_the_network_in_the_clear() -> None:
    desk, _, app = desk_with_app()
    make(desk, app, **OWN, security="none", allow_clear_auth=True)
    make(desk, app, "lax", **OWN, verify=False)
    make(desk, app, "waiting", **OWN, paused="quota used up")

    warned = [each for each in found(desk) if each.verdict is Verdict.WARNING]

    assert [each.subject for each in warned] == ["relay out", "relay lax", "relay waiting"]
    assert "in the clear" in warned[0].sentence
    assert "any certificate" in warned[1].sentence
    assert "quota used up" in warned[2].sentence


def test_an_examination_finds_a_shared_relay_that_would_refuse_an_app_s_from() -> None:
    desk, _, _ = desk_with_app(mode="live", from_="news@b.example")
    make(desk, preset="naver", username="danbee", password="x")

    assert len(wrong(desk)) == 1
    assert "danbee@naver.com, not from news@b.example (relay out)" in wrong(desk)[0]


def test_an_examination_finds_mail_that_would_come_from_nobody() -> None:
    desk, _, app = desk_with_app(mode="live")
    make(desk, app, **OWN)

    assert "no account of relay out is an address" in wrong(desk)[0]
