"""Which characters may not stand in a header field, a name or an SMTP argument."""

from __future__ import annotations

import re

from postroad.errors import HeaderFieldError, MessageError

# C0 without HTAB, DEL, C1 (NEL among them), LS, PS, lone surrogates: each ends a line, a string or
# a field for some program on the way.
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
# Embeddings, overrides and isolates let a name show what it is not ("fdp.exe" as "exe.pdf").
_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")


def forbid_controls(text: str, field: str, error: type[MessageError] = HeaderFieldError) -> None:
    """Refuse `text` that holds a control character other than HTAB, or half a surrogate pair.

    field:  the name the error begins with.
    error:  what is raised.
    raises: HeaderFieldError, or `error`, with the character and its position.
    """
    if not text.isprintable() and (found := _CONTROL.search(text)):
        raise error(f"{field}: {_what(found[0])} at position {found.start()} may not stand there")


def forbid_bidi(text: str, field: str, error: type[MessageError] = HeaderFieldError) -> None:
    """Refuse `text` that holds U+202A to 202E or U+2066 to 2069; arguments as above."""
    if not text.isprintable() and (found := _BIDI.search(text)):
        raise error(
            f"{field}: U+{ord(found[0]):04X} at position {found.start()} turns the direction of"
            " writing and may not stand there"
        )


def ascii_folded(text: str) -> str:
    """Return `text` with the letters A to Z in lower case, and no other letter changed.

    source: RFC 4343 §3; of other letters several have one lower case.
    """
    return text.lower() if text.isascii() else text.translate(_LOWER)


def shown(text: str) -> str:
    """Return `text` as an error message can carry it: quoted, escaped, at most 80 characters."""
    return repr(text if len(text) <= 80 else text[:79] + "…")


def _what(character: str) -> str:
    code = ord(character)
    known = {0: "NUL", 10: "a line feed (LF)", 13: "a carriage return (CR)"}
    if code in known:
        return known[code]
    kind = "half a surrogate pair" if 0xD800 <= code <= 0xDFFF else "the control character"
    return f"{kind} U+{code:04X}"
