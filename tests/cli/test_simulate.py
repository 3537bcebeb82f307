"""`postroad simulate`: the line it prints is one that sends."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.conftest import Run

from postroad.cli.exits import Exit
from postroad.simulators import NAMES
from postroad.simulators.misbehaviour.behaviours import table


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("name", ["naver", "office365"])
def test_the_line_a_simulator_prints_can_be_pasted(name: str, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "postroad", "simulate", name, "--port", "0"]
    with subprocess.Popen(
        [*words, "--save", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    ) as server:
        assert server.stdout is not None
        lines = [server.stdout.readline().decode()]
        while not lines[-1].startswith("Ctrl-C"):
            lines.append(server.stdout.readline().decode())
        paste = next(line.strip() for line in lines if "postroad send" in line)
        password, _, *arguments = shlex.split(paste)
        sent = subprocess.run(
            [sys.executable, "-m", "postroad", *arguments],
            env={**os.environ, "PASSWORD": password.partition("=")[2]},
            capture_output=True,
            timeout=60,
        )
        server.send_signal(signal.SIGTERM)
        out, err = server.communicate(timeout=30)

    assert sent.returncode == Exit.OK, sent.stderr
    assert arguments[:3] == ["send", "--preset", name]
    assert arguments[-1] == "Hello"
    assert server.returncode == Exit.OK
    assert err == b""
    assert "mail 1: " in out.decode()
    assert len(list(tmp_path.glob("*.eml"))) == 1


def test_the_behaviours_are_listed(run: Run) -> None:
    result = run("simulate", "--list")

    assert result.exit_code == Exit.OK
    for name, _, about in table():
        assert name in result.stdout
        assert about in result.stdout


def test_the_help_names_every_simulator(run: Run) -> None:
    text = run("simulate", "--help").stdout

    assert all(name in text for name in NAMES)


def test_a_port_in_use_is_one_sentence(run: Run) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run("simulate", "hostile", "--port", str(port))

    assert result.exit_code == Exit.USAGE
    assert result.stderr.count("\n") == 1
    assert result.stderr == (
        f"postroad: port {port} of 127.0.0.1 is in use: give another with --port (0 is any free"
        " one)\n"
    )


@pytest.mark.parametrize(
    ("name", "guess"),
    [
        ("greting-554", "greeting-554"),
        ("close", "close@mail"),
        ("close@dott", "close@dot"),
        ("550", "550@mail"),
        ("reply", "reply@mail=TEXT"),
        ("reply@dot", "reply@dot=TEXT"),
        ("drp", "drip"),
    ],
)
def test_a_misspelt_behaviour_is_refused_with_a_guess(run: Run, name: str, guess: str) -> None:
    result = run("simulate", "hostile", "--behaviour", name)

    assert result.exit_code == Exit.USAGE
    assert f"did you mean {guess}?" in result.stderr
    assert "--list" in result.stderr


def test_an_unknown_behaviour_is_told_where_the_list_is(run: Run) -> None:
    result = run("simulate", "hostile", "--behaviour", "foo" * 1000)

    assert "`postroad simulate hostile --list` shows all" in result.stderr
    assert len(result.stderr) < 200


def test_a_password_given_for_the_name_of_a_variable_is_not_repeated(run: Run) -> None:
    result = run("simulate", "naver", "--password-env", "ABCD1234EFGH")

    assert result.exit_code == Exit.USAGE
    assert "that --password-env names is not set or empty" in result.stderr
    assert "ABCD1234EFGH" not in result.output
