"""Measures the lists over a million messages; `benchmarks/README.md` says what and how.

    .venv/bin/python benchmarks/listing.py            # some ten minutes the first time, then three
    .venv/bin/python benchmarks/listing.py --quick    # a minute: does everything still run?
    .venv/bin/python benchmarks/listing.py --write    # and the figures go into benchmarks/README.md

The databases stay in .check/listing and are used again; what was stored of one that was broken off
is made anew. Exit code 0 when it measured, 2 when something was missing. Figures that miss what is
required do not fail it: these are measurements, not tests.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from statistics import median
from typing import Any, Final

if __package__ in (None, ""):  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.measuring import archive, archives
from benchmarks.measuring.programs import MeasurementError
from benchmarks.measuring.report import Demand, table, verdicts

from postroad.delivery.states import State
from postroad.operations.ports import LogFilter, MessageFilter
from postroad.storage.engine import Database
from postroad.storage.listing import MessageList
from postroad.storage.log import LogStore

_PAGE: Final = 50
_LIMIT_MS: Final = 50.0
_BEGIN = "<!-- figures: written by listing.py -->"
_END = "<!-- end of the lists' figures -->"


def _day(month: int, day: int) -> datetime:
    return datetime(archive.FIRST.year, month, day, tzinfo=UTC)


# What can be asked of each filter, in words. Some of the values are common and have nothing in
# common: nothing of the second largest app ever bounced, and only it writes to HEAVY.
_SHARED: Final[dict[str, dict[str, dict[str, Any]]]] = {
    "app": {
        "largest": {"app_id": archive.BIG},
        "second": {"app_id": archive.NO_BOUNCES},
        "tiny": {"app_id": archive.TINY},
        "empty": {"app_id": archive.EMPTY},
    },
    "to": {
        "who gets most": {"to": archive.HEAVY},
        "a person": {"to": archive.PERSON},
        "nobody": {"to": "nobody@nowhere.example"},
    },
    "relay": {
        "everybody's": {"relay_id": archive.SHARED},
        "of the second app": {"relay_id": archive.relay_of(archive.NO_BOUNCES)},
        "unused": {"relay_id": archive.UNUSED},
    },
    "time": {
        "a month": {"since": _day(5, 1), "until": _day(6, 1)},
        "a day long ago": {"since": _day(1, 10), "until": _day(1, 11)},
        "the future": {"since": _day(12, 31)},
    },
    "text": {
        "경고": {"text": "경고"},
        "测试": {"text": "测试"},
        "EXAMPLE": {"text": "EXAMPLE"},
        "a": {"text": "a"},
        "123456": {"text": "123456"},
        "알림 경고": {"text": "알림 경고"},
    },
}
_STATES = (State.ACCEPTED, State.BOUNCED, State.CAPTURED, State.HELD, State.SENDING)
_STATUSES = ("sent", "failed", "captured", "held", "refused", "sending", "queued")
_MESSAGES = {"state": {each.value: {"state": each} for each in _STATES}, **_SHARED}
_LOG = {"status": {each: {"status": each} for each in _STATUSES}, **_SHARED}
_TURNS: Final = 6  # combinations of values for each combination of filters


@dataclass(frozen=True, slots=True)
class Query:
    """A list that is asked for, and its filters in words."""

    which: MessageFilter | LogFilter
    words: tuple[str, ...]

    @property
    def text(self) -> str:
        """What is asked for, as a row of a table begins."""
        name = "messages" if isinstance(self.which, MessageFilter) else "log"
        return f"{name}: {', '.join(self.words) or 'all'}"


@dataclass(frozen=True, slots=True)
class Figure:
    """What the first page took, as the median and at most, and how much is on it."""

    median_ms: float
    slowest_ms: float
    found: int


Figures = dict[str, dict[Query, Figure]]


def queries() -> list[Query]:
    """Return every filter alone with each value, and every combination with some of theirs."""
    found = [Query(MessageFilter(), ()), Query(LogFilter(), ())]
    for kind, filters in ((MessageFilter, _MESSAGES), (LogFilter, _LOG)):
        for count in range(1, len(filters) + 1):
            for names in combinations(filters, count):
                found += _combined(kind, {name: filters[name] for name in names})
    return found


def _combined(
    kind: type[MessageFilter | LogFilter], filters: dict[str, dict[str, dict[str, Any]]]
) -> list[Query]:
    """Return a combination of filters with some of their values, each value with different ones."""
    turns = _TURNS if len(filters) > 1 else max(map(len, filters.values()))
    found: dict[tuple[str, ...], Query] = {}
    for turn in range(turns):
        fields: dict[str, Any] = {}
        words: list[str] = []
        for place, (name, values) in enumerate(filters.items()):
            word, given = [*values.items()][(turn + turn * (place % 2)) % len(values)]
            fields |= given
            words.append(f"{name} {word}")
        found[tuple(words)] = Query(kind(**fields), tuple(words))
    return [*found.values()]


async def measured(database: Database, asked: Sequence[Query], runs: int) -> dict[Query, Figure]:
    """Return what the first page of each takes, after one run that does not count."""
    messages, log = MessageList(database), LogStore(database)
    found: dict[Query, Figure] = {}
    for query in asked:
        times: list[float] = []
        page: Sequence[object] = ()
        for _ in range(runs + 1):
            began = time.perf_counter()
            if isinstance(query.which, MessageFilter):
                page = await messages.page(query.which, before=None, limit=_PAGE)
            else:
                page = await log.entries(query.which, limit=_PAGE)
            times.append((time.perf_counter() - began) * 1_000)
        found[query] = Figure(median(times[1:]), max(times[1:]), len(page))
    return found


def demands(figures: Figures) -> str:
    """Return what is required, for each engine."""
    found = []
    for engine, theirs in figures.items():
        worst = max(each.median_ms for each in theirs.values())
        what = f"the slowest of {len(theirs)} lists, {engine}"
        found.append(Demand(what, f"< {_LIMIT_MS:g} ms", f"{worst:.1f} ms", worst < _LIMIT_MS))
    return verdicts(found)


def by_filters(figures: Figures) -> str:
    """Return the table of how long lists take, by how many filters are combined."""
    rows = []
    for engine, theirs in figures.items():
        counts: dict[int, list[float]] = defaultdict(list)
        for query, figure in theirs.items():
            counts[len(query.words)].append(figure.median_ms)
        for count, times in sorted(counts.items()):
            few = f"{min(times):.1f}", f"{median(times):.1f}", f"{max(times):.1f}"
            rows.append((engine, str(count), str(len(times)), *few))
    return table(("engine", "filters", "lists", "quickest, ms", "median", "slowest"), rows)


def alone(figures: Figures) -> str:
    """Return the table of each filter alone."""
    return _rows(figures, lambda query: len(query.words) < 2)


def hardest(figures: Figures, count: int = 12) -> str:
    """Return the table of the lists that take longest."""
    order: list[Query] = []
    for theirs in figures.values():
        order += sorted(theirs, key=lambda query: -theirs[query].median_ms)[:count]
    return _rows(figures, lambda query: query in order)


def _rows(figures: Figures, is_shown: Callable[[Query], bool]) -> str:
    first = next(iter(figures.values()))
    rows = [
        (
            query.text,
            *(f"{each[query].median_ms:.1f}" for each in figures.values()),
            str(first[query].found),
        )
        for query in first
        if is_shown(query)
    ]
    return table(("first page of 50", *(f"{each}, ms" for each in figures), "found"), rows)


def machine(options: argparse.Namespace, sizes: Mapping[str, str]) -> str:
    """Return on what it was measured, as a table."""
    rows = [
        ("date", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"),
        ("processor", f"{os.cpu_count()} cores"),
        ("load", f"{os.getloadavg()[0]:.1f} in the last minute"),
        ("messages", f"{options.messages:,}"),
        ("runs", f"{options.runs} of each list"),
        *sizes.items(),
        ("Python", platform.python_version()),
    ]
    return table(("", ""), rows)


def run(options: argparse.Namespace) -> str:
    """Return everything that was measured, as Markdown.

    raises: MeasurementError.
    """
    figures: Figures = {}
    sizes: dict[str, str] = {}
    asked = queries()
    for engine in archives.ENGINES:
        archived = engine(options.messages)
        with archived.kept() as made:
            sizes[archived.name] = (
                f"{made.version}; {made.size_mb:,.0f} MB; stored in {made.stored_s:.0f} s,"
                f" indexed in {made.indexed_s:.0f} s"
            )
            print(f"{archived.name}: {len(asked)} lists are measured", file=sys.stderr)
            figures[archived.name] = archived.use(
                lambda database: measured(database, asked, options.runs)
            )
    parts = (demands, by_filters, alone, hardest)
    return "\n\n".join([*(part(figures) for part in parts), machine(options, sizes)])


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure the lists over a million messages.")
    parser.add_argument("--messages", type=int, default=1_000_000, help="how many (1,000,000)")
    parser.add_argument("--runs", type=int, default=7, help="how often each list is read (7)")
    parser.add_argument("--quick", action="store_true", help="30,000 messages, one run")
    parser.add_argument("--write", action="store_true", help="put the figures into README.md")
    found = parser.parse_args()
    if found.quick:
        found.messages, found.runs = 30_000, 1
    if not (1_000 <= found.messages <= 10_000_000 and 1 <= found.runs <= 100):
        parser.error("messages: 1,000 to 10,000,000; runs: 1 to 100")
    return found


def write(readme: Path, measured: str) -> None:
    """Put the figures between their marks of the page."""
    before, _, rest = readme.read_text(encoding="utf-8").partition(_BEGIN)
    _, _, after = rest.partition(_END)
    readme.write_text(f"{before}{_BEGIN}\n\n{measured}\n\n{_END}{after}", encoding="utf-8")


def main() -> int:
    options = arguments()
    try:
        found = run(options)
    except MeasurementError as error:
        print(f"benchmarks/listing.py: {error}", file=sys.stderr)
        return 2
    print(found)
    if options.write:
        write(Path(__file__).with_name("README.md"), found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
