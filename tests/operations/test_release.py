"""A message that was captured, is held or is in doubt is sent because a person says so, once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.support.core import APPID, KEY, SIGNATURE, Office, in_office, moment, with_core

from postroad.delivery.messages import Fate, Lease, Settlement, StoredMessage
from postroad.delivery.states import State
from postroad.errors import Code, ConflictError, NotFoundError
from postroad.operations.danbee import DanbeeCall
from postroad.operations.sending import Sent
from postroad.settings import PresetOverride
from postroad.simulators import hostile
from postroad.tenancy.audit import SYSTEM
from postroad.tenancy.records import App, AppState, Mode, SendMode
from postroad.worker.leases import LENGTH as LEASE

pytestmark = pytest.mark.usefixtures("offices")

OTHER_APP = "1234567891"


async def sent(office: Office, **changes: str) -> StoredMessage:
    """Ask for a message and return it as it is stored."""
    await office.core.nobase.send(office.request(**changes), "session")
    return (await office.stored())[0]


async def state_of(office: Office, message: StoredMessage) -> State:
    found = await office.core.mail.message(message.app_id, message.id)
    assert found is not None
    return found.recipients[0].state


async def captured(office: Office, **app: Any) -> StoredMessage:
    """A message that an app in capture mode was asked for."""
    await office.add_app(**({"mode": Mode.CAPTURE} | app))
    await office.add_user()
    return await sent(office)


def release(office: Office, message: StoredMessage) -> Any:
    return office.core.releasing.release(message.app_id, message.id, by=SYSTEM)


def test_captured_mail_goes_to_the_relay_as_it_was_captured() -> None:
    with hostile() as server:

        async def work(office: Office) -> bytes | None:
            message = await captured(office)
            await office.add_relay(server.port)
            content = await office.core.mail.content(message.app_id, message.id)

            settled = await release(office, message)

            assert settled.code is Code.OK
            assert await state_of(office, message) is State.ACCEPTED
            assert [entry.status for entry in await office.log()] == ["sent"]
            return content

        content = in_office(work)
        arrived = server.wait_for_message()
    assert arrived.content == content
    assert (arrived.reverse_path, arrived.forward_paths) == ("shop@a.example", ("bo@b.example",))


def test_mail_in_doubt_is_sent_again_under_the_same_identity() -> None:
    with hostile("close@dot", times=1) as server:

        async def work(office: Office) -> None:
            await office.add_app()
            await office.add_relay(server.port)
            await office.add_user()
            message = await sent(office)
            assert await state_of(office, message) is State.IN_DOUBT

            settled = await release(office, message)

            assert settled.code is Code.OK
            assert await state_of(office, message) is State.ACCEPTED
            attempts = await office.core.mail.attempts(message.app_id, message.id)
            assert [attempt.code for attempt in attempts] == [Code.IN_DOUBT, Code.OK]
            assert message.message_id.encode() in server.wait_for_message().content

        in_office(work)


def test_held_mail_is_sent() -> None:
    with hostile() as server:

        async def work(office: Office) -> None:
            message = await captured(office)
            await office.add_relay(server.port)
            queue, now = office.core.queue, moment()
            claim = await queue.claim_one(APPID, message.id, Lease("t", now + LEASE), now=now)
            assert claim is not None
            held = Settlement(
                Code.IN_DOUBT, "", "", (Fate(0, State.HELD),), None, now, relay_id=None
            )
            assert await queue.settle(claim, held)
            assert await state_of(office, message) is State.HELD

            settled = await release(office, message)

            assert settled.code is Code.OK
            assert await state_of(office, message) is State.ACCEPTED

        in_office(work)


def test_what_the_relay_refuses_is_told_and_kept() -> None:
    with hostile("550@rcpt") as server:

        async def work(office: Office) -> None:
            message = await captured(office)
            await office.add_relay(server.port)

            settled = await release(office, message)

            assert settled.code is Code.RECIPIENTS
            assert await state_of(office, message) is State.BOUNCED
            with pytest.raises(ConflictError, match="has bounced already"):
                await release(office, message)

        in_office(work)


def test_queued_mail_that_is_refused_for_now_is_due_again() -> None:
    with hostile("450@rcpt") as server:

        async def work(office: Office) -> None:
            message = await captured(office, send=SendMode.QUEUED)
            await office.add_relay(server.port)

            settled = await release(office, message)

            assert settled.due is not None
            assert await state_of(office, message) is State.DEFERRED

        in_office(work)


def test_another_apps_message_is_not_there() -> None:
    with hostile() as server:

        async def work(office: Office) -> None:
            message = await captured(office)
            await office.add_relay(server.port)
            await office.core.directory.apps.add(App(OTHER_APP, "other", moment()))

            for app_id, message_id in ((OTHER_APP, message.id), (APPID, "0" * 36), ("x", "y")):
                with pytest.raises(NotFoundError, match="there is no message"):
                    await office.core.releasing.release(app_id, message_id, by=SYSTEM)

            assert await state_of(office, message) is State.CAPTURED

        in_office(work)
        assert server.messages == []


def test_mail_that_is_being_sent_cannot_be_released() -> None:
    with hostile("silence@dot") as server:

        async def work(office: Office) -> None:
            await office.add_app()
            await office.add_relay(server.port)
            await office.add_user()
            sending = asyncio.create_task(office.core.nobase.send(office.request(), "session"))
            await asyncio.to_thread(server.wait_for_message)
            (message,) = await office.stored()

            with pytest.raises(ConflictError, match="is being sent"):
                await release(office, message)

            assert await state_of(office, message) is State.SENDING
            sending.cancel()

        in_office(work, grace_s=0)


def test_of_many_who_release_at_once_one_does() -> None:
    with hostile() as server:

        async def work(office: Office) -> None:
            message = await captured(office)
            await office.add_relay(server.port)

            ended = await asyncio.gather(
                *(release(office, message) for _ in range(10)), return_exceptions=True
            )

            assert sum(isinstance(each, Settlement) for each in ended) == 1
            assert sum(isinstance(each, ConflictError) for each in ended) == 9

        in_office(work)
        assert len(server.messages) == 1


def test_what_was_sent_is_not_sent_again() -> None:
    with hostile() as server:

        async def work(office: Office) -> None:
            await office.add_app()
            await office.add_relay(server.port)
            await office.add_user()
            message = await sent(office)

            with pytest.raises(ConflictError, match="was accepted already"):
                await release(office, message)

        in_office(work)
        assert len(server.messages) == 1


@pytest.mark.parametrize("changes", [{"is_enabled": False}, {"paused": "test"}, {"username": "u"}])
def test_without_a_usable_relay_it_stays_where_it_is(changes: dict[str, Any]) -> None:
    with hostile() as server:

        async def work(office: Office) -> None:
            message = await captured(office)
            await office.add_relay(server.port, **changes)

            with pytest.raises(ConflictError, match=f"app {APPID} has no relay"):
                await release(office, message)

            assert await state_of(office, message) is State.CAPTURED
            assert await office.core.mail.attempts(message.app_id, message.id) == []

        in_office(work)
        assert server.transcripts == []


def test_mail_captured_before_the_app_had_a_mailbox_is_not_sent_in_nobodys_name() -> None:
    with hostile() as server:

        async def work(office: Office) -> None:
            message = await captured(office, from_=None)
            await office.add_relay(server.port)

            with pytest.raises(ConflictError, match="captured without a From mailbox"):
                await release(office, message)

            assert await state_of(office, message) is State.CAPTURED

        in_office(work)
        assert server.messages == []


def test_a_provider_that_wants_the_accounts_own_from_gets_no_other() -> None:
    with hostile() as server:

        async def work(office: Office) -> None:
            message = await captured(office)
            relay = await office.add_relay(server.port, preset="naver", username="danbee")
            await office.core.directory.relays(APPID).change_with_secret(relay.id, "secret")

            with pytest.raises(ConflictError) as refused:
                await release(office, message)

            assert "danbee@naver.com" in str(refused.value)
            assert "shop@a.example" in str(refused.value)
            assert await state_of(office, message) is State.CAPTURED

        in_office(work)
        assert server.messages == []


def test_mail_whose_credentials_were_not_kept_cannot_be_sent_again() -> None:
    with hostile("close@dot") as server:

        async def work(office: Office) -> None:
            await office.add_app()
            await office.add_key()
            await office.add_relay(server.port)
            values = {
                "user": "danbee",
                "password": "ABCD1234EFGH",
                "fromUsername": "단비",
                "toEmail": "bo@b.example",
                "subject": "안녕",
                "message": "반가워요",
            }
            await office.core.danbee.send(DanbeeCall("naver", values, key=KEY))
            (message,) = await office.stored()
            assert message.recipients[0].state is State.IN_DOUBT

            with pytest.raises(ConflictError, match="credentials"):
                await release(office, message)

        in_office(work, presets={"naver": PresetOverride("127.0.0.1", server.port, "none")})
        assert len(server.transcripts) == 1


def test_a_command_beside_the_server_releases_what_the_server_captured() -> None:
    with hostile() as server:

        async def work(office: Office) -> None:
            message = await captured(office)
            await office.add_relay(server.port)

            async def command(other: Office) -> None:
                assert (await release(other, message)).code is Code.OK

            await with_core(office.place, command, is_server=False)

            assert await state_of(office, message) is State.ACCEPTED
            assert isinstance(await office.core.nobase.send(office.request(), "s"), Sent)

        in_office(work)
        assert len(server.messages) == 1
    assert SIGNATURE.encode() not in server.messages[0].content


def test_what_a_killed_release_left_is_released_again_without_a_server() -> None:
    with hostile() as server:

        async def work(office: Office) -> None:
            message = await captured(office)
            await office.add_relay(server.port)
            long_ago = moment() - 2 * LEASE
            lease = Lease("command:dead", long_ago + LEASE)
            assert await office.core.queue.claim_one(APPID, message.id, lease, now=long_ago)

            settled = await release(office, message)

            assert settled.code is Code.OK
            attempts = await office.core.mail.attempts(message.app_id, message.id)
            assert [attempt.code for attempt in attempts] == [None, Code.OK]

        in_office(work)


def test_nothing_is_released_for_an_app_that_is_stopped() -> None:
    async def work(office: Office) -> None:
        message = await captured(office)
        await office.core.directory.apps.change(APPID, state=AppState.STOPPED)

        with pytest.raises(ConflictError, match="stays here: the app is stopped"):
            await release(office, message)

    in_office(work)
