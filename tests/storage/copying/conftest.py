"""A folder with a key, and databases in it and on PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.storage.copying.filled import Ends
from tests.support.engines import ENGINES


@pytest.fixture(params=[(a, b) for a in ENGINES for b in ENGINES], ids="-to-".join)
def engines(request: pytest.FixtureRequest) -> tuple[str, str]:
    """Return the engine that is copied from and the one that is copied into."""
    source, target = request.param
    return source, target


@pytest.fixture
def ends(request: pytest.FixtureRequest, folder: Path) -> Ends:
    """Return where databases are made; PostgreSQL is started by those tests that name it."""
    wanted: set[str] = set()
    for name in ("engines", "kind"):
        if name in request.fixturenames:
            found = request.getfixturevalue(name)
            wanted |= {found} if isinstance(found, str) else {*found}
    if "postgresql" not in wanted:
        return Ends(folder, None)
    server = request.getfixturevalue("postgresql")
    return Ends(folder, lambda: server.new_database("template0"))


@pytest.fixture(params=ENGINES)
def kind(request: pytest.FixtureRequest) -> str:
    """Return an engine."""
    return str(request.param)
