"""What a provider's simulator lets pass: logins, senders, rates and greylisting, decided apart."""

from __future__ import annotations

import base64
import binascii
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from postroad.simulators.profiles import Profile, Security
    from postroad.simulators.recording import Record


class Live(Protocol):
    """An open connection, as far as its server has to know it."""

    def abort(self) -> None:
        """Cut it without a word."""

    def gone(self) -> None:
        """It has ended, however that came about."""


@dataclass(slots=True)
class Shared:
    """What the connections of one server share, all in its one thread."""

    record: Record
    live: set[Live] = field(default_factory=set)
    seen: set[tuple[str, str]] = field(default_factory=set)
    accepted_at: deque[float] = field(default_factory=deque)
    accepted: int = 0


@dataclass(frozen=True, slots=True)
class Rules:
    """How this server is set up: the profile with the choices of whoever started it.

    basic_auth:      False refuses every password as Microsoft does (550 5.7.30).
    max_connections: connections at once beyond which the provider complains, or None.
    per_minute:      mails in any 60 s beyond which it complains, or None.
    daily:           mails in all after which the daily limit is reached, or None.
    slow_s:          the pause before the reply to slow@.
    """

    profile: Profile
    security: Security
    username: str
    password: str
    token: str
    basic_auth: bool
    max_connections: int | None
    per_minute: int | None
    daily: int | None
    slow_s: float
    clock: Callable[[], float]

    def is_account(self, name: bytes) -> bool:
        """Whether a login name is the account's."""
        given = name.decode("utf-8", "replace")
        if self.profile.bare_username:
            return self.profile.address_of(given) == self.profile.address_of(self.username)
        return given.lower() == self.username.lower()

    def refused_password(self, name: bytes, password: bytes) -> str | None:
        """The refusal of a password, None when it is right."""
        given = password.decode("utf-8", "replace")
        if given in self.profile.passwords:
            return self.profile.passwords[given]
        if not self.basic_auth:
            return self.profile.replies.basic_off
        if self.profile.spaces_in_password:
            given = given.replace(" ", "")
        is_right = self.is_account(name) and given == self.password
        return None if is_right else self.profile.replies.auth_wrong

    def is_crowded(self, shared: Shared) -> bool:
        """Whether more connections are open than the provider likes."""
        return self.max_connections is not None and len(shared.live) > self.max_connections

    def is_too_fast(self, shared: Shared) -> bool:
        """Whether this minute's mails are used up."""
        if self.per_minute is None:
            return False
        recent = shared.accepted_at
        while recent and recent[0] <= self.clock() - 60:
            recent.popleft()
        return len(recent) >= self.per_minute

    def is_greylisted(self, shared: Shared, reverse_path: str, forward_path: str) -> bool:
        """Whether this sender tries this recipient for the first time, where that counts."""
        local = forward_path.rpartition("@")[0].lower()
        if not (self.profile.greylists or local == "greylist"):
            return False
        pair = (reverse_path, forward_path)
        is_new = pair not in shared.seen
        shared.seen.add(pair)
        return is_new


def unbase64(text: str) -> bytes:
    """The octets a client wrote in base64; "=" stands for none (RFC 4954 §4).

    raises: binascii.Error when it is not base64.
    """
    if text == "=":
        return b""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:  # not ASCII
        raise binascii.Error from error


def xoauth2(answer: bytes) -> tuple[bytes, bytes]:
    """User and token of Google's "user=…^Aauth=Bearer …^A^A"; empty where they are missing."""
    fields = dict(part.partition(b"=")[::2] for part in answer.split(b"\x01"))
    return fields.get(b"user", b""), fields.get(b"auth", b"").removeprefix(b"Bearer ")
