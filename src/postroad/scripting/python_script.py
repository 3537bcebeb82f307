"""Python scripts: trusted code, run in this process."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from postroad.scripting.config import Script
from postroad.scripting.console import Console, write
from postroad.scripting.limits import Limit, Limits, StoppedByLimit


class _TooManySends(BaseException):
    """Beyond every `except Exception` of the script."""


def execute(
    script: Script,
    limits: Limits,
    send_email: Callable[[Any], Mapping[str, Any]],
    console: Console,
) -> int:
    """Run a Python script with `arg`, `send_email`, `print` and `exit`; the exit code.

    Of the limits only `max_sends` holds: nothing can stop code in the same process. What would be
    an unhandled exception prints the script's own frames on stderr and is exit code 1.
    """
    sends = 0

    def counted_send_email(config: object = None) -> Mapping[str, Any]:
        nonlocal sends
        sends += 1
        if sends > limits.max_sends:
            raise _TooManySends
        return send_email(config)

    def print_there(*values: object, **options: Any) -> None:
        print(*values, **{"file": console.stdout, **options})

    names = {
        "__name__": "__main__",
        "__file__": str(script.path),
        "arg": script.arg,
        "send_email": counted_send_email,
        "print": print_there,
        "exit": sys.exit,
    }
    try:
        exec(compile(script.source, str(script.path), "exec"), names)  # noqa: S102 - its purpose
    except _TooManySends:
        raise StoppedByLimit(Limit.SENDS) from None
    except SystemExit as exc:
        return _exit_code(exc.code, console)
    except KeyboardInterrupt:
        raise
    except BaseException as exc:  # noqa: BLE001 - whatever the script raises is its own
        write(console.stderr, _own_traceback(exc, str(script.path)))
        return 1
    return 0


def _exit_code(code: object, console: Console) -> int:
    """What `sys.exit(code)` means: None is 0, a number itself, anything else a message and 1."""
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF  # what the operating system would make of it
    console.say(str(code))
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
