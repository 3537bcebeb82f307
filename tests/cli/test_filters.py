"""The filters that `message list` and `log` have in common."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest
from tests.cli.conftest import Run, parsed
from tests.cli.kept import keep

from postroad.cli.exits import Exit
from postroad.cli.filters import Moment

COMMANDS = (("message", "list"), ("log",))


@pytest.fixture
def appid(run: Run, data_dir: Path) -> str:
    return str(parsed(run("app", "create", "demo", "--json"))["appid"])


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize(
    ("given", "found"),
    [
        (("--text", "경고"), 1),
        (("--text", "BO@b.Exam"), 2),
        (("--text", "없음"), 0),
        (("--since", "1h"), 2),
        (("--until", "1h"), 0),
        (("--since", "2020-01-01", "--until", "2020-01-02T03:04"), 0),
        (("--relay", "01956000-0000-7000-8000-000000000000"), 0),
        (("--app", "demo", "--text", "경고", "--since", "2020-01-01"), 1),
    ],
)
def test_each_filter_leaves_out_the_others(
    run: Run,
    data_dir: Path,
    appid: str,
    command: tuple[str, ...],
    given: tuple[str, ...],
    found: int,
) -> None:
    keep(data_dir, appid, subject="디스크 경고")
    keep(data_dir, appid, subject="Invoice")

    assert len(parsed(run(*command, *given, "--json"))) == found


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_what_cannot_be_meant_is_refused(run: Run, data_dir: Path, command: tuple[str]) -> None:
    for given in (("--since", "yesterday"), ("--until", "2026-13-01"), ("--relay", "none")):
        assert run(*command, *given).exit_code == Exit.USAGE


def test_a_moment_without_zone_is_utc_and_a_span_is_ago() -> None:
    moment = Moment()

    assert moment.convert("2026-03-01", None, None) == datetime(2026, 3, 1, tzinfo=UTC)
    assert moment.convert("2026-03-01T09:30+09:00", None, None) == datetime(
        2026, 3, 1, 0, 30, tzinfo=UTC
    )
    ago = datetime.now(UTC) - moment.convert("2h", None, None)
    assert timedelta(hours=1) < ago < timedelta(hours=3)
    with pytest.raises(click.BadParameter):
        moment.convert("999999d", None, None)
