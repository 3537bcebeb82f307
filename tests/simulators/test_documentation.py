"""docs/reference/simulators.md says what the code does: its tables are the code's tables."""

from __future__ import annotations

import re
from pathlib import Path

from postroad.simulators import NAMES
from postroad.simulators.misbehaviour.behaviours import table
from postroad.simulators.misbehaviour.script import STEPS
from postroad.simulators.profiles import PROFILES, RECIPIENTS

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "simulators.md"


def rows(heading: str) -> list[list[str]]:
    """The table under a heading, without its head."""
    section = PAGE.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [
        [cell.strip().strip("`") for cell in re.split(r"(?<!\\\\)\|", line)[1:-1]] for line in lines
    ]


def test_the_simulators_and_their_accounts_are_listed() -> None:
    expected = [
        [p.name, p.about, p.security, p.username, p.password, p.token] for p in PROFILES.values()
    ]

    assert rows("Names and accounts")[:-1] == expected
    assert [row[0] for row in rows("Names and accounts")] == list(NAMES)


def test_the_magic_recipients_are_listed() -> None:
    assert rows("Magic recipients") == [[f"{k}@", v] for k, v in RECIPIENTS.items()]


def test_the_magic_passwords_are_listed_with_what_they_provoke() -> None:
    expected = [
        [profile.name, password, text.splitlines()[0][:9].replace("-", " ", 1)]
        for profile in PROFILES.values()
        for password, text in profile.passwords.items()
    ]

    listed = rows("Magic passwords")

    assert [[name, password] for name, password, _ in listed] == [e[:2] for e in expected]
    for (_, _, reply), (_, _, start) in zip(listed, expected, strict=True):
        assert reply[:8] == start[:8]


def test_the_behaviours_are_listed() -> None:
    assert rows("Behaviours of the hostile server") == [list(row) for row in table()]


def test_the_steps_are_listed() -> None:
    text = PAGE.read_text(encoding="utf-8")

    assert ", ".join(f"`{step}`" for step in STEPS) in " ".join(text.split())
