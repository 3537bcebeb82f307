"""One service for a module's tests, on each engine; what they make has names of its own."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest
from tests.api.v1.managed import Client, Managed, managed
from tests.support.engines import Engine

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def service(engine: Engine) -> Iterator[Managed]:
    with engine.new() as place, managed(place) as service:
        yield service


@pytest.fixture
def operator(service: Managed) -> Client:
    return service.operator


@pytest.fixture
def app(service: Managed) -> tuple[str, Client]:
    """Return a new app's appid, and a client with a key of it that manages."""
    return service.new_app(f"app {next(_numbers)}")


@pytest.fixture
def name() -> Callable[[], str]:
    """Return what makes names that nothing has."""
    return lambda: f"name {next(_numbers)}"
