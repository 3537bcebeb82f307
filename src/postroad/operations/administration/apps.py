"""Apps: the tenants, with everything that decides how their mail is taken and sent."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final, TypedDict, Unpack

from postroad.delivery import routing
from postroad.errors import ConflictError, SettingsError
from postroad.message import Address
from postroad.operations.administration import developers, fields, keys
from postroad.operations.administration.assignment import check_from, relays_of
from postroad.operations.administration.desk import Desk, present, removed
from postroad.operations.administration.desk import find as find_record
from postroad.tenancy import keys as secrets
from postroad.tenancy.names import name_key
from postroad.tenancy.records import (
    ApiKey,
    App,
    AppState,
    InDoubtPolicy,
    Mode,
    RelayAccount,
    SendMode,
    Window,
)

LANGUAGES: Final = ("ko", "zh", "en")
MAX_INTERVAL_S: Final = 86_400
MAX_ACCOUNT: Final = 64
MAX_COUNT: Final = 1_000_000_000
MAX_OCTETS: Final = 1 << 30
OVERLAP: Final = timedelta(days=7)
MAX_OVERLAP: Final = timedelta(days=365)
_APP_ID = re.compile("[0-9]{10}")
_SIGNATURE = re.compile("[!-~]{1,128}")
_TRIES = 20  # of ten digits: more than one is taken only where there are millions of apps


def _language(value: str, name: str) -> str:
    if value not in LANGUAGES:
        raise SettingsError(f"{name} is {fields.listed(LANGUAGES)}, not {value[:40]!r}")
    return value


RULES: Final[fields.Rules] = {
    "name": fields.name,
    "state": fields.one_of(AppState),
    "stop_prompt": fields.text_of(fields.MAX_TEXT),
    "tokens": fields.switch,
    "account_min": fields.within(1, MAX_ACCOUNT),
    "account_max": fields.within(1, MAX_ACCOUNT),
    "interval_s": fields.within(0, MAX_INTERVAL_S),
    "window": fields.one_of(Window),
    "send": fields.one_of(SendMode),
    "mode": fields.one_of(Mode),
    "in_doubt": fields.unless_empty(fields.one_of(InDoubtPolicy)),
    # Below a second no relay answers; beyond five minutes no caller waits.
    "time_limit_s": lambda value, name: fields.seconds(value, name, 1, 300),
    "token_days": fields.within(1, 3_650),
    "from_": lambda value, _: fields.mailbox(value, "from") if value else None,
    "senders": fields.patterns,
    "allow_list": fields.patterns,
    "cors_origins": fields.origins,
    "language": _language,
    "per_day": fields.within(0, MAX_COUNT),
    "per_month": fields.within(0, MAX_COUNT),
    "per_recipient_hour": fields.unless_empty(fields.within(0, MAX_COUNT)),
    "max_message": fields.within(0, MAX_OCTETS),
    "max_recipients": fields.within(0, MAX_COUNT),
    "max_attachments": fields.within(0, MAX_OCTETS),
}
NEW_RULES: Final[fields.Rules] = {
    **RULES,
    "appid": lambda value, _: _app_id(value),
    "signature": lambda value, _: _signature(value),
}
"""Of a new app."""


class AppFields(TypedDict, total=False):
    """What can be said of an app.

    developer: id or name; "" or None is none. `from_` and `in_doubt` likewise.
    per_recipient_hour: "" or None leaves it to the door. 0 is no limit, as for all that follow it.
    """

    name: str
    developer: str | None
    state: str
    stop_prompt: str
    tokens: bool
    account_min: int
    account_max: int
    interval_s: int
    window: str
    send: str
    mode: str
    in_doubt: str | None
    time_limit_s: float
    token_days: int
    from_: str | Address | None
    senders: Sequence[str]
    allow_list: Sequence[str]
    cors_origins: Sequence[str]
    language: str
    per_day: int
    per_month: int
    per_recipient_hour: int | str | None
    max_message: int
    max_recipients: int
    max_attachments: int


@dataclass(frozen=True, slots=True)
class NewApp:
    """An app that was just made, its signature in it, with its first API key."""

    app: App
    key: ApiKey
    secret: str = field(repr=False)


async def create(
    desk: Desk,
    name: str,
    /,
    *,
    appid: str | None = None,
    signature: str | None = None,
    **given: Unpack[AppFields],
) -> NewApp:
    """Return a new app with its first API key, both stored.

    appid, signature: of an app that its callers know already; by default new ones are made.
    raises:           SettingsError, NotFoundError for its developer, ConflictError when its
                      appid or its name is taken.
    """
    changes = await _checked(desk, given)
    if signature is None:
        signature = secrets.new_signature(desk.random)
    blank = App(
        "" if appid is None else _app_id(appid),
        fields.name(name, "name"),
        desk.clock(),
        signature=_signature(signature),
    )
    app = replace(blank, **changes)
    _check_whole(app)
    app = await _added(desk, app)
    first = await keys.create(desk, app, name="first")
    return NewApp(app, first.key, first.secret)


async def check_name(desk: Desk, name: str) -> None:
    """Refuse a name that an app has already, as far as can be known before it is stored.

    raises: ConflictError.
    """
    for each in await desk.directory.apps.list():
        if name_key(each.name) == name_key(name):
            raise ConflictError(f"there is an app {name!r} already, {each.id}: give another name")


async def find(desk: Desk, reference: str) -> App:
    """Return the app with this appid or name.

    raises: NotFoundError, ConflictError.
    """
    return await find_record(
        desk.directory.apps,
        reference,
        "app",
        names_of=lambda each: (each.name,),
        id_of=lambda each: each.id,
    )


async def update(desk: Desk, reference: str, /, **given: Unpack[AppFields]) -> App:
    """Change an app and return it.

    raises: SettingsError, also when a relay of the app would refuse its From; NotFoundError,
            ConflictError.
    """
    changes = await _checked(desk, given)
    app = await find(desk, reference)
    wanted = replace(app, **changes)
    _check_whole(wanted)
    if wanted.from_ != app.from_:
        for relay in await relays_of(desk.directory, app.id):
            check_from(wanted, relay)
    if changes.get("name") == app.name:  # of those of one name from before, each keeps it
        del changes["name"]
    try:
        changed = await desk.directory.apps.change(app.id, **changes)
    except ConflictError:
        raise _name_taken(wanted.name) from None
    return present(changed, "app", reference)


async def remove(desk: Desk, app: App) -> None:
    """Delete an app with its users, keys, relays and routes.

    raises: NotFoundError; ConflictError while messages of it are kept.
    """
    await removed(desk.directory.apps, app.id, "app")


async def has_relay(desk: Desk, app: App) -> bool:
    """Whether any relay could carry an app's mail; nothing is probed."""
    return bool(await relays_tried(desk, app))


async def relays_tried(desk: Desk, app: App) -> tuple[RelayAccount, ...]:
    """Return the relays that could carry an app's mail, the one that is tried first first."""
    relays = [
        *await desk.directory.relays(app.id).list(),
        *await desk.directory.relays(None).list(),
    ]
    routes = await desk.directory.routes(app.id).list()
    return routing.choose(relays, routes, app.from_)


async def rotate_signature(desk: Desk, reference: str, *, overlap: timedelta = OVERLAP) -> App:
    """Give an app a new signature and return it; the old one counts for `overlap` more.

    raises: SettingsError, NotFoundError; ConflictError, also when somebody else does so at the
            same time.
    """
    if not timedelta(0) <= overlap <= MAX_OVERLAP:
        raise SettingsError(f"overlap: from 0 to {MAX_OVERLAP.days} days")
    app = await find(desk, reference)
    changed = await desk.noting("app.rotate_signature").apps.change(
        app.id,
        {"signature": app.signature},  # of two at once, only one gives out what counts
        signature=secrets.new_signature(desk.random),
        old_signature=app.signature if overlap else None,
        old_signature_until=desk.clock() + overlap if overlap else None,
    )
    return present(changed, "app", reference)


async def _checked(desk: Desk, given: AppFields) -> dict[str, Any]:
    """Return the fields as the record has them; the developer is looked up."""
    plain = {name: value for name, value in given.items() if name != "developer"}
    changes = fields.checked(plain, RULES)
    if "developer" in given:
        reference = given["developer"]
        owner = await developers.find(desk, reference) if reference else None
        changes["developer_id"] = owner.id if owner else None
    return changes


def _check_whole(app: App) -> None:
    if app.account_min > app.account_max:
        raise SettingsError(
            f"account_min is {app.account_min}, more than account_max, {app.account_max}"
        )


def _app_id(given: str) -> str:
    if not _APP_ID.fullmatch(given):
        raise SettingsError(f"appid: ten digits, not {given[:40]!r}")
    return given


def _signature(given: str) -> str:
    """Return a signature.

    raises: SettingsError that does not repeat it.
    """
    if not _SIGNATURE.fullmatch(given):
        raise SettingsError("signature: 1 to 128 printable ASCII characters without spaces")
    return given


async def _added(desk: Desk, app: App) -> App:
    """Return the app as it was stored, under its appid or one that was free.

    raises: ConflictError.
    """
    if app.id:
        try:
            await desk.directory.apps.add(app)
        except ConflictError:
            if await desk.directory.apps.get(app.id) is None:
                raise _name_taken(app.name) from None
            raise ConflictError(f"there is an app {app.id} already") from None
        return app
    for _ in range(_TRIES):
        found = replace(app, id=secrets.new_app_id(desk.random))
        if await desk.directory.apps.get(found.id) is None:
            try:
                await desk.directory.apps.add(found)
            except ConflictError:
                raise _name_taken(found.name) from None
            return found
    raise ConflictError(f"{_TRIES} appids in a row were taken")


def _name_taken(name: str) -> ConflictError:
    # Whose it is, is not said: an app's key may ask.
    return ConflictError(f"there is an app {name!r} already: give another name")
