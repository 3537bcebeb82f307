"""The examples of the page are run as they stand, and its words are the service's."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.api.v1.managed import Managed, managed
from tests.support.engines import Engine
from tests.support.installed import found, needs

from postroad.api.v1.application import ROUTERS
from postroad.api.v1.apps import RESERVED
from postroad.api.v1.document import document

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "api.md").read_text("utf-8")
EXAMPLES = [each for each in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) if "curl" in each]


@pytest.fixture(scope="module")
def variables(engine: Engine) -> Iterator[dict[str, str]]:
    with engine.new() as place, managed(place) as service:
        yield _variables(service)


def _variables(service: Managed) -> dict[str, str]:
    appid, _ = service.new_app("shop")
    where = {"host": "127.0.0.1", "port": 9, "security": "none"}
    relay = service.operator.made("/v1/relays", {"name": "r", "appid": None, **where})
    return {
        "URL": f"http://127.0.0.1:{service.port}",
        "KEY": service.operator.key,
        "APPID": appid,
        "RELAY": relay["id"],
        "MESSAGE": service.keep(appid),
    }


@needs(curl=bool(found("curl")))
@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_does_what_it_says(
    variables: dict[str, str], example: str, tmp_path: Path
) -> None:
    ran = subprocess.run(
        ["bash", "-euc", example.replace("curl ", "curl --silent --show-error --fail ")],
        env=variables | {"PATH": "/usr/bin:/bin:/usr/local/bin"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout or any(tmp_path.iterdir())


def test_the_example_of_a_problem_is_what_the_service_says(service: Managed) -> None:
    example = next(json.loads(each) for each in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL))

    said = service.operator.post("/v1/apps", {"name": " ", "mode": "on"}).problem

    assert said == example


def test_the_page_names_every_status_that_a_call_may_have() -> None:
    statuses = document(ROUTERS)["components"]["responses"]

    for status in statuses:
        assert re.search(rf"^\| [0-9, ]*\b{status}\b", PAGE, re.MULTILINE), status


def test_the_page_names_what_is_the_operators_alone() -> None:
    limits = {name for name in RESERVED if name.startswith(("per_", "max_"))}

    for field in RESERVED - limits:
        assert f"`{field.rstrip('_')}`" in PAGE
