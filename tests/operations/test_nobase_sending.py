"""The way of a message through the nobase door, from the request to the relay and back."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from tests.support.core import FROM, Office, in_office, moment

from postroad.delivery.states import State
from postroad.errors import Code
from postroad.message import Address, Message
from postroad.operations.sending import Caller, NotSent, Sent, Way
from postroad.simulators import hostile
from postroad.tenancy.audit import SYSTEM
from postroad.tenancy.checks import Check, Refusal
from postroad.tenancy.records import InDoubtPolicy, Mode, SendMode
from postroad.worker.relays import connectable

pytestmark = pytest.mark.usefixtures("offices")


def test_a_message_is_sent_and_the_log_says_so() -> None:
    with hostile() as server:

        async def work(office: Office) -> None:
            await office.add_app()
            await office.add_relay(server.port)
            await office.add_user()

            sent = await office.core.nobase.send(office.request(), "session")

            assert isinstance(sent, Sent)
            (entry,) = await office.log()
            assert (entry.status, entry.recipient, entry.title, entry.ip, entry.account) == (
                *("sent", "bo@b.example", "测试邮件标题", "192.0.2.1"),
                "13800138000",
            )
            (message,) = await office.stored()
            assert message.message_id == sent.message_id
            assert message.recipients[0].state is State.ACCEPTED

        in_office(work)
        mail = server.wait_for_message()
    assert mail.reverse_path == "shop@a.example"
    assert mail.forward_paths == ("bo@b.example",)
    assert b"multipart/alternative" in mail.content


def test_captured_mail_needs_no_relay_and_no_from() -> None:
    async def work(office: Office) -> None:
        await office.add_app(mode=Mode.CAPTURE, from_=None)
        await office.add_user()

        sent = await office.core.nobase.send(office.request(), "session")

        assert isinstance(sent, Sent)
        assert sent.is_captured
        (message,) = await office.stored()
        assert message.recipients[0].state is State.CAPTURED
        content = await office.core.mail.content(message.app_id, message.id)
        assert content is not None
        assert b"postroad.invalid" in content

    in_office(work)


def test_the_allow_list_lets_out_what_it_names_and_captures_the_rest() -> None:
    with hostile() as server:

        async def work(office: Office) -> None:
            await office.add_app(mode=Mode.ALLOW_LIST, allow_list=("@b.example",))
            await office.add_relay(server.port)
            await office.add_user()

            out = await office.core.nobase.send(office.request(), "session")
            kept = await office.core.nobase.send(office.request(mail="x@c.example"), "session")

            assert isinstance(out, Sent)
            assert isinstance(kept, Sent)
            assert (out.is_captured, kept.is_captured) == (False, True)

        in_office(work)
        assert server.wait_for_message().forward_paths == ("bo@b.example",)


def test_a_refused_recipient_is_not_sent_and_the_reason_tells_the_code_alone() -> None:
    with hostile("550@rcpt") as server:

        async def work(office: Office) -> None:
            await office.add_app()
            await office.add_relay(server.port)
            await office.add_user()

            sent = await office.core.nobase.send(office.request(), "session")

            assert isinstance(sent, NotSent)
            assert sent.code is Code.RECIPIENTS
            assert "(550" in sent.reason
            assert "127.0.0.1" not in sent.reason
            (entry,) = await office.log()
            assert entry.status == "failed"
            (message,) = await office.stored()
            assert message.recipients[0].state is State.BOUNCED
            (attempt,) = await office.core.mail.attempts(message.app_id, message.id)
            assert "RCPT TO:<bo@b.example>" in attempt.transcript

        in_office(work)


def test_a_title_that_cannot_be_sent_is_told_in_chinese_by_the_callers_name() -> None:
    async def work(office: Office) -> None:
        await office.add_app(mode=Mode.CAPTURE)
        await office.add_user()

        sent = await office.core.nobase.send(office.request(title="x" * 1_000_000), "session")

        assert isinstance(sent, NotSent)
        assert sent.reason == "title过长"
        (entry,) = await office.log()
        assert entry.reason.startswith("subject: longer than")

    in_office(work)


def test_the_time_that_a_password_took_is_taken_off_the_time_limit() -> None:
    with hostile() as server:

        async def work(office: Office) -> None:
            app = await office.add_app()
            account = await office.add_relay(server.port)
            to = Address("bo@b.example")

            def asked(seconds: float) -> Caller:
                asked_at = moment() - timedelta(seconds=seconds)
                return Caller("nobase", "192.0.2.1", to.email, "t", asked_at=asked_at)

            sending = office.core.nobase._sending
            way = Way(is_captured=False, relay=connectable(account, ""), relay_id=account.id)
            late, early = [
                await sending.send(app, lambda: Message(FROM, to, "t", "x"), asked(ago), way)
                for ago in (app.time_limit_s + 1, -app.time_limit_s)
            ]

            assert isinstance(late, NotSent)
            assert late.code is Code.TIMEOUT
            assert isinstance(early, Sent)

        in_office(work)


def test_no_relay_is_told_before_anything_is_stored() -> None:
    async def work(office: Office) -> None:
        await office.add_app()
        await office.add_user()

        refused = await office.core.nobase.send(office.request(), "session")

        assert isinstance(refused, Refusal)
        assert refused.check is Check.NO_RELAY
        (entry,) = await office.log()
        assert (entry.status, entry.reason) == ("refused", "no_relay")
        assert await office.stored() == []

    in_office(work)


def test_a_second_message_within_the_interval_waits_for_the_user_and_for_the_session() -> None:
    async def work(office: Office) -> None:
        await office.add_app(mode=Mode.CAPTURE, interval_s=60)
        await office.add_user()
        send = office.core.nobase.send

        first = await send(office.request(), "one")
        same_user = await send(office.request(), "two")

        assert isinstance(first, Sent)
        assert isinstance(same_user, Refusal)
        assert same_user.check is Check.TOO_SOON
        assert 1 <= same_user.seconds <= 60
        assert [entry.status for entry in await office.log()] == ["captured", "refused"]

    in_office(work)


def test_a_refused_request_starts_no_window() -> None:
    async def work(office: Office) -> None:
        await office.add_app(mode=Mode.CAPTURE, interval_s=60)
        await office.add_user()
        send = office.core.nobase.send

        await send(office.request(mail="nobody"), "one")
        await send(office.request(title=""), "one")

        assert isinstance(await send(office.request(), "one"), Sent)

    in_office(work)


def test_a_message_that_cannot_be_built_starts_its_window_and_is_logged() -> None:
    async def work(office: Office) -> None:
        await office.add_app(mode=Mode.CAPTURE, interval_s=60)
        await office.add_user()

        sent = await office.core.nobase.send(office.request(title="x" * 200_000), "one")
        again = await office.core.nobase.send(office.request(), "one")

        assert isinstance(sent, NotSent)
        assert isinstance(again, Refusal)
        assert [entry.status for entry in await office.log()] == ["failed", "refused"]
        assert await office.stored() == []

    in_office(work)


def test_past_the_time_limit_the_message_is_taken_back() -> None:
    with hostile("silence@mail") as server:

        async def work(office: Office) -> None:
            await office.add_app(time_limit_s=0.2)
            await office.add_relay(server.port)
            await office.add_user()

            sent = await office.core.nobase.send(office.request(), "session")

            assert isinstance(sent, NotSent)
            assert sent.code is Code.TIMEOUT
            assert not sent.in_doubt
            (message,) = await office.stored()
            assert message.recipients[0].state is State.FAILED

        in_office(work, grace_s=0)


def test_past_the_time_limit_after_the_final_dot_it_is_in_doubt_and_the_truth_comes_later() -> None:
    with hostile("drip@dot", pace_s=0.03) as server:

        async def work(office: Office) -> None:
            await office.add_app(time_limit_s=0.2)
            await office.add_relay(server.port)
            await office.add_user()

            sent = await office.core.nobase.send(office.request(), "session")

            assert isinstance(sent, NotSent)
            assert sent.in_doubt
            (entry,) = await office.log()
            assert (entry.status, entry.reason) == (
                *("in_doubt", "no reply to the message within 0.2 s; waiting on"),
            )
            await office.core.courier.drain(10)
            (message,) = await office.stored()
            assert message.recipients[0].state is State.ACCEPTED

        in_office(work)


def test_a_connection_lost_after_the_final_dot_is_held_in_doubt() -> None:
    with hostile("close@dot") as server:

        async def work(office: Office) -> None:
            await office.add_app()
            await office.add_relay(server.port)
            await office.add_user()

            sent = await office.core.nobase.send(office.request(), "session")

            assert isinstance(sent, NotSent)
            assert sent.in_doubt
            (entry,) = await office.log()
            assert entry.status == "in_doubt"
            (message,) = await office.stored()
            assert message.due is None

        in_office(work)


def test_queued_mail_is_answered_at_once_and_arrives() -> None:
    with hostile() as server:

        async def work(office: Office) -> None:
            await office.add_app(send=SendMode.QUEUED)
            await office.add_relay(server.port)
            await office.add_user()

            sent = await office.core.nobase.send(office.request(), "session")

            assert isinstance(sent, Sent)
            assert sent.is_queued
            await asyncio.to_thread(server.wait_for_message)

        in_office(work)


def test_queued_mail_in_doubt_is_tried_again_with_the_same_identity() -> None:
    with hostile("close@dot", times=1) as server:

        async def work(office: Office) -> None:
            await office.add_app(send=SendMode.QUEUED, in_doubt=InDoubtPolicy.RETRY)
            await office.add_relay(server.port)
            await office.add_user()
            core = office.core

            await core.nobase.send(office.request(), "session")
            await office.settlements.get()
            (message,) = await office.stored()
            first_content = await core.mail.content(message.app_id, message.id)
            settled = await core.releasing.release(message.app_id, message.id, by=SYSTEM)

            assert settled.code is Code.OK
            assert await core.mail.content(message.app_id, message.id) == first_content
            first, second = await core.mail.attempts(message.app_id, message.id)
            assert (first.code, second.code) == (Code.IN_DOUBT, Code.OK)

        in_office(work)


def test_what_a_dead_process_was_sending_is_in_doubt_after_the_next_start() -> None:
    with hostile("silence@dot") as server:

        async def work(office: Office) -> None:
            await office.add_app()
            await office.add_relay(server.port)
            await office.add_user()

            waiting = asyncio.create_task(office.core.nobase.send(office.request(), "session"))
            while not (stored := await office.stored()):  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0)
            assert stored[0].recipients[0].state is State.SENDING

            await office.core.loop.start(dead="server:")

            (message,) = await office.stored()
            assert message.recipients[0].state is State.IN_DOUBT
            waiting.cancel()

        in_office(work, grace_s=0)
