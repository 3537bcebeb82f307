"""Keeps secrets out of whatever a server echoes."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus, unquote_plus

from postroad.smtp.reply import printable

MASK = "***"
_MIN_SECRET_CHARACTERS = 4  # masking every "a" would leave no readable log
_MIN_BASE64_CHARACTERS = 6
_WORD = re.compile(r"\S{12,}")
_LEFT_ALONE = ("", "/", "!*'()", ";,/?:@&=+$!*'()#")  # by quote, and by JavaScript's two ways
_RECOGNIZED_CHARACTERS = 12  # of a long secret that the server cut short


class Redactor:
    """Masks secrets in a text, in every form a server may echo.

    The forms are raw, base64 (also from the middle of a longer text), hex and URL-encoded, whole
    or, where they are long, cut short; a secret under four characters cannot be told from ordinary
    text and is left alone.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: list[str] = []
        self._forms: list[str] = []
        self._heads: list[str] = []
        for secret in secrets:
            self.conceal(secret)

    def conceal(self, secret: str) -> None:
        """Mask `secret` too from now on."""
        if len(secret) >= _MIN_SECRET_CHARACTERS:
            self._secrets.append(secret)
            self._forms = sorted({*self._forms, *_forms(secret)}, key=len, reverse=True)
            long = (form for form in self._forms if len(form) > _RECOGNIZED_CHARACTERS)
            self._heads = sorted({form[:_RECOGNIZED_CHARACTERS] for form in long})

    def __call__(self, text: str) -> str:
        """Return `text` without the secrets."""
        for form in self._forms:
            if form in text:
                text = text.replace(form, MASK)
        if "%" in text and any(secret in unquote_plus(text) for secret in self._secrets):
            return MASK  # escaped in a way of its own
        for head in self._heads:
            if head in text:
                text = _without_beginnings(text, head, self._forms)
        if self._heads:
            text = _WORD.sub(self._masked_piece, text)
        return text

    def _masked_piece(self, word: re.Match[str]) -> str:
        """Mask a word that is a piece of a long secret, folded over several lines."""
        return MASK if any(word[0] in form for form in self._forms) else word[0]


def _forms(secret: str) -> set[str]:
    octets = secret.encode("utf-8", "surrogatepass")
    quoted = {quote(secret, safe=safe, errors="replace") for safe in _LEFT_ALONE}
    quoted.add(quote_plus(secret, errors="replace"))
    lower = {re.sub("%..", lambda match: match[0].lower(), form) for form in quoted}
    hexadecimal = {octets.hex(), octets.hex().upper()}
    return {secret, printable(secret), *quoted, *lower, *hexadecimal, *_base64_forms(octets)}


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


def _without_beginnings(text: str, head: str, forms: list[str]) -> str:
    """Return `text` with each `head` masked, and what follows it in any of `forms`."""
    before, *rests = text.split(head)
    tails = [form.removeprefix(head) for form in forms if form.startswith(head)]
    for rest in rests:
        shared = max(_shared(rest, tail) for tail in tails)
        before += MASK + rest[shared:]
    return before


def _shared(one: str, other: str) -> int:
    """Return with how many equal characters both texts begin."""
    pairs = zip(one, other, strict=False)
    unequal = (place for place, (left, right) in enumerate(pairs) if left != right)
    return next(unequal, min(len(one), len(other)))
