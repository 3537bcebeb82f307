"""The danbee senders: credentials come with the request, are used once, and are not kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.support.core import KEY, Office, in_office, moment

from postroad.delivery.states import State
from postroad.errors import Code, ConflictError
from postroad.operations.danbee import DanbeeAnswer, DanbeeCall
from postroad.settings import PresetOverride, SesSettings
from postroad.simulators import hostile, simulate
from postroad.tenancy.audit import SYSTEM
from postroad.tenancy.records import AppState, Mode, Scope

pytestmark = pytest.mark.usefixtures("offices")

NAVER = {
    "user": "danbee",
    "password": "ABCD1234EFGH",
    "fromUsername": "단비",
    "toEmail": "contact@danbee.example",
    "subject": "안녕하세요",
    "message": "반가워요.\n또 만나요.",
}
SES = {
    "fromEmail": "shop@a.example",
    "toEmail": "bo@b.example",
    "subject": "hello",
    "message": "<p>Hello</p>",
}


def at(server: Any) -> PresetOverride:
    """Return the way to a simulator."""
    cafile = None if server.security == "none" else Path(server.cafile)
    return PresetOverride("localhost", server.port, server.security, cafile)


def naver(**changes: str) -> DanbeeCall:
    values = {name: text for name, text in (NAVER | changes).items() if text}
    return DanbeeCall("naver", values, key=KEY, ip="192.0.2.1")


def sent_by(office: Office, call: DanbeeCall) -> Any:
    return office.core.danbee.send(call)


def test_naver_sends_from_the_account_with_the_name_that_was_given() -> None:
    with simulate("naver") as server:

        async def work(office: Office) -> None:
            await office.add_app()
            await office.add_key()

            answer = await sent_by(office, naver())

            assert answer == DanbeeAnswer(
                is_sent=True,
                code=0,
                message="메일을 보냈습니다.",
                message_id=answer.message_id,
            )
            (entry,) = await office.log()
            assert (entry.door, entry.status) == ("danbee-naver", "sent")

        in_office(work, presets={"naver": at(server)})
        mail = server.wait_for_message()
    assert mail.username == "danbee"
    assert mail.reverse_path == "danbee@naver.com"
    assert b"multipart/alternative" in mail.content


def test_gmail_forgives_the_spaces_of_an_app_password() -> None:
    with simulate("gmail") as server:

        async def work(office: Office) -> None:
            await office.add_app()
            await office.add_key()
            values = NAVER | {"user": "postroad@gmail.com", "password": "abcd efgh ijkl mnop"}

            answer = await sent_by(office, DanbeeCall("gmail", values, key=KEY))

            assert answer.is_sent

        in_office(work, presets={"gmail": at(server)})


def test_a_wrong_password_is_told_in_korean_and_kept_nowhere() -> None:
    with simulate("naver") as server:

        async def work(office: Office) -> None:
            await office.add_app()
            await office.add_key()

            answer = await sent_by(office, naver(password="wrong-horse-staple"))

            assert not answer.is_sent
            assert answer.code == Code.AUTH
            assert "535" in answer.api_message
            (message,) = await office.stored()
            assert message.recipients[0].state is State.FAILED
            assert message.relay_id is None
            kept = b"".join(file.read_bytes() for file in office.folder.iterdir())
            assert b"wrong-horse-staple" not in kept

        in_office(work, presets={"naver": at(server)})


@pytest.mark.parametrize("field", list(NAVER))
def test_a_missing_field_is_named(field: str) -> None:
    async def work(office: Office) -> None:
        await office.add_app()
        await office.add_key()

        answer = await sent_by(office, naver(**{field: ""}))

        assert answer.message == f"필수 입력값이 없습니다: {field}"
        assert answer.code == Code.CONFIG
        assert await office.stored() == []

    in_office(work)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("user", "nobody@", "user: 올바른 이메일 주소가 아닙니다"),
        ("user", "x\ry", "user: 너무 길거나 사용할 수 없는 문자가 있습니다"),
        ("password", "x\ry", "password: 너무 길거나 사용할 수 없는 문자가 있습니다"),
        ("fromUsername", "x\ry", "fromUsername: 너무 길거나 사용할 수 없는 문자가 있습니다"),
        ("fromUsername", "x" * 9_999, "fromUsername: 너무 길거나 사용할 수 없는 문자가 있습니다"),
        ("toEmail", "nobody", "toEmail: 올바른 이메일 주소가 아닙니다"),
        ("subject", "x\ry", "subject: 사용할 수 없는 문자가 있습니다"),
        ("subject", "x" * 1_000_000, "subject: 너무 깁니다"),
        ("message", "x\0y", "message: 사용할 수 없는 문자가 있습니다"),
    ],
)
def test_what_is_wrong_with_a_field_is_told_in_korean_by_its_name(
    field: str, value: str, said: str
) -> None:
    async def work(office: Office) -> None:
        await office.add_app()
        await office.add_key()

        answer = await sent_by(office, naver(**{field: value}))

        assert answer.message == answer.api_message == f"입력값이 올바르지 않습니다: {said}"
        (entry,) = await office.log()
        assert entry.reason.isascii()

    in_office(work)


@pytest.mark.parametrize("field", ["fromUsername", "subject", "toEmail", "user", "password"])
def test_no_field_can_inject_a_line(field: str) -> None:
    async def work(office: Office) -> None:
        await office.add_app()
        await office.add_key()

        answer = await sent_by(office, naver(**{field: "x\r\nBcc: victim@c.example"}))

        assert not answer.is_sent
        assert answer.code == Code.CONFIG
        assert await office.stored() == []

    in_office(work)


async def _wrong_scope(office: Office) -> None:
    await office.add_key(Scope.READ)


async def _expired(office: Office) -> None:
    await office.add_key(expires_at=moment())


async def _elsewhere(office: Office) -> None:
    await office.add_key(addresses=("203.0.113.0/24",))


async def _disabled(office: Office) -> None:
    await office.add_key(is_disabled=True)


async def _none(office: Office) -> None:
    return


@pytest.mark.parametrize("add", [_wrong_scope, _expired, _elsewhere, _disabled, _none])
def test_a_key_that_may_not_send_is_refused_before_anything_else_is_said(add: Any) -> None:
    async def work(office: Office) -> None:
        await office.add_app()
        await add(office)

        answer = await sent_by(office, naver(subject=""))

        assert answer.message == "API 키가 올바르지 않습니다."
        assert answer.code == Code.CONFIG

    in_office(work)


def test_an_app_in_capture_mode_keeps_the_mail_and_asks_no_provider() -> None:
    async def work(office: Office) -> None:
        await office.add_app(mode=Mode.CAPTURE)
        await office.add_key()

        answer = await sent_by(office, naver())

        assert answer.is_sent
        assert answer.is_captured
        (message,) = await office.stored()
        assert message.recipients[0].state is State.CAPTURED

    in_office(work)


def test_a_stopped_app_sends_nothing_and_says_its_own_words() -> None:
    async def work(office: Office) -> None:
        await office.add_app(state=AppState.STOPPED, stop_prompt="점검 중입니다.")
        await office.add_key()

        answer = await sent_by(office, naver())

        assert (answer.is_sent, answer.message) == (False, "점검 중입니다.")

    in_office(work)


def ses_settings(server: Any, **changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "region": "us-east-1",
        "access_key_id": "AKIDEXAMPLE",
        "secret": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "senders": ("@a.example",),
        "shared_sender": "noreply@shared.example",
    }
    return {"ses": SesSettings(**(values | changes)), "presets": {"ses": at(server)}}


@pytest.mark.parametrize(
    ("sender", "is_sent"),
    [
        ("shop@a.example", True),
        ("noreply@shared.example", True),
        ("somebody@c.example", False),
        ("shop@sub.a.example", False),
    ],
)
def test_ses_sends_for_verified_senders_and_for_the_shared_one(sender: str, is_sent: bool) -> None:
    with hostile() as server:

        async def work(office: Office) -> None:
            await office.add_app()
            await office.add_key()

            answer = await sent_by(
                office, DanbeeCall("awsses", SES | {"fromEmail": sender}, key=KEY)
            )

            assert answer.is_sent is is_sent
            if not is_sent:
                assert answer.message == f"확인되지 않은 발신자입니다: {sender}"

        in_office(work, **ses_settings(server))


def test_ses_without_settings_says_so() -> None:
    async def work(office: Office) -> None:
        await office.add_app()
        await office.add_key()

        answer = await sent_by(office, DanbeeCall("awsses", SES, key=KEY))

        assert answer.message == "이 서비스의 운영자가 AWS SES를 설정하지 않았습니다."
        (entry,) = await office.log()
        assert entry.reason == answer.message

    in_office(work)


def test_captured_mail_of_another_account_is_only_released_through_a_relay_of_the_app() -> None:
    async def work(office: Office) -> None:
        await office.add_app(mode=Mode.CAPTURE)
        await office.add_key()

        await sent_by(office, naver())

        (message,) = await office.stored()
        assert message.from_ == "단비 <danbee@naver.com>"
        with pytest.raises(ConflictError, match="no relay"):
            await office.core.releasing.release(message.app_id, message.id, by=SYSTEM)

    in_office(work)
