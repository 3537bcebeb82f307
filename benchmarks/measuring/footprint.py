"""What Postroad costs before and beside the sending: time to import, memory."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.measuring.programs import MeasurementError, python_client, run_client, smtp_sink

ATTACHMENT_OCTETS = 25 * 1024 * 1024
_STARTS = 20


@dataclass(frozen=True, slots=True)
class Starts:
    """Milliseconds from start to end of a process, medians; None for a command that fails."""

    bare: float
    imported: float
    mailer: float
    async_mailer: float
    help: float | None


def starts() -> Starts:
    """Measure fresh interpreters, interleaved."""
    python = sys.executable
    commands = {
        "bare": [python, "-c", "pass"],
        "imported": [python, "-c", "import postroad"],
        "mailer": [python, "-c", "from postroad import Mailer, Message, Relay"],
        "async_mailer": [python, "-c", "from postroad import AsyncMailer, Message, Relay"],
    }
    script = Path(python).with_name("postroad")
    if script.exists() and _works([str(script), "--help"]):
        commands["help"] = [str(script), "--help"]
    took: dict[str, list[float]] = {name: [] for name in commands}
    for command in commands.values():
        run_client(command)  # once for the disk's cache and the .pyc files
    for _ in range(_STARTS):
        for name, command in commands.items():
            took[name].append(run_client(command).seconds * 1000)
    ms = {name: median(values) for name, values in took.items()}
    return Starts(ms["bare"], ms["imported"], ms["mailer"], ms["async_mailer"], ms.get("help"))


def _works(command: list[str]) -> bool:
    done = subprocess.run(
        command, capture_output=True, timeout=30, check=False, stdin=subprocess.DEVNULL
    )
    return done.returncode == 0


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident octets.

    before: when the program had imported what it needs and, for an attachment, sent one message.
    peak:   the most it ever had.
    """

    before: int
    peak: int
    seconds: float


def imported() -> tuple[int, int]:
    """Return resident octets after `import postroad`, and with its names used."""
    answer = python_client("memory", "import")
    return answer["nothing_used"], answer["all_used"]


def of_many(count: int) -> Memory:
    """Return what sending `count` generated messages takes; each is verified."""
    with smtp_sink() as sink:
        began = time.perf_counter()
        answer = python_client("memory", "many", str(sink.port), str(count))
        if not answer["accepted"] == count == sink.received():
            raise MeasurementError(
                f"of {count} messages {answer['accepted']} were accepted"
                f" and the sink has {sink.received()}, after {time.perf_counter() - began:.0f} s"
            )
    return Memory(answer["before"], answer["peak"], answer["seconds"])


def of_attachment(kind: str) -> Memory:
    """Return what sending ATTACHMENT_OCTETS takes; kind: "asyncio" or "blocking"."""
    with smtp_sink() as sink:
        answer = python_client("memory", "attachment", str(sink.port), str(ATTACHMENT_OCTETS), kind)
        if answer["accepted"] != 2 or sink.received() != 2:
            raise MeasurementError("a message with an attachment was not accepted")
    return Memory(answer["before"], answer["peak"], answer["seconds"])
