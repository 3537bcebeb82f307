"""What a caller gave, and what of it cannot be read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from postroad.tenancy.refusals import Check, Refusal

# C0, DEL, C1 (NEL among them), LS, PS, and lone surrogates, which are not UTF-8.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
# Theirs is the refusal of their own check: a wrong signature, no valid address.
_JUDGED_LATER = ("signature", "mail", "email")


@dataclass(frozen=True, slots=True)
class Request:
    """The parameters of one request.

    values:      every known parameter that was given and is UTF-8, as it was given.
    repeated:    names given twice, or in query and body with different values.
    undecodable: names whose value is not UTF-8.
    """

    values: Mapping[str, str] = field(repr=False)  # with password, token and signature
    repeated: tuple[str, ...] = ()
    undecodable: tuple[str, ...] = ()
    ip: str = ""

    def text(self, name: str) -> str:
        """Return what was given, "" for nothing."""
        return self.values.get(name, "")

    def has(self, name: str) -> bool:
        """Whether something other than white space was given."""
        text = self.text(name)
        return name in self.undecodable or not (text == "" or text.isspace())

    def is_illegal(self, name: str) -> bool:
        """Whether it is not UTF-8 or holds what may not stand in it: in `content` only NUL."""
        text = self.text(name)
        if name in self.undecodable:
            return True
        if name == "content":
            return "\0" in text or not _is_unicode(text)
        return not text.isprintable() and _CONTROL.search(text) is not None


def unreadable(request: Request, known: tuple[str, ...]) -> Refusal | None:
    """Return the refusal of what was given twice or holds illegal characters; None for none.

    known: the parameters that count, in the order in which they are named.
    """
    for name in known:
        if name in request.repeated:
            return Refusal(Check.REPEATED, name)
    for name in known:
        if name not in _JUDGED_LATER and request.is_illegal(name):
            return Refusal(Check.ILLEGAL, name)
    return None


def missing(request: Request, required: tuple[str, ...]) -> Refusal | None:
    """Return the refusal of the first parameter that is absent or blank; None for none."""
    for name in required:
        if not request.has(name):
            return Refusal(Check.MISSING, name)
    return None


def _is_unicode(text: str) -> bool:
    """Whether there is no lone surrogate; a regular expression takes ten times as long."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
