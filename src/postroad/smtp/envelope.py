"""The envelope: who a transaction says the mail is from and to (RFC 5321 §2.3.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from postroad.errors import LocalProtocolError

_MAX_PATH_CHARACTERS = 1000  # what the builder lets through is shorter (RFC 5321 §4.5.3.1.3)
_PLAIN = re.compile(r"[!#-;=?-~]{1,1000}")  # nearly every path: visible ASCII but for < > and "
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')  # a quoted local part (RFC 5321 §4.1.2)


@dataclass(frozen=True, slots=True)
class Envelope:
    """Reverse-path and forward-paths of one transaction, without their angle brackets.

    reverse_path:   a mailbox, or "" for the null reverse-path.
    forward_paths:  at least one mailbox.
    needs_smtputf8: some path or header field is not ASCII (RFC 6531).
    raises:         LocalProtocolError when a path could change the command it stands in.
    """

    reverse_path: str
    forward_paths: tuple[str, ...]
    needs_smtputf8: bool = False

    def __post_init__(self) -> None:
        if not self.forward_paths:
            raise LocalProtocolError("an envelope needs at least one forward-path")
        if self.reverse_path and not _PLAIN.fullmatch(self.reverse_path):
            self._check(self.reverse_path)
        for path in self.forward_paths:
            if not _PLAIN.fullmatch(path):
                self._check(path)

    def _check(self, path: str) -> None:
        is_safe = (
            path.isprintable()
            and 0 < len(path) <= _MAX_PATH_CHARACTERS
            and (path.isascii() or self.needs_smtputf8)
            and not any(char in '<> "' for char in _unquoted(path))
        )
        if not is_safe:
            raise LocalProtocolError(f"not a path that may stand in an envelope: {path[:80]!r}")


def _unquoted(path: str) -> str:
    """Return what follows a quoted local part, or all of `path`."""
    quoted = _QUOTED.match(path)
    return path[quoted.end() :] if quoted else path
