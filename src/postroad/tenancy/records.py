"""What Postroad knows of those who send, as values; times are aware UTC."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal

from postroad.message import Address

Security = Literal["tls", "starttls", "none"]


class DeveloperState(StrEnum):
    """Whether the developer's apps may send."""

    NORMAL = "normal"
    DISABLED = "disabled"


class AppState(StrEnum):
    """Whether an app may send."""

    UNDER_REVIEW = "under_review"
    NORMAL = "normal"
    STOPPED = "stopped"


class UserState(StrEnum):
    """Whether a user may send."""

    NORMAL = "normal"
    DISABLED = "disabled"


class Mode(StrEnum):
    """Where an app's mail goes."""

    CAPTURE = "capture"  # stored and shown, never sent
    ALLOW_LIST = "allow-list"  # sent to the addresses of the list, captured for others
    LIVE = "live"


class SendMode(StrEnum):
    """What a positive answer of the nobase and danbee doors promises."""

    SYNC = "sync"  # the relay accepted it
    QUEUED = "queued"  # it is durably stored and will be tried until it ends


class Window(StrEnum):
    """Whose last message the session interval counts from."""

    BOTH = "both"  # the session's and the user's, whichever has longer to wait
    SESSION = "session"


class InDoubtPolicy(StrEnum):
    """What follows when nobody can know whether the relay took a message."""

    RETRY = "retry"  # it may arrive twice
    HOLD = "hold"  # it may not arrive; an operator decides


class Scope(StrEnum):
    """What an API key may do."""

    SEND = "send"
    READ = "read"
    MANAGE = "manage"


class Maker(StrEnum):
    """Who made a relay: one given by a tenant may only lead to public addresses."""

    OPERATOR = "operator"
    TENANT = "tenant"


@dataclass(frozen=True, slots=True)
class Developer:
    """The owner of apps.

    paid_until: None means no end.
    """

    id: str
    name: str
    created_at: datetime
    state: DeveloperState = DeveloperState.NORMAL
    paid_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class App:
    """An application that sends mail: the tenant.

    id:           its appid, ten digits.
    signature:    a fixed secret that callers send; `old_signature` counts too until its time.
    tokens:       callers prove a user by a token; otherwise by account and password.
    account_min, account_max: characters of a user's account.
    interval_s:   seconds between two messages of one session or user; 0 means no wait.
    time_limit_s: how long a caller of the synchronous mode waits.
    in_doubt:     None means by send mode: hold for sync, retry for queued.
    from_:        the mailbox mail comes from; None means the relay's account.
    senders:      further addresses, and whole domains as "@b.example", that may stand in From.
    allow_list:   addresses, and domains as "@b.example", that get mail in allow-list mode.
    cors_origins: of browsers that may call the nobase routes; "*" is any.
    per_day, per_month: messages at most, by UTC; 0 means no limit, here and below.
    per_recipient_hour: messages at most to one recipient in an hour; None leaves it to the door.
    max_message:     octets of a message as it is sent; max_attachments: of its attachments.
    max_recipients:  of one message.
    """

    id: str
    name: str
    created_at: datetime
    developer_id: str | None = None
    signature: str = field(default="", repr=False)
    old_signature: str | None = field(default=None, repr=False)
    old_signature_until: datetime | None = None
    state: AppState = AppState.NORMAL
    stop_prompt: str = ""
    tokens: bool = True
    account_min: int = 6
    account_max: int = 18
    interval_s: int = 60
    window: Window = Window.BOTH
    send: SendMode = SendMode.SYNC
    mode: Mode = Mode.CAPTURE
    in_doubt: InDoubtPolicy | None = None
    time_limit_s: float = 9.0
    token_days: int = 7
    from_: Address | None = None
    senders: tuple[str, ...] = ()
    allow_list: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ("*",)
    language: str = "zh"
    per_day: int = 0
    per_month: int = 0
    per_recipient_hour: int | None = None
    max_message: int = 0
    max_recipients: int = 0
    max_attachments: int = 0

    @property
    def in_doubt_policy(self) -> InDoubtPolicy:
        """What follows for its mail in doubt."""
        if self.in_doubt is not None:
            return self.in_doubt
        return InDoubtPolicy.HOLD if self.send is SendMode.SYNC else InDoubtPolicy.RETRY


@dataclass(frozen=True, slots=True)
class User:
    """An account inside an app.

    account:       2 to 64 ASCII letters and digits; unique within the app.
    password_hash: Argon2id, of the lower-case MD5 hex of the password (both forms log in).
    """

    id: str
    app_id: str
    account: str
    password_hash: str = field(repr=False)
    created_at: datetime
    nickname: str = ""
    qq: str = ""
    email: str = ""
    state: UserState = UserState.NORMAL
    login_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class UserToken:
    """What a login gave to a user; the token itself is not kept.

    digest: SHA-256 of the token.
    """

    digest: bytes = field(repr=False)
    app_id: str
    user_id: str
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What lets a program act for an app; the key itself is not kept.

    app_id:    None: the operator's own, for every app.
    digest:    SHA-256 of the key.
    hint:      its first characters, to tell keys apart.
    addresses: networks (CIDR) it may be used from; empty means any.
    """

    id: str
    app_id: str | None
    name: str
    digest: bytes = field(repr=False)
    hint: str
    scopes: tuple[Scope, ...]
    created_at: datetime
    expires_at: datetime | None = None
    addresses: tuple[str, ...] = ()
    is_disabled: bool = False
    per_minute: int = 0


@dataclass(frozen=True, slots=True)
class RelayAccount:
    """A relay that an app may use, without its secret.

    app_id:           None: the operator's, for every app.
    preset:           name of the provider's preset, "" for none.
    has_secret:       a password is kept for it.
    allow_clear_auth: the password may cross the network unencrypted.
    paused:           why it is not used for now, "" when it is.
    connections:      at most at once; per_minute, per_day: messages, 0 means no limit.
    """

    id: str
    app_id: str | None
    name: str
    host: str
    port: int
    created_at: datetime
    security: Security = "starttls"
    preset: str = ""
    username: str = ""
    has_secret: bool = False
    verify: bool = True
    cafile: str = ""
    allow_clear_auth: bool = False
    is_enabled: bool = True
    paused: str = ""
    connections: int = 10
    per_minute: int = 0
    per_day: int = 0
    made_by: Maker = Maker.OPERATOR

    @property
    def is_usable(self) -> bool:
        """Exists, enabled, complete and not paused; nothing is probed."""
        return self.is_enabled and not self.paused and (not self.username or self.has_secret)


@dataclass(frozen=True, slots=True)
class Route:
    """Which relay carries mail of an app.

    from_:    an address or a domain as "@b.example" that From must match; "" matches any.
    position: routes are tried in rising order; those that name a From come first.
    """

    id: str
    app_id: str
    relay_id: str
    created_at: datetime
    from_: str = ""
    position: int = 0


@dataclass(frozen=True, slots=True)
class Operator:
    """Who runs this Postroad.

    is_setup: the password is the one-time one of the first start and must be changed.
    """

    id: str
    name: str
    password_hash: str = field(repr=False)
    created_at: datetime
    is_setup: bool = False
