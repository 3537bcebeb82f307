"""Settings loaded from a folder of the test's own, and from nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from postroad.settings import Settings, load

Load = Callable[..., Settings]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def read(here: Path) -> Load:
    """Load settings; `file` is the text of the settings file."""

    def loaded(
        flags: Mapping[str, object] | None = None,
        environ: Mapping[str, str] | None = None,
        file: str | None = None,
    ) -> Settings:
        config = None
        if file is not None:
            (here / "etc").mkdir(exist_ok=True)
            config = here / "etc" / "postroad.toml"
            config.write_text(file, "utf-8")
            config.chmod(0o600)
        return load(flags or {}, environ or {}, config)

    return loaded
