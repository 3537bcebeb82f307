"""Every operation on every engine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.support.core import on_engine
from tests.support.engines import Engine


@pytest.fixture
def offices(engine: Engine) -> Iterator[None]:
    """Let every office of the test be on the engine: it runs once on each."""
    with on_engine(engine):
        yield
