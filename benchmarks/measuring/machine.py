"""On what it was measured, and with which versions."""

from __future__ import annotations

import json
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.measuring.programs import CLIENT_CORE, NODE_FOLDER, program, run_client


def describe() -> list[tuple[str, str]]:
    """Return what to know about the machine, as rows."""
    nodemailer = json.loads(
        (NODE_FOLDER / "node_modules" / "nodemailer" / "package.json").read_text(encoding="utf-8")
    )
    node = run_client([program("node", "nodejs"), "--version"]).output.strip().removeprefix("v")
    postfix = run_client([program("postconf", "postfix"), "-dh", "mail_version"]).output.strip()
    pinned = "each on a core of its own" if CLIENT_CORE is not None else "not pinned to cores"
    return [
        ("date", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"),
        ("processor", f"{_processor()}, {os.cpu_count()} cores; client and server {pinned}"),
        ("load", f"{os.getloadavg()[0]:.1f} in the minute before the start"),
        ("system", f"{platform.system()} {platform.release()}"),
        ("Python", f"{platform.python_version()} ({platform.python_implementation()})"),
        ("Postroad", f"{version('postroad')}; uvloop {version('uvloop')}"),
        ("nodemailer", f"{nodemailer['version']}; Node {node}"),
        ("aiosmtplib", version("aiosmtplib")),
        ("smtplib, email", "the standard library's"),
        ("smtp-sink, smtp-source", f"Postfix {postfix}"),
    ]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
