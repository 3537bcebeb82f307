"""The child process: one engine, one script, two pipes; it trusts the parent and nobody else.

Whatever the script can reach goes through `_Host.call`, whose arguments and results are text. An
exception that leaves it would leave the engine's binding in a broken state, so none does.
"""

from __future__ import annotations

import ctypes  # noqa: F401 - loaded while files can still be opened
import importlib
import json
import os
import re
import resource
import signal
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

from postroad.scripting import rejections
from postroad.scripting.confinement import confine, widen_stack
from postroad.scripting.protocol import (
    HEADER,
    MAX_NOTE_OCTETS,
    MAX_REQUEST_OCTETS,
    Kind,
    frame,
)

# No script has this many lines (it is at most 1 MiB): what stands below is the prelude, and its
# frames are left out of stacks. The engine offers no file names to tell them apart.
PRELUDE_LINE = 1 << 20
_HOST = "__postroad_host"
_UNHANDLED = "__postroad_unhandled"
_HIGH_WATER = re.compile(rb"VmHWM:\s*(\d+) kB")
_TOO_LARGE = json.dumps(
    {
        "code": -1,
        "log": "",
        "error": f"config: larger than {MAX_REQUEST_OCTETS} octets",
        "message_id": "",
        "phase": "config",
        "hint": "",
    }
)
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def main() -> None:
    """Set up the engine, run the script, end the process."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
        start = json.loads(_receive(Kind.START))
        engine = _Engine(start)
    except Exception as exc:  # noqa: BLE001 - nobody else can tell the user
        _last_word(Kind.UNABLE, f"{type(exc).__name__}: {exc}")
    _say(Kind.READY, b"")
    try:
        engine.run()
    except MemoryError:
        _last_word(Kind.STOPPED, "memory")
    except BaseException as exc:  # noqa: BLE001 - a defect, told instead of a silent end
        _last_word(Kind.THREW, f"internal error: {type(exc).__name__}: {exc}")
    _last_word(Kind.EXIT, "0")


class _Engine:
    """A context with the prelude in it, and the process confined."""

    def __init__(self, start: dict[str, Any]) -> None:
        # Not `quickjs`: that module starts a thread of its own when it is imported.
        module = importlib.import_module("_quickjs")
        here = Path(__file__).parent
        prelude = "".join((here / name).read_text("utf-8") for name in ("inspect.js", "prelude.js"))
        time.localtime()  # the C library reads the time zone while it still can
        self._memory_octets: int = start["memory_octets"]
        self._peak = _Peak()
        self._base_octets = self._peak.octets()
        self._error = module.JSException
        self._context = module.Context()
        self._context.set_max_stack_size(widen_stack())
        self._rejections = rejections.track(module, self._context)
        confine(self._memory_octets, start["timeout_s"])
        self._context.set_memory_limit(self._memory_octets)
        self._context.add_callable(_HOST, self._call)
        wrapped = f"(() => {{ 'use strict';\n{prelude}\n}})()"
        self._prelude = self._context.eval("\n" * PRELUDE_LINE + wrapped)
        if self._rejections is not None:
            self._rejections.hold_in(_UNHANDLED)
        settings = {
            "name": start["name"],
            "config": start["config"],
            "source": start["source"],
            "prelude_line": PRELUDE_LINE,
            "max_output_octets": start["max_output_octets"],
            "max_request_octets": MAX_REQUEST_OCTETS,
            "watches_last_value": self._rejections is None,
        }
        self._prelude("prepare", json.dumps(settings))

    def run(self) -> None:
        """Run the script and every promise job it left; returns when all is done."""
        try:
            self._prelude("run", "")
            peak = self._peak.octets()
            while self._context.execute_pending_job():
                pass
            # A promise job that finds no memory at all is dropped by the engine in silence; the
            # process then held 92 to 100 % of the limit (measured from 16 to 256 MiB).
            full = self._base_octets + self._memory_octets * 29 // 32
            if peak < full <= self._peak.octets():
                raise MemoryError
            if self._rejections is not None and self._rejections.expose_first():
                self._prelude("rejected", "")
        except self._error as exc:  # an error the prelude could not report: memory, most likely
            text = str(exc)
            if "out of memory" in text or self._memory_was_full():
                raise MemoryError from None
            _last_word(Kind.THREW, text)

    def _memory_was_full(self) -> bool:
        """Whether the process ever held half of what the script may use.

        When there is not even room for an error object, the engine throws null: this tells it from
        a script's own `throw null`.
        """
        return self._peak.octets() >= self._memory_octets // 2

    def _call(self, what: str, text: str) -> str | None:
        """Do what the prelude asks; every failure ends the process rather than leave here."""
        try:
            match what:
                case "out" | "err":
                    _say(Kind.OUT if what == "out" else Kind.ERR, _utf8(json.loads(text)))
                case "send":
                    request = text.encode()
                    if len(request) > MAX_REQUEST_OCTETS:
                        return _TOO_LARGE
                    _say(Kind.SEND, request)
                    return _receive(Kind.ANSWER).decode()
                case "exit":
                    _last_word(Kind.EXIT, text)
                case "stopped":
                    _last_word(Kind.STOPPED, text)
                case "threw":
                    _last_word(Kind.THREW, json.loads(text))
                case "threw null":
                    if self._memory_was_full():
                        _last_word(Kind.STOPPED, "memory")
                case _:
                    _last_word(Kind.THREW, "internal error: unknown request")
        except MemoryError:
            _last_word(Kind.STOPPED, "memory")
        except BaseException as exc:  # noqa: BLE001 - see the module's first words
            _last_word(Kind.THREW, f"internal error: {type(exc).__name__}: {exc}")
        return None


class _Peak:
    """The most memory this process ever held; its file is opened while one can be.

    Linux starts `ru_maxrss` of a new process at what its parent held, so the kernel's own note is
    read there.
    """

    def __init__(self) -> None:
        try:
            self._status = os.open("/proc/self/status", os.O_RDONLY)
        except OSError:
            self._status = -1

    def octets(self) -> int:
        """Up to now."""
        if self._status >= 0:
            found = _HIGH_WATER.search(os.pread(self._status, 1 << 14, 0))
            if found is not None:
                return int(found.group(1)) * 1024
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _last_word(kind: Kind, text: str) -> NoReturn:
    """Say it and end at once: no script code runs any more, not even a `finally`."""
    try:
        _say(kind, _utf8(text)[:MAX_NOTE_OCTETS])
    finally:
        os._exit(0)


def _utf8(text: str) -> bytes:
    """UTF-8, each lone surrogate replaced by U+FFFD, as Node prints it."""
    return _LONE_SURROGATE.sub("\ufffd", text).encode()


def _say(kind: Kind, payload: bytes) -> None:
    rest = memoryview(frame(kind, payload))
    while rest:
        rest = rest[os.write(1, rest) :]


def _receive(expected: Kind) -> bytes:
    """The payload of the parent's next frame; the end of the process when the parent is gone."""
    kind, length = HEADER.unpack(_read(HEADER.size))
    if kind != expected.value:
        os._exit(70)
    return _read(length)


def _read(length: int) -> bytes:
    octets = bytearray()
    while len(octets) < length:
        chunk = os.read(0, min(1 << 20, length - len(octets)))
        if not chunk:
            os._exit(0)
        octets += chunk
    return bytes(octets)
