"""How the checks end: granted, or refused by one check."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from postroad.message import Address
from postroad.tenancy.limits import Standing
from postroad.tenancy.records import App, RelayAccount, User


class Check(StrEnum):
    """What a request did not pass."""

    REPEATED = "repeated"
    ILLEGAL = "illegal"
    MISSING = "missing"
    APP_UNKNOWN = "app_unknown"
    SIGNATURE = "signature"
    DEVELOPER_DISABLED = "developer_disabled"
    DEVELOPER_OVERDUE = "developer_overdue"
    APP_UNDER_REVIEW = "app_under_review"
    APP_STOPPED = "app_stopped"
    TOKEN_MISSING = "token_missing"  # noqa: S105 - a check, no secret
    LOGIN_MISSING = "login_missing"
    BOTH_GIVEN = "both_given"
    TOKEN_INVALID = "token_invalid"  # noqa: S105 - a check, no secret
    ACCOUNT_DIGITS = "account_digits"  # digits only, where a message is sent
    ACCOUNT_FORMAT = "account_format"  # letters and digits only, where users register and log in
    ACCOUNT_LENGTH = "account_length"
    PASSWORD_FORMAT = "password_format"  # noqa: S105 - a check, no secret
    USER_UNKNOWN = "user_unknown"
    PASSWORD_WRONG = "password_wrong"  # noqa: S105 - a check, no secret
    USER_DISABLED = "user_disabled"
    ADDRESS = "address"
    NO_RELAY = "no_relay"
    TOO_LARGE = "too_large"  # a message has more of something than the app may
    TOO_SOON = "too_soon"
    OVER_LIMIT = "over_limit"
    ACCOUNT_TAKEN = "account_taken"


@dataclass(frozen=True, slots=True)
class Refusal:
    """The check that a request did not pass, with what its text needs.

    parameter: of REPEATED, ILLEGAL and MISSING.
    seconds:   of TOO_SOON and OVER_LIMIT: how long to wait, at least 1.
    standing:  of OVER_LIMIT: the limit.
    prompt:    of APP_STOPPED: the app's own, "" for the common one.
    overdue:   of DEVELOPER_OVERDUE: for how long.
    low, high: of ACCOUNT_LENGTH: the app's limits.
    app:       set as soon as app and signature are proven: such a request is logged.
    """

    check: Check
    parameter: str = ""
    seconds: int = 0
    prompt: str = ""
    overdue: timedelta = timedelta(0)
    low: int = 0
    high: int = 0
    app: App | None = None
    standing: Standing | None = None


@dataclass(frozen=True, slots=True)
class Granted:
    """Every check is passed.

    user:        who asks; None where one registers.
    address:     of the recipient, or the one to bind; None where none was given.
    relay:       that carries the message; None where none has to.
    is_captured: the message is stored and not sent.
    """

    app: App
    user: User | None
    address: Address | None
    relay: RelayAccount | None
    is_captured: bool
