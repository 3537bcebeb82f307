"""docs/reference/cli.md says what the commands' own help says.

After a change, `.venv/bin/python -m tests.cli.test_reference` writes it anew.
"""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from postroad.cli.exits import Exit
from postroad.cli.program import COMMANDS, program

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"
WIDTH = 80

_HELP = re.compile(
    r"^HELP (\w+)$|^```text\nUsage: postroad (?:(\w+) )?.*?^```$", re.MULTILINE | re.DOTALL
)
_EXITS = re.compile(r"^EXITS$|(?<=\|---\|---\|\n)(?:\| \d+ \|.*\n)*\| \d+ \|.*$", re.MULTILINE)


def help_of(name: str) -> str:
    arguments = ["--help"] if name == "postroad" else [name, "--help"]
    result = CliRunner().invoke(program, arguments, terminal_width=WIDTH, color=False)
    return f"```text\n{result.output.rstrip()}\n```"


def refreshed(text: str) -> str:
    """The reference with each help and the exit codes as they are now."""
    text = _HELP.sub(lambda match: help_of(match[1] or match[2] or "postroad"), text)
    exits = "\n".join(f"| {code.value} | {code.meaning} |" for code in Exit)
    return _EXITS.sub(lambda _: exits, text, count=1)


def test_the_reference_holds_every_help_and_exit_code_as_they_are() -> None:
    text = REFERENCE.read_text("utf-8")

    assert text == refreshed(text)


@pytest.mark.parametrize("name", ["postroad", *COMMANDS])
def test_every_command_is_in_the_reference(name: str) -> None:
    text = REFERENCE.read_text("utf-8")

    assert help_of(name) in text
    assert name == "postroad" or f"\n## {name}\n" in text


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_explained(name: str) -> None:
    command = program.get_command(click.Context(program), name)

    assert command is not None
    bare = [
        each.name for each in command.params if isinstance(each, click.Option) and not each.help
    ]
    assert not bare


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_begins_with_one_sentence(name: str) -> None:
    command = program.get_command(click.Context(program), name)

    assert command is not None
    assert command.help
    assert re.match(r"[A-Z][^\n]+[.:]", command.help)
    assert COMMANDS[name].endswith(".")


if __name__ == "__main__":
    REFERENCE.write_text(refreshed(REFERENCE.read_text("utf-8")), "utf-8")
