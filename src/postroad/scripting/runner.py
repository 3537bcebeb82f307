"""`run`: one config file, one script, one exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import Any, TextIO

from postroad.errors import SettingsError
from postroad.scripting import config, javascript, python_script
from postroad.scripting.console import Console, Nowhere
from postroad.scripting.limits import Limits, StoppedByLimit

ENDED = 0  # the script ran to its end
THREW = 1  # it threw, or a limit stopped it
UNUSABLE = 2  # wrong usage; a config or script that cannot be read; no engine
INTERRUPTED = 130  # Ctrl-C: what shells expect, 128 + SIGINT

TIMEOUT_S = 60.0
MAX_SENDS = 1000
MAX_OUTPUT_OCTETS = 1 << 20
MEMORY_OCTETS = 256 << 20

SendEmail = Callable[[Any], Mapping[str, Any]]


def run(
    config_path: str | os.PathLike[str],
    *,
    timeout_s: float = TIMEOUT_S,
    max_sends: int = MAX_SENDS,
    max_output_octets: int = MAX_OUTPUT_OCTETS,
    memory_octets: int = MEMORY_OCTETS,
    allow_absolute: bool = False,
    send_email: SendEmail | None = None,
    stdout: TextIO | None = None,
    stderr: TextIO | None = None,
) -> int:
    """Run the script a config file names; the exit code (docs/reference/runner.md).

    timeout_s:      the script's own time; time inside send_email does not count.
    memory_octets:  the JavaScript heap.
    allow_absolute: let `scriptfile` be an absolute path.
    send_email:     stands for `postroad.send_email`, in tests.
    returns:        ENDED, THREW, UNUSABLE, INTERRUPTED, or what the script gave to `exit`.
    """
    console = Console(
        stdout or sys.stdout or Nowhere(), stderr or sys.stderr or Nowhere(), max_output_octets
    )
    try:
        limits = Limits(timeout_s, max_sends, max_output_octets, memory_octets)
        script = config.load(config_path, allow_absolute=allow_absolute)
        for warning in script.warnings:
            console.say(warning)
        send = _interruptible(send_email or _front_door())
        execute = python_script.execute if script.name.endswith(".py") else javascript.execute
        try:
            return execute(script, limits, send, console)
        except StoppedByLimit as stop:
            console.say(f"stopped: {stop.limit.value}")
            console.say(limits.sentence(stop.limit))
            return THREW
    except SettingsError as exc:
        console.say(str(exc))
        return UNUSABLE
    except _InterruptedSend:
        console.say("interrupted; a mail may have been handed over")
        return INTERRUPTED
    except KeyboardInterrupt:
        console.say("interrupted")
        return INTERRUPTED


class _InterruptedSend(KeyboardInterrupt):
    """Ctrl-C while a send was under way: whether the mail went out is not known."""


def _interruptible(send_email: SendEmail) -> SendEmail:
    def send(config: Any) -> Mapping[str, Any]:
        try:
            return send_email(config)
        except KeyboardInterrupt:
            raise _InterruptedSend from None

    return send


def _front_door() -> SendEmail:
    from postroad import send_email

    return send_email
