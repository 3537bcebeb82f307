"""`postroad relay`: the servers that mail leaves by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from postroad.cli.given import ON_OFF, given, needs_one
from postroad.cli.groups import group, subcommand
from postroad.cli.installation import Where, acting, at_desk, inside, installation_options
from postroad.cli.options import Seconds, json_option, language, language_option, option
from postroad.cli.passwords import password_asked, password_given, password_options
from postroad.errors import NotFoundError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroad.message import Address
    from postroad.operations.administration.desk import Desk
    from postroad.tenancy.records import App, RelayAccount
    from postroad.transport.relay import Relay
    from postroad.wiring import Installation

command = group(
    "relay",
    """Relays: the servers that mail leaves by, each with its login.

    A RELAY is given by its name or id. It belongs to one app, or is shared by all. Passwords are
    kept encrypted and shown by nothing.
    """,
)

_SERVER: dict[str, Any] = {"section": "Server"}
_LIMITS: dict[str, Any] = {"section": "Limits"}
_MAIL: dict[str, Any] = {"section": "Mail"}
_TIMEOUT_S = 60.0  # as of `check`
_app = option("--app", metavar="APP", help="Only relays of this app: appid or name.")
_SERVER_FIELDS = (
    option(
        "--preset", metavar="NAME", help="A provider: `postroad presets` lists them.", **_SERVER
    ),
    option("--region", metavar="REGION", help="Region of the preset ses.", **_SERVER),
    option("--host", metavar="HOST", help="The server, instead of the preset's.", **_SERVER),
    option(
        "--port",
        type=int,
        metavar="PORT",
        help="Its port; else the preset's, or 465 for tls, 587 for starttls, 25 for none.",
        **_SERVER,
    ),
    option(
        "--security",
        type=click.Choice(["none", "starttls", "tls"]),
        metavar="MODE",
        help="tls: from the first octet. starttls: upgrade or fail. none: in the clear.",
        **_SERVER,
    ),
    option("--username", metavar="NAME", help="Who logs in; none: no login.", **_SERVER),
)
_TRUST_FIELDS = (
    option(
        "--verify",
        type=ON_OFF,
        help="off accepts any certificate: anybody on the way can then read the password.",
        **_SERVER,
    ),
    option(
        "--cafile",
        metavar="FILE",
        help="PEM file of the authorities to trust instead of the system's, as the service sees "
        'it; "" is the system\'s.',
        **_SERVER,
    ),
    option(
        "--allow-clear-auth/--no-allow-clear-auth",
        "allow_clear_auth",
        default=None,
        help="Let the password cross the network unencrypted, where --security is none.",
        **_SERVER,
    ),
    option("--connections", type=int, metavar="NUMBER", help="At most at once.", **_LIMITS),
    option(
        "--per-minute",
        type=int,
        metavar="NUMBER",
        help="Messages a minute; 0 is no limit. By default what the preset's provider publishes.",
        **_LIMITS,
    ),
    option(
        "--per-day",
        type=int,
        metavar="NUMBER",
        help="Messages a day, likewise.",
        **_LIMITS,
    ),
    option("--enabled", "is_enabled", type=ON_OFF, help="Whether it is used."),
    option(
        "--paused",
        metavar="TEXT",
        help='Why it is not used for now; "" uses it again.',
    ),
)


def _fields(function: Any) -> Any:
    for add in reversed((*_SERVER_FIELDS, password_options("Server"), *_TRUST_FIELDS)):
        function = add(function)
    return function


@subcommand(command, "create")
@click.argument("name")
@option("--app", metavar="APP", help="Whose relay it is: appid or name.")
@option("--shared", is_flag=True, help="Instead of --app: every app may use it.")
@_fields
@installation_options
@json_option("the relay")
def create(
    name: str,
    app: str | None,
    shared: bool,
    where: Where,
    as_json: bool,
    password_env: str | None,
    password_file: str | None,
    **values: Any,
) -> None:
    """Make a relay of an app, from a preset or with a host of its own.

    Nothing is connected to: `postroad relay check` tries it. Without --password-env and
    --password-file the password is asked for.
    """
    if (app is None) is not shared:
        raise SettingsError("say whose relay it is: --app APP, or --shared for every app")
    changes = given(values)
    password = password_given(password_env, password_file)
    if password is None and _logs_in(changes):
        password = password_asked(f"password of {changes.get('username') or name}: ")

    async def work(desk: Desk) -> tuple[RelayAccount, Sequence[RelayAccount]]:
        from postroad.operations.administration import apps, relays

        owner = await apps.find(desk, app) if app is not None else None
        made = await relays.create(desk, owner, name, password=password or "", **changes)
        return made, await apps.relays_tried(desk, owner) if owner else ()

    made, tried = at_desk(where, work)
    _print(made, as_json=as_json)
    if len(tried) > 1:
        _say_order(tried)


def _say_order(tried: Sequence[RelayAccount]) -> None:
    """Say on stderr which of an app's relays its mail is given to."""
    from postroad.cli.output import say
    from postroad.cli.records import shown

    first, *others = (shown(relay.name) for relay in tried)
    say(
        f"note: {first} is tried first, {', '.join(others)} only when it cannot be used;"
        " `postroad route create` decides otherwise",
        err=True,
    )


@subcommand(command, "list")
@_app
@installation_options
@json_option("the relays")
def list_(app: str | None, where: Where, as_json: bool) -> None:
    """List relays: those that every app may use, then those of each app."""
    from postroad.cli.layout import Column
    from postroad.cli.output import say_json
    from postroad.cli.records import as_object, listing, shown

    async def work(desk: Desk) -> list[RelayAccount]:
        return [
            relay
            for owner in await _owners(desk, app)
            for relay in await desk.directory.relays(owner.id if owner else None).list()
        ]

    found = at_desk(where, work)
    if as_json:
        say_json([as_object(relay) for relay in found])
        return
    columns = (
        Column("Name", 8),
        Column("Appid"),
        Column("Server", 16),
        Column("Security"),
        Column("Username", 8),
        Column("State", 8),
    )
    rows = [
        (
            shown(relay.name),
            relay.app_id or "(all)",
            f"{shown(relay.host)}:{relay.port}",
            relay.security,
            shown(relay.username),
            state_of(relay),
        )
        for relay in found
    ]
    listing(columns, rows, empty="There are no relays yet: postroad relay create NAME --app APP …")


@subcommand(command, "show")
@click.argument("relay")
@_app
@installation_options
@json_option("the relay")
def show(relay: str, app: str | None, where: Where, as_json: bool) -> None:
    """Show everything about a relay but its password."""

    async def work(desk: Desk) -> RelayAccount:
        from postroad.operations.administration import relays

        return await relays.find(desk, await _owners(desk, app), relay)

    _print(at_desk(where, work), as_json=as_json)


@subcommand(command, "update")
@click.argument("relay")
@_app
@option("--name", metavar="NAME", help="A new name.")
@_fields
@option(
    "--remove-password",
    is_flag=True,
    help="Forget the password: it then sends nothing until it is given one.",
    section="Server",
)
@installation_options
@json_option("the relay as it is now")
def update(
    relay: str,
    app: str | None,
    where: Where,
    as_json: bool,
    password_env: str | None,
    password_file: str | None,
    remove_password: bool,
    **values: Any,
) -> None:
    """Change what the options say, and nothing else.

    Another --host needs the password again: what was given for one server is told to no other.
    """
    password = password_given(password_env, password_file)
    if remove_password:
        if password is not None:
            raise SettingsError("give a password or --remove-password, not both")
        password = ""
    changes = given(values | {"password": password})
    needs_one(changes)
    _print(_updated(where, app, relay, changes), as_json=as_json)


@subcommand(command, "check")
@click.argument("relay")
@option("--app", metavar="APP", help="A relay of this app, or a shared one it may use.")
@option(
    "--from",
    "from_",
    metavar="ADDRESS",
    help="Sender to ask about; by default the app's From, else the account's own address.",
    **_MAIL,
)
@option("--to", metavar="ADDRESS", help="Recipient to ask about; by default the sender.", **_MAIL)
@option(
    "--timeout",
    type=Seconds(),
    default=_TIMEOUT_S,
    help="Time for everything together, 60 by default.",
)
@option("-v", "--transcript", is_flag=True, help="Print the dialogue too.")
@language_option
@installation_options
@json_option("the whole report")
def check(
    relay: str,
    app: str | None,
    from_: str | None,
    to: str | None,
    timeout: float,
    transcript: bool,
    lang: str | None,
    where: Where,
    as_json: bool,
) -> int:
    """Try a relay step by step, with the password that is kept for it. Nothing is sent.

    As `postroad check` does for one that is not kept: connect, TLS, EHLO, AUTH, MAIL and RCPT. It
    is tried whether it is enabled or not.

    \b
    Exit codes
      0  every step went well
      1  a step failed
      2  there is no such relay, or it is not complete; nothing was tried
    """  # noqa: D301
    from postroad.cli.check import tell
    from postroad.frontdoor.checking import check as tried

    lang = language(lang)
    found, own = _kept(where, app, relay)
    sender = own if from_ is None else from_
    report = tried(found, from_=sender, to=to, timeout=timeout, lang=lang)
    return tell(report, found, lang, as_json=as_json, transcript=transcript)


@subcommand(command, "disable")
@click.argument("relay")
@_app
@installation_options
@json_option("the relay as it is now")
def disable(relay: str, app: str | None, where: Where, as_json: bool) -> None:
    """Disable a relay: no mail leaves by it, until --enabled on."""
    _print(_updated(where, app, relay, {"is_enabled": False}), as_json=as_json)


def state_of(relay: RelayAccount) -> str:
    """Return whether a relay is used, in a word or two."""
    from postroad.cli.records import shown

    if not relay.is_enabled:
        return "disabled"
    if relay.paused:
        return f"paused: {shown(relay.paused)}"
    return "ready" if relay.is_usable else "no password"


def _logs_in(changes: dict[str, Any]) -> bool:
    """Whether a new relay has a login, whose password has to come from somewhere."""
    if changes.get("username"):
        return True
    if not changes.get("preset"):
        return False
    from postroad import providers

    return not providers.preset(changes["preset"]).needs_username


async def _owners(desk: Desk, app: str | None) -> Sequence[App | None]:
    from postroad.operations.administration import apps

    if app is not None:
        return [await apps.find(desk, app)]
    return [None, *await desk.directory.apps.list()]


def _kept(where: Where, app: str | None, relay: str) -> tuple[Relay, Address | None]:
    """Return a relay with its password, and the From of the app it is asked about for."""

    async def work(found: Installation) -> tuple[Relay, Address | None]:
        from postroad.operations.administration import relays

        desk = found.desk(acting())
        owners = await _owners(desk, app)
        try:
            account = await relays.find(desk, owners, relay)
        except NotFoundError:
            account = await relays.find(desk, [None], relay)
        owner = next((each for each in owners if each and app is not None), None)
        if account.app_id is not None:
            owner = await found.directory.apps.get(account.app_id)
        # Of a shared relay it is the same for every app, and for one that is not there.
        secret = await found.core.tenants.relay_secret(account.app_id or "", account)
        return relays.connection_of(account, secret), owner.from_ if owner else None

    return inside(where, work)


def _updated(where: Where, app: str | None, relay: str, changes: dict[str, Any]) -> RelayAccount:
    async def work(desk: Desk) -> RelayAccount:
        from postroad.operations.administration import relays

        return await relays.update(desk, await _owners(desk, app), relay, **changes)

    return at_desk(where, work)


def _print(relay: RelayAccount, *, as_json: bool) -> None:
    from postroad.cli.output import say_json
    from postroad.cli.records import as_object, page

    if as_json:
        say_json(as_object(relay))
        return
    login = relay.username and f"{relay.username}, password {_PASSWORD[relay.has_secret]}"
    trust = "any certificate" if not relay.verify else (relay.cafile or "the system's authorities")
    clear = [("clear auth", "allowed")] if relay.allow_clear_auth else []
    rows = [
        ("id", relay.id),
        ("appid", relay.app_id or "none: every app may use it"),
        ("state", state_of(relay)),
        ("preset", relay.preset),
        ("server", f"{relay.host}:{relay.port}"),
        ("security", relay.security),
        ("trusts", trust if relay.security != "none" else ""),
        ("login", login or "none"),
        *clear,
        ("connections", relay.connections),
        ("per minute", relay.per_minute or "no limit"),
        ("per day", relay.per_day or "no limit"),
        ("created", relay.created_at),
    ]
    page(relay.name, rows)


_PASSWORD = {True: "kept", False: "missing"}
