"""The figures as tables that read well on a terminal and in Markdown alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measuring.footprint import ATTACHMENT_OCTETS, Memory, Starts
from benchmarks.measuring.rounds import Rounds

_BEGIN = "<!-- figures: written by library.py -->"
_END = "<!-- end of figures -->"
_MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Demand:
    """Something required, and what was reached."""

    what: str
    required: str
    reached: str
    is_met: bool


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table with aligned columns; all but the first to the right."""
    widths = [max(len(row[n]) for row in (head, *rows)) for n in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        first, *rest = zip(cells, widths, strict=True)
        return f"| {first[0]:<{first[1]}} | " + " | ".join(f"{c:>{w}}" for c, w in rest) + " |"

    rule = ["-" * widths[0], *["-" * (width - 1) + ":" for width in widths[1:]]]
    return "\n".join([line(head), line(rule), *map(line, rows)])


def rates(rounds: Rounds, octets: dict[str, int]) -> str:
    """Return the table of messages a second."""
    rows = []
    for peer in rounds.peers:
        low, high = rounds.spread(peer.key)
        digits = 0 if high >= 100 else 1
        rows.append(
            (
                peer.name,
                str(peer.connections),
                f"{octets[peer.key]:,}" if peer.key in octets else "",
                f"{rounds.counts[peer.key]:,}",
                f"{rounds.rate(peer.key):,.{digits}f}",
                f"{low:,.{digits}f} to {high:,.{digits}f}",
                f"{rounds.cpu_us(peer.key):,.0f}",
                f"{rounds.ratio('postroad', peer.key):,.2f}×",
                f"{rounds.cpu_ratio('postroad', peer.key):,.2f}×",
            )
        )
    head = ("client", "connections", "octets", "messages", "messages/s", "slowest to fastest round")
    return table(
        (*head, "CPU µs/message", "Postroad is faster by", "and by CPU"),
        rows,
    )


def starting(figures: Starts) -> str:
    """Return the table of process times."""
    rows = [
        ("`python -c pass`", figures.bare),
        ('`python -c "import postroad"`', figures.imported),
        ("`from postroad import Mailer, Message, Relay`", figures.mailer),
        ("`from postroad import AsyncMailer, Message, Relay`", figures.async_mailer),
        ("`postroad --help`", figures.help),
    ]
    return table(
        ("fresh process", "ms", "beyond bare Python"),
        [
            (name, f"{ms:.0f}", f"{ms - figures.bare:.0f}") if ms else (name, "not there yet", "")
            for name, ms in rows
        ],
    )


def memory(imports: tuple[int, int], many: dict[int, Memory], files: dict[str, Memory]) -> str:
    """Return the table of resident memory."""
    rows = [
        ("`import postroad`", "", f"{imports[0] / _MB:.1f}", "", ""),
        ("… and AsyncMailer, Message, Relay used", "", f"{imports[1] / _MB:.1f}", "", ""),
    ]
    for count, each in many.items():
        name = f"{count:,} generated messages, `send_many`, asyncio"
        rows.append(_memory_row(name, each, ""))
    for kind, each in files.items():
        times = f"{_times_its_size(each):.2f}× its size"
        rows.append(_memory_row(f"an attachment of 25 MiB, {kind}", each, times))
    head = ("resident memory", "before, MB", "peak, MB", "growth", "seconds")
    return table(head, rows)


def _memory_row(name: str, each: Memory, growth: str) -> tuple[str, str, str, str, str]:
    growth = growth or f"{(each.peak - each.before) / _MB:.1f} MB"
    before, peak = f"{each.before / _MB:.1f}", f"{each.peak / _MB:.1f}"
    return (name, before, peak, growth, f"{each.seconds:.2f}")


def _times_its_size(each: Memory) -> float:
    return (each.peak - each.before) / ATTACHMENT_OCTETS


def demands(
    direct: Rounds, slow: Rounds, figures: Starts, many: dict[int, Memory], files: dict[str, Memory]
) -> list[Demand]:
    """Return what issue and design require, with what was reached."""
    found = []

    def faster(what: str, rounds: Rounds, other: str, least: float, key: str = "postroad") -> None:
        ratio = rounds.ratio(key, other)
        found.append(Demand(what, f"≥ {least:g}×", f"{ratio:.2f}×", ratio >= least))

    def below(what: str, value: float, limit: float, unit: str, digits: int = 0) -> None:
        reached = f"{value:.{digits}f} {unit}"
        found.append(Demand(what, f"≤ {limit:g} {unit}", reached, value <= limit))

    faster("10 connections, against nodemailer", direct, "nodemailer", 10)
    faster("10 connections, against aiosmtplib", direct, "aiosmtplib", 30)
    faster("the same without uvloop, nodemailer", direct, "nodemailer", 10, "postroad-std")
    faster("the same without uvloop, aiosmtplib", direct, "aiosmtplib", 30, "postroad-std")
    faster("20 ms each way, 1 connection, against nodemailer", slow, "nodemailer", 3)
    below("`import postroad`, whole process", figures.imported, 60, "ms")
    if figures.help:
        below("`postroad --help`", figures.help, 150, "ms")
    for count, each in many.items():
        below(f"peak memory of {count:,} messages", each.peak / _MB, 100, "MB", 1)
    for kind, each in files.items():
        below(f"25 MiB attachment, {kind}", _times_its_size(each), 4, "× its size", 2)
    faster("target: against nodemailer", direct, "nodemailer", 20)
    faster("target: against smtp-source", direct, "smtp-source", 1)
    return found


def verdicts(found: Sequence[Demand]) -> str:
    """Return the table of what is required."""
    return table(
        ("what", "required", "reached", "met"),
        [
            (each.what, each.required, each.reached, "yes" if each.is_met else "NO")
            for each in found
        ],
    )


def write(readme: Path, figures: str) -> None:
    """Put the figures between the marks of the page."""
    before, _, rest = readme.read_text(encoding="utf-8").partition(_BEGIN)
    _, _, after = rest.partition(_END)
    readme.write_text(f"{before}{_BEGIN}\n\n{figures}\n\n{_END}{after}", encoding="utf-8")
