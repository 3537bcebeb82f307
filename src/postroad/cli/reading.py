"""Files and standard input, read up to a limit, and what is said when that is not possible."""

from __future__ import annotations

import sys
from pathlib import Path

from postroad.errors import SettingsError

STDIN = "-"


def read_octets(path: str, limit: int, what: str) -> bytes:
    """Return what the file `path` holds, or standard input for "-".

    limit:  octets; a device without end is read no further.
    what:   the option, for the error.
    raises: SettingsError.
    """
    if path == STDIN:
        return stdin_octets(limit, what)
    try:
        with Path(path).open("rb") as file:
            octets = file.read(limit + 1)
    except (OSError, ValueError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "not a file name"
        raise SettingsError(f"{what}: {path} cannot be read: {reason}") from exc
    return _within(octets, limit, f"{what}: {path}")


def stdin_octets(limit: int, what: str) -> bytes:
    """Return what standard input holds; nothing when it is closed.

    raises: SettingsError.
    """
    if sys.stdin is None:
        return b""
    try:
        octets = sys.stdin.buffer.read(limit + 1)
    except OSError as exc:
        raise SettingsError(f"{what}: standard input cannot be read: {exc.strerror}") from exc
    return _within(octets, limit, f"{what}: standard input")


def read_text(path: str, limit: int, what: str) -> str:
    """Return a file's, or for "-" standard input's, UTF-8 text, a byte order mark dropped.

    raises: SettingsError naming the octet that is not UTF-8.
    """
    octets = read_octets(path, limit, what).removeprefix(b"\xef\xbb\xbf")
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError as exc:
        where = "standard input" if path == STDIN else path
        raise SettingsError(
            f"{what}: {where} is not UTF-8 text (octet {exc.start + 1}); save it as UTF-8"
        ) from None


def stdin_is_terminal() -> bool:
    """Whether somebody could be asked."""
    try:
        return sys.stdin is not None and sys.stdin.isatty()
    except ValueError:  # closed
        return False


def _within(octets: bytes, limit: int, where: str) -> bytes:
    if len(octets) > limit:
        raise SettingsError(f"{where} has more than {limit:,} octets")
    return octets
