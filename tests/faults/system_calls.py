"""What a server asked the kernel for, in its order: strace's record of it, read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.installed import found, needs

needs_strace = needs(strace=bool(found("strace")))

_CALLS = "pwrite64,pwritev,fsync,fdatasync,write,writev,sendto,sendmsg"
_WHOLE = re.compile(r"(\d+) +(\w+)\((\d+)<(.*?)>(?=[,)])(.*)\) = (-?\d+)")
_BEGUN = re.compile(r"(\d+) +(\w+)\((\d+)<(.*?)>(?=[,)]|\s<unf)(.*) <unfinished \.\.\.>")
_RESUMED = re.compile(r"(\d+) +<\.\.\. (\w+) resumed>(.*)\) = (-?\d+)")


@dataclass(frozen=True)
class Call:
    """One system call.

    target:  the file, or both ends of the connection, as strace names them.
    octets:  what it carried, as strace shows it; "" where a call ends that began earlier.
    outcome: what it returned; None where it only begins.
    """

    name: str
    target: str
    octets: str
    outcome: int | None


def recording(file: Path) -> tuple[str | Path, ...]:
    """The words before a command whose calls are to be recorded; it keeps its process id."""
    # Each child traced like its parent, the tracer out of the way, descriptors with their names.
    words = ("-f", "-D", "-qq", "-yy", "-s", "100000", "--signal=none", "-e", f"trace={_CALLS}")
    return (found("strace"), *words, "-o", file)


def killing(call: str, number: int) -> tuple[str | Path, ...]:
    """The words before a command that is killed when it makes a system call for the n-th time.

    Threads count each for itself.
    """
    kill = f"inject={call}:signal=KILL:when={number}"
    return (found("strace"), "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", kill)


def calls_in(file: Path) -> Iterator[Call]:
    """Yield the calls in their order; an interrupted one where it begins and where it ends."""
    begun: dict[tuple[str, str], str] = {}
    for line in file.read_text("ascii", "replace").splitlines():
        if match := _WHOLE.match(line):
            _, name, _, target, octets, outcome = match.groups()
            yield Call(name, target, octets, int(outcome))
        elif match := _BEGUN.match(line):
            thread, name, _, target, octets = match.groups()
            begun[thread, name] = target
            yield Call(name, target, octets, None)
        elif match := _RESUMED.match(line):
            thread, name, _, outcome = match.groups()
            if (thread, name) in begun:
                yield Call(name, begun.pop((thread, name)), "", int(outcome))
