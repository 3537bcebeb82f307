"""AUTH mechanisms as dialogues: each takes the server's challenges and gives the responses."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Generator
from dataclasses import dataclass, field

from postroad.errors import AuthError, Reason, SettingsError

Exchange = Generator[bytes | None, str, None]
"""Yields the initial response or None, then is sent challenges as written and yields responses.

Each is finite, so that a server that never stops asking meets its end.
"""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What proves who logs in; exactly one of `password` and `token` is used.

    token:     an OAuth 2 access token instead of a password.
    mechanism: one of MECHANISMS to use, whatever the server prefers.
    raises:    SettingsError for one that is unknown or needs what was not given.
    """

    username: str
    password: str = field(default="", repr=False)
    token: str | None = field(default=None, repr=False)
    mechanism: str | None = None

    def __post_init__(self) -> None:
        if self.mechanism is None or self.mechanism in self.mechanisms:
            return
        if self.mechanism not in MECHANISMS:
            raise SettingsError(f"auth must be one of {', '.join(MECHANISMS)}: {self.mechanism!r}")
        needs = "a token" if self.mechanism in _WITH_TOKEN else "a password, and not a token"
        raise SettingsError(f"auth: {self.mechanism} needs {needs}")

    @property
    def mechanisms(self) -> tuple[str, ...]:
        """Every mechanism these credentials fit."""
        return _WITH_TOKEN if self.token is not None else _UNDER_TLS

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be seen, the whole SASL responses included."""
        if self.token is not None:
            return (self.token,)
        return (self.password, f"\0{self.username}\0{self.password}")


def plain(credentials: Credentials) -> Exchange:
    """RFC 4616."""
    yield f"\0{credentials.username}\0{credentials.password}".encode()


def login(credentials: Credentials) -> Exchange:
    """Two answers to two prompts, whatever the prompts say (draft-murchison-sasl-login)."""
    yield None
    yield credentials.username.encode()
    yield credentials.password.encode()


def cram_md5(credentials: Credentials) -> Exchange:
    """RFC 2195: a keyed digest of the challenge, so the password itself never travels."""
    import hmac  # and with it hashlib, which no other mechanism needs

    challenge = decode_challenge((yield None))
    digest = hmac.new(credentials.password.encode(), challenge, "md5").hexdigest()
    yield f"{credentials.username} {digest}".encode()


def xoauth2(credentials: Credentials) -> Exchange:
    """Google's and Microsoft's; a failure comes as a challenge that wants an empty response."""
    yield f"user={credentials.username}\1auth=Bearer {credentials.token}\1\1".encode()
    yield b""


def oauthbearer(credentials: Credentials) -> Exchange:
    """RFC 7628; a failure comes as a challenge that wants a lone control-A."""
    name = credentials.username.replace("=", "=3D").replace(",", "=2C")
    yield f"n,a={name},\1auth=Bearer {credentials.token}\1\1".encode()
    yield b"\1"


_EXCHANGES: dict[str, Callable[[Credentials], Exchange]] = {
    "PLAIN": plain,
    "LOGIN": login,
    "CRAM-MD5": cram_md5,
    "XOAUTH2": xoauth2,
    "OAUTHBEARER": oauthbearer,
}
_UNDER_TLS = ("PLAIN", "LOGIN", "CRAM-MD5")  # every provider takes one of the first two
_IN_THE_CLEAR = ("CRAM-MD5", "PLAIN", "LOGIN")
_WITH_TOKEN = ("XOAUTH2", "OAUTHBEARER")

MECHANISMS = tuple(_EXCHANGES)


def choose(credentials: Credentials, offered: frozenset[str], *, is_encrypted: bool) -> str:
    """Return the one mechanism to try: a second try would count as a second wrong password.

    raises: AuthError when the server offers no AUTH, or nothing that fits the credentials.
    """
    if not offered:
        raise AuthError(
            "the server offers no login (AUTH), and mail is never sent without the login asked for",
            reason=Reason.AUTH_MISSING,
        )
    if credentials.mechanism is not None:
        wanted: tuple[str, ...] = (credentials.mechanism,)
    elif credentials.token is None and not is_encrypted:
        wanted = _IN_THE_CLEAR
    else:
        wanted = credentials.mechanisms
    for name in wanted:
        if name in offered:
            return name
    raise AuthError(
        f"the server offers {', '.join(sorted(offered))}; these credentials need "
        f"{' or '.join(wanted)}",
        reason=Reason.AUTH_MECHANISM,
    )


def exchange(mechanism: str, credentials: Credentials) -> Exchange:
    """Return the dialogue of `mechanism`, one of MECHANISMS."""
    return _EXCHANGES[mechanism](credentials)


def encode_response(response: bytes) -> str:
    """Return a response as base64 (RFC 4954 §4)."""
    return base64.b64encode(response).decode("ascii")


def decode_challenge(text: str) -> bytes:
    """Return the octets of a challenge; only what depends on them needs them to make sense.

    raises: AuthError when it is not base64 (RFC 4954 §4).
    """
    try:
        return base64.b64decode(text.strip().encode("ascii"), validate=True)
    except (ValueError, binascii.Error) as exc:
        raise AuthError(
            "the server's login challenge is not base64", reason=Reason.AUTH_CHALLENGE
        ) from exc
