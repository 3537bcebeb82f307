"""A folder for each test, and an empty database in it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.folders import open_folder

from postroad.storage.sqlite.migrate import migrate


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return an empty folder, in memory where there is such a place."""
    with open_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def new_database() -> Iterator[Path]:
    """Return a new database, to be copied."""
    with open_folder() as folder:
        migrate(folder / "postroad.db")
        yield folder / "postroad.db"


@pytest.fixture
def path(folder: Path, new_database: Path) -> Path:
    """Return an empty database of the newest schema."""
    return Path(shutil.copy(new_database, folder / "postroad.db"))
