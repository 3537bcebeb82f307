"""Who is compared: how each is run for a number of messages, and how the runs are verified."""

from __future__ import annotations

import email
import email.policy
import json
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.clients.fields import FROM_EMAIL, FROM_NAME, Task, fields
from benchmarks.measuring.programs import (
    MeasurementError,
    delayed,
    program,
    python_client,
    run_client,
    smtp_sink,
)

_MAX_COUNT = 400_000
_MAX_WARM_UP = 2_000


@dataclass(frozen=True, slots=True)
class Peer:
    """One row.

    client:      module of benchmarks.clients, "node" or "smtp-source".
    connections: 10 in the first table but for those that have one by nature; 1 in the second.
    probe:       messages of the first run, which is not counted and says how many make 2 s.
    """

    key: str
    name: str
    client: str
    connections: int = 10
    uvloop: bool = False
    probe: int = 300

    def on_one_connection(self) -> Peer:
        """The same with one connection, for the delayed line."""
        return Peer(self.key, self.name, self.client, 1, self.uvloop, 8)


PEERS = (
    Peer("postroad", "Postroad AsyncMailer, uvloop", "postroad_async", uvloop=True, probe=5000),
    Peer("postroad-std", "Postroad AsyncMailer, asyncio", "postroad_async", probe=5000),
    Peer("nodemailer", "nodemailer, pool", "node", probe=1000),
    Peer("aiosmtplib", "aiosmtplib + EmailMessage, uvloop", "aiosmtplib_client", uvloop=True),
    Peer("smtplib-10", "smtplib + EmailMessage, 10 threads", "smtplib_client"),
    Peer("smtplib", "smtplib + EmailMessage", "smtplib_client", 1),
    Peer("postroad-blocking", "Postroad Mailer (blocking)", "postroad_blocking", 1, probe=1000),
    Peer("smtp-source", "smtp-source (C)", "smtp-source", probe=10_000),
)
DELAYED = tuple(
    peer.on_one_connection()
    for peer in PEERS
    if peer.key not in ("smtp-source", "smtplib-10", "postroad-std")
)


@dataclass(frozen=True, slots=True)
class Take:
    """One measured run.

    rate:   messages a second.
    cpu_us: the client's processor time for one message, in microseconds.
    """

    rate: float
    cpu_us: float


class Runner:
    """Runs peers against a fresh sink each time.

    source_octets: payload that gives smtp-source's messages the size of Postroad's.
    """

    def __init__(self) -> None:
        self.source_octets = 1000

    def run(self, peer: Peer, count: int, delay_ms: float = 0) -> Take:
        """Return one run, verified: every message accepted, none lost, none sent twice.

        raises: MeasurementError.
        """
        count = min(count, _MAX_COUNT)
        warm_up = min(max(peer.connections, count // 10), _MAX_WARM_UP)
        with smtp_sink() as sink:
            if delay_ms:
                with delayed(sink.port, delay_ms) as port:
                    take, sent = self._run(peer, port, count, warm_up)
            else:
                take, sent = self._run(peer, sink.port, count, warm_up)
            if sink.received() != sent:
                raise MeasurementError(
                    f"{peer.name}: sent {sent} messages and the sink has {sink.received()}"
                )
        return take

    def octets(self, peer: Peer) -> int:
        """Return the size of one message on the wire, after comparing it with the fields."""
        with tempfile.TemporaryDirectory(prefix="postroad-dump-") as folder:
            Path(folder).chmod(0o733)  # smtp-sink writes as nobody
            dump = Path(folder) / "dump"
            with smtp_sink("-D", str(dump)) as sink:
                self._run(peer.on_one_connection(), sink.port, 1, 1)
            # "X-" lines and a Received field are the sink's own; a blank line follows each message.
            first = dump.read_bytes().split(b"\nX-Client-Addr:")[0]
        lines = first.split(b"\n")
        own = next(n for n, line in enumerate(lines) if line.startswith(b"Received:"))
        own += 1
        while lines[own][:1] in (b" ", b"\t"):
            own += 1
        content = b"\r\n".join(lines[own:]).removesuffix(b"\r\n")
        if peer.client != "smtp-source":
            _compare(peer, content)
        return len(content)

    def _run(self, peer: Peer, port: int, count: int, warm_up: int) -> tuple[Take, int]:
        """Return the take and how many messages the sink must have."""
        if peer.client == "smtp-source":  # it ends with an error at the first refusal
            command = [program("smtp-source", "postfix"), "-d", "-s", str(peer.connections)]
            command += ["-l", str(self.source_octets), "-m", str(count), f"127.0.0.1:{port}"]
            done = run_client(command)
            return Take(count / done.seconds, done.cpu_seconds / count * 1e6), count
        task = Task(port, count, warm_up, peer.connections, peer.uvloop).to_json()
        if peer.client == "node":
            script = Path(__file__).parents[1] / "clients" / "nodemailer_client.mjs"
            answer = json.loads(run_client([program("node", "nodejs"), str(script), task]).output)
        else:
            answer = python_client(peer.client, task)
        if answer["accepted"] != count + warm_up:
            raise MeasurementError(
                f"{peer.name}: {answer['accepted']} of {count + warm_up} messages were accepted"
            )
        take = Take(count / answer["seconds"], answer["cpu_seconds"] / count * 1e6)
        return take, count + warm_up


def _compare(peer: Peer, content: bytes) -> None:
    """Raise MeasurementError unless `content` is message 0 of the fields."""
    parsed = email.message_from_bytes(content, policy=email.policy.default)
    text, html = parsed.get_body(("plain",)), parsed.get_body(("html",))
    sender, recipient = parsed["From"].addresses[0], parsed["To"].addresses[0]
    found = (
        (sender.display_name, sender.addr_spec),
        (recipient.display_name, recipient.addr_spec),
        parsed["Subject"],
        parsed.get_content_type(),
        _lines(text.get_content()) if text else "",
        _lines(html.get_content()) if html else "",
    )
    want = fields(0)
    expected = (
        (FROM_NAME, FROM_EMAIL),
        (want.to_name, want.to_email),
        want.subject,
        "multipart/alternative",
        _lines(want.text),
        _lines(want.html),
    )
    for one, other in zip(found, expected, strict=True):
        if one != other:
            raise MeasurementError(f"{peer.name} sends {one!r} instead of {other!r}")
    if parsed["Date"] is None or parsed["Message-ID"] is None:
        raise MeasurementError(f"{peer.name} sends no Date or no Message-ID")


def _lines(text: str) -> list[str]:
    return text.rstrip().splitlines()


def ensure_installed() -> None:
    """Install aiosmtplib, uvloop and nodemailer where they are missing.

    raises: MeasurementError.
    """
    from importlib.util import find_spec

    if find_spec("aiosmtplib") is None or find_spec("uvloop") is None:
        requirements = str(Path(__file__).parents[1] / "requirements.txt")
        print("installing benchmarks/requirements.txt", file=sys.stderr)
        run_client([sys.executable, "-m", "pip", "install", "--quiet", "-r", requirements])
    if find_spec("postroad") is None:
        raise MeasurementError("Postroad is not installed here: run ./start or pip install -e .")
    from benchmarks.measuring.programs import NODE_FOLDER

    program("node", "nodejs")
    if not (NODE_FOLDER / "node_modules" / "nodemailer").is_dir():
        print(f"installing nodemailer into {os.path.relpath(NODE_FOLDER)}", file=sys.stderr)
        NODE_FOLDER.mkdir(parents=True, exist_ok=True)
        npm = [program("npm", "npm"), "install", "--no-save", "--no-audit", "--no-fund"]
        run_client([*npm, "--prefix", str(NODE_FOLDER), "nodemailer@10"])
    for name in ("smtp-sink", "smtp-source"):
        program(name, "postfix")
