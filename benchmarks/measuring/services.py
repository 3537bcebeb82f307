"""The two services that are compared, each as its own process, and what drives them."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from benchmarks.clients.fields import FROM_EMAIL, fields
from benchmarks.measuring.programs import ROOT, MeasurementError, program, run_client

VENV = ROOT / ".check" / "bench-venv"
REQUIREMENTS = ROOT / "benchmarks" / "peers" / "requirements.txt"
_SCRIPT = ROOT / "benchmarks" / "clients" / "service.lua"
_READY_S = 20.0
_END_S = 40.0
_ACCOUNT, _PASSWORD = "13800138000", "UserPass123"


def ensure_peer_installed() -> None:
    """Make the peer's environment where it is missing or older than its requirements."""
    stamp = VENV / "installed"
    if stamp.exists() and stamp.read_text("utf-8") == REQUIREMENTS.read_text("utf-8"):
        return
    print(
        f"installing {os.path.relpath(REQUIREMENTS)} into {os.path.relpath(VENV)}", file=sys.stderr
    )
    run_client([sys.executable, "-m", "venv", "--clear", str(VENV)])
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    run_client([*pip, "--disable-pip-version-check", "-r", str(REQUIREMENTS)])
    stamp.write_text(REQUIREMENTS.read_text("utf-8"), "utf-8")


@dataclass(frozen=True, slots=True)
class Memory:
    """Octets of a process: resident, and its share of what several processes have in common."""

    resident: int
    proportional: int


@dataclass(frozen=True, slots=True)
class Running:
    """A service that is ready.

    form:    the parameters of a mail but for its title.
    ready_s: from its start until it was ready.
    """

    name: str
    port: int
    pid: int
    form: Mapping[str, str]
    ready_s: float

    def memory(self) -> Memory:
        """Return what it takes now (proc_pid_smaps_rollup(5))."""
        text = Path(f"/proc/{self.pid}/smaps_rollup").read_text("ascii")
        sizes = {
            name: int(rest.split()[0]) * 1024
            for name, _, rest in (line.partition(":") for line in text.splitlines()[1:])
        }
        return Memory(sizes["Rss"], sizes["Pss"])


@dataclass(frozen=True, slots=True)
class Load:
    """What a number of clients met.

    rate: promises a second.
    """

    rate: float
    promised: int
    p50_ms: float
    p99_ms: float


def drive(service: Running, clients: int, seconds: float, folder: Path) -> Load:
    """Return what so many clients met, each asking as soon as it was answered.

    raises: MeasurementError when anything but a promise came back.
    """
    form = folder / "form"
    form.write_text(urlencode(service.form), "ascii")
    url = f"http://127.0.0.1:{service.port}/api/mail/send"
    words = ["-t1", f"-c{clients}", f"-d{seconds:g}s", "--timeout", "20s", "-s", str(_SCRIPT), url]
    done = subprocess.run(
        [program("wrk", "wrk"), *words, "--", str(form)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=seconds + 60,
        check=False,
    )
    if done.returncode:
        raise MeasurementError(f"wrk ended with {done.returncode}: {done.stderr.decode()}")
    said = json.loads(done.stdout.decode().splitlines()[-1])
    if said["refused"] or said["failed"] or not said["promised"]:
        raise MeasurementError(f"{service.name}: {said}\n{done.stderr.decode()[-500:]}")
    rate = said["promised"] / said["seconds"]
    return Load(rate, said["promised"], said["p50_ms"], said["p99_ms"])


@contextmanager
def postroad(folder: Path, relay_port: int) -> Iterator[Running]:
    """Postroad on a new data folder, with an app in synchronous mode and a token."""
    data = folder / "postroad"
    with _postroad(data) as first:
        app = _operate(data, "app", "create", "bench", "--mode", "live", "--interval", "0",
                       "--per-recipient-hour", "0", "--from", FROM_EMAIL)  # fmt: skip
        whose = ("--app", app["appid"])
        relay = ("--host", "127.0.0.1", "--port", str(relay_port), "--security", "none")
        _operate(data, "relay", "create", "sink", *whose, *relay)
        _operate(data, "user", "create", _ACCOUNT, *whose, "--password-env", "BENCH_PASSWORD")
        known = {"appid": app["appid"], "signature": app["signature"]}
        login = known | {"user": _ACCOUNT, "pass": _PASSWORD}
        answer = _ask(f"http://127.0.0.1:{first[0]}/api/user/login", login)
    form = _form(known | {"token": answer["data"]["token"]})
    with _postroad(data) as (port, pid, ready_s):
        yield Running("Postroad", port, pid, form, ready_s)


@contextmanager
def empty_postroad(folder: Path) -> Iterator[Running]:
    """Postroad as a first start makes it."""
    with _postroad(folder / "empty") as (port, pid, ready_s):
        yield Running("Postroad", port, pid, {}, ready_s)


@contextmanager
def peer(relay_port: int) -> Iterator[Running]:
    """FastAPI with smtplib."""
    known = {"appid": "1000000001", "signature": "5" * 32, "token": "7" * 64}
    environment = os.environ | {f"PEER_{name.upper()}": value for name, value in known.items()}
    environment["PEER_RELAY_PORT"] = str(relay_port)
    port = _free_port()
    python = str(VENV / "bin" / "python")
    words = ("-m", "uvicorn", "--port", str(port), "--no-access-log", "--log-level", "warning")
    command = [python, *words, "benchmarks.peers.fastapi_smtplib:app"]
    with _process(command, environment, port) as (pid, ready_s):
        yield Running("FastAPI + smtplib", port, pid, _form(known), ready_s)


def _form(known: Mapping[str, str]) -> dict[str, str]:
    mail = fields(0)
    return {**known, "mail": mail.to_email, "content": mail.html}


@contextmanager
def _postroad(data: Path) -> Iterator[tuple[int, int, float]]:
    port = _free_port()
    listen = ("--listen", f"127.0.0.1:{port}")
    command = [sys.executable, "-m", "postroad", "serve", "--data-dir", str(data), *listen]
    with _process(command, os.environ, port) as (pid, ready_s):
        yield port, pid, ready_s


@contextmanager
def _process(
    command: list[str], environment: Mapping[str, str], port: int
) -> Iterator[tuple[int, float]]:
    """A process, from when it says that it is ready."""
    began = time.perf_counter()
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            _await_ready(f"http://127.0.0.1:{port}/readyz", process)
            yield process.pid, time.perf_counter() - began
        finally:
            process.terminate()
            try:
                process.wait(_END_S)
            except subprocess.TimeoutExpired:
                process.kill()


def _await_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _READY_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5):
            return
        time.sleep(0.005)
    raise MeasurementError(f"{' '.join(map(str, process.args))} did not become ready")  # type: ignore[arg-type]


def _operate(data: Path, *words: str) -> Any:
    """Return what a command of the operator prints."""
    environment = os.environ | {"POSTROAD_DATA_DIR": str(data), "BENCH_PASSWORD": _PASSWORD}
    done = subprocess.run(
        [sys.executable, "-m", "postroad", *words, "--json"],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    if done.returncode:
        raise MeasurementError(f"{words}: {done.stderr.decode()}")
    return json.loads(done.stdout)


def _ask(url: str, form: Mapping[str, str]) -> Any:
    with urllib.request.urlopen(url, urlencode(form).encode(), timeout=30) as response:
        return json.load(response)


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
    return port
