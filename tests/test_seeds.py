"""The four samples of nobase's documentation, run as their readers run them.

They stand in `seeds` as that document has them; only the indentation of the Python samples, which
the document had lost, was put back.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from email import message_from_bytes, policy
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.peers.sink import Sink, needs_sink, running_sink
from tests.support.installed import found, needs
from tests.support.service import App, Service, serving

SEEDS = Path(__file__).with_name("seeds")
DIGESTS = {
    "post_token.js": "3900f55bfc6371fa66fb3c8a1a5bc95d826fad5cf1b7318c566d1de59db9ccce",
    "get_account.js": "34c9d2350e751f245552692e808696665f170af9f4183e1581486e114f8020b0",
    "post_token.py.txt": "5b943aad5cc2363f358e7a0376a7a17df08b46587ef4ef02f1cc8abc5b64165e",
    "get_account.py.txt": "c011cd8ab4db3513ad62120c9927fedae187f947d5ab17e538e1dc72cf6c880a",
}
# The people whom the samples log in; the first of them stands in every app of these tests.
SECOND, SECOND_PASSWORD = "13900139000", "UserPass456"

needs_node = needs(Node_20=bool(found("node")))
needs_requests = needs(requests=find_spec("requests") is not None)
SAMPLES = [
    pytest.param("post_token.js", marks=needs_node),
    pytest.param("get_account.js", marks=needs_node),
    pytest.param("post_token.py.txt", marks=needs_requests),
    pytest.param("get_account.py.txt", marks=needs_requests),
]


class Ended(NamedTuple):
    """What a sample wrote."""

    out: str
    err: str


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with serving() as service:
        yield service


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    with running_sink() as sink:
        yield sink


@pytest.fixture(scope="module")
def captured(service: Service) -> dict[bool, App]:
    """Two apps whose mail stays here, by whether they want tokens."""
    return {tokens: create_app(service, f"captured-{tokens}", tokens) for tokens in (True, False)}


@pytest.fixture(scope="module")
def live(service: Service, sink: Sink) -> dict[bool, App]:
    """Two apps whose mail leaves through a relay, by whether they want tokens."""
    flags = ("--mode", "live", "--from", "Shop <shop@b.example>")
    apps = {
        tokens: create_app(service, f"live-{tokens}", tokens, *flags) for tokens in (True, False)
    }
    for app in apps.values():
        service.create_relay(app, sink.relay().port)
    return apps


def create_app(service: Service, name: str, tokens: bool, *flags: str) -> App:
    app = service.create_app(name, *flags, tokens=tokens)
    whose = ("--app", app.appid, "--password-env", "FIXTURE_PASSWORD")
    service.run("user", "create", SECOND, *whose, secrets={"FIXTURE_PASSWORD": SECOND_PASSWORD})
    return app


def wants_token(name: str) -> bool:
    return "token" in name


def substituted(name: str, service: Service, app: App) -> str:
    """Return a sample with another host and other credentials, and nothing else changed."""
    program = (SEEDS / name).read_text("utf-8")
    ours = {
        "https://nobase.cn": service.url,
        "your_app_id": app.appid,
        "signature_from_backend": app.signature,
    }
    if wants_token(name):
        ours["valid_user_token"] = app.proof["token"]
    for theirs, own in ours.items():
        assert program.count(theirs) == 1
        program = program.replace(theirs, own)
    return program


def run(name: str, service: Service, app: App, folder: Path) -> Ended:
    file = folder / name.removesuffix(".txt")
    file.write_text(substituted(name, service, app), "utf-8")
    interpreter = found("node") if file.suffix == ".js" else sys.executable
    done = subprocess.run(
        [interpreter, str(file)], stdin=subprocess.DEVNULL, capture_output=True, timeout=30
    )
    assert done.returncode == 0, done.stderr
    return Ended(done.stdout.decode().strip(), done.stderr.decode().strip())


def result(name: str, said: str) -> str:
    """Return how a sample prints what the service answered."""
    return f"邮件发送结果: {said}" if name.endswith(".js") else f"邮件发送结果:{said}"


@pytest.mark.parametrize(("name", "digest"), DIGESTS.items())
def test_the_samples_are_those_of_the_document(name: str, digest: str) -> None:
    lines = (SEEDS / name).read_text("utf-8").splitlines()

    without_indentation = "".join(f"{line.lstrip()}\n" for line in lines)

    assert sha256(without_indentation.encode()).hexdigest() == digest


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_sends_to_an_app_that_captures(
    name: str, service: Service, captured: dict[bool, App], tmp_path: Path
) -> None:
    app = captured[wants_token(name)]

    ended = run(name, service, app, tmp_path)

    assert ended == (result(name, "邮件发送成功"), "")
    newest = service.run("log", "--app", app.appid)[0]
    assert (newest["status"], newest["title"]) == ("captured", "测试邮件标题")


@needs_sink
@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_sends_through_a_relay(
    name: str, service: Service, live: dict[bool, App], sink: Sink, tmp_path: Path
) -> None:
    app = live[wants_token(name)]
    before = set(sink.contents(is_connected=True))

    ended = run(name, service, app, tmp_path)

    assert ended == (result(name, "邮件发送成功"), "")
    (content,) = set(sink.contents(is_connected=True)) - before
    message = message_from_bytes(content, policy=policy.default)
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert (message["To"], message["Subject"]) == ("recipient@example.com", "测试邮件标题")
    assert message["From"] == "Shop <shop@b.example>"
    assert plain is not None
    if wants_token(name):
        assert html is not None
        assert "<h1>这是测试邮件的HTML内容</h1>" in html.get_content()
        assert plain.get_content().strip() == "这是测试邮件的HTML内容"
    else:
        assert html is None
        assert plain.get_content().strip() == "这是测试邮件的纯文本内容"


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_run_twice_is_told_how_long_to_wait(
    name: str, service: Service, tmp_path: Path
) -> None:
    app = create_app(service, f"twice {name}", wants_token(name), "--interval", "60")
    run(name, service, app, tmp_path)

    ended = run(name, service, app, tmp_path)

    said = "".join(ended)
    assert re.search(r"请求频繁:请于(60|5[0-9])秒后再添加任务!$", said)
    assert said.startswith("邮件发送失败:" if name.endswith(".js") else "邮件发送结果:")
