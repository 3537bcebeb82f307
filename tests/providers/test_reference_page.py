"""The page of presets says what the data says."""

from __future__ import annotations

from tests.providers.render_presets import PAGE, render


def test_the_page_of_presets_is_up_to_date() -> None:
    written = PAGE.read_text(encoding="utf-8")

    assert written == render(), "run: python -m tests.providers.render_presets --write"
