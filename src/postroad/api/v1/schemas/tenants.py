"""Developers, apps, users, keys, relays and routes."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import UNSET, Meta, UnsetType

from postroad.api.v1.schemas.view import Body, Instant, View
from postroad.operations.administration import apps, developers, keys, users
from postroad.operations.administration.fields import Rules
from postroad.tenancy.records import (
    AppState,
    DeveloperState,
    InDoubtPolicy,
    Mode,
    Scope,
    SendMode,
    UserState,
    Window,
)

Name = Annotated[str, Meta(min_length=1, max_length=100, examples=["shop"])]
Text = Annotated[str, Meta(max_length=500)]
Appid = Annotated[str, Meta(max_length=64, description="The app's appid.", examples=["1234567890"])]
Owner = Annotated[
    str,
    Meta(
        max_length=64,
        description="Whose it is: an app's appid, or null for the operator's own. An app's key "
        "may leave it out; the operator's may not.",
        examples=["1234567890"],
    ),
]
Moment = Annotated[
    str,
    Meta(
        description="A time with its zone, or a date for its end in UTC.",
        examples=["2026-12-31T18:00:00Z"],
        max_length=64,
    ),
]
Mailbox = Annotated[
    str, Meta(description="`Name <a@b>` or `a@b`.", examples=["Shop <shop@a.example>"])
]
Patterns = Annotated[
    tuple[str, ...],
    Meta(description="Addresses, and whole domains as `@b.example`.", examples=[["@b.example"]]),
]
Most = Annotated[int, Meta(description="0 is no limit.")]
Secret = Annotated[str, Meta(description="Written, never shown.", max_length=1_000)]


class Developer(View, frozen=True, kw_only=True):
    """Who owns apps."""

    id: str
    name: str
    created_at: Instant
    state: DeveloperState
    paid_until: Instant | None


class NewDeveloper(Body, frozen=True, kw_only=True):
    """A developer to be made."""

    rules: ClassVar[Rules] = developers.RULES

    name: Name
    state: DeveloperState | UnsetType = UNSET
    paid_until: Moment | UnsetType | None = UNSET

    not_fields: ClassVar[frozenset[str]] = frozenset({"name"})


class DeveloperChange(Body, frozen=True, kw_only=True):
    """What is to be changed of a developer; what is left out stays."""

    rules: ClassVar[Rules] = developers.RULES

    name: Name | UnsetType = UNSET
    state: DeveloperState | UnsetType = UNSET
    paid_until: Moment | UnsetType | None = UNSET


class App(View, frozen=True, kw_only=True):
    """An app, without its signature."""

    id: str
    name: str
    created_at: Instant
    developer_id: str | None
    state: AppState
    stop_prompt: str
    tokens: bool
    account_min: int
    account_max: int
    interval_s: int
    window: Window
    send: SendMode
    mode: Mode
    in_doubt: InDoubtPolicy | None
    time_limit_s: float
    token_days: int
    from_: str | None
    senders: tuple[str, ...]
    allow_list: tuple[str, ...]
    cors_origins: tuple[str, ...]
    language: str
    per_day: int
    per_month: int
    per_recipient_hour: int | None
    max_message: int
    max_recipients: int
    max_attachments: int


class AppChange(Body, frozen=True, kw_only=True):
    """What is to be changed of an app; what is left out stays."""

    rules: ClassVar[Rules] = apps.RULES

    name: Name | UnsetType = UNSET
    developer: Annotated[str, Meta(description="The developer's id.")] | UnsetType | None = UNSET
    state: AppState | UnsetType = UNSET
    stop_prompt: Text | UnsetType = UNSET
    tokens: bool | UnsetType = UNSET
    account_min: int | UnsetType = UNSET
    account_max: int | UnsetType = UNSET
    interval_s: int | UnsetType = UNSET
    window: Window | UnsetType = UNSET
    send: SendMode | UnsetType = UNSET
    mode: Mode | UnsetType = UNSET
    in_doubt: InDoubtPolicy | UnsetType | None = UNSET
    time_limit_s: float | UnsetType = UNSET
    token_days: int | UnsetType = UNSET
    from_: Mailbox | UnsetType | None = UNSET
    senders: Patterns | UnsetType = UNSET
    allow_list: Patterns | UnsetType = UNSET
    cors_origins: tuple[str, ...] | UnsetType = UNSET
    language: Annotated[str, Meta(examples=["ko"])] | UnsetType = UNSET
    per_day: Most | UnsetType = UNSET
    per_month: Most | UnsetType = UNSET
    per_recipient_hour: (
        Annotated[int, Meta(description="null leaves it to the door.")] | UnsetType | None
    ) = UNSET
    max_message: Most | UnsetType = UNSET
    max_recipients: Most | UnsetType = UNSET
    max_attachments: Most | UnsetType = UNSET


class NewApp(AppChange, frozen=True, kw_only=True):
    """An app to be made."""

    rules: ClassVar[Rules] = apps.NEW_RULES

    name: Name
    appid: Annotated[str, Meta(description="Ten digits; by default new ones.")] | UnsetType = UNSET
    signature: Secret | UnsetType = UNSET

    not_fields: ClassVar[frozenset[str]] = frozenset({"name"})


class MadeApp(View, frozen=True, kw_only=True):
    """An app that was just made; its key is shown this once."""

    app: App
    signature: str
    key: Key
    secret: Annotated[str, Meta(description="The key itself, shown this once.")]


class Signature(View, frozen=True, kw_only=True):
    """What the app's callers send; the old one counts until its time."""

    signature: str
    old_signature: str | None
    old_signature_until: Instant | None


class Rotation(Body, frozen=True, kw_only=True):
    """How a signature is rotated."""

    overlap_s: Annotated[
        int,
        Meta(ge=0, le=31_536_000, description="Seconds that the old one counts for; 0 is none."),
    ] = 604_800


class Senders(View, frozen=True, kw_only=True):
    """Addresses and domains, besides the app's own From, that may stand in From."""

    items: tuple[str, ...]


class SendersChange(Body, frozen=True, kw_only=True):
    """The whole list."""

    rules: ClassVar[Rules] = {"items": apps.RULES["senders"]}

    items: Patterns


class User(View, frozen=True, kw_only=True):
    """An account inside an app."""

    id: str
    app_id: str
    account: str
    created_at: Instant
    nickname: str
    qq: str
    email: str
    state: UserState
    login_at: Instant | None


class UserChange(Body, frozen=True, kw_only=True):
    """What is to be changed of a user; what is left out stays."""

    rules: ClassVar[Rules] = users.NEW_RULES

    password: Secret | UnsetType = UNSET
    nickname: Text | UnsetType = UNSET
    qq: Text | UnsetType = UNSET
    email: Text | UnsetType = UNSET
    state: UserState | UnsetType = UNSET


class NewUser(UserChange, frozen=True, kw_only=True):
    """A user to be made."""

    account: Annotated[str, Meta(max_length=64, examples=["13800138000"])]
    password: Secret
    app_id: Appid | UnsetType = UNSET

    not_fields: ClassVar[frozenset[str]] = frozenset({"account", "password", "app_id"})


class Key(View, frozen=True, kw_only=True):
    """An API key, without the key itself."""

    id: str
    app_id: str | None
    name: str
    hint: str
    scopes: tuple[Scope, ...]
    created_at: Instant
    expires_at: Instant | None
    addresses: tuple[str, ...]
    is_disabled: bool
    per_minute: int


class KeyChange(Body, frozen=True, kw_only=True):
    """What is to be changed of a key; what is left out stays."""

    rules: ClassVar[Rules] = keys.RULES

    name: Name | UnsetType = UNSET
    scopes: tuple[Scope, ...] | UnsetType = UNSET
    expires_at: Moment | UnsetType | None = UNSET
    addresses: (
        Annotated[tuple[str, ...], Meta(description="Networks it may be used from; none is any.")]
        | UnsetType
    ) = UNSET
    is_disabled: bool | UnsetType = UNSET
    per_minute: Most | UnsetType = UNSET


class NewKey(KeyChange, frozen=True, kw_only=True):
    """A key to be made; the operator's key says in `appid` whose it is."""

    app_id: Owner | UnsetType | None = UNSET

    not_fields: ClassVar[frozenset[str]] = frozenset({"app_id"})


class MadeKey(View, frozen=True, kw_only=True):
    """A key that was just made."""

    key: Key
    secret: Annotated[str, Meta(description="The key itself, shown this once.")]
