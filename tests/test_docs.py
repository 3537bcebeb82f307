"""The documentation says what the code does, and its links lead somewhere."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from postroad.errors import Phase, Retry
from postroad.frontdoor.send_email import FIELDS

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_the_reference_lists_every_field_of_send_email() -> None:
    text = (ROOT / "docs" / "reference" / "send_email.md").read_text("utf-8")
    rows = [f"| `{name}` | {meaning} |" for name, meaning in FIELDS.items()]

    assert "\n".join(rows) in text


def test_the_readme_leads_to_every_page() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    listed = text.partition("## Documentation")[2]

    missing = [page.name for page in PAGES[1:] if f"({page.relative_to(ROOT)})" not in listed]

    assert not missing


@pytest.mark.parametrize("phase", Phase)
def test_the_reference_names_every_phase(phase: Phase) -> None:
    assert f"`{phase}`" in (ROOT / "docs" / "reference" / "errors.md").read_text("utf-8")


@pytest.mark.parametrize("retry", Retry)
def test_the_reference_names_every_advice(retry: Retry) -> None:
    assert f"`{retry}`" in (ROOT / "docs" / "reference" / "errors.md").read_text("utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_file_leads_to_one(page: Path) -> None:
    text = page.read_text("utf-8")
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)

    missing = [
        target for target in targets if "://" not in target and not (page.parent / target).exists()
    ]

    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_python_example_compiles(page: Path) -> None:
    text = page.read_text("utf-8")

    for source in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        compile(source, str(page), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
