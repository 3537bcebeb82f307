"""The pages of the command line say what the commands' own help says.

After a change, `.venv/bin/python -m tests.cli.test_reference` writes them anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from postroad.cli.exits import Exit
from postroad.cli.program import COMMANDS, program

FOLDER = Path(__file__).parents[2] / "docs" / "reference"
PAGES = (FOLDER / "cli.md", FOLDER / "operators.md")
WIDTH = 80

_HELP = re.compile(
    r"^HELP ([a-z ]+)$|^```text\nUsage: postroad((?: [a-z]+)*) .*?^```$", re.MULTILINE | re.DOTALL
)
_EXITS = re.compile(r"^EXITS$|(?<=\|---\|---\|\n)(?:\| \d+ \|.*\n)*\| \d+ \|.*$", re.MULTILINE)


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command with what is typed for it, those of a group after it."""
    context = click.Context(program)
    for name in COMMANDS:
        command = program.get_command(context, name)
        assert command is not None
        yield name, command
        if isinstance(command, click.Group):
            yield from ((f"{name} {each}", inner) for each, inner in command.commands.items())


TYPED = dict(commands())


def help_of(typed: str) -> str:
    arguments = [word for word in typed.split() if word != "postroad"] + ["--help"]
    result = CliRunner().invoke(program, arguments, terminal_width=WIDTH, color=False)
    return f"```text\n{result.output.rstrip()}\n```"


def refreshed(text: str) -> str:
    """A page with each help and the exit codes as they are now."""
    text = _HELP.sub(lambda match: help_of((match[1] or match[2] or "").strip()), text)
    exits = "\n".join(f"| {code.value} | {code.meaning} |" for code in Exit)
    return _EXITS.sub(lambda _: exits, text, count=1)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_holds_every_help_and_exit_code_as_they_are(page: Path) -> None:
    text = page.read_text("utf-8")

    assert text == refreshed(text)


@pytest.mark.parametrize("typed", ["postroad", *TYPED])
def test_every_command_is_on_one_page(typed: str) -> None:
    texts = [page.read_text("utf-8") for page in PAGES]

    assert [help_of(typed) in text for text in texts].count(True) == 1
    if typed in COMMANDS:
        assert [f"\n## {typed}\n" in text for text in texts].count(True) == 1


@pytest.mark.parametrize("typed", TYPED)
def test_every_option_is_explained(typed: str) -> None:
    options = [each for each in TYPED[typed].params if isinstance(each, click.Option)]

    assert not [each.name for each in options if not each.help]


@pytest.mark.parametrize("typed", TYPED)
def test_every_command_begins_with_one_sentence(typed: str) -> None:
    assert re.match(r"[A-Z][^\n]+[.:]", TYPED[typed].help or "")
    assert COMMANDS[typed.partition(" ")[0]].endswith(".")


OF_OPERATORS = [
    *("doctor", "migrate", "log"),
    *(typed for typed in TYPED if " " in typed),
]


@pytest.mark.parametrize("typed", OF_OPERATORS)
def test_every_command_of_operators_takes_json_and_says_which_installation(typed: str) -> None:
    names = {name for each in TYPED[typed].params for name in each.opts}

    assert {"--json", "--data-dir", "--config"} <= names


if __name__ == "__main__":
    for page in PAGES:
        page.write_text(refreshed(page.read_text("utf-8")), "utf-8")
