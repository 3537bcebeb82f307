"""From the record of a relay to its connection: whose relay it is decides where it may lead."""

from __future__ import annotations

import os
from typing import Any

import pytest
from tests.support.core import APPID, Office, in_office, moment

from postroad.delivery.states import State
from postroad.errors import Code
from postroad.operations.identifiers import new_id
from postroad.operations.sending import NotSent, Sent
from postroad.simulators import hostile
from postroad.simulators.misbehaviour.server import HostileSimulator
from postroad.tenancy.audit import SYSTEM
from postroad.tenancy.records import Maker, Mode, RelayAccount, SendMode

PORT = 2525  # a port of mail that needs no privilege: the guard has to look at the address


def at_mail_port() -> HostileSimulator:
    """A server on a loopback address of this test run's own, at a port of mail."""
    number = os.getpid()
    return hostile(host=f"127.77.{number >> 8 & 255}.{number & 255 or 1}", port=PORT)


async def add_relay(office: Office, host: str, port: int, maker: Maker) -> RelayAccount:
    relay = RelayAccount(
        new_id(), APPID, "relay", host, port, moment(), security="none", made_by=maker
    )
    await office.core.directory.relays(APPID).add(relay)
    return relay


def test_a_relay_of_the_operator_may_be_anywhere() -> None:
    with at_mail_port() as server:

        async def work(office: Office) -> None:
            await office.add_app()
            await office.add_user()
            await add_relay(office, server.host, PORT, Maker.OPERATOR)

            assert isinstance(await office.core.nobase.send(office.request(), "s"), Sent)

        in_office(work)
        assert len(server.messages) == 1


@pytest.mark.parametrize("name", ["address", "mapped", "localhost"])
def test_a_relay_of_a_tenant_never_leads_into_our_own_network(name: str) -> None:
    with at_mail_port() as server:
        host = {"address": server.host, "mapped": f"::ffff:{server.host}"}.get(name, name)

        async def work(office: Office) -> None:
            await office.add_app()
            await office.add_user()
            await add_relay(office, host, PORT, Maker.TENANT)

            sent = await office.core.nobase.send(office.request(), "s")

            assert isinstance(sent, NotSent)
            assert sent.code is Code.CONNECT
            assert "not public" in sent.error
            assert "not public" not in sent.reason
            (message,) = await office.stored()
            assert message.recipients[0].state is State.FAILED
            assert "EHLO" not in (await attempts(office))[0].transcript

        in_office(work)
        assert server.transcripts == []


async def attempts(office: Office) -> list[Any]:
    (message,) = await office.stored()
    return await office.core.mail.attempts(APPID, message.id)


def test_nor_does_it_when_the_loop_or_a_person_sends() -> None:
    with at_mail_port() as server:

        async def work(office: Office) -> None:
            await office.add_app(send=SendMode.QUEUED)
            await office.add_user()
            await add_relay(office, server.host, PORT, Maker.TENANT)

            assert isinstance(await office.core.nobase.send(office.request(), "s"), Sent)
            queued = await office.settlements.get()
            (message,) = await office.stored()
            released = await office.core.releasing.release(APPID, message.id, by=SYSTEM)

            for settled in (queued, released):
                assert settled.code is Code.CONNECT
                assert "not public" in settled.error
            assert len(await attempts(office)) == 2

        in_office(work)
        assert server.transcripts == []


def test_a_relay_of_a_tenant_keeps_to_the_ports_of_mail() -> None:
    with hostile() as server:

        async def work(office: Office) -> None:
            await office.add_app()
            await office.add_user()
            await office.add_relay(server.port, made_by=Maker.TENANT)

            sent = await office.core.nobase.send(office.request(), "s")

            assert isinstance(sent, NotSent)
            assert f"port {server.port} is not a port of mail" in sent.error

        in_office(work)
        assert server.transcripts == []


def test_a_tenants_relay_is_refused_while_a_connection_of_the_operators_is_open() -> None:
    with at_mail_port() as server:

        async def work(office: Office) -> None:
            await office.add_app()
            await office.add_user()
            ours = await add_relay(office, server.host, PORT, Maker.OPERATOR)
            assert isinstance(await office.core.nobase.send(office.request(), "s"), Sent)
            relays = office.core.directory.relays(APPID)
            await relays.change(ours.id, is_enabled=False)
            theirs = RelayAccount(
                new_id(), APPID, "theirs", server.host, PORT, moment(), security="none"
            )
            await relays.add(theirs)
            await relays.change(theirs.id, made_by=Maker.TENANT)

            assert isinstance(await office.core.nobase.send(office.request(), "s"), NotSent)

        in_office(work)
        assert len(server.messages) == 1


def test_captured_mail_opens_no_connection() -> None:
    with hostile() as server:

        async def work(office: Office) -> None:
            await office.add_app(mode=Mode.CAPTURE)
            await office.add_user()
            await office.add_relay(server.port)

            assert isinstance(await office.core.nobase.send(office.request(), "s"), Sent)

        in_office(work)
        assert server.transcripts == []
