"""Measures the service beside what a user would write; `benchmarks/README.md` says what and how.

    .venv/bin/python benchmarks/service.py            # some three minutes
    .venv/bin/python benchmarks/service.py --quick    # one short round: does everything still run?
    .venv/bin/python benchmarks/service.py --write    # and the figures go into benchmarks/README.md

Exit code 0 when it measured, 2 when something was missing or a run lost a message. Figures that
miss what is required do not fail it: these are measurements, not tests.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

if __package__ in (None, ""):  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.measuring.programs import (
    ROOT,
    MeasurementError,
    Sink,
    program,
    python_client,
    smtp_sink,
)
from benchmarks.measuring.report import Demand, table, verdicts
from benchmarks.measuring.services import (
    REQUIREMENTS,
    Load,
    Memory,
    Running,
    drive,
    empty_postroad,
    ensure_peer_installed,
    peer,
    postroad,
)

CLIENTS = (1, 16, 64)
_STARTS = 5
_BARE = 500
_SETTLE_S = 2.0
_MB = 1_000_000
_BEGIN = "<!-- figures: written by service.py -->"
_END = "<!-- end of the service's figures -->"

Loads = Mapping[tuple[str, int], list[Load]]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure the service beside a user's own.")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is run (5)")
    parser.add_argument("--seconds", type=int, default=5, help="how long each run takes (5)")
    parser.add_argument("--quick", action="store_true", help="one round of two seconds each")
    parser.add_argument("--write", action="store_true", help="put the figures into README.md")
    found = parser.parse_args()
    if found.quick:
        found.rounds, found.seconds = 1, 2
    if not (1 <= found.rounds <= 50 and 1 <= found.seconds <= 60):
        parser.error("rounds: 1 to 50; seconds: 1 to 60")
    return found


def one_run(sink: Sink, service: Running, clients: int, seconds: float, folder: Path) -> Load:
    """Return one run, verified: what was promised, the sink has.

    raises: MeasurementError.
    """
    before = sink.received()
    load = drive(service, clients, seconds, folder)
    # When the time is up a client has one request more under way, whose answer nobody reads.
    extra = _settled(sink) - before - load.promised
    if not 0 <= extra <= clients:
        raise MeasurementError(
            f"{service.name}: {load.promised} promised, {extra} more in the sink"
        )
    return load


def _settled(sink: Sink) -> int:
    """Return what the sink has received once it receives no more."""
    count = -1
    while count != (count := sink.received()):  # it counts once a second
        time.sleep(1.2)
    return count


def starts(folder: Path) -> tuple[list[float], list[float], Memory]:
    """Return the seconds until a first start is ready, until later ones are, and idle memory."""
    first, later = [], []
    memory = Memory(0, 0)
    for _ in range(_STARTS):
        with tempfile.TemporaryDirectory(dir=folder) as name:
            with empty_postroad(Path(name)) as running:
                first.append(running.ready_s)
            with empty_postroad(Path(name)) as running:
                later.append(running.ready_s)
                time.sleep(_SETTLE_S)
                memory = running.memory()
    return first, later, memory


def throughput(services: Sequence[Running], loads: Loads) -> str:
    """Return the table of mails a second."""
    ours = services[0]
    rows = []
    for clients in CLIENTS:
        for service in services:
            taken = loads[service.name, clients]
            rates = [load.rate for load in taken]
            ratio = _ratio(loads, ours, service, clients)
            rows.append(
                (
                    service.name,
                    str(clients),
                    f"{median(rates):,.0f}",
                    f"{min(rates):,.0f} to {max(rates):,.0f}",
                    f"{median(load.p50_ms for load in taken):.2f}",
                    f"{median(load.p99_ms for load in taken):.2f}",
                    "" if service is ours else f"{ratio:.2f}×",
                )
            )
    head = ("service", "clients", "mails/s", "slowest to fastest round", "p50 ms", "p99 ms")
    return table((*head, "Postroad is faster by"), rows)


def _ratio(loads: Loads, one: Running, other: Running, clients: int) -> float:
    """Return the median over the rounds of how much faster `one` was."""
    pairs = zip(loads[one.name, clients], loads[other.name, clients], strict=True)
    return median(first.rate / second.rate for first, second in pairs)


def figures(options: argparse.Namespace, folder: Path) -> str:
    """Return everything that was measured, as Markdown."""
    first, later, idle = starts(folder)
    loads: dict[tuple[str, int], list[Load]] = defaultdict(list)
    bare: list[float] = []
    with ExitStack() as stack:
        sink = stack.enter_context(smtp_sink())
        ours = stack.enter_context(postroad(folder, sink.port))
        theirs = stack.enter_context(peer(sink.port))
        services = (ours, theirs)
        for service in services:
            one_run(sink, service, CLIENTS[-1], 1, folder)
        for number in range(1, options.rounds + 1):
            for clients in CLIENTS:
                for service in services:
                    load = one_run(sink, service, clients, options.seconds, folder)
                    loads[service.name, clients].append(load)
                    said = f"{service.name:20} {clients:3} clients {load.rate:8,.0f} mails/s"
                    print(f"round {number}/{options.rounds}  {said}", file=sys.stderr)
            with tempfile.TemporaryDirectory(dir=folder) as name:
                words = (str(sink.port), name, str(_BARE))
                bare.append(python_client("bare", *words)["p50_ms"])
        after, peers_memory = ours.memory(), theirs.memory()

    alone = median(load.p50_ms for load in loads[ours.name, 1])
    ratios = {clients: _ratio(loads, ours, theirs, clients) for clients in CLIENTS}
    demands = [
        Demand(
            f"{n} client{'s' * (n > 1)}, against {theirs.name}", "≥ 4×", f"{ratio:.2f}×", ratio >= 4
        )
        for n, ratio in ratios.items()
    ]
    times = alone / median(bare)
    demands += [
        Demand("p50 at one client, against the bare minimum", "≤ 3×", f"{times:.2f}×", times <= 3),
        _below("resident memory, idle", idle.resident / _MB, 130, "MB"),
        _below("ready, first start", median(first), 1.5, "s", 2),
        _below("ready, later starts", median(later), 1.5, "s", 2),
    ]
    memory = table(
        ("memory, MB", "resident", "proportional"),
        [
            (name, f"{each.resident / _MB:.1f}", f"{each.proportional / _MB:.1f}")
            for name, each in {
                "Postroad, idle": idle,
                "Postroad, after all runs": after,
                f"{theirs.name}, after all runs": peers_memory,
            }.items()
        ],
    )
    latency = (
        f"One client waits {alone:.2f} ms for Postroad (p50). `smtplib` on an open connection and "
        f"two durable commits take {median(bare):.2f} ms, without HTTP."
    )
    found = (verdicts(demands), throughput(services, loads), latency, memory, machine(options))
    return "\n\n".join(found)


def machine(options: argparse.Namespace) -> str:
    """Return on what it was measured, as a table."""
    pinned = REQUIREMENTS.read_text("utf-8").splitlines()
    rows = [
        ("date", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"),
        ("processor", f"{os.cpu_count()} cores for the services, the sink and wrk together"),
        ("load", f"{os.getloadavg()[0]:.1f} in the last minute"),
        ("rounds", f"{options.rounds} interleaved, {options.seconds} s for each row"),
        ("Python", platform.python_version()),
        ("the peer's", ", ".join(line for line in pinned if not line.startswith("#"))),
    ]
    return table(("", ""), rows)


def _below(what: str, value: float, limit: float, unit: str, digits: int = 0) -> Demand:
    return Demand(what, f"≤ {limit:g} {unit}", f"{value:.{digits}f} {unit}", value <= limit)


def write(readme: Path, measured: str) -> None:
    """Put the figures between their marks of the page."""
    before, _, rest = readme.read_text(encoding="utf-8").partition(_BEGIN)
    _, _, after = rest.partition(_END)
    readme.write_text(f"{before}{_BEGIN}\n\n{measured}\n\n{_END}{after}", encoding="utf-8")


def main() -> int:
    options = arguments()
    try:
        for name, package in (("wrk", "wrk"), ("smtp-sink", "postfix")):
            program(name, package)
        ensure_peer_installed()
        # On the checkout's disk: in memory a durable commit would cost nothing.
        with tempfile.TemporaryDirectory(prefix="service-", dir=ROOT / ".check") as folder:
            measured = figures(options, Path(folder))
    except MeasurementError as error:
        print(f"benchmarks/service.py: {error}", file=sys.stderr)
        return 2
    print(measured)
    if options.write:
        write(Path(__file__).with_name("README.md"), measured)
    return 0


if __name__ == "__main__":
    sys.exit(main())
