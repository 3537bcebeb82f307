"""docs/reference/runner.md says what the code does."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from postroad import scripting
from postroad.scripting import config
from postroad.scripting.limits import Limit
from postroad.scripting.protocol import MAX_REQUEST_OCTETS

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "runner.md").read_text("utf-8")


def table(heading: str) -> list[list[str]]:
    """The cells of the table under a heading, without its head."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def test_the_limits_named_are_those_of_the_code() -> None:
    named = [re.sub(r"\D", "", default) for _, default, _ in table("Limits")]

    assert named == [
        str(int(scripting.TIMEOUT_S)),
        str(scripting.MEMORY_OCTETS),
        str(scripting.MAX_OUTPUT_OCTETS),
        str(scripting.MAX_SENDS),
        str(MAX_REQUEST_OCTETS),
    ]


def test_the_defaults_of_run_are_those_limits() -> None:
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(scripting.run).parameters.items()
    }

    assert defaults["timeout_s"] == scripting.TIMEOUT_S == 60.0
    assert defaults["max_sends"] == scripting.MAX_SENDS == 1000
    assert defaults["max_output_octets"] == scripting.MAX_OUTPUT_OCTETS == 1 << 20
    assert defaults["memory_octets"] == scripting.MEMORY_OCTETS == 256 << 20
    assert defaults["allow_absolute"] is False


def test_every_limit_has_its_line() -> None:
    lines = {line for *_, line in table("Limits")}

    assert {f"`stopped: {limit.value}`" for limit in Limit} < lines


def test_the_exit_codes_named_are_those_of_the_code() -> None:
    named = [code for code, _ in table("Exit codes")]

    assert named == [
        *map(
            str,
            (scripting.ENDED, scripting.THREW, scripting.UNUSABLE, scripting.INTERRUPTED),
        ),
        "n",
    ]


def test_the_config_keys_named_are_those_of_the_code() -> None:
    assert [key.strip("`") for key, _ in table("The config file")] == list(config.KEYS)
    assert str(config.MAX_SCRIPT_OCTETS) in PAGE
