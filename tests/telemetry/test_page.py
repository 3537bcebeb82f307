"""docs/reference/telemetry.md lists every event, field and metric.

After a change, `.venv/bin/python -m tests.telemetry.test_page` writes its tables anew.
"""

from __future__ import annotations

import re
from pathlib import Path

from postroad.telemetry.events import EVENTS, FIELDS
from postroad.telemetry.metrics import FIGURES

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "telemetry.md"


def tables() -> dict[str, list[str]]:
    """The rows under each head of a table."""
    return {
        "| event | level | meaning | fields |": [
            f"| `{event.name}` | {event.level} | {event.meaning} "
            f"| {', '.join(f'`{name}`' for name in event.fields)} |"
            for event in EVENTS
        ],
        "| field | meaning |": [f"| `{name}` | {meaning} |" for name, meaning in FIELDS.items()],
        "| metric | kind | labels | meaning |": [
            f"| `{figure.name}` | {figure.kind} "
            f"| {'; '.join(f'`{name}`: {values}' for name, values in figure.labels.items())} "
            f"| {figure.meaning} |"
            for figure in FIGURES
        ],
    }


def refreshed(text: str) -> str:
    """The page with each table as it is now."""
    for head, rows in tables().items():
        before, found, after = text.partition(f"{head}\n")
        rule, _, rest = after.partition("\n")
        assert found, f"the page has no table {head}"
        rest = re.sub(r"\A(?:\|.*\n)*", "", rest)
        text = "\n".join([f"{before}{head}", rule, *rows, rest])
    return text


def test_the_page_lists_everything_as_it_is() -> None:
    text = PAGE.read_text("utf-8")

    assert text == refreshed(text)


if __name__ == "__main__":
    PAGE.write_text(refreshed(PAGE.read_text("utf-8")), "utf-8")
