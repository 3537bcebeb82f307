"""Programs that a test starts, waits for and stops, each by its own process id."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

LOOPBACK = "127.0.0.1"

_LOOKS, _LOOK_S = 1_000, 0.02  # 20 s in all; only a program that hangs takes so long
_STOP_S = 10.0
# Below the ports that the kernel gives to outgoing connections: none of ours can take one.
_FIRST_PORT, _PORTS = 10_000, 20_000
_OPEN_STATES = ("01", "03", "08")  # ESTABLISHED, SYN_RECV, CLOSE_WAIT
_candidates = itertools.count(os.getpid() * 97)


def free_port() -> int:
    """Return a loopback port that nothing listens on, another one at each call."""
    while True:
        port = _FIRST_PORT + next(_candidates) % _PORTS
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((LOOPBACK, port))
            return port


def has_connections(port: int) -> bool:
    """Whether the server on a loopback port has one that it has not closed (proc_net(5))."""
    local = f"0100007F:{port:04X}"
    rows = [row.split() for row in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]]
    return any(row[1] == local and row[3] in _OPEN_STATES for row in rows)


class Program:
    """A process under the eyes of a test.

    folder:      where its output goes; what it said stands in every failure.
    environment: instead of the test's own.
    """

    def __init__(
        self, *command: str | Path, folder: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.name = Path(command[0]).name
        self._output = folder / f"{self.name}.out"
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                start_new_session=True,  # a group of its own, which Postfix wants to lead
            )

    @property
    def output(self) -> str:
        """What it has said so far, on both streams."""
        return self._output.read_text("utf-8", "replace")

    @property
    def children(self) -> list[int]:
        """The processes it has started that still run, reaped or not."""
        pid = self._process.pid
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii")
        return [child for child in map(int, listed.split()) if _runs(child)]

    @property
    def open_files(self) -> list[Path]:
        """What it has open now."""
        files: list[Path] = []
        for descriptor in Path(f"/proc/{self._process.pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                files.append(descriptor.readlink())
        return files

    def until(self, what: str, is_so: Callable[[], bool]) -> None:
        """Wait until `is_so`, as long as the program lives; fails with its output."""
        for _ in range(_LOOKS):
            if is_so():
                return
            with contextlib.suppress(subprocess.TimeoutExpired):
                status = self._process.wait(_LOOK_S)
                raise AssertionError(f"{self.name} ended with {status}:\n{self.output}")
        raise AssertionError(f"{self.name}: not {what}\n{self.output}")

    def until_listening(self, *ports: int) -> None:
        """Wait until each port takes connections."""
        for port in ports:
            self.until(f"listening on {port}", lambda port=port: _takes_connections(port))  # type: ignore[misc]

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def stop(self) -> None:
        """End it, and after a while those it has left behind."""
        self.end(signal.SIGTERM, _STOP_S)

    def end(self, number: int, seconds: float) -> None:
        """End it with a signal, and those it has left behind when it takes longer."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)  # the group that Popen made for it
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _takes_connections(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, port), timeout=1):
        return True
    return False


def _runs(pid: int) -> bool:
    """Whether a process has not ended yet; its parent may not have noticed (proc_pid_stat(5))."""
    with contextlib.suppress(OSError):
        state = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0]
        return state not in "ZX"
    return False
