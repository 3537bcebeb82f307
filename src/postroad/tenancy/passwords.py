"""The one form of a password that is hashed and compared."""

from __future__ import annotations

import re
from hashlib import md5

_MD5 = re.compile("[0-9A-Fa-f]{32}")


def password_form(text: str) -> str:
    """Return what Argon2id is given: the password's MD5 as 32 lower-case hex digits.

    Some clients send the MD5 of a password at one door and the password itself at another: 32 hex
    digits are taken for such an MD5, so that both log in. What protects the password is Argon2id.
    """
    if _MD5.fullmatch(text):
        return text.lower()
    return md5(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()
