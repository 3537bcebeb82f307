"""Postroad with smtp-sink, which fails at any command it is told to."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Sequence

import pytest
from tests.peers.sink import needs_sink, running_sink
from tests.peers.suite import DATE, a_message, as_delivered, send_all

from postroad import AsyncMailer, Code, Mailer, Message, Phase, Relay, Result, Retry, Timeouts

pytestmark = needs_sink

Way = Callable[[Relay, Sequence[Message]], list[Result]]

SOFT, HARD, CLOSING, CLOSED = "-r", "-f", "-Q", "-q"
NEVER, LATER, DUPLICATES = Retry.NEVER, Retry.LATER, Retry.DUPLICATES

# Option and command of smtp-sink; what becomes of each message, and in which phase; how often its
# content is handed over. -r is answered with 450, -f with 500, -Q with 421, -q with nothing.
FAULTS = [
    (SOFT, "CONNECT", Code.PROTOCOL, LATER, Phase.GREETING, 0),
    (HARD, "CONNECT", Code.PROTOCOL, NEVER, Phase.GREETING, 0),
    (CLOSING, "CONNECT", Code.PROTOCOL, LATER, Phase.GREETING, 0),
    (CLOSED, "CONNECT", Code.PROTOCOL, LATER, Phase.GREETING, 0),
    (SOFT, "EHLO", Code.PROTOCOL, LATER, Phase.EHLO, 0),
    (HARD, "EHLO", Code.OK, None, Phase.DONE, 1),  # HELO will do
    (HARD, "EHLO,HELO", Code.PROTOCOL, NEVER, Phase.EHLO, 0),
    (CLOSING, "EHLO", Code.PROTOCOL, LATER, Phase.EHLO, 0),
    (CLOSED, "EHLO", Code.PROTOCOL, LATER, Phase.EHLO, 0),
    (SOFT, "MAIL", Code.SENDER, LATER, Phase.MAIL, 0),
    (HARD, "MAIL", Code.SENDER, NEVER, Phase.MAIL, 0),
    (CLOSING, "MAIL", Code.PROTOCOL, LATER, Phase.MAIL, 0),
    (CLOSED, "MAIL", Code.PROTOCOL, LATER, Phase.MAIL, 0),
    (SOFT, "RCPT", Code.RECIPIENTS, LATER, Phase.RCPT, 0),
    (HARD, "RCPT", Code.RECIPIENTS, NEVER, Phase.RCPT, 0),
    (CLOSING, "RCPT", Code.PROTOCOL, LATER, Phase.RCPT, 0),
    (CLOSED, "RCPT", Code.PROTOCOL, LATER, None, 0),  # a reset may swallow the reply to MAIL
    (SOFT, "DATA", Code.CONTENT, LATER, Phase.DATA, 0),
    (HARD, "DATA", Code.CONTENT, NEVER, Phase.DATA, 0),
    (CLOSING, "DATA", Code.PROTOCOL, LATER, Phase.DATA, 0),
    (CLOSED, "DATA", Code.PROTOCOL, LATER, Phase.DATA, 0),
    (SOFT, ".", Code.CONTENT, LATER, Phase.FINAL_DOT, 1),
    (HARD, ".", Code.CONTENT, NEVER, Phase.FINAL_DOT, 1),
    (CLOSING, ".", Code.PROTOCOL, LATER, Phase.FINAL_DOT, 1),
    (CLOSED, ".", Code.IN_DOUBT, DUPLICATES, Phase.FINAL_DOT, 1),
    (SOFT, "QUIT", Code.OK, None, Phase.DONE, 1),
    (HARD, "QUIT", Code.OK, None, Phase.DONE, 1),
    (CLOSING, "QUIT", Code.OK, None, Phase.DONE, 1),
    (CLOSED, "QUIT", Code.OK, None, Phase.DONE, 1),
]


def one_after_another(relay: Relay, messages: Sequence[Message]) -> list[Result]:
    with Mailer(relay) as mailer:
        return [mailer.send(message) for message in messages]


def all_at_once(relay: Relay, messages: Sequence[Message]) -> list[Result]:
    async def send() -> list[Result]:
        async with AsyncMailer(relay, connections=1) as mailer:
            return await asyncio.gather(*(mailer.send(message) for message in messages))

    return asyncio.run(send())


each_way = pytest.mark.parametrize("way", [one_after_another, all_at_once])


def five_messages() -> list[Message]:
    return [a_message(message_id=f"<{number}@a.example>") for number in range(5)]


def message_ids(contents: list[bytes]) -> Counter[bytes]:
    return Counter(re.findall(rb"^Message-ID: (<.*>)$", b"\n".join(contents), re.MULTILINE))


@each_way
@pytest.mark.parametrize(("option", "command", "code", "retry", "phase", "times"), FAULTS)
def test_a_fault_at_any_command_has_its_class(
    way: Way,
    option: str,
    command: str,
    code: Code,
    retry: Retry | None,
    phase: Phase | None,
    times: int,
) -> None:
    with running_sink(option, command) as sink:
        results = way(sink.relay(), five_messages())

        contents = sink.contents()
    assert [(each.code, each.retry) for each in results] == [(code, retry)] * 5
    assert phase is None or {each.phase for each in results} == {phase}
    assert all(each.error if code else not each.error for each in results)
    assert set(message_ids(contents).values()) <= {1}
    assert len(contents) == 5 * times


@each_way
@pytest.mark.parametrize("option", [SOFT, HARD, CLOSING, CLOSED])
def test_a_fault_at_rset_is_never_taken_for_the_message(way: Way, option: str) -> None:
    """The refused recipient asks for RSET before the next transaction."""
    with running_sink(HARD, "RCPT", option, "RSET") as sink:
        results = way(sink.relay(), five_messages())

        contents = sink.contents()
    assert results[0].code == Code.RECIPIENTS
    assert {each.code for each in results} <= {Code.RECIPIENTS, Code.PROTOCOL}
    assert {each.retry for each in results if each.code == Code.PROTOCOL} <= {LATER}
    assert contents == []


@each_way
def test_no_reply_to_data_means_nothing_was_sent(way: Way) -> None:
    with running_sink("-w", "1") as sink:
        results = way(sink.relay(Timeouts(command_s=0.2, data_s=0.2)), [a_message()])

        contents = sink.contents()
    assert [(each.code, each.retry) for each in results] == [(Code.TIMEOUT, LATER)]
    assert contents == []


@each_way
def test_no_reply_to_the_final_dot_leaves_it_in_doubt(way: Way) -> None:
    with running_sink("-W", ".:1") as sink:
        results = way(sink.relay(Timeouts(final_dot_s=0.2)), [a_message()])
    assert [(each.code, each.in_doubt) for each in results] == [(Code.IN_DOUBT, True)]


@pytest.mark.parametrize("options", [(), ("-p",), ("-e",)], ids=["pipelining", "lockstep", "helo"])
def test_every_message_arrives_once_and_octet_for_octet(options: tuple[str, ...]) -> None:
    messages = [
        a_message(text=f"{number}\n.\n..\n.x\n\n", date=DATE, message_id=f"<{number}@a.example>")
        for number in range(500)
    ]

    with running_sink(*options) as sink:
        results = send_all(sink.relay(), messages, connections=5)

        contents = sink.contents()
    assert all(results)
    assert sorted(contents) == sorted(as_delivered(message) for message in messages)
