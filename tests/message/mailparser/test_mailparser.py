"""Nodemailer's `mailparser` reads in a built message exactly what was asked for."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.message.mailparser.generated import generated
from tests.message.strategies import NOW, build_now

from postroad.message import Address, Message, html_to_text

FEW = range(250)
MANY = range(250, 50_250)
HERE = Path(__file__).parent
MODULES = HERE.parents[2] / ".check" / "node" / "node_modules"  # filled by ./check


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(FEW, id="few"),
        pytest.param(MANY, id="many", marks=pytest.mark.long),
    ],
)
def readings(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> list[tuple[Message, dict[str, Any]]]:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    if not (MODULES / "mailparser").is_dir():
        pytest.skip(f"npm's mailparser is not in {MODULES}")
    messages = [generated(seed) for seed in request.param]
    file = tmp_path_factory.mktemp("mailparser") / "messages"
    file.write_bytes(b"\n".join(base64.b64encode(build_now(one).content) for one in messages))
    done = subprocess.run([node, HERE / "read.cjs", file, MODULES], capture_output=True, check=True)
    return list(zip(messages, map(json.loads, done.stdout.splitlines()), strict=True))


def _pairs(addresses: tuple[Address, ...]) -> list[list[str]]:
    return [
        [address.name, f"{address.local_part}@{address.unicode_domain}"] for address in addresses
    ]


def test_the_mailboxes_are_read_as_asked(readings: list[tuple[Message, dict[str, Any]]]) -> None:
    for message, read in readings:
        assert read["from"] == _pairs((message.from_,))
        assert read["to"] == _pairs(message.to)
        assert read["cc"] == _pairs(message.cc)
        assert read["replyTo"] == _pairs(message.reply_to)
        assert read["bcc"] == []


def test_the_other_fields_are_read_as_asked(
    readings: list[tuple[Message, dict[str, Any]]],
) -> None:
    for message, read in readings:
        assert read["subject"] == message.subject
        assert read["date"] == NOW.timestamp()
        assert read["messageId"] == "<made.1@host.example>"
        assert read["once"] == [1, 1, 1, 1]


def _lines(text: str | None) -> str | None:
    return text and text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n")


def test_the_bodies_are_read_as_asked(readings: list[tuple[Message, dict[str, Any]]]) -> None:
    for message, read in readings:
        text = html_to_text(message.html or "") if message.text is None else message.text
        assert _lines(read["text"]) == _lines(text)
        assert _lines(read["html"]) == _lines(message.html)


def test_the_files_are_read_as_asked(readings: list[tuple[Message, dict[str, Any]]]) -> None:
    for message, read in readings:
        wanted = [
            [
                file.filename,
                file.content_type,
                base64.b64encode(file.content).decode("ascii"),
                file.content_id,
                "inline" if file.inline else "attachment",
            ]
            for file in message.attachments
        ]
        assert sorted(read["files"], key=str) == sorted(wanted, key=str)
