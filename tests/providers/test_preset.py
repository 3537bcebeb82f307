"""What a preset makes of a user name, a password, a region and a wish for security."""

from __future__ import annotations

import subprocess
import sys

import pytest

from postroad.errors import SettingsError
from postroad.providers import preset, preset_names


def test_the_first_endpoint_is_the_default() -> None:
    endpoint = preset("naver").endpoint()

    assert (endpoint.host, endpoint.port, endpoint.security) == ("smtp.naver.com", 465, "tls")


def test_an_endpoint_can_be_chosen_by_its_security() -> None:
    assert preset("naver").endpoint("starttls").port == 587


def test_a_security_nobody_offers_names_those_that_are() -> None:
    with pytest.raises(SettingsError, match=r"postmark offers starttls on port 587, not 'tls'"):
        preset("postmark").endpoint("tls")


def test_a_preset_is_found_whatever_its_case() -> None:
    assert preset(" Naver ") is preset("naver")
    assert preset("Tencent_SES") is preset("tencent-ses")


def test_an_unknown_preset_names_the_known_ones_and_guesses() -> None:
    with pytest.raises(SettingsError) as caught:
        preset("gmial")

    assert "Did you mean gmail?" in str(caught.value)
    assert all(name in str(caught.value) for name in preset_names())


@pytest.mark.parametrize("name", ["", "x" * 1_000_000, "\x00", "../data/naver", "_netease", "{0}"])
def test_a_hostile_name_is_only_unknown(name: str) -> None:
    with pytest.raises(SettingsError) as caught:
        preset(name)

    assert len(str(caught.value)) < 2000


def test_naver_takes_the_bare_id_and_the_full_address() -> None:
    naver = preset("naver")

    assert naver.user_name_for("danbee") == "danbee"
    assert naver.user_name_for("danbee@naver.com") == "danbee@naver.com"


def test_the_from_address_of_naver_follows_from_the_id() -> None:
    naver = preset("naver")

    assert naver.from_address_for("danbee") == "danbee@naver.com"
    assert naver.from_address_for("danbee@naver.com") == "danbee@naver.com"


def test_daum_takes_the_id_alone() -> None:
    daum = preset("daum")

    assert daum.user_name_for("myid") == "myid"
    assert daum.user_name_for("myid@hanmail.net") == "myid"
    assert daum.from_address_for("myid") == "myid@daum.net"
    assert daum.from_address_for("myid@hanmail.net") == "myid@hanmail.net"
    with pytest.raises(SettingsError, match="Daum ID"):
        daum.user_name_for("myid@gmail.com")


@pytest.mark.parametrize("name", ["gmail", "qq", "163", "kakao", "office365", "icloud"])
def test_a_full_address_is_asked_for_where_a_provider_wants_it(name: str) -> None:
    assert preset(name).user_name_for("bo@b.example") == "bo@b.example"
    with pytest.raises(SettingsError, match=r"username: .* has no @"):
        preset(name).user_name_for("bo")
    with pytest.raises(SettingsError, match="is not one"):
        preset(name).user_name_for("bo@")


@pytest.mark.parametrize(("name", "word"), [("sendgrid", "apikey"), ("resend", "resend")])
def test_a_fixed_user_name_needs_nothing(name: str, word: str) -> None:
    found = preset(name)

    assert not found.needs_username
    assert found.user_name_for(None) == found.user_name_for("") == word
    assert found.from_address_for(None) is None


@pytest.mark.parametrize("name", sorted(set(preset_names()) - {"sendgrid", "resend"}))
def test_a_missing_user_name_is_an_error_that_says_what_is_wanted(name: str) -> None:
    for missing in (None, "", "  "):
        with pytest.raises(SettingsError) as caught:
            preset(name).user_name_for(missing)

        assert preset(name).user.example in str(caught.value)


def test_a_key_is_not_an_address() -> None:
    assert preset("ses").user_name_for("AKIAIOSFODNN7EXAMPLE") == "AKIAIOSFODNN7EXAMPLE"
    assert preset("ses").from_address_for("AKIAIOSFODNN7EXAMPLE") is None
    with pytest.raises(SettingsError, match="access key id"):
        preset("ses").user_name_for("bo@b.example")


def test_a_login_may_look_like_an_address_and_tells_no_from() -> None:
    mailgun = preset("mailgun")

    assert mailgun.user_name_for("postmaster@mg.b.example") == "postmaster@mg.b.example"
    assert mailgun.from_address_for("postmaster@mg.b.example") is None


def test_spaces_in_an_app_password_of_google_are_dropped() -> None:
    assert preset("gmail").clean_password("abcd efgh\u00a0ijkl mnop\n") == "abcdefghijklmnop"


def test_spaces_in_other_passwords_stay() -> None:
    assert preset("naver").clean_password(" my pass ") == " my pass "


def test_a_region_completes_the_host_of_ses() -> None:
    ses = preset("ses").resolve(region="ap-northeast-2")

    assert ses.endpoint().host == "email-smtp.ap-northeast-2.amazonaws.com"
    assert ses.endpoint("starttls").port == 587
    assert not ses.needs_region


def test_ses_without_a_region_is_an_error() -> None:
    for resolve in (lambda: preset("ses").resolve(), lambda: preset("ses").endpoint()):
        with pytest.raises(SettingsError, match=r"^region: "):
            resolve()


@pytest.mark.parametrize("region", ["evil.example/", "us-east-1.x", "US-EAST-1", "us-east-1\r\n"])
def test_what_is_no_region_is_refused(region: str) -> None:
    with pytest.raises(SettingsError, match=r"^region: "):
        preset("ses").resolve(region=region)


def test_a_region_where_there_are_none_is_an_error() -> None:
    with pytest.raises(SettingsError, match="naver has no regions"):
        preset("naver").resolve(region="us-east-1")
    assert preset("naver").resolve() is preset("naver")


def test_importing_the_room_reads_no_data() -> None:
    program = (
        "import sys, postroad.providers as p;"
        "p.preset_names(); p.language_of('ko');"
        "print([m for m in ('tomllib', 'difflib', 'socket', 'ssl', 'asyncio') if m in sys.modules])"
    )

    shown = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}; {program}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )

    assert shown.stdout.strip() == "[]"
