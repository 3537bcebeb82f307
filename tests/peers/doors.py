"""The three ways to send one message, with one kind of answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from postroad import Address, AsyncMailer, Mailer, Message, Relay, Result, send_email


@dataclass(frozen=True)
class Answer:
    """What became of a message; `refused` are the addresses of a message others accepted."""

    code: int
    error: str
    transcript: str
    refused: tuple[tuple[str, int], ...]


Door = Callable[[Relay, Message], Answer]


def by_mailer(relay: Relay, message: Message) -> Answer:
    """Send with `Mailer`."""
    with Mailer(relay) as mailer:
        return _answer(mailer.send(message))


def by_async_mailer(relay: Relay, message: Message) -> Answer:
    """Send with `AsyncMailer`."""

    async def send() -> Result:
        async with AsyncMailer(relay) as mailer:
            return await mailer.send(message)

    return _answer(asyncio.run(send()))


def by_send_email(relay: Relay, message: Message) -> Answer:
    """Send with `send_email`; its config knows no SASL mechanism, date and Message-ID."""
    config = {
        "host": relay.host,
        "port": relay.port,
        "user": relay.username,
        "pass": relay.password,
        "ssl": relay.security == "tls",
        "starttls": relay.security == "starttls",
        "cafile": relay.cafile,
        "from": _person(message.from_),
        "to": [_person(address) for address in message.to],
        "cc": [_person(address) for address in message.cc],
        "bcc": [_person(address) for address in message.bcc],
        "subject": message.subject,
        "body": message.text,
        "html": message.html,
        "timeout": 30,
    }
    answer = send_email(config)
    refused = tuple((each["email"], each["code"]) for each in answer.get("refused", ()))
    return Answer(answer["code"], answer["error"], answer["log"], refused)


def _answer(result: Result) -> Answer:
    refused = tuple((each.email, each.code) for each in result.refused) if result else ()
    return Answer(int(result.code), result.error, result.transcript, refused)


def _person(address: Address) -> dict[str, Any]:
    return {"email": address.email, "name": address.name}


DOORS: tuple[Door, ...] = (by_mailer, by_async_mailer, by_send_email)
