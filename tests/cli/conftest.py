"""`postroad` run in this process, and as a real one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
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


@pytest.fixture(scope="session")
def new_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with an empty database."""
    folder = tmp_path_factory.mktemp("new") / "data"
    result = CliRunner().invoke(program, ["migrate", "--data-dir", str(folder)])
    assert result.exit_code == 0, result.output
    return folder


@pytest.fixture
def data_dir(new_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder that the commands of this test find: a database with nothing in it."""
    for name in [name for name in os.environ if name.startswith("POSTROAD_")]:
        monkeypatch.delenv(name)
    folder = tmp_path / "data"
    shutil.copytree(new_folder, folder)
    monkeypatch.setenv("POSTROAD_DATA_DIR", str(folder))
    return folder


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
