"""Python scripts: trusted code, run in this process."""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from postroad.scripting.config import Script
from postroad.scripting.console import Console, write
from postroad.scripting.limits import Limit, Limits, StoppedByLimit


class _TooManySends(SystemExit):
    """Beyond every `except Exception`; as a SystemExit it ends a thread of the script silently."""


def execute(
    script: Script,
    limits: Limits,
    send_email: Callable[[Any], Mapping[str, Any]],
    console: Console,
) -> int:
    """Run a Python script with `arg`, `send_email`, `print` and `exit`; the exit code.

    Of the limits only `max_sends` holds: nothing can stop code in the same process. What would be
    an unhandled exception prints the script's own frames on stderr and is exit code 1.

    raises: StoppedByLimit and the OSError of our own stdout, whatever the script made of them.
    """
    sends = 0
    broken: OSError | None = None

    def counted_send_email(config: object = None) -> Mapping[str, Any]:
        nonlocal sends
        sends += 1
        if sends > limits.max_sends:
            raise _TooManySends
        return send_email(config)

    def print_there(*values: object, **options: Any) -> None:
        nonlocal broken
        if options.get("file") not in (None, console.stdout):
            print(*values, **options)
            return
        try:
            print(*values, **{**options, "file": console.stdout})
        except OSError as exc:
            broken = exc
            raise

    names = {
        "__name__": "__main__",
        "__file__": str(script.path),
        "arg": script.arg,
        "send_email": counted_send_email,
        "print": print_there,
        "exit": sys.exit,
    }
    ended: BaseException | None = None
    others = set(threading.enumerate())
    try:
        exec(compile(script.source, str(script.path), "exec"), names)  # noqa: S102 - its purpose
    except KeyboardInterrupt:
        raise
    except BaseException as exc:  # noqa: BLE001 - whatever the script raises is its own
        ended = exc
    _wait_for_threads(others)
    if sends > limits.max_sends:
        raise StoppedByLimit(Limit.SENDS)
    if broken is not None:
        raise broken
    if not console.stdout.closed:
        console.stdout.flush()
    return _exit_code(ended, console, str(script.path))


def _wait_for_threads(others: set[threading.Thread]) -> None:
    """Wait as Python does at its end, but before the exit code is made; `others` stay out of it.

    A pool the script left open keeps idle threads, which only Python's own end sends home.
    """
    while True:
        pools = sys.modules.get("concurrent.futures.thread")
        idle = getattr(pools, "_threads_queues", ())
        waited = set(threading.enumerate()) - others - set(idle)
        rest = [thread for thread in waited if not thread.daemon]
        if not rest:
            return
        for thread in rest:
            thread.join()


def _exit_code(ended: BaseException | None, console: Console, path: str) -> int:
    """What Python makes of how a script ended, its last words printed.

    `sys.exit(code)`: None is 0, a number itself, anything else a message and 1.
    """
    if ended is None:
        return 0
    if not isinstance(ended, SystemExit):
        write(console.stderr, _own_traceback(ended, path))
        return 1
    if ended.code is None:
        return 0
    if isinstance(ended.code, int):
        return ended.code & 0xFF  # what the operating system would make of it
    try:
        message = str(ended.code)
    except Exception:  # noqa: BLE001 - a __str__ of the script's
        message = f"<{type(ended.code).__name__} that cannot be shown>"
    write(console.stderr, message + "\n")
    return 1


def _own_traceback(error: BaseException, path: str) -> str:
    """The traceback without the frames of the runner and of libraries."""
    shown = traceback.TracebackException.from_exception(error)
    rest: list[traceback.TracebackException | None] = [shown]
    while rest:
        item = rest.pop()
        if item is None:
            continue
        item.stack = traceback.StackSummary.from_list(
            [frame for frame in item.stack if frame.filename == path]
        )
        rest += [item.__cause__, item.__context__, *(item.exceptions or ())]
    return "".join(shown.format())
