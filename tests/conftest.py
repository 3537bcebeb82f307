"""What tests of several rooms stand on: each engine, and a new database of it for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.support.engines import ENGINES, Engine, OnPostgresql, Place, Sqlite
from tests.support.postgresql import Postgresql, running_fast, why_not


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Postgresql]:
    """Return the session's own PostgreSQL server; without one the test is skipped."""
    if reason := why_not():
        pytest.skip(reason)
    with running_fast() as server:
        yield server


@pytest.fixture(scope="session", params=ENGINES)
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """Return the engine under test: every test that asks for it runs on all of them.

    One that is about SQLite alone says so: parametrize("engine", ["sqlite"], indirect=True).
    """
    if request.param == "sqlite":
        return Sqlite(tmp_path_factory.mktemp("sqlite"))
    return OnPostgresql(request.getfixturevalue("postgresql"))


@pytest.fixture
def place(engine: Engine) -> Iterator[Place]:
    """Return an empty database of the engine, with its key file."""
    with engine.new() as place:
        yield place
