"""What every suite of contracts runs on: a database for each test, the same for each engine."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.contracts.mail_stores import Runner
from tests.contracts.tenant_stores import TenantRunner
from tests.support.engines import Place


@pytest.fixture
def folder(place: Place) -> Path:
    """Return the folder with the key file."""
    return place.folder


@pytest.fixture
def run(place: Place) -> Runner:
    """Return what runs scenarios over the stores of mail."""
    return Runner(place)


@pytest.fixture
def tenants(place: Place) -> TenantRunner:
    """Return what runs scenarios over the stores of tenants."""
    return TenantRunner(place)
