"""How much and how often: which counters a request touches, and what its caller is told.

A window is fixed: of a minute or an hour it begins with the first request that counts, a day and a
month are those of UTC. Only what is set is counted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Final
from unicodedata import normalize

from postroad.tenancy.records import ApiKey, App

RECIPIENT_HOUR: Final = 30
"""Mails to one recipient of an app in an hour through the nobase door, unless the app says more."""

CLOCKS_APART: Final = timedelta(minutes=1)
"""Clocks of servers may differ so much: a window that ends still later than one that begins now was
begun by a wrong clock, and counts as past."""

_MINUTE: Final = timedelta(minutes=1)
_HOUR: Final = timedelta(hours=1)
_SECOND: Final = timedelta(seconds=1)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_NETWORK_BITS: Final = 64  # who has one IPv6 address has all of its network (RFC 6177)


class Kind(StrEnum):
    """What is counted."""

    ADDRESS = "address"  # requests from one address
    KEY = "key"  # requests with one API key
    MONTH = "month"  # messages of an app
    DAY = "day"
    RECIPIENT = "recipient"  # messages of an app to one recipient


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so many in one window of one counter.

    app_id: whose counter it is, "" for the service's own.
    key:    its name among the app's: "day", "recipient:bo@b.example", "key:<id>".
    most:   at least 1.
    until:  when a window ends that begins now.
    """

    kind: Kind
    app_id: str
    key: str
    most: int
    until: datetime

    @property
    def latest(self) -> datetime:
        """When a window that was begun by a right clock has ended for certain."""
        return self.until + CLOCKS_APART


@dataclass(frozen=True, slots=True)
class Standing:
    """What a caller is told of a limit.

    remaining: what is left of `most` in this window, this request counted.
    seconds:   until the window ends, at least 1.
    is_over:   the request was one too many; it is counted nowhere.
    """

    kind: Kind
    most: int
    remaining: int
    seconds: int
    is_over: bool = False


class Measure(StrEnum):
    """What is measured of one message."""

    SIZE = "size"  # octets of the whole, as it is sent
    RECIPIENTS = "recipients"
    ATTACHMENTS = "attachments"  # octets of all, as they were given


@dataclass(frozen=True, slots=True)
class Excess:
    """What a message has too much of, and how much an app may have."""

    measure: Measure
    most: int


def of_address(ip: str, most: int, now: datetime) -> Limit | None:
    """Return the limit that a request from an address counts for, None for none.

    most: in a minute; 0 is no limit.
    """
    if not most:
        return None
    return Limit(Kind.ADDRESS, "", f"{Kind.ADDRESS}:{network_of(ip)}", most, now + _MINUTE)


def of_key(key: ApiKey, now: datetime) -> Limit | None:
    """Return the limit that a request with an API key counts for, None for none."""
    if not key.per_minute:
        return None
    name = f"{Kind.KEY}:{key.id}"
    return Limit(Kind.KEY, key.app_id or "", name, key.per_minute, now + _MINUTE)


def of_message(
    app: App, recipients: Sequence[str], now: datetime, *, recipient_hour: int = 0
) -> tuple[Limit, ...]:
    """Return the limits that a message counts for, in the order in which they are counted.

    The longest window comes first: it is the longest wait, and the one that is told. The order is
    the same for every message, so that no two wait for each other's counters.

    recipients:     their paths (`Address.path`).
    recipient_hour: for one recipient where the app does not say; 0 is no limit.
    """
    found = []
    if app.per_month:
        found.append(Limit(Kind.MONTH, app.id, Kind.MONTH, app.per_month, _month_after(now)))
    if app.per_day:
        found.append(Limit(Kind.DAY, app.id, Kind.DAY, app.per_day, _day_after(now)))
    most = recipient_hour if app.per_recipient_hour is None else app.per_recipient_hour
    if most:
        end = now + _HOUR
        names = {f"{Kind.RECIPIENT}:{mailbox_of(path)}" for path in recipients}
        found += [Limit(Kind.RECIPIENT, app.id, name, most, end) for name in sorted(names)]
    return tuple(found)


def standing(
    limit: Limit, count: int, until: datetime, now: datetime, *, is_over: bool = False
) -> Standing:
    """Return what a caller is told of a counter.

    count, until: of its window.
    """
    seconds = max(-((now - until) // _SECOND), 1)  # rounded up
    return Standing(limit.kind, limit.most, max(limit.most - count, 0), seconds, is_over)


def tightest(standings: Sequence[Standing]) -> Standing | None:
    """Return the one that leaves the least, and of those the one that lasts longest."""
    return min(standings, key=lambda each: (each.remaining, -each.seconds), default=None)


def excess(app: App, *, size: int, recipients: int, attachments: int) -> Excess | None:
    """Return what a message has more of than the app may, None for nothing.

    size:        octets of the whole; `attachments` of those as they were given.
    """
    measured = (
        (Measure.RECIPIENTS, recipients, app.max_recipients),
        (Measure.ATTACHMENTS, attachments, app.max_attachments),
        (Measure.SIZE, size, app.max_message),
    )
    return next((Excess(what, most) for what, given, most in measured if 0 < most < given), None)


def mailbox_of(path: str) -> str:
    """Return what a recipient is counted as: one text for every way to write one mailbox.

    Quotes and backslashes that need not be are no part of a local part, and one person reads
    Bo@b.example and bo@b.example, wherever such mail is told apart at all.

    source: RFC 5321 §4.1.2.
    """
    local, _, domain = path.rpartition("@")
    if local.startswith('"') and local.endswith('"'):
        local = _ESCAPED.sub(r"\1", local[1:-1])
    return f"{_folded(local)}@{_folded(domain)}"


def _folded(text: str) -> str:
    return normalize("NFC", normalize("NFD", text).casefold())


def network_of(ip: str) -> str:
    """Return what an address is counted as: IPv4 itself, IPv6 its network; other text itself."""
    try:
        address = ip_address(ip)
    except ValueError:
        return ip
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:  # how a dual-stack socket shows an IPv4 peer
            return str(address.ipv4_mapped)
        return str(IPv6Network((address, _NETWORK_BITS), strict=False))
    return str(address)


def _day_after(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)


def _month_after(now: datetime) -> datetime:
    some_day_of_it = now.replace(day=28) + timedelta(days=4)
    return some_day_of_it.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
