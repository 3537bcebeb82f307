"""docs/reference/http.md says every text that the doors say, with its code."""

from __future__ import annotations

from pathlib import Path

import pytest

from postroad.api import danbee, nobase
from postroad.api.bodies import FORM, JSON, MAX_PAIRS, MULTIPART
from postroad.api.faults import Fault
from postroad.api.health import GREETING
from postroad.api.incoming import Limits
from postroad.api.nobase import BindMailDoor, LoginDoor, RegisterDoor, SendDoor
from postroad.operations.danbee import FIELDS
from postroad.tenancy.checks import Check

REFERENCE = (Path(__file__).parents[2] / "docs" / "reference" / "http.md").read_text("utf-8")


@pytest.mark.parametrize("check", Check)
def test_the_text_of_each_check_is_there_with_its_code(check: Check) -> None:
    code, text = nobase.TEXTS[check]
    shown = nobase.STOPPED if check is Check.APP_STOPPED else text

    assert f"| `{shown}` | {code} | " in REFERENCE


def test_the_checks_stand_in_their_order() -> None:
    texts = [
        nobase.STOPPED if check is Check.APP_STOPPED else text
        for check, (_, text) in nobase.TEXTS.items()
    ]

    places = [REFERENCE.index(f"| `{text}` |") for text in texts]

    assert places == sorted(places)


@pytest.mark.parametrize("fault", Fault)
def test_the_text_of_each_fault_is_there_with_its_codes(fault: Fault) -> None:
    status, code, text = nobase.FAULTS[fault]
    danbee_code, danbee_text = danbee.FAULTS[fault]

    assert f"| `{text}` | {code} | {status} | " in REFERENCE
    assert f"| `{danbee_text}` | `{danbee_code.value}` | " in REFERENCE


@pytest.mark.parametrize(
    "text",
    [nobase.SENT, nobase.NOT_SENT, nobase.REGISTERED, nobase.BOUND, nobase.NO_ADDRESS],
)
def test_the_other_texts_are_there(text: str) -> None:
    assert f"`{text}`" in REFERENCE


@pytest.mark.parametrize("path", [word.strip(",.") for word in GREETING.split() if "/" in word])
def test_every_path_is_there(path: str) -> None:
    assert path in REFERENCE


@pytest.mark.parametrize("door", [SendDoor, RegisterDoor, LoginDoor, BindMailDoor])
def test_the_parameters_of_each_door_are_there(door: type[SendDoor]) -> None:
    rows = [row for row in REFERENCE.splitlines() if row.startswith("| `/api/")]

    assert any(all(f"`{name}`" in row for name in door.names) for row in rows)


@pytest.mark.parametrize("sender", FIELDS)
def test_the_fields_of_each_sender_are_there(sender: str) -> None:
    fields = ", ".join(f"`{name}`" for name in FIELDS[sender])  # type: ignore[index]

    assert f"/api/danbee/{sender}" in REFERENCE
    assert f"| {fields} |" in REFERENCE


def test_the_limits_are_there() -> None:
    limits = Limits()

    assert f"at most {MAX_PAIRS} parameters" in REFERENCE
    assert f"within {limits.receive_s:g} s, or the whole within {limits.body_s:g} s" in REFERENCE
    assert all(f"`{media_type}`" in REFERENCE for media_type in (FORM, MULTIPART, JSON))
