"""Secrets cannot be foretold: 128 bits at least, from the operating system."""

from __future__ import annotations

import ast
import secrets
from base64 import urlsafe_b64decode
from dataclasses import fields
from pathlib import Path

from postroad.api.session import Sessions
from postroad.operations.administration.desk import Desk

SOURCE = Path(__file__).parents[1] / "src" / "postroad"
# Chance decides there when something is tried again, and makes ids differ, which open nothing.
MAY_USE_RANDOM = {"wiring/core.py", "operations/identifiers.py"}


def imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def test_what_can_be_foretold_is_used_for_no_secret() -> None:
    users = {
        str(path.relative_to(SOURCE))
        for path in SOURCE.rglob("*.py")
        if "random" in imported(path) and "simulators" not in path.parts
    }

    assert users == MAY_USE_RANDOM


def test_keys_and_signatures_are_made_of_the_systems_randomness() -> None:
    (entropy,) = [field.default for field in fields(Desk) if field.name == "random"]

    assert entropy is secrets.token_bytes


def test_a_session_has_a_hundred_and_twenty_eight_bits_of_its_own() -> None:
    sessions = Sessions(b"k" * 32)

    names = [sessions.of([]).value.partition(".")[0] for _ in range(100)]

    assert len(set(names)) == 100
    assert {len(urlsafe_b64decode(f"{name}==")) for name in names} == {16}
