"""Keeps secrets out of whatever a server echoes."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from urllib.parse import quote, quote_plus

MASK = "***"
_MIN_SECRET_CHARACTERS = 4  # masking every "a" would leave no readable log
_MIN_BASE64_CHARACTERS = 6


def redactor(secrets: Iterable[str]) -> Callable[[str], str]:
    """Return a function that masks `secrets` in a text, in every form a server may echo.

    The forms are raw, base64 (also from the middle of a longer text), hex and URL-encoded;
    a secret under four characters cannot be told from ordinary text and is left alone.
    """
    forms: set[str] = set()
    for secret in secrets:
        if len(secret) < _MIN_SECRET_CHARACTERS:
            continue
        octets = secret.encode("utf-8", "surrogatepass")
        forms |= {
            secret,
            quote(secret, safe="", errors="replace"),
            quote_plus(secret, errors="replace"),
        }
        forms |= {octets.hex(), octets.hex().upper(), repr(secret)[1:-1]}
        forms |= _base64_forms(octets)
    ordered = sorted(forms, key=len, reverse=True)

    def redact(text: str) -> str:
        for form in ordered:
            if form in text:
                text = text.replace(form, MASK)
        return text

    return redact


def _base64_forms(octets: bytes) -> set[str]:
    """Return what every base64 text that contains `octets` contains, at each of 3 alignments."""
    forms = set()
    for before in range(3):
        padded = b"\0" * before + octets
        encoded = base64.b64encode(padded).decode("ascii")
        first = -(-before * 8 // 6)  # characters that also hold bits of what stands before
        last = len(padded) * 8 // 6  # characters after it also hold bits of what follows
        inner = encoded[first:last]
        if len(inner) >= _MIN_BASE64_CHARACTERS:
            forms |= {inner, inner.replace("+", "-").replace("/", "_")}
    return forms
