"""Secrets that callers show: made, digested, and whether a key may be used."""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from postroad.tenancy.records import ApiKey, Scope

Entropy = Callable[[int], bytes]
"""Returns that many octets nobody can guess."""

_APP_ID = re.compile("[0-9]{10}")
_TOKEN = re.compile("[0-9a-f]{64}")
_HINT_CHARACTERS = 8  # "pr_" and 30 of its 256 bits
_FIRST_APP_ID = 1_000_000_000
_APP_IDS = 9_000_000_000


def new_app_id(entropy: Entropy) -> str:
    """Return ten digits, the first of them not 0."""
    # Of 128 bits the remainder is as good as even.
    return str(_FIRST_APP_ID + int.from_bytes(entropy(16)) % _APP_IDS)


def new_signature(entropy: Entropy) -> str:
    """Return 32 lower-case hex digits."""
    return entropy(16).hex()


def new_token(entropy: Entropy) -> str:
    """Return 64 lower-case hex digits."""
    return entropy(32).hex()


def new_api_key(entropy: Entropy) -> str:
    """Return "pr_" and 43 letters, digits, "-" and "_"."""
    return f"pr_{urlsafe_b64encode(entropy(32)).decode().rstrip('=')}"


def is_app_id(text: str) -> bool:
    """Whether `text` has the form of an app's id; what has another names no app."""
    return _APP_ID.fullmatch(text) is not None


def is_token(text: str) -> bool:
    """Whether `text` has the form of a token."""
    return _TOKEN.fullmatch(text) is not None


def digest(text: str) -> bytes:
    """Return the SHA-256 that is kept of a key or token; its 256 random bits need no salt."""
    return sha256(text.encode("utf-8", "surrogatepass")).digest()


def hint(key: str) -> str:
    """Return the first characters of a key, to tell it from others."""
    return key[:_HINT_CHARACTERS]


def may_use(key: ApiKey, scope: Scope, ip: str, now: datetime) -> str:
    """Return why a key may not be used for `scope` from `ip`, "" when it may."""
    if why := may_be_used(key, ip, now):
        return why
    return "" if scope in key.scopes else f"the key lacks the scope {scope}"


def may_be_used(key: ApiKey, ip: str, now: datetime) -> str:
    """Return why a key may not be used from `ip` for anything, "" when it may."""
    if key.is_disabled:
        return "the key is disabled"
    if key.expires_at is not None and key.expires_at <= now:
        return f"the key expired at {key.expires_at.isoformat(sep=' ', timespec='seconds')}"
    if key.addresses and not _is_within(ip, key.addresses):
        return "the key may not be used from this address"
    return ""


def _is_within(ip: str, networks: tuple[str, ...]) -> bool:
    """Whether `ip` belongs to one of the networks; what is neither address nor network does not."""
    try:
        address: IPv4Address | IPv6Address = ip_address(ip)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped  # how a dual-stack socket shows an IPv4 peer
    for network in networks:
        try:
            if address in ip_network(network, strict=False):
                return True
        except ValueError:
            continue
    return False
