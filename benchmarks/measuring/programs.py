"""The programs a measurement needs: pinned to a core, bounded in time, stopped by their pid."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
NODE_FOLDER = ROOT / ".check" / "benchmarks"  # where npm puts nodemailer; not committed
CLIENT_TIMEOUT_S = 600.0  # a run takes some 2 s; a million messages a minute or two
_START_TIMEOUT_S = 10.0
_MESSAGES = re.compile(rb"mesg=(\d+)")
_SEARCH_PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin"


class MeasurementError(Exception):
    """Something is missing, or a run did not do what it was to be measured at."""


def program(name: str, package: str) -> str:
    """Return the path of a program.

    raises: MeasurementError naming the Debian package it comes from.
    """
    path = shutil.which(name, path=_SEARCH_PATH)
    if path is None:
        raise MeasurementError(f"{name} is missing: install Debian's package {package}")
    return path


def _cores() -> tuple[int | None, int | None]:
    """Return the core for the server and the one for the client; None where they cannot be told."""
    if not hasattr(os, "sched_getaffinity"):
        return None, None
    cores = sorted(os.sched_getaffinity(0))
    return (cores[0], cores[1]) if len(cores) > 1 else (None, None)


SERVER_CORE, CLIENT_CORE = _cores()


def _pin(core: int | None) -> Callable[[], None] | None:
    """Return what a child does before it becomes its program."""
    if core is None:
        return None
    return lambda: os.sched_setaffinity(0, {core})


@contextmanager
def _running(command: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A server beside the client, terminated at the end."""
    with subprocess.Popen(
        command,
        cwd=ROOT,
        preexec_fn=_pin(SERVER_CORE),  # noqa: PLW1509 - this process has one thread
        stdin=subprocess.DEVNULL,
        **options,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()


class Sink:
    """A running smtp-sink.

    port: on 127.0.0.1.
    """

    def __init__(self, port: int, counters: Path) -> None:
        self.port = port
        self._counters = counters

    def received(self) -> int:
        """Return how many messages it has received to their final dot."""
        found = _MESSAGES.findall(self._counters.read_bytes()[-200:])
        return int(found[-1]) if found else 0


@contextmanager
def smtp_sink(*options: str) -> Iterator[Sink]:
    """A fresh smtp-sink that counts what it receives and throws it away."""
    port = _free_port()
    with tempfile.TemporaryDirectory(prefix="postroad-sink-") as folder:
        command = [program("smtp-sink", "postfix"), "-c", *options]
        if os.geteuid() == 0:
            command[1:1] = ["-u", "nobody"]  # it refuses to run as root
        counters = Path(folder) / "counters"
        with (
            counters.open("wb") as file,
            _running([*command, f"127.0.0.1:{port}", "256"], stdout=file) as process,
        ):
            _await_port(port, process)
            yield Sink(port, counters)


@contextmanager
def delayed(port: int, delay_ms: float) -> Iterator[int]:
    """A proxy to `port` that holds octets back in both directions; its own port."""
    command = [sys.executable, "-m", "benchmarks.clients.delay", str(port), str(delay_ms)]
    with _running(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise MeasurementError("the delaying proxy did not start")
        yield int(line)


def round_trip_ms(port: int, times: int = 20) -> float:
    """Return the median time between a NOOP and its reply."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
        stream = sock.makefile("rb")
        stream.readline()
        took = []
        for _ in range(times):
            began = time.perf_counter()
            sock.sendall(b"NOOP\r\n")
            stream.readline()
            took.append(time.perf_counter() - began)
    return sorted(took)[times // 2] * 1000


@dataclass(frozen=True, slots=True)
class Finished:
    """A client that ended well.

    cpu_seconds: of the whole process.
    """

    output: str
    seconds: float
    cpu_seconds: float


def run_client(command: Sequence[str]) -> Finished:
    """Run a client to its end, on a core of its own.

    raises: MeasurementError when it fails or takes too long.
    """
    cpu_before = _children_cpu()
    began = time.perf_counter()
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=os.environ | {"NODEMAILER_FOLDER": str(NODE_FOLDER)},
            preexec_fn=_pin(CLIENT_CORE),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=CLIENT_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as exc:
        raise MeasurementError(f"{_shown(command)}: not done in {CLIENT_TIMEOUT_S:g} s") from exc
    seconds = time.perf_counter() - began
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()[-2000:]
        raise MeasurementError(f"{_shown(command)} ended with {done.returncode}:\n{said}")
    return Finished(done.stdout.decode(), seconds, _children_cpu() - cpu_before)


def python_client(module: str, *arguments: str) -> dict[str, Any]:
    """Run a Python client and return its answer."""
    command = [sys.executable, "-m", f"benchmarks.clients.{module}", *arguments]
    return dict(json.loads(run_client(command).output))


def _children_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _shown(command: Sequence[str]) -> str:
    return " ".join([Path(command[0]).name, *command[1:]])


def _free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
    return port


def _await_port(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise MeasurementError("smtp-sink did not start")
