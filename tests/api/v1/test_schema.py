"""What the document says is what the service does: schemathesis tries to find where it is not."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.api.v1.managed import Managed, managed
from tests.support.engines import Engine

from postroad.api.v1.application import ROUTERS
from postroad.api.v1.document import document

# It takes the ids that lists show it, and with this one it would delete its own key.
ONE_KEY = "/v1/keys/{key_id}"
# What a schema cannot say (a preset that exists, a From that a relay takes) may be refused.
NOT_PROMISED = "positive_data_acceptance"


@pytest.fixture
def fresh(engine: Engine) -> Iterator[Managed]:
    with engine.new() as place, managed(place) as service:
        appid, _ = service.new_app("one")
        service.keep(appid)
        yield service


def tried(service: Managed, folder: Path, *flags: str) -> str:
    """Return what schemathesis says; fails when it has found something."""
    ran = subprocess.run(
        [
            Path(sys.executable).parent / "schemathesis",
            *("run", f"http://127.0.0.1:{service.port}/openapi.json", "--seed", "1", "--no-color"),
            *("--header", f"Authorization: Bearer {service.operator.key}"),
            *("--exclude-checks", NOT_PROMISED, "--warnings", "off", *flags),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-8_000:] + ran.stderr
    assert "No issues found" in ran.stdout
    return ran.stdout


def test_the_service_is_as_its_document_says(fresh: Managed, tmp_path: Path) -> None:
    said = tried(
        fresh,
        tmp_path,
        *("--phases", "examples,coverage,fuzzing", "--max-examples", "2"),
        *("--exclude-path", ONE_KEY),
    )

    number = sum(len(item) for item in document(ROUTERS)["paths"].values())
    assert f"Operations:       {number - 3} selected / {number} total" in said


def test_so_is_the_key_that_is_left_out_there(fresh: Managed, tmp_path: Path) -> None:
    flags = ("--phases", "examples,coverage,fuzzing", "--max-examples", "5")

    tried(fresh, tmp_path, *flags, "--include-path", ONE_KEY)


@pytest.mark.long
def test_nothing_is_found_in_ten_minutes(fresh: Managed, tmp_path: Path) -> None:
    tried(
        fresh,
        tmp_path,
        *("--phases", "examples,coverage,fuzzing,stateful", "--max-time", "600"),
        *("--exclude-path", ONE_KEY),
    )
