"""From a relay as it is kept to a relay that connections are opened to."""

from __future__ import annotations

from functools import lru_cache

from postroad.tenancy.records import Maker, RelayAccount
from postroad.transport.relay import Relay

_KEPT = 1_024  # more relays than this in use at once are only made again, in some 20 µs each


@lru_cache(maxsize=_KEPT)
def connectable(account: RelayAccount, secret: str) -> Relay:
    """Return the relay of `account` with its password.

    raises: SettingsError for a field that cannot work.
    """
    return Relay(
        account.host,
        account.port,
        account.security,
        username=account.username,
        password=secret,
        verify=account.verify,
        cafile=account.cafile or None,
        provider=account.preset or None,
        public_only=account.made_by is Maker.TENANT,
    )
