"""A million messages as a service has after half a year, put into a database quickly.

What a message costs to send is measured elsewhere: here only what the lists read is stored, and no
contents. The index is made of it as a server makes it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any, Final

FIRST: Final = datetime(2026, 1, 1, tzinfo=UTC)
LAST: Final = datetime(2026, 7, 1, tzinfo=UTC)

# Nothing of NO_BOUNCES, which is large, ever bounced; STAGING captures; TINY has a few messages.
BIG: Final = "1000000001"
NO_BOUNCES: Final = "1000000002"
STAGING: Final = "1000000003"
TINY: Final = "1000000012"
EMPTY: Final = "1000000013"
_SHARES: Final = (600, 180, 100, 50, 25, 15, 10, 8, 6, 4, 2)
APPS: Final = tuple(str(1_000_000_001 + number) for number in range(13))
SHARED, UNUSED = "relay-shared", "relay-unused"
HEAVY: Final = "ops@example.com"  # gets a fifth of the mail of NO_BOUNCES
PERSON: Final = "user012345@163.com"
_TINY_EVERY: Final = 20_000

_STATES: Final = {
    "accepted": 955.0,
    "bounced": 25.0,
    "failed": 10.0,
    "deferred": 5.0,
    "queued": 3.0,
    "expired": 1.5,
    "in_doubt": 0.4,
    "held": 0.1,
}
_SUBJECTS: Final = (
    "[알림] 주문 {n}이 접수되었습니다",
    "[경고] 서버 {n} 디스크 사용량이 높습니다",
    "비밀번호 재설정 안내",
    "{n}월 청구서가 발행되었습니다",
    "배송이 시작되었습니다: 운송장 {n}",
    "测试邮件 {n}",
    "您的验证码是 {n}",
    "订单 {n} 已发货",
    "系统维护通知",
    "Your order {n} has been shipped",
    "Reset your password",
    "Invoice {n} for March",
    "Weekly report, week {n}",
    "Welcome to Example",
)
_DOMAINS: Final = ("naver.com", "gmail.com", "qq.com", "163.com", "daum.net", "example.com")


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of some messages."""

    messages: list[tuple[Any, ...]]
    recipients: list[tuple[Any, ...]]
    entries: list[tuple[Any, ...]]


MESSAGE: Final = (
    *("id", "app_id", "door", "message_id", "from_", "subject", "reverse_path"),
    *("needs_smtputf8", "is_transparent", "created_at", "expires_at", "relay_id"),
    *("is_kept_out_of_retry", "size_octets"),
)
RECIPIENT: Final = (
    *("message_id", "position", "address", "path", "state", "code", "enhanced", "text"),
    "updated_at",
)
ENTRY: Final = (
    *("id", "app_id", "at", "door", "ip", "recipient", "title", "status", "reason", "account"),
    "message_id",
)


def relay_of(app_id: str) -> str:
    """Return the id of an app's own relay."""
    return f"relay-{app_id}"


def rows(count: int, *, batch: int) -> Iterator[Rows]:
    """Yield `count` messages in the order of time, always the same ones."""
    chance = random.Random(20_260_701)
    step = (LAST - FIRST) / count
    found = Rows([], [], [])
    for number in range(count):
        _add(found, number, FIRST + step * number, chance)
        if len(found.messages) == batch or number == count - 1:
            yield found
            found = Rows([], [], [])


def _add(found: Rows, number: int, at: datetime, chance: random.Random) -> None:
    app_id = TINY if number % _TINY_EVERY == 7 else _pick(chance, APPS, _APP_ENDS)
    state = _state(app_id, chance)
    address = _address(app_id, chance)
    subject = chance.choice(_SUBJECTS).format(n=chance.randrange(1_000_000))
    micros = int((at - _EPOCH).total_seconds()) * 1_000_000 + at.microsecond
    id_ = _id(micros, number, chance)
    relay_id = SHARED if chance.random() < 0.2 else relay_of(app_id)
    from_ = f"App {app_id} <noreply@app{app_id[-2:]}.example>"
    found.messages.append(
        (
            *(id_, app_id, "nobase", f"<{id_}@example.com>", from_, subject),
            *(from_[from_.index("<") + 1 : -1], False, False, micros, micros + _TWO_DAYS),
            *(None if state == "captured" else relay_id, False, 2_400),
        )
    )
    found.recipients.append((id_, 0, address, address, state, 0, "", "", micros))
    found.entries.append(
        (id_, app_id, micros, "nobase", "192.0.2.1", address, subject, "sending", "", "", id_)
    )
    if number % 50 == 0:  # a request that was refused
        refused = _id(micros, number, chance)
        found.entries.append(
            (
                *(refused, app_id, micros, "nobase", "192.0.2.1", address, subject),
                *("refused", "token_invalid", "", None),
            )
        )


def _state(app_id: str, chance: random.Random) -> str:
    if app_id == STAGING:
        return "captured"
    state = _pick(chance, tuple(_STATES), _STATE_ENDS)
    return "accepted" if app_id == NO_BOUNCES else state


def _address(app_id: str, chance: random.Random) -> str:
    if app_id == NO_BOUNCES and chance.random() < 0.2:
        return HEAVY
    person = int(200_000 * chance.random() ** 3)  # a few get much
    return f"user{person:06}@{_DOMAINS[person % len(_DOMAINS)]}"


def _id(micros: int, number: int, chance: random.Random) -> str:
    high = (micros // 1_000) << 16 | 0x7000 | number % 4_096
    digits = f"{high:016x}{0x8000_0000_0000_0000 | chance.getrandbits(62):016x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _pick(chance: random.Random, among: Sequence[str], ends: Sequence[float]) -> str:
    place = chance.random() * ends[-1]
    return next(each for each, end in zip(among, ends, strict=False) if place < end)


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TWO_DAYS: Final = timedelta(days=2) // timedelta(microseconds=1)
_APP_ENDS: Final = tuple(accumulate(_SHARES))
_STATE_ENDS: Final = tuple(accumulate(_STATES.values()))
