"""Settings may lead to a preset's server by another way; what they leave out stays."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path
from typing import Any

from tests.support.core import KEY, Office, in_office

from postroad.errors import Code
from postroad.operations.danbee import DanbeeAnswer, DanbeeCall
from postroad.providers import ses_smtp_password
from postroad.settings import PresetOverride, SesSettings
from postroad.simulators import hostile, simulate

NAVER = {
    "user": "danbee",
    "password": "ABCD1234EFGH",
    "fromUsername": "단비",
    "toEmail": "bo@b.example",
    "subject": "안녕하세요",
    "message": "반가워요.",
}
SES = {"toEmail": "bo@b.example", "subject": "hello", "message": "<p>Hello</p>"}


def answer(call: DanbeeCall, **settings: Any) -> DanbeeAnswer:
    async def work(office: Office) -> DanbeeAnswer:
        await office.add_app()
        await office.add_key()
        return await office.core.danbee.send(call)

    return in_office(work, **settings)


def test_the_security_of_the_preset_stays_when_only_the_way_is_another() -> None:
    with simulate("naver") as server:
        way = PresetOverride("localhost", server.port, cafile=Path(server.cafile))

        assert answer(DanbeeCall("naver", NAVER, key=KEY), presets={"naver": way}).is_sent
        assert server.wait_for_message().tls_version is not None


def test_the_certificate_of_the_other_server_is_verified_all_the_same() -> None:
    with simulate("naver") as server:
        way = PresetOverride("localhost", server.port)

        refused = answer(DanbeeCall("naver", NAVER, key=KEY), presets={"naver": way})

        assert refused.code == Code.TLS
        assert server.messages == []


def test_verification_is_off_where_the_settings_say_so() -> None:
    with simulate("naver") as server:
        way = PresetOverride("localhost", server.port, verify=False)

        assert answer(DanbeeCall("naver", NAVER, key=KEY), presets={"naver": way}).is_sent


def test_a_way_is_for_its_own_preset_alone() -> None:
    with simulate("naver") as naver, simulate("gmail") as gmail:
        ways = {
            name: PresetOverride("localhost", each.port, each.security, Path(each.cafile))
            for name, each in (("naver", naver), ("gmail", gmail))
        }
        values = NAVER | {"user": "postroad@gmail.com", "password": "abcdefghijklmnop"}

        assert answer(DanbeeCall("gmail", values, key=KEY), presets=ways).is_sent
        assert (len(naver.messages), len(gmail.messages)) == (0, 1)


def test_ses_logs_in_with_what_is_derived_from_the_operators_key() -> None:
    secret, key_id = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "AKIAIOSFODNN7EXAMPLE"
    ses = SesSettings("us-east-1", key_id, secret, ("@b.example",))
    derived = ses_smtp_password(secret, "us-east-1")

    with hostile() as server:
        way = PresetOverride("127.0.0.1", server.port, "none")
        call = DanbeeCall("awsses", SES | {"fromEmail": "shop@b.example"}, key=KEY)

        assert answer(call, ses=ses, presets={"ses": way}).is_sent

        said = server.wait_for_transcript().from_client
    assert b64encode(f"\0{key_id}\0{derived}".encode()) in said
    assert secret.encode() not in said
    assert secret not in derived
