"""How `postroad` starts and how it ends, whatever the command."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import click
import pytest
from tests.cli.conftest import Run, process

from postroad.cli import program as program_module
from postroad.cli.exits import Exit
from postroad.cli.program import COMMANDS

needs_dev_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")


def put_command(monkeypatch: pytest.MonkeyPatch, raises: BaseException) -> None:
    """Add the command `boom` that raises."""

    @click.command("boom")
    def boom() -> None:
        raise raises

    monkeypatch.setitem(COMMANDS, "boom", "Explode.")
    home = SimpleNamespace(command=boom)
    monkeypatch.setattr(program_module, "import_module", lambda name: home)


def test_the_help_imports_neither_asyncio_nor_ssl_nor_the_providers() -> None:
    code = (
        "import sys\n"
        "sys.argv = ['postroad', '--help']\n"
        "from postroad.cli import main\n"
        "try:\n    main()\n"
        "except SystemExit as end:\n    assert end.code == 0, end\n"
        "print([name for name in sys.modules if name in ('asyncio', 'ssl', 'socket', 'rich')\n"
        "       or name.startswith(('postroad.providers', 'postroad.transport', 'postroad.cli.send'"
        "))], file=sys.stderr)\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60)

    assert done.stderr.decode().strip() == "[]"
    for name, summary in COMMANDS.items():
        assert f"{name}" in done.stdout.decode()
        assert summary in done.stdout.decode()


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_imports_neither_asyncio_nor_ssl(name: str) -> None:
    code = (
        f"import sys\nsys.argv = ['postroad', {name!r}, '--help']\n"
        "from postroad.cli import main\n"
        "try:\n    main()\n"
        "except SystemExit as end:\n    assert end.code == 0, end\n"
        "print([name for name in sys.modules if name in ('asyncio', 'ssl')], file=sys.stderr)\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60)

    assert done.stderr.decode().strip() == "[]"


def test_the_version_is_told(run: Run) -> None:
    from postroad import __version__

    assert run("--version").stdout == f"postroad {__version__}\n"
    assert process("--version").stdout.decode().split() == ["postroad", __version__]


def test_without_a_command_the_help_goes_to_stderr(run: Run) -> None:
    result = run()

    assert result.exit_code == Exit.USAGE
    assert result.stdout == ""
    assert "Commands:" in result.stderr


def test_an_unknown_command_is_refused_with_a_guess(run: Run) -> None:
    result = run("snd")

    assert result.exit_code == Exit.USAGE
    assert (
        result.stderr == "postroad: no such command: snd; did you mean send? See: postroad --help\n"
    )
    assert "there are send, check" in run("xyzzy").stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--lang", "ko", "presets"), "postroad presets --lang."),
        (("-v", "send"), "postroad send -v."),
        (("--json",), "postroad COMMAND --json."),
    ],
)
def test_an_option_before_the_command_is_told_its_place(
    run: Run, arguments: tuple[str, ...], told: str
) -> None:
    result = run(*arguments)

    assert result.exit_code == Exit.USAGE
    assert f"options come after the command: {told}" in result.stderr
    assert result.stderr.count("\n") == 1


def test_an_option_no_command_has_is_simply_unknown(run: Run) -> None:
    result = run("--nonsense", "send")

    assert result.exit_code == Exit.USAGE
    assert "No such option" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("send", "--nonsense"),
        ("send", "surplus"),
        ("send", "--port", "abc"),
        ("send", "--timeout", "nan"),
        ("send", "--timeout", "-1"),
        ("send", "--security", "ssl"),
        ("check", "--lang", "fr"),
        ("explain",),
        ("explain", ""),
        ("explain", "hello"),
        ("explain", "999 foo"),
        ("explain", "hello", "--json"),
        ("explain", "550", "--phase", "nonsense"),
        ("explain", "550", "--provider", "nonsense"),
        ("presets", "nonsense"),
        ("run",),
        ("run", "x.json", "--max-output", "much"),
        ("run", "x.json", "--max-sends", "-1"),
        ("simulate",),
        ("simulate", "nonsense"),
        ("simulate", "naver", "--behaviour", "lost-after-dot"),
        ("simulate", "hostile", "--behaviour", "nonsense"),
        ("simulate", "naver", "--port", "70000"),
    ],
)
def test_wrong_usage_is_one_sentence_on_stderr(run: Run, arguments: tuple[str, ...]) -> None:
    result = run(*arguments)

    assert result.exit_code == Exit.USAGE
    assert result.stdout == ""
    assert result.stderr.startswith("postroad")
    assert result.stderr.count("\n") == 1


def test_octets_that_are_no_text_are_refused() -> None:
    done = process("presets", b"\xb0\xa1")

    assert done.returncode == Exit.USAGE
    assert b"postroad: argument 2 is not UTF-8 text: '\\udcb0\\udca1'." in done.stderr


def test_half_a_surrogate_pair_is_refused(run: Run) -> None:
    result = run("send", "--subject", "\ud800")

    assert result.exit_code == Exit.USAGE
    assert "argument 3 is not" in result.stderr


def test_a_defect_is_told_without_a_traceback_or_what_it_quotes(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_command(monkeypatch, ValueError("hunter2"))

    result = run("boom")

    assert result.exit_code == Exit.DEFECT
    assert result.stderr == (
        "a defect in Postroad: ValueError; "
        "run it again with POSTROAD_DEBUG=1 to see the traceback\n"
    )


def test_debugging_shows_the_traceback_of_a_defect(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_command(monkeypatch, ValueError("what went wrong"))
    monkeypatch.setenv("POSTROAD_DEBUG", "1")

    result = run("boom")

    assert result.exit_code == Exit.DEFECT
    assert "Traceback" in result.stderr
    assert "what went wrong" in result.stderr


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (KeyboardInterrupt(), Exit.INTERRUPTED),
        (click.Abort(), Exit.INTERRUPTED),
        (BrokenPipeError(), Exit.PIPE_CLOSED),
    ],
)
def test_who_ends_it_early_hears_nothing(
    run: Run, monkeypatch: pytest.MonkeyPatch, raised: BaseException, code: Exit
) -> None:
    put_command(monkeypatch, raised)

    result = run("boom")

    assert result.exit_code == code
    assert result.output == ""


def test_a_closed_pipe_ends_quietly() -> None:
    reading, writing = os.pipe()
    os.close(reading)

    done = subprocess.run(
        [sys.executable, "-m", "postroad", "presets"],
        stdout=writing,
        stderr=subprocess.PIPE,
        timeout=60,
    )
    os.close(writing)

    assert done.returncode == Exit.OK
    assert done.stderr == b""


@needs_dev_full
@pytest.mark.parametrize("arguments", [("presets",), ("--help",), ("presets", "--json")])
def test_a_full_disk_is_told(arguments: tuple[str, ...]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "postroad", *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=60,
        )

    assert done.returncode == Exit.OUTPUT
    assert done.stderr.decode() == ("postroad: cannot write the output: No space left on device\n")


def test_an_encoding_without_korean_is_escaped_and_the_json_stays_valid() -> None:
    import json

    ascii_only = {"PYTHONIOENCODING": "ascii"}

    listed = process("presets", "--lang", "ko", env=ascii_only)
    naver = process("presets", "naver", "--json", "--lang", "ko", env=ascii_only)

    assert listed.returncode == Exit.OK
    assert listed.stdout.isascii()
    assert json.loads(naver.stdout)["title"] == "네이버 메일"


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_ctrl_c_ends_a_simulator_as_it_should() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "postroad", "simulate", "hostile", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as server:
        assert server.stdout is not None
        for line in server.stdout:
            if line.startswith(b"Ctrl-C"):
                break
        server.send_signal(signal.SIGINT)
        out, err = server.communicate(timeout=30)

    assert server.returncode == Exit.OK
    assert b"stopped" in out
    assert err == b""


@pytest.mark.parametrize("command", [("doctor",), ("app", "list")])
def test_a_path_that_no_system_takes_is_told_as_such(run: Run, command: tuple[str, ...]) -> None:
    result = run(*command, "--data-dir", "x" * 300)

    assert result.exit_code == 1
    assert result.stderr.endswith(": File name too long\n")
    assert result.stderr.count("\n") == 1


def test_what_was_typed_is_told_without_its_controls_and_length(run: Run) -> None:
    result = run("log", "--limit", "\x1b[31m" + "9" * 5_000)

    assert "\x1b" not in result.stderr
    assert len(result.stderr) < 1_200


def test_an_option_without_its_value_leads_to_the_help_of_its_own_command(run: Run) -> None:
    result = run("relay", "create", "naver", "--app")

    assert result.exit_code == Exit.USAGE
    assert result.stderr.endswith(" See: postroad relay create --help\n")
    assert result.stderr.startswith("postroad relay create: ")
