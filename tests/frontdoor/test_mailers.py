"""The two mailers: connections kept and replaced, results that tell, streams that end well."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator
from typing import cast

import pytest

from postroad import Address, AsyncMailer, Mailer, Message, Relay, Result
from postroad.errors import Code, ConnectError, Phase, PostroadError, ReplyError, SettingsError
from postroad.simulators import HostileSimulator, Simulator, hostile, simulate


def message(number: int = 0, to: str = "b@y.example") -> Message:
    return Message(
        from_="알림 <a@x.example>",
        to=to,
        subject=f"{number}",
        text="본문",
        message_id=f"<{number}@x>",
    )


def unbuildable() -> Message:
    """Each of its fields is good; together they make a header beyond the limit."""
    crowd = [Address(f"r{number}@y.example", "x" * 1_000) for number in range(1_100)]
    return Message(from_="a@x.example", to=crowd, text="")


def relay(server: Simulator | HostileSimulator, password: str = "pass word") -> Relay:
    return Relay(
        host="127.0.0.1",
        port=server.port,
        security="none",
        username="user",
        password=password,
    )


async def collect(
    mailer: AsyncMailer, messages: object
) -> tuple[list[Result], PostroadError | None]:
    """The results of a stream and what it raised at its end."""
    results: list[Result] = []
    try:
        async for result in mailer.send_many(cast("list[Message]", messages)):
            results.append(result)
    except PostroadError as error:
        return results, error
    return results, None


# The blocking mailer.


def test_a_mailer_keeps_its_connection() -> None:
    with hostile("polite") as server, Mailer(relay(server)) as mailer:
        results = [mailer.send(message(number)) for number in range(3)]

        assert all(results)
        assert [mail.connection for mail in server.messages] == [1, 1, 1]


@pytest.mark.parametrize("behaviour", ["idle-close", "idle-421", "close@mail", "421@mail"])
def test_a_mailer_opens_a_new_connection_when_the_old_one_is_gone(behaviour: str) -> None:
    with hostile(behaviour, after=1, times=1) as server, Mailer(relay(server)) as mailer:
        results = [mailer.send(message(number)) for number in range(3)]

        assert all(results), [result.error for result in results]
        assert len(server.messages) == 3


def test_a_message_refused_by_its_server_does_not_end_the_connection() -> None:
    with hostile("polite") as server, Mailer(relay(server)) as mailer:
        refused = mailer.send(message(1, to="refuse@y.example"))
        accepted = mailer.send(message(2))

        assert (refused.code, refused.phase) == (Code.RECIPIENTS, Phase.RCPT)
        assert accepted
        assert [mail.connection for mail in server.messages] == [1]
        assert b"RSET" in server.transcripts[0].from_client


def test_a_message_that_cannot_be_built_is_a_result() -> None:
    with hostile("polite") as server, Mailer(relay(server)) as mailer:
        result = mailer.send(unbuildable())

    assert result.code is Code.CONFIG
    assert result.transcript == ""


def test_a_token_function_is_asked_for_each_connection() -> None:
    with simulate("gmail") as server:
        asked: list[str] = []

        def token() -> str:
            asked.append("token")
            return server.token

        for _ in range(2):
            gmail = Relay.preset(
                "gmail",
                username=server.username,
                token=token,
                security="starttls",
                host="localhost",
                port=server.port,
                cafile=server.cafile,
            )
            with Mailer(gmail) as mailer:
                assert mailer.send(Message(from_=server.username, to="b@y.example", text=""))

    assert asked == ["token", "token"]


def broken_token() -> str:
    raise RuntimeError("the identity provider is down")


def test_a_token_function_that_fails_is_a_failed_login() -> None:
    with hostile("polite") as server:
        broken = Relay(
            host="127.0.0.1", port=server.port, security="none", username="u", token=broken_token
        )
        with Mailer(broken) as mailer:
            result = mailer.send(message())

        async def run() -> Result:
            async with AsyncMailer(broken) as mailer:
                return await mailer.send(message())

        for each in (result, asyncio.run(run())):
            assert (each.code, each.phase) == (Code.AUTH, Phase.AUTH)
            assert "RuntimeError" in each.error


# The asyncio mailer.


def test_messages_sent_together_share_the_connections() -> None:
    async def run(server: HostileSimulator) -> list[Result]:
        async with AsyncMailer(relay(server), connections=2) as mailer:
            return await asyncio.gather(*(mailer.send(message(n)) for n in range(20)))

    with hostile("polite") as server:
        results = asyncio.run(run(server))

        assert all(results)
        assert sorted(result.message_id for result in results) == sorted(
            f"<{n}@x>" for n in range(20)
        )
        assert len(server.messages) == 20
        assert {mail.connection for mail in server.messages} <= {1, 2}


def test_a_stream_yields_one_result_for_each_message() -> None:
    async def run(server: HostileSimulator) -> list[Result]:
        async with AsyncMailer(relay(server), connections=3) as mailer:
            results, error = await collect(mailer, (message(n) for n in range(200)))
            assert error is None
            return results

    with hostile("polite") as server:
        results = asyncio.run(run(server))

        assert {result.message_id for result in results} == {f"<{n}@x>" for n in range(200)}
        assert len(results) == len(server.messages) == 200


def test_a_stream_takes_an_async_iterable() -> None:
    async def messages() -> AsyncIterator[Message]:
        for number in range(300):
            await asyncio.sleep(0)
            yield message(number)

    async def run(server: HostileSimulator) -> list[Result]:
        async with AsyncMailer(relay(server), connections=3) as mailer:
            results, error = await collect(mailer, messages())
            assert error is None
            return results

    with hostile("polite") as server:
        results = asyncio.run(run(server))

        assert len(results) == len(server.messages) == 300


def test_an_empty_stream_opens_no_connection() -> None:
    async def run(server: HostileSimulator) -> list[Result]:
        async with AsyncMailer(relay(server)) as mailer:
            results, _ = await collect(mailer, [])
            return results

    with hostile("polite") as server:
        assert asyncio.run(run(server)) == []
        assert server.transcripts == []


def test_one_bad_message_does_not_end_a_stream() -> None:
    refused = message(7, to="refuse@y.example")

    async def run(server: HostileSimulator) -> list[Result]:
        async with AsyncMailer(relay(server), connections=1) as mailer:
            results, error = await collect(mailer, [message(1), unbuildable(), refused, message(2)])
            assert error is None
            return results

    with hostile("polite") as server:
        results = asyncio.run(run(server))

    assert sorted(result.code for result in results) == [-6, -1, 0, 0]


def test_a_dead_relay_ends_a_stream_with_its_error_after_the_known_results() -> None:
    async def run(port: int) -> tuple[list[Result], PostroadError | None]:
        dead = Relay(host="127.0.0.1", port=port, security="none")
        async with AsyncMailer(dead, connections=4) as mailer:
            return await collect(mailer, (message(n) for n in range(1000)))

    with hostile("polite") as server:
        port = server.port
    results, error = asyncio.run(run(port))

    assert isinstance(error, ConnectError)
    assert 0 < len(results) < 1000
    assert {result.code for result in results} == {Code.CONNECT}


def test_a_relay_that_dies_on_the_way_leaves_no_message_without_a_result() -> None:
    taken = 0

    def messages() -> Iterator[Message]:
        nonlocal taken
        for number in range(1000):
            taken += 1
            yield message(number)

    async def run(server: HostileSimulator) -> tuple[list[Result], PostroadError | None]:
        async with AsyncMailer(relay(server), connections=2, timeout=5) as mailer:
            results: list[Result] = []
            try:
                async for result in mailer.send_many(messages()):
                    results.append(result)
                    if len(results) == 50:
                        server.close()
            except PostroadError as error:
                return results, error
            return results, None

    with hostile("polite") as server:
        results, error = asyncio.run(run(server))

        assert isinstance(error, PostroadError)
        assert len(results) == taken < 1000
        assert sum(map(bool, results)) >= 50


def test_a_wrong_password_is_tried_once_however_many_connections_may_be_open() -> None:
    async def run(server: HostileSimulator) -> tuple[list[Result], PostroadError | None]:
        async with AsyncMailer(relay(server), connections=10) as mailer:
            return await collect(mailer, (message(n) for n in range(100)))

    with hostile("auth-535") as server:
        results, error = asyncio.run(run(server))

        assert isinstance(error, ReplyError)
        assert error.code is Code.AUTH
        assert {result.code for result in results} == {Code.AUTH}
        assert len(server.transcripts) == 1


def test_a_relay_that_refuses_further_connections_is_served_by_those_it_has() -> None:
    async def run(server: Simulator) -> tuple[list[Result], PostroadError | None]:
        plain = Relay(
            host="127.0.0.1",
            port=server.port,
            security="none",
            username=server.username,
            password=server.password,
        )
        async with AsyncMailer(plain, connections=5) as mailer:
            return await collect(mailer, (message(n) for n in range(100)))

    with hostile("421@greeting", after=1) as server:
        results, error = asyncio.run(run(cast(Simulator, server)))

        assert error is None
        assert sum(map(bool, results)) == 100
        assert {mail.connection for mail in server.messages} == {1}


def test_a_connection_closed_between_messages_costs_no_message() -> None:
    async def run(server: HostileSimulator) -> list[Result]:
        async with AsyncMailer(relay(server), connections=1) as mailer:
            results, error = await collect(mailer, (message(n) for n in range(20)))
            assert error is None
            return results

    with hostile("421@mail", after=5, times=1) as server:
        results = asyncio.run(run(server))

        assert all(results), [result.error for result in results if not result]
        assert len(server.messages) == 20


def test_a_message_in_doubt_is_not_tried_again() -> None:
    async def run(server: HostileSimulator) -> list[Result]:
        async with AsyncMailer(relay(server), connections=1) as mailer:
            results, error = await collect(mailer, (message(n) for n in range(5)))
            assert error is None
            return results

    with hostile("lost-after-dot", after=2, times=1) as server:
        results = asyncio.run(run(server))

        assert sorted(result.code for result in results) == [Code.IN_DOUBT, 0, 0, 0, 0]


def test_a_single_message_does_not_wait_for_the_end_of_a_stream() -> None:
    async def run(server: HostileSimulator) -> int:
        async with AsyncMailer(relay(server), connections=1) as mailer:
            before = 0
            single: asyncio.Task[Result] | None = None
            async for _ in mailer.send_many(message(n) for n in range(500)):
                if single is None:
                    single = asyncio.get_running_loop().create_task(mailer.send(message(1000)))
                before += not single.done()
            assert single is not None
            assert await single
            return before

    with hostile("polite") as server:
        assert asyncio.run(run(server)) < 100


def test_leaving_a_stream_early_sends_no_further_message() -> None:
    async def run(server: HostileSimulator) -> int:
        taken = 0

        def messages() -> Iterator[Message]:
            nonlocal taken
            for number in range(10_000):
                taken += 1
                yield message(number)

        async with AsyncMailer(relay(server), connections=1) as mailer:
            stream = mailer.send_many(messages())
            async for _ in stream:
                break
            await stream.aclose()  # type: ignore[attr-defined]
        return taken

    with hostile("polite") as server:
        assert asyncio.run(run(server)) < 100


def test_an_exception_of_the_messages_comes_through_after_the_known_results() -> None:
    def messages() -> Iterator[Message]:
        yield message(1)
        raise LookupError("no more rows")

    async def run(server: HostileSimulator) -> list[Result]:
        results = []
        async with AsyncMailer(relay(server), connections=1) as mailer:
            with pytest.raises(LookupError, match="no more rows"):
                async for result in mailer.send_many(messages()):
                    results.append(result)
        return results

    with hostile("polite") as server:
        assert [bool(result) for result in asyncio.run(run(server))] == [True]


def test_a_cancelled_send_leaves_the_mailer_usable() -> None:
    async def run(server: HostileSimulator) -> Result:
        async with AsyncMailer(relay(server), connections=1) as mailer:
            task = asyncio.get_running_loop().create_task(mailer.send(message(1)))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return await mailer.send(message(2))

    with hostile("polite") as server:
        assert asyncio.run(run(server))


@pytest.mark.parametrize("connections", [0, -1])
def test_a_mailer_needs_a_connection(connections: int) -> None:
    with pytest.raises(SettingsError, match="connections"):
        AsyncMailer(Relay(host="x", port=25), connections=connections)


# What interrupts, forks and closings do.


def test_an_interrupted_mailer_opens_a_new_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(self: socket.socket, octets: bytes) -> int:
        real_send(self, octets)
        monkeypatch.undo()
        raise KeyboardInterrupt  # the octets are out, and nobody noted how many

    real_send = socket.socket.send
    smuggled = Message(from_="a@x.example", to="b@y.example", text="MAIL FROM:<evil@x.example>")

    with hostile("polite") as server, Mailer(relay(server)) as mailer:
        assert mailer.send(message(1))
        monkeypatch.setattr(socket.socket, "send", interrupted)
        with pytest.raises(KeyboardInterrupt):
            mailer.send(smuggled)
        assert mailer.send(message(2))

        assert {mail.reverse_path for mail in server.messages} == {"a@x.example"}
        assert [mail.connection for mail in server.messages][-1] == 2


def test_a_forked_child_does_not_speak_on_its_parents_connection() -> None:
    with hostile("polite") as server, Mailer(relay(server)) as mailer:
        assert mailer.send(message(1))
        child = os.fork()
        if child == 0:
            os._exit(0 if mailer.send(message(2)) else 1)
        _, status = os.waitpid(child, 0)
        assert mailer.send(message(3))

        assert status == 0
        assert {mail.connection for mail in server.messages} == {1, 2}


def test_a_relay_that_closes_right_after_the_login_is_refused_not_hammered() -> None:
    async def run(server: HostileSimulator) -> Result:
        plain = Relay(host="127.0.0.1", port=server.port, security="none")
        async with AsyncMailer(plain, connections=2, timeout=5) as mailer:
            return await mailer.send(message(1))

    with hostile("reply@ehlo=250 fine\r\n421 4.3.2 closing") as server:
        result = asyncio.run(run(server))

        assert result.code is Code.PROTOCOL
        assert len(server.transcripts) == 1


def test_closing_a_mailer_ends_every_send_that_waits() -> None:
    async def run(server: HostileSimulator) -> list[Result]:
        mailer = AsyncMailer(relay(server), connections=1)
        sends = [asyncio.ensure_future(mailer.send(message(n))) for n in range(20)]
        await asyncio.wait(sends, return_when=asyncio.FIRST_COMPLETED)
        await mailer.aclose()
        results = await asyncio.gather(*sends)
        results.append(await mailer.send(message(99)))
        with pytest.raises(PostroadError, match="closed"):
            async for _ in mailer.send_many([message(100)]):
                pass
        return results

    with hostile("polite") as server:
        results = asyncio.run(run(server))

        assert len(results) == 21
        assert not results[-1]
        assert sum(map(bool, results)) == len(server.messages)


def test_a_cancelled_close_can_be_repeated() -> None:
    async def run(server: HostileSimulator) -> None:
        mailer = AsyncMailer(relay(server), connections=1)
        assert await mailer.send(message(1))
        closing = asyncio.ensure_future(mailer.aclose())
        await asyncio.sleep(0)
        closing.cancel()
        await asyncio.wait([closing])
        await mailer.aclose()

    with hostile("polite") as server:
        asyncio.run(run(server))

        assert b"QUIT" in server.wait_for_transcript().from_client


def test_what_is_no_message_is_a_result_and_the_rest_is_sent() -> None:
    async def run(server: HostileSimulator) -> list[Result]:
        async with AsyncMailer(relay(server), connections=1) as mailer:
            results, error = await collect(mailer, [None, message(1), "text", message(2)])
            assert error is None
            assert (await mailer.send(cast("Message", None))).code is Code.CONFIG
            return results

    with hostile("polite") as server:
        results = asyncio.run(run(server))

        assert sorted(result.code for result in results) == [-1, -1, 0, 0]


def test_an_iterable_that_is_cancelled_ends_its_stream() -> None:
    async def messages() -> AsyncIterator[Message]:
        yield message(1)
        raise asyncio.CancelledError

    async def run(server: HostileSimulator) -> int:
        results = 0
        async with AsyncMailer(relay(server), connections=1) as mailer:
            with pytest.raises(asyncio.CancelledError):
                async for _ in mailer.send_many(messages()):
                    results += 1
        return results

    with hostile("polite") as server:
        assert asyncio.run(run(server)) == 1


def test_a_cancelled_send_that_waits_for_a_connection_is_taken_back() -> None:
    async def run(server: HostileSimulator) -> None:
        async with AsyncMailer(relay(server), connections=1) as mailer:
            sends = [asyncio.ensure_future(mailer.send(message(n))) for n in range(3)]
            await asyncio.sleep(0)
            for send in sends[:2]:
                send.cancel()
            assert await sends[2]

    with hostile("polite") as server:
        asyncio.run(run(server))

        assert len(server.messages) == 1


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), 86_401, None, "5"])
def test_a_timeout_that_is_none_is_refused(timeout: object) -> None:
    plain = Relay(host="x", port=25)

    with pytest.raises(SettingsError, match="timeout"):
        Mailer(plain, timeout=cast("float", timeout))
    with pytest.raises(SettingsError, match="timeout"):
        AsyncMailer(plain, timeout=cast("float", timeout))
