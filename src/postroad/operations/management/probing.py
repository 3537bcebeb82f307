"""Tries a relay step by step with the password that is kept for it; nothing is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from postroad.errors import Code, ConflictError, Phase
from postroad.message import Address
from postroad.operations.administration.relays import connection_of
from postroad.tenancy.records import RelayAccount
from postroad.transport.relay import Relay
from postroad.worker.ports import Relays

MAX_SECONDS: Final = 60.0
_AT_ONCE: Final = 4  # each takes a thread for as long as a silent server lets it


@dataclass(frozen=True, slots=True)
class Step:
    """One step: connect, tls, ehlo, auth, mail or rcpt; `ok` None was not reached or is left out.

    ms: how long it took; None when nothing was done.
    """

    phase: Phase
    ok: bool | None
    ms: float | None
    detail: str


@dataclass(frozen=True, slots=True)
class Certificate:
    """What the server showed, verified."""

    subject: str
    issuer: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found.

    phase:      where it ended.
    extensions: keywords of EHLO with their parameters.
    transcript: the dialogue; the login is not in it.
    """

    is_ok: bool
    code: Code
    error: str
    hint: str
    phase: Phase
    steps: Sequence[Step]
    certificate: Certificate | None
    extensions: Mapping[str, Sequence[str]]
    transcript: str


class Check(Protocol):
    """What tries a relay, on a thread of its own."""

    def __call__(
        self,
        relay: Relay,
        *,
        from_: Address | None,
        to: Address | None,
        timeout: float,
        lang: str,
    ) -> Checked:
        """Return what was found within `timeout` seconds."""
        ...


class Probing:
    """Checks relays, a few at once."""

    def __init__(self, relays: Relays, check: Check) -> None:
        self._relays = relays
        self._check = check
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def check(
        self,
        account: RelayAccount,
        *,
        from_: Address | None,
        to: Address | None,
        timeout_s: float,
        lang: str,
    ) -> Checked:
        """Try a relay, enabled or not, within so many seconds.

        from_, to: whom MAIL and RCPT name; None is the account's own address.
        raises:    SettingsError when it is not complete; ConflictError when others are being
                   tried all this time; StorageError.
        """
        # Of a shared relay it is the same for every app, and for one that is not there.
        secret = await self._relays.relay_secret(account.app_id or "", account)
        relay = connection_of(account, secret)
        loop = asyncio.get_running_loop()
        end = loop.time() + timeout_s
        try:
            async with asyncio.timeout_at(end):
                await self._turns.acquire()
        except TimeoutError:
            raise ConflictError(
                f"{_AT_ONCE} relays are being tried already: come back later"
            ) from None
        try:
            return await asyncio.to_thread(
                self._check,
                relay,
                from_=from_,
                to=to,
                timeout=max(end - loop.time(), 1.0),
                lang=lang,
            )
        finally:
            self._turns.release()
