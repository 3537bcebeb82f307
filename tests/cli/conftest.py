"""`postroad` run in this process, and as a real one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from click.testing import CliRunner, Result

from postroad.cli.program import program
from postroad.simulators import Simulator, simulate

PASSWORD = "ABCD1234EFGH"  # of the simulator naver

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def plain_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """English, no terminal, and the password where the tests say it is."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG", "COLUMNS", "POSTROAD_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PASSWORD", PASSWORD)


@pytest.fixture
def run() -> Run:
    """Run `postroad` with arguments; `input` is standard input."""

    def invoke(*arguments: str, **options: Any) -> Result:
        return CliRunner().invoke(program, list(arguments), **options)

    return invoke


@pytest.fixture
def naver() -> Iterator[Simulator]:
    with simulate("naver") as server:
        yield server


def relay(server: Simulator, *, preset: str | None = None) -> tuple[str, ...]:
    """The options that lead to a simulator, without a login."""
    words = ("--host", "localhost", "--port", str(server.port), "--security", server.security)
    trust = () if server.security == "none" else ("--cafile", server.cafile)
    return (*(("--preset", preset) if preset else ()), *words, *trust)


def login(server: Simulator) -> tuple[str, ...]:
    """The options that lead to the simulator naver and log in there."""
    return (
        *relay(server, preset="naver"),
        *("--username", server.username, "--password-env", "PASSWORD"),
    )


def parsed(result: Result) -> Any:
    return json.loads(result.stdout)


def process(*arguments: str | bytes, **options: Any) -> subprocess.CompletedProcess[bytes]:
    """Run `postroad` as a process of its own."""
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8", **options.pop("env", {})}
    options.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run(
        [sys.executable, "-m", "postroad", *arguments],
        capture_output=True,
        env=environment,
        timeout=60,
        **options,
    )
