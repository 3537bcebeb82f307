"""`send_email` against servers: the three keys, the transcript, and where it can be called."""

from __future__ import annotations

import asyncio
import email
import email.policy
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from postroad import send_email
from postroad.simulators import Simulator, hostile, simulate

SEED: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "examples" / "jsn" / "CaEmail.json").read_text("utf-8")
)["arg"]


@pytest.fixture(scope="module")
def office365() -> Iterator[Simulator]:
    with simulate("office365") as server:
        yield server


@pytest.fixture
def config(office365: Simulator) -> dict[str, Any]:
    return SEED | {"host": "localhost", "port": office365.port, "cafile": office365.cafile}


def test_the_seeds_config_is_sent(config: dict[str, Any], office365: Simulator) -> None:
    before = len(office365.messages)

    answer = send_email(config)

    assert list(answer)[:3] == ["code", "log", "error"]
    assert (answer["code"], answer["error"], answer["phase"]) == (0, "", "done")
    mail = office365.messages[before]
    content = email.message_from_bytes(mail.content, policy=email.policy.default)
    assert content["subject"] == SEED["subject"]
    assert content["from"].addresses[0].display_name == SEED["from"]["name"]
    assert content["to"].addresses[0].display_name == SEED["to"]["name"]
    assert content["message-id"] == answer["message_id"]
    assert content.get_content().rstrip() == SEED["body"]


def test_the_log_is_the_whole_dialogue_without_secrets_and_content(config: dict[str, Any]) -> None:
    log = send_email(config)["log"].splitlines()

    assert log[0].startswith("* connected to 127.0.0.1:")
    assert log[1].startswith("S: 220 ")
    assert "C: STARTTLS" in log
    assert any(line.startswith("* TLSv1.3, ") and "verified against" in line for line in log)
    assert log.count("C: ***") == 2
    assert any(line.startswith("C: <") and line.endswith(" octets of message>") for line in log)
    assert log[-2] == "C: QUIT"
    assert log[-1].startswith("S: 221 ")
    assert SEED["pass"] not in "\n".join(log)


def test_a_wrong_password_says_what_the_server_said_and_what_to_do(config: dict[str, Any]) -> None:
    answer = send_email(config | {"pass": "not this one", "provider": "office365", "lang": "ko"})

    assert answer["code"] == -4
    assert "535 5.7.139" in answer["error"]
    assert "OAuth" in answer["hint"] or "XOAUTH2" in answer["hint"]
    assert "not this one" not in json.dumps(answer)


def test_a_port_given_as_digits_is_a_port(config: dict[str, Any]) -> None:
    assert send_email(config | {"port": str(config["port"])})["code"] == 0


def test_a_password_may_come_from_the_environment(
    config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    del config["pass"]
    monkeypatch.setenv("SECRET_OF_THIS_TEST", SEED["pass"])

    assert send_email(config | {"pass_env": "SECRET_OF_THIS_TEST"})["code"] == 0


def test_a_password_may_come_from_a_file(config: dict[str, Any], tmp_path: Path) -> None:
    del config["pass"]
    file = tmp_path / "secret"
    file.write_text(SEED["pass"] + "\n")

    assert send_email(config | {"pass_file": str(file)})["code"] == 0


def test_a_byte_order_mark_is_no_part_of_a_password(config: dict[str, Any], tmp_path: Path) -> None:
    del config["pass"]
    file = tmp_path / "secret"
    file.write_bytes(b"\xef\xbb\xbf" + SEED["pass"].encode() + b"\r\n")

    assert send_email(config | {"pass_file": str(file)})["code"] == 0


def test_a_password_may_come_from_a_pipe(config: dict[str, Any], tmp_path: Path) -> None:
    del config["pass"]
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    manager = threading.Thread(target=lambda: pipe.write_text(SEED["pass"] + "\n"))
    manager.start()

    assert send_email(config | {"pass_file": str(pipe)})["code"] == 0
    manager.join()


def test_a_device_is_no_secret_no_attachment_and_no_authority(config: dict[str, Any]) -> None:
    without = {name: value for name, value in config.items() if name != "pass"}

    for broken in (
        without | {"pass_file": "/dev/zero"},
        config | {"attachments": [{"filename": "x", "path": "/dev/zero"}]},
        config | {"cafile": "/dev/zero"},
    ):
        assert send_email(broken)["code"] == -1


def test_a_pipe_is_no_attachment_and_no_authority(config: dict[str, Any], tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    for broken in ({"attachments": [{"path": str(pipe)}]}, {"cafile": str(pipe)}):
        assert send_email(config | broken)["code"] == -1


@pytest.mark.parametrize("password", ["S3kr/tPa+w:ord", "a b/c&d=e@f", "비밀 번호/1"])
@pytest.mark.parametrize("form", ["raw", "base64", "hex", "urlencoded"])
def test_an_echoed_password_is_masked_in_every_form(password: str, form: str) -> None:
    with hostile(f"auth-echo-{form}") as server:
        config = SEED | {"host": "127.0.0.1", "port": server.port, "starttls": False}
        answer = send_email(config | {"pass": password})

    shown = json.dumps(answer, ensure_ascii=False)
    for leaked in (password, quote(password), quote(password, safe=""), quote_plus(password)):
        assert leaked not in shown


def test_a_token_may_stand_instead_of_a_password(
    config: dict[str, Any], office365: Simulator
) -> None:
    del config["pass"]

    answer = send_email(config | {"token": office365.token})

    assert answer["code"] == 0
    assert "C: AUTH XOAUTH2 ***" in answer["log"]


def test_an_unverified_connection_says_so_in_the_log(config: dict[str, Any]) -> None:
    del config["cafile"]

    assert send_email(config)["code"] == -3
    answer = send_email(config | {"verify": False})

    assert answer["code"] == 0
    assert "NOT verified" in answer["log"]


def test_a_login_in_the_clear_is_warned_of() -> None:
    with simulate("office365", security="none") as server:
        config = SEED | {"host": "127.0.0.1", "port": server.port, "starttls": False}
        answer = send_email(config)

    assert answer["code"] == 0
    assert "* warning: logging in without TLS" in answer["log"]
    assert answer["hint"]


def test_empty_user_and_password_mean_no_login() -> None:
    with simulate("greylist") as server:
        config = SEED | {"host": "localhost", "port": server.port, "cafile": server.cafile}
        answer = send_email(config | {"user": "", "pass": ""})

    assert answer["code"] == -6
    assert "450 4.2.0" in answer["error"]
    assert "AUTH" not in answer["log"].partition("MAIL")[0].replace("250-AUTH", "")


def test_refused_recipients_are_listed_beside_a_success() -> None:
    with hostile("polite") as server:
        config = SEED | {"host": "127.0.0.1", "port": server.port, "starttls": False}
        answer = send_email(config | {"to": ["ok@y.example", "refuse@y.example"]})

    assert (answer["code"], answer["error"]) == (0, "")
    assert answer["refused"] == [
        {"email": "refuse@y.example", "code": 550, "enhanced": "5.1.1", "text": "No such user"}
    ]


def test_attachments_and_the_rest_of_the_superset_arrive(
    config: dict[str, Any], office365: Simulator, tmp_path: Path
) -> None:
    (tmp_path / "견적서.txt").write_bytes(b"\x00\x01")
    before = len(office365.messages)

    answer = send_email(
        config
        | {
            "html": '<p>안녕 <img src="cid:logo"></p>',
            "cc": "참조 <cc@y.example>",
            "bcc": [{"email": "bcc@y.example"}],
            "reply_to": "re@y.example",
            "headers": {"X-Order": "42"},
            "attachments": [
                {"path": str(tmp_path / "견적서.txt")},
                {"filename": "a.png", "content": "iVBO\nRw==", "content_id": "logo"},
            ],
        }
    )

    assert answer["code"] == 0, answer
    mail = office365.messages[before]
    content = email.message_from_bytes(mail.content, policy=email.policy.default)
    assert len(mail.forward_paths) == 3
    assert content["bcc"] is None
    assert content["x-order"] == "42"
    assert content["reply-to"] == "re@y.example"
    assert [part.get_filename() for part in content.walk() if part.get_filename()]
    assert {part.get_filename() for part in content.walk()} >= {"견적서.txt", "a.png"}


def test_it_works_inside_a_running_event_loop(config: dict[str, Any]) -> None:
    async def caller() -> dict[str, Any]:
        return send_email(config)

    assert asyncio.run(caller())["code"] == 0


def test_it_works_in_threads(config: dict[str, Any]) -> None:
    answers: list[dict[str, Any]] = []
    threads = [
        threading.Thread(target=lambda: answers.append(send_email(config))) for _ in range(4)
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [answer["code"] for answer in answers] == [0] * 4


def test_an_unknown_host_is_a_failed_connection(config: dict[str, Any]) -> None:
    answer = send_email(config | {"host": "no-such-host.invalid"})

    assert (answer["code"], answer["phase"]) == (-2, "connect")
    assert "no-such-host.invalid" in answer["error"]
    assert answer["hint"]


def test_a_preset_fills_host_port_and_security(
    office365: Simulator, config: dict[str, Any]
) -> None:
    for field in ("ssl", "starttls"):
        del config[field]

    answer = send_email(config | {"provider": "office365"})

    assert answer["code"] == 0
    assert "C: STARTTLS" in answer["log"]


WITHOUT_FILES = """
import json, resource, sys
from postroad import send_email
config = json.load(sys.stdin)
resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
print(json.dumps(send_email(config)))
"""


def test_a_process_without_a_free_file_gets_an_answer_too(config: dict[str, Any]) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT_FILES],
        input=json.dumps(config | {"host": "127.0.0.1", "starttls": False, "cafile": None}),
        capture_output=True,
        text=True,
    )

    assert ran.returncode == 0, ran.stderr
    answer = json.loads(ran.stdout)
    assert (answer["code"], answer["phase"], answer["hint"]) == (-2, "connect", "")
    assert "Too many open files" in answer["error"]
