"""JavaScript scripts: the parent's half, which trusts nothing the child says."""

from __future__ import annotations

import importlib.util
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from postroad.errors import Code, SettingsError
from postroad.scripting.config import Script, decode
from postroad.scripting.console import Console, write
from postroad.scripting.limits import Limit, Limits, StoppedByLimit
from postroad.scripting.protocol import (
    HEADER,
    MAX_NOTE_OCTETS,
    MAX_REQUEST_OCTETS,
    Kind,
    frame,
)

# A loaded machine starts the child in a second; beyond this it never will.
STARTUP_S = 20.0

# The child must not import the package (its front door is none of its business, and slow) but
# needs a few modules of this room: a bare package stands in. Arguments: where the package lies,
# where the engine lies.
_BOOT = """
import sys, types
for name, path in (("postroad", sys.argv[1]), ("postroad.scripting", sys.argv[1] + "/scripting")):
    package = types.ModuleType(name)
    package.__path__ = [path]
    sys.modules[name] = package
sys.path.append(sys.argv[2])
from postroad.scripting.child import main
main()
"""


class ChildDied(Exception):  # noqa: N818 - the name says what happened
    """The child closed its pipe without a last word."""


class ChildRaves(Exception):  # noqa: N818 - the name says what happened
    """The child said what this protocol has no room for: the engine itself was broken into."""


class Clock:
    """One deadline; only time inside send_email moves it."""

    def __init__(self, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds

    def wait(self, events: select.poll) -> None:
        """Wait for the child.

        raises: StoppedByLimit when no time is left.
        """
        left_s = self._deadline - time.monotonic()
        if left_s <= 0 or not events.poll(left_s * 1000):
            raise StoppedByLimit(Limit.TIME)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """What happens inside takes no time."""
        began = time.monotonic()
        yield
        self._deadline += time.monotonic() - began


class Child:
    """The engine's process; leaving the `with` block kills it and waits for it."""

    def __init__(self, engine: Path) -> None:
        package = Path(__file__).resolve().parent.parent
        # -I -S: no environment, no user site, no .pth files; -B: writes no files.
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter, our own words
            [sys.executable, "-I", "-S", "-B", "-c", _BOOT, str(package), str(engine)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            close_fds=True,
            cwd="/",
            env={},
        )
        if self._process.stdin is None or self._process.stdout is None:
            raise AssertionError("pipes were asked for")
        self._to = self._process.stdin.fileno()
        self._from = self._process.stdout.fileno()
        os.set_blocking(self._to, False)
        os.set_blocking(self._from, False)
        self._writable = select.poll()
        self._writable.register(self._to, select.POLLOUT)
        self._readable = select.poll()
        self._readable.register(self._from, select.POLLIN)

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()

    def write(self, kind: Kind, value: object, clock: Clock) -> None:
        """Hand one JSON value to the child, which may never read it: the clock runs."""
        rest = memoryview(frame(kind, json.dumps(value).encode()))
        while rest:
            clock.wait(self._writable)
            try:
                rest = rest[os.write(self._to, rest) :]
            except BlockingIOError:
                continue
            except BrokenPipeError:
                raise ChildDied from None

    def read_header(self, clock: Clock) -> tuple[Kind, int]:
        """The kind and length of the next frame."""
        kind, length = HEADER.unpack(self.read(HEADER.size, clock))
        try:
            return Kind(kind), length
        except ValueError:
            raise ChildRaves from None

    def read(self, length: int, clock: Clock) -> bytes:
        """Exactly `length` octets."""
        octets = bytearray()
        while len(octets) < length:
            clock.wait(self._readable)
            try:
                chunk = os.read(self._from, min(1 << 16, length - len(octets)))
            except BlockingIOError:
                continue
            if not chunk:
                raise ChildDied
            octets += chunk
        return bytes(octets)

    def obituary(self) -> int:
        """How a child that closed its pipe ended: its exit status, or minus its signal."""
        try:
            return self._process.wait(1)
        except subprocess.TimeoutExpired:
            return 0


def execute(
    script: Script,
    limits: Limits,
    send_email: Callable[[Any], Mapping[str, Any]],
    console: Console,
) -> int:
    """Run a JavaScript script in a child process; the exit code.

    raises: StoppedByLimit; SettingsError when there is no engine or no way to confine it.
    """
    source = decode(script.source, script.name)
    start = {
        "name": script.name,
        "source": source,
        "config": script.config,
        "memory_octets": limits.memory_octets,
        "max_output_octets": limits.max_output_octets,
        "timeout_s": limits.timeout_s,
    }
    with Child(_engine_folder()) as child:
        run = _Run(child, limits, send_email, console)
        try:
            return run.follow(start)
        except ChildDied:
            return run.died(child.obituary())
        except ChildRaves:
            console.say("the script engine broke down and was ended")
            return 1


class _Run:
    """One script's conversation with the parent."""

    def __init__(
        self,
        child: Child,
        limits: Limits,
        send_email: Callable[[Any], Mapping[str, Any]],
        console: Console,
    ) -> None:
        self._child = child
        self._limits = limits
        self._send_email = send_email
        self._console = console
        self._clock = Clock(STARTUP_S)
        self._is_running = False
        self._sends = 0

    def follow(self, start: dict[str, object]) -> int:
        """Start the script and serve it to its end."""
        try:
            self._child.write(Kind.START, start, self._clock)
            kind, length = self._child.read_header(self._clock)
            note = self._note(length)
        except StoppedByLimit:
            raise SettingsError(f"the script engine did not start in {STARTUP_S:g} s") from None
        if kind is Kind.UNABLE:
            raise SettingsError(f"the script engine could not be started: {note}")
        if kind is not Kind.READY:
            raise ChildRaves
        self._is_running = True
        self._clock = Clock(self._limits.timeout_s)
        while True:
            code = self._serve(*self._child.read_header(self._clock))
            if code is not None:
                return code

    def _serve(self, kind: Kind, length: int) -> int | None:
        """Do what one frame asks; an exit code ends the run."""
        match kind:
            case Kind.OUT | Kind.ERR:
                self._console.take(length)
                stream = self._console.stdout if kind is Kind.OUT else self._console.stderr
                write(stream, _text(self._child.read(length, self._clock)))
            case Kind.SEND:
                self._send(length)
            case Kind.EXIT:
                return _exit_code(self._note(length))
            case Kind.THREW:
                self._console.say(self._note(length).rstrip("\n"))
                return 1
            case Kind.STOPPED:
                raise StoppedByLimit(_limit(self._note(length)))
            case _:
                raise ChildRaves
        return None

    def _send(self, length: int) -> None:
        self._sends += 1
        if self._sends > self._limits.max_sends:
            raise StoppedByLimit(Limit.SENDS)
        if length > MAX_REQUEST_OCTETS:
            raise ChildRaves
        request = self._child.read(length, self._clock)
        with self._clock.stopped():
            result = answer(request, self._send_email)
        self._child.write(Kind.ANSWER, result, self._clock)

    def _note(self, length: int) -> str:
        if length > MAX_NOTE_OCTETS:
            raise ChildRaves
        return _text(self._child.read(length, self._clock))

    def died(self, status: int) -> int:
        """Say why a child without a last word ended; the exit code.

        raises: StoppedByLimit where the kernel enforced a limit; SettingsError before the script.
        """
        if not self._is_running:
            raise SettingsError(f"the script engine could not be started (status {status})")
        if status == -signal.SIGXCPU:
            raise StoppedByLimit(Limit.TIME)
        if status == -signal.SIGKILL:  # not ours: the kernel was out of memory
            raise StoppedByLimit(Limit.MEMORY)
        self._console.say(f"the script engine crashed (status {status})")
        return 1


def answer(request: bytes, send_email: Callable[[Any], Mapping[str, Any]]) -> dict[str, Any]:
    """Call `send_email` with what the script asked for; always a result, never an exception."""
    try:
        config = json.loads(request)
    except (ValueError, RecursionError):
        return {"code": int(Code.CONFIG), "log": "", "error": "config: not JSON"}
    try:
        result = send_email(config)
        first = {"code": int(result["code"]), "log": result["log"], "error": result["error"]}
        whole: dict[str, Any] = json.loads(json.dumps(first | dict(result), default=str))
    except Exception as exc:  # noqa: BLE001 - the script gets a result whatever happens
        error = f"internal error: {type(exc).__name__}: {exc}"
        return {"code": int(Code.INTERNAL), "log": "", "error": error}
    return whole


def _engine_folder() -> Path:
    """Where the engine's extension module lies.

    raises: SettingsError when it is not installed or this system cannot confine a script.
    """
    if sys.platform == "win32":
        raise SettingsError(
            "JavaScript needs a system that can confine a process (Linux, macOS, WSL); "
            "a .py script runs here"
        )
    found = importlib.util.find_spec("_quickjs")
    if found is None or found.origin is None:
        raise SettingsError('no JavaScript engine is installed: pip install "postroad[scripts]"')
    return Path(found.origin).parent


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "replace")


def _exit_code(note: str) -> int:
    if note.isascii() and note.isdigit() and int(note) <= 255:
        return int(note)
    raise ChildRaves


def _limit(note: str) -> Limit:
    try:
        return Limit(note)
    except ValueError:
        raise ChildRaves from None
