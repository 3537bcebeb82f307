"""The table of codes is one table everywhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from postroad import errors
from postroad.errors import Code, PostroadError, Reason, Retry

REFERENCE = Path(__file__).parent.parent / "docs" / "reference" / "errors.md"


def error_classes() -> list[type[PostroadError]]:
    found = [value for value in vars(errors).values() if isinstance(value, type)]
    return [value for value in found if issubclass(value, PostroadError)]


def test_the_numbers_are_those_of_the_contract() -> None:
    assert sorted(Code) == [-99, *range(-11, 1)]


def test_every_code_has_its_own_word() -> None:
    words = [code.word for code in Code]

    assert len(set(words)) == len(words)


@pytest.mark.parametrize("code", Code)
def test_the_reference_explains_every_code(code: Code) -> None:
    text = REFERENCE.read_text("utf-8")

    assert f"| {int(code)} | `{code.word}` | {code.meaning} |" in text


@pytest.mark.parametrize("kind", error_classes())
def test_the_reference_explains_every_exception(kind: type[PostroadError]) -> None:
    assert f"`{kind.__name__}`" in REFERENCE.read_text("utf-8")


@pytest.mark.parametrize("reason", Reason)
def test_the_reference_explains_every_reason(reason: Reason) -> None:
    assert f"`{reason}`" in REFERENCE.read_text("utf-8")


@pytest.mark.parametrize("kind", error_classes())
def test_only_what_may_be_there_already_is_in_doubt(kind: type[PostroadError]) -> None:
    assert kind.in_doubt == (kind.code is Code.IN_DOUBT) == (kind.retry is Retry.DUPLICATES)
