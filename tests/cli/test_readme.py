"""What the README says to paste works, in its order, and warns of nothing."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from tests.cli.conftest import PASSWORD, Run, parsed

from postroad.simulators import Simulator

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
MAKES = re.compile(r"^    postroad ((?:app|relay|user) .*?[^\\])$", re.MULTILINE | re.DOTALL)


def pasted(text: str) -> list[list[str]]:
    """Return the arguments of the commands that make and change something."""
    commands = [each.replace("\\\n", " ") for each in MAKES.findall(text)]
    return [shlex.split(each, comments=True) for each in commands]


@pytest.fixture(autouse=True)
def passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAVER_PASSWORD", PASSWORD)
    monkeypatch.setenv("USER_PASSWORD", "UserPass123")


def test_the_way_to_a_first_real_mail_warns_of_nothing(run: Run, data_dir: Path) -> None:
    for arguments in pasted(README.partition("No Naver account?")[0]):
        done = run(*arguments)

        assert (done.exit_code, done.stderr) == (0, ""), arguments
    app = parsed(run("app", "show", "shop", "--json"))
    assert app["mode"] == "live"


def test_the_simulator_takes_the_place_of_the_relay_above(
    run: Run, data_dir: Path, naver: Simulator
) -> None:
    above, _, below = README.partition("No Naver account?")
    (instead,) = re.findall(r"`postroad (relay disable [^`]*)`", below)
    (create,) = pasted(below)
    values = {"2525": str(naver.port), "…": naver.cafile}

    for arguments in [*pasted(above), shlex.split(instead)]:
        run(*arguments)
    made = run(*(values.get(each, each) for each in create))

    assert (made.exit_code, made.stderr) == (0, "")
    relays = parsed(run("relay", "list", "--app", "shop", "--json"))
    assert {each["name"]: each["is_enabled"] for each in relays} == {
        "naver": False,
        "simulator": True,
    }
