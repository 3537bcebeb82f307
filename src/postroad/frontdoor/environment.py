"""What the library takes from its surroundings: secrets kept elsewhere, the user's language."""

from __future__ import annotations

import errno
import os
import select
import stat
import time

from postroad import providers
from postroad.errors import SettingsError

_MAX_SECRET_OCTETS = 65_536  # an OAuth token has some 2,000; a larger file is not a secret
_PIPE_S = 5.0  # for a password manager to answer


def secret_from_variable(name: str) -> str:
    """Return the value of an environment variable.

    raises: SettingsError when it is not set or empty; the message does not repeat `name`, which may
            be a password that somebody put in the wrong place.
    """
    value = os.environ.get(name, "") if name and "=" not in name and "\0" not in name else ""
    if not value:
        raise SettingsError("no environment variable of the name that is given is set")
    return value


def secret_from_file(path: str) -> str:
    """Return the text of a file, or of a pipe, without its last line end.

    raises: SettingsError when it cannot be read; the message never holds its content.
    """
    try:
        octets = _read(path)
    except (OSError, ValueError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "not a file name"
        raise SettingsError(f"the file {path!r} cannot be read: {reason}") from exc
    if len(octets) > _MAX_SECRET_OCTETS:
        raise SettingsError(f"the file {path!r} has more than {_MAX_SECRET_OCTETS} octets")
    try:
        secret = octets.decode("utf-8-sig").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise SettingsError(f"the file {path!r} is not UTF-8 text") from None
    if not secret:
        raise SettingsError(f"the file {path!r} is empty")
    return secret


def _read(path: str) -> bytes:
    """Return what a file holds, or a pipe as a shell makes it; neither a device nor a silent pipe.

    raises: OSError, ValueError.
    """
    octets = b""
    deadline = time.monotonic() + _PIPE_S
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with open(descriptor, "rb", buffering=0) as file:  # noqa: PTH123 - a descriptor has no path
        mode = os.fstat(descriptor).st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
            raise OSError(errno.EINVAL, "neither a file nor a pipe")
        while len(octets) <= _MAX_SECRET_OCTETS:
            remaining_s = max(deadline - time.monotonic(), 0)
            if stat.S_ISFIFO(mode) and not select.select([file], [], [], remaining_s)[0]:
                raise OSError(errno.ETIMEDOUT, f"nothing came within {_PIPE_S:g} s")
            piece = file.read(_MAX_SECRET_OCTETS + 1)
            if not piece:
                break
            octets += piece
    return octets


def user_language() -> str:
    """Return "ko", "zh" or "en" for the locale the process runs in (POSIX §8.2)."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(name):
            return providers.language_of(value)
    return "en"
