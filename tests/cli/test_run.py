"""`postroad run`: the options reach the runner, its exit codes reach the shell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.conftest import Run, process

from postroad import scripting
from postroad.cli.exits import Exit


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """A config whose script prints, calls send_email, and ends as `arg.how` says."""
    (tmp_path / "s.js").write_text(
        "console.log('안녕', arg.how);\n"
        "if (arg.how === 'throw') throw new Error('on purpose');\n"
        "if (arg.how === 'exit') exit(7);\n"
        "if (arg.how === 'loop') for (;;) {}\n"
        "if (arg.how === 'flood') for (;;) console.log('x'.repeat(1000));\n"
        "if (arg.how === 'send') console.log(send_email({}).code);\n",
        "utf-8",
    )
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"scriptfile": "./s.js", "arg": {"how": ""}}), "utf-8")
    return config


def config_for(script: Path, how: str) -> str:
    script.write_text(json.dumps({"scriptfile": "./s.js", "arg": {"how": how}}), "utf-8")
    return str(script)


@pytest.mark.parametrize(
    ("how", "options", "code", "words"),
    [
        ("", (), Exit.OK, ""),
        ("send", (), Exit.OK, ""),
        ("throw", (), Exit.FAILED, "on purpose"),
        ("exit", (), 7, ""),
        ("loop", ("--timeout", "0.2"), Exit.FAILED, "stopped: time"),
        ("flood", ("--max-output", "2KiB"), Exit.FAILED, "stopped: output"),
        ("send", ("--max-sends", "0"), Exit.FAILED, "stopped: sends"),
    ],
)
def test_a_script_s_end_is_the_exit_code(
    script: Path, how: str, options: tuple[str, ...], code: int, words: str
) -> None:
    done = process("run", config_for(script, how), *options)

    assert done.returncode == code, done.stderr
    assert done.stdout.decode().startswith(f"안녕 {how}")
    assert words in done.stderr.decode()
    assert b"Traceback" not in done.stderr


def test_a_config_that_is_not_there_is_wrong_usage() -> None:
    done = process("run", "/nonexistent.json")

    assert done.returncode == Exit.USAGE
    assert done.stderr.decode() == (
        "/nonexistent.json: cannot open the config file: No such file or directory\n"
    )


def test_a_malformed_config_is_told_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text('{"scriptfile": }', "utf-8")

    done = process("run", str(tmp_path / "c.json"))

    assert done.returncode == Exit.USAGE
    assert b"c.json:1:16" in done.stderr


def test_an_absolute_script_needs_the_option(script: Path) -> None:
    script.write_text(json.dumps({"scriptfile": str(script.parent / "s.js")}), "utf-8")

    refused = process("run", str(script))
    allowed = process("run", str(script), "--allow-absolute")

    assert refused.returncode == Exit.USAGE
    assert allowed.returncode == Exit.OK, allowed.stderr


def test_the_defaults_are_the_runner_s_own(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, object] = {}

    def record(config: str, **limits: object) -> int:
        seen.update(limits, config=config)
        return 0

    monkeypatch.setattr(scripting, "run", record)

    assert run("run", "c.json").exit_code == Exit.OK
    assert seen == {
        "config": "c.json",
        "timeout_s": scripting.TIMEOUT_S,
        "max_sends": scripting.MAX_SENDS,
        "max_output_octets": scripting.MAX_OUTPUT_OCTETS,
        "allow_absolute": False,
    }


@pytest.mark.parametrize("name", ["send.js", "./Send.MJS", "send.py"])
def test_a_script_instead_of_its_config_is_told_apart(run: Run, name: str) -> None:
    result = run("run", name)

    assert result.exit_code == Exit.USAGE
    assert "give the JSON config that names the script" in result.stderr
