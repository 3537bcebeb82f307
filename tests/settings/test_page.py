"""docs/reference/settings.md says what the table of settings says.

After a change, `.venv/bin/python -m tests.settings.test_page` writes its tables anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from postroad.settings import OTHER_VARIABLES, PRESET_SETTINGS, SETTINGS, Setting

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "settings.md"


def row(setting: Setting) -> str:
    name, variable = f"`{setting.name}`", f"`{setting.variable}`"
    if setting.is_secret:
        name += f" or `{setting.key}`"
        variable += f" or `{setting.variable}_FILE`"
    flag = [f"`{setting.flag}`"] if setting in SETTINGS else []
    default = f"`{setting.default}`" if setting.default else "none"
    return (
        f"| {' | '.join([name, variable, *flag, default, setting.help, setting.kind.expected])} |"
    )


def tables() -> dict[str, Iterable[str]]:
    """The rows under each heading."""
    sections = dict.fromkeys(setting.section for setting in (*SETTINGS, *PRESET_SETTINGS))
    found: dict[str, Iterable[str]] = {
        section: [
            row(setting) for setting in (*SETTINGS, *PRESET_SETTINGS) if setting.section == section
        ]
        for section in sections
    }
    found["Other variables"] = [f"| `{name}` | {what} |" for name, what in OTHER_VARIABLES.items()]
    return found


def refreshed(text: str) -> str:
    """The page with each table as it is now."""
    for heading, rows in tables().items():
        begin = rf"(^## {heading}\n(?:(?!^## ).*\n)*?\|(?:---\|)+\n)"
        text, found = re.subn(
            rf"{begin}(?:\|.*\n)*",
            lambda match, rows=rows: match[1] + "".join(f"{each}\n" for each in rows),  # type: ignore[misc]
            text,
            flags=re.MULTILINE,
        )
        assert found == 1, f"one table is expected under {heading}"
    return text


def test_the_page_holds_every_setting_as_it_is() -> None:
    text = PAGE.read_text("utf-8")

    assert text == refreshed(text)


if __name__ == "__main__":
    PAGE.write_text(refreshed(PAGE.read_text("utf-8")), "utf-8")
