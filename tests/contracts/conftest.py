"""What every suite of contracts runs on: one folder for each test, the same for each engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.contracts.mail_stores import Runner, make_database
from tests.contracts.tenant_stores import TenantRunner
from tests.support.folders import open_folder


@pytest.fixture(scope="session", params=["sqlite"])
def engine(request: pytest.FixtureRequest) -> str:
    """Return the engine under test."""
    return str(request.param)


@pytest.fixture(scope="session")
def empty(engine: str) -> Iterator[Path]:
    """Return a folder with a new database of the engine and its key file, to be copied."""
    assert engine == "sqlite"
    with open_folder() as folder:
        make_database(folder)
        yield folder


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return an empty folder, in memory where there is such a place."""
    with open_folder() as folder:
        yield folder


@pytest.fixture
def run(empty: Path, folder: Path) -> Runner:
    """Return what runs scenarios over the stores of mail."""
    return Runner(empty, folder)


@pytest.fixture
def tenants(empty: Path, folder: Path) -> TenantRunner:
    """Return what runs scenarios over the stores of tenants."""
    return TenantRunner(empty, folder)
