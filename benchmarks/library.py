"""Measures the library beside others that send mail; `benchmarks/README.md` says what and how.

    .venv/bin/python benchmarks/library.py            # some five minutes
    .venv/bin/python benchmarks/library.py --quick    # one short round: does everything still run?
    .venv/bin/python benchmarks/library.py --write    # and the figures go into benchmarks/README.md

Exit code 0 when it measured, 2 when something was missing or a run lost a message. Figures that
miss what is required do not fail it: these are measurements, not tests.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

if __package__ in (None, ""):  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.measuring import footprint, machine, report
from benchmarks.measuring.peers import DELAYED, PEERS, Runner, ensure_installed
from benchmarks.measuring.programs import MeasurementError, delayed, round_trip_ms, smtp_sink
from benchmarks.measuring.rounds import measure

DELAY_MS = 20.0
_MANY = 100_000
_LONG = 1_000_000


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure the library beside others.")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is run (5)")
    parser.add_argument("--seconds", type=float, default=2.0, help="how long each run takes (2)")
    parser.add_argument("--quick", action="store_true", help="one round of half a second each")
    parser.add_argument("--long", action="store_true", help="also the memory of 1,000,000 messages")
    parser.add_argument("--write", action="store_true", help="put the figures into README.md")
    found = parser.parse_args()
    if found.quick:
        found.rounds, found.seconds = 1, 0.5
    if not (1 <= found.rounds <= 50 and 0.1 <= found.seconds <= 20):
        parser.error("rounds: 1 to 50; seconds: 0.1 to 20")
    return found


def figures(options: argparse.Namespace) -> str:
    """Return everything that was measured, as Markdown."""
    about = machine.describe()
    runner = Runner()
    octets = {peer.key: runner.octets(peer) for peer in PEERS if peer.key != "smtp-source"}
    source = PEERS[-1]
    runner.source_octets += octets["postroad"] - runner.octets(source)
    octets[source.key] = runner.octets(source)

    with smtp_sink() as sink, delayed(sink.port, DELAY_MS) as port:
        direct_ms, round_trip = round_trip_ms(sink.port), round_trip_ms(port)
    if not 2 * DELAY_MS <= round_trip <= 2 * DELAY_MS + 10:
        raise MeasurementError(f"through the proxy a round trip takes {round_trip:.1f} ms")

    direct = measure(runner, PEERS, options.rounds, options.seconds)
    slow = measure(runner, DELAYED, options.rounds, options.seconds, DELAY_MS)
    starts = footprint.starts()
    imports = footprint.imported()
    counts = [_MANY, _LONG] if options.long else [_MANY]
    many = {count: footprint.of_many(count) for count in counts}
    files = {kind: footprint.of_attachment(kind) for kind in ("asyncio", "blocking")}

    found = report.demands(direct, slow, starts, many, files)
    trips = f"A NOOP took {round_trip:.1f} ms through the proxy, {direct_ms:.2f} ms without it."
    sections = {
        "Required and reached": [report.verdicts(found)],
        "On loopback": [
            f"Medians of {options.rounds} interleaved rounds.",
            report.rates(direct, octets),
        ],
        f"{DELAY_MS:g} ms away in each direction": [trips, report.rates(slow, octets)],
        "Starting": [report.starting(starts)],
        "Memory": [report.memory(imports, many, files)],
        "Machine and versions": [report.table(("", ""), about)],
    }
    return "\n\n".join(
        "\n\n".join([f"### {title}", *paragraphs]) for title, paragraphs in sections.items()
    )


def main() -> int:
    options = arguments()
    try:
        ensure_installed()
        measured = figures(options)
    except MeasurementError as error:
        print(f"benchmarks/library.py: {error}", file=sys.stderr)
        return 2
    print(measured)
    if options.write:
        report.write(Path(__file__).with_name("README.md"), measured)
    return 0


if __name__ == "__main__":
    sys.exit(main())
