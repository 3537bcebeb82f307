"""The session of a caller: a random number in a signed cookie."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

COOKIE: Final = "postroad_session"

_ID_OCTETS = 16
_PURPOSE = b"postroad session\0"
_PERSON = b"postroad session"


@dataclass(frozen=True, slots=True)
class Session:
    """A caller's session.

    digest: what it is known by; the cookie cannot be made from it.
    value:  of the cookie.
    """

    digest: str
    value: str


class Sessions:
    """Recognizes the sessions it gave out.

    key:    secret, 32 octets; with another key every session is a new one.
    is_tls: every caller comes over TLS.
    """

    def __init__(self, key: bytes, *, is_tls: bool = False) -> None:
        self._key = key
        self._is_tls = is_tls

    def of(self, cookies: Iterable[str]) -> Session:
        """Return the session that the Cookie fields prove, or else a new one."""
        for field in cookies:
            for pair in field.split(";"):
                name, _, value = pair.strip(" \t").partition("=")
                if name == COOKIE and self._is_ours(value):
                    return _session(value)
        return _session(self._new())

    def cookie(self, session: Session, *, is_secure: bool) -> bytes:
        """Return the Set-Cookie field that gives a session to its caller, or gives it again."""
        secure = "; Secure" if is_secure or self._is_tls else ""
        return f"{COOKIE}={session.value}; Path=/; HttpOnly; SameSite=Lax{secure}".encode()

    def _new(self) -> str:
        name = _text(secrets.token_bytes(_ID_OCTETS))
        return f"{name}.{self._signature(name)}"

    def _is_ours(self, value: str) -> bool:
        name, _, signature = value.partition(".")
        return hmac.compare_digest(self._signature(name).encode(), signature.encode())

    def _signature(self, name: str) -> str:
        # Keyed BLAKE2 is a MAC by itself (RFC 7693 §2.9), and takes a tenth of HMAC's time here.
        mac = hashlib.blake2b(name.encode(), key=self._key, person=_PERSON, digest_size=32)
        return _text(mac.digest())


def _session(value: str) -> Session:
    name = value.partition(".")[0]
    return Session(hashlib.sha256(_PURPOSE + name.encode()).hexdigest(), value)


def _text(octets: bytes) -> str:
    return urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")
