"""PyPI's `mail-parser` reads in a built message exactly what was asked for."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from tests.message.mailparser.generated import generated
from tests.message.strategies import build_now

from postroad.message import Address, Message, html_to_text

mailparser: Any = pytest.importorskip("mailparser", reason="PyPI's mail-parser is not installed")

SEEDS = range(1000, 1100)


def _pairs(addresses: tuple[Address, ...]) -> list[tuple[str, str]]:
    return [(address.name, address.path) for address in addresses]


def _body(parts: list[str]) -> bytes:
    return "".join(parts).encode().replace(b"\r\n", b"\n").removesuffix(b"\n")


def _sent(text: str | None) -> bytes:
    return (text or "").replace("\r\n", "\n").replace("\r", "\n").encode().removesuffix(b"\n")


@pytest.mark.parametrize("seed", SEEDS)
def test_a_message_is_read_as_asked(seed: int) -> None:
    message: Message = generated(seed)

    read = mailparser.parse_from_bytes(build_now(message).content)

    assert read.from_ == _pairs((message.from_,))
    assert read.to == _pairs(message.to)
    assert read.cc == _pairs(message.cc)
    assert read.reply_to == _pairs(message.reply_to)
    assert read.bcc == []
    assert read.subject == message.subject
    text = html_to_text(message.html or "") if message.text is None else message.text
    assert _body(read.text_plain) == _sent(text)
    assert _body(read.text_html) == _sent(message.html)
    files = [(one["filename"], _octets(one)) for one in read.attachments]
    assert sorted(files) == sorted((file.filename, file.content) for file in message.attachments)


def _octets(one: dict[str, Any]) -> bytes:
    payload: str = one["payload"]
    return base64.b64decode(payload) if one["binary"] else payload.encode()
