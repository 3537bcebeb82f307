"""A server for a module's tests; each finds it as after its start."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.api.service import Service, running


@pytest.fixture(scope="module")
def server() -> Iterator[Service]:
    with running() as service:
        yield service


@pytest.fixture
def service(server: Service) -> Service:
    server.forget()
    return server
