"""`postroad app`: the apps that send."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from postroad.cli import app_limits as limits
from postroad.cli.given import ON_OFF, Span, given, needs_one
from postroad.cli.groups import group, subcommand
from postroad.cli.installation import Where, at_desk, installation_options
from postroad.cli.options import json_option, option
from postroad.errors import SettingsError

if TYPE_CHECKING:
    from postroad.operations.administration.apps import NewApp
    from postroad.operations.administration.desk import Desk
    from postroad.tenancy.records import App

command = group(
    "app",
    """Apps: who sends, and how their mail is taken.

    An APP is given by its appid or its name. A new app captures its mail: it is stored and shown
    and never sent, until --mode says otherwise.
    """,
)

Shown = tuple["App", str, tuple[str, ...]]
"""An app with the name of its developer, and those of its relays, the one tried first first."""

_KNOWN: dict[str, Any] = {"section": "What its callers know already"}
_CALLERS: dict[str, Any] = {"section": "Who may send"}
_MAIL: dict[str, Any] = {"section": "Its mail"}
_FIELDS = (
    option(
        "--mode",
        type=click.Choice(["capture", "allow-list", "live"]),
        metavar="MODE",
        help="capture: nothing is sent. allow-list: only to those of --allow. live: to everybody.",
        **_MAIL,
    ),
    option(
        "--send",
        type=click.Choice(["sync", "queued"]),
        metavar="MODE",
        help="sync: the answer waits for the relay's. queued: it says that the mail is stored.",
        **_MAIL,
    ),
    option(
        "--from",
        "from_",
        metavar="MAILBOX",
        help='The From of its mail, such as "Name <a@b.example>"; "" is the relay\'s account.',
        **_MAIL,
    ),
    option(
        "--sender",
        "senders",
        multiple=True,
        metavar="ADDRESS",
        help="Another address, or @domain, that may stand in From. Repeat it for the whole list; "
        '"" empties it.',
        **_MAIL,
    ),
    option(
        "--allow",
        "allow_list",
        multiple=True,
        metavar="ADDRESS",
        help='Who gets mail in allow-list mode: an address or @domain. Repeat it; "" empties it.',
        **_MAIL,
    ),
    option(
        "--in-doubt",
        type=click.Choice(["retry", "hold", ""]),
        metavar="POLICY",
        help="When nobody can know whether the relay took it: retry (it may arrive twice) or hold "
        '(an operator decides); "" is hold for sync, retry for queued.',
        **_MAIL,
    ),
    option(
        "--time-limit",
        "time_limit_s",
        type=float,
        metavar="SECONDS",
        help="How long a caller of sync waits; 9 for a new app.",
        **_MAIL,
    ),
    option(
        "--language",
        type=click.Choice(["ko", "zh", "en"]),
        help="Of the reasons that its callers read.",
        **_MAIL,
    ),
    option(
        "--tokens",
        type=ON_OFF,
        help="on: callers show a user's token. off: a user's account and password.",
        **_CALLERS,
    ),
    option(
        "--interval",
        "interval_s",
        type=int,
        metavar="SECONDS",
        help="Between two mails of a session or user, 0 to 86400; 60 for a new app.",
        **_CALLERS,
    ),
    option(
        "--window",
        type=click.Choice(["both", "session"]),
        metavar="WINDOW",
        help="Whose last mail the interval counts from: the session's and the user's, or the "
        "session's alone.",
        **_CALLERS,
    ),
    option(
        "--account-min",
        type=int,
        metavar="NUMBER",
        help="Characters of an account, at least; 6 for a new app.",
        **_CALLERS,
    ),
    option(
        "--account-max",
        type=int,
        metavar="NUMBER",
        help="Characters of an account, at most; 18 for a new app.",
        **_CALLERS,
    ),
    option(
        "--token-days",
        type=int,
        metavar="DAYS",
        help="How long a token lives; 7 for a new app.",
        **_CALLERS,
    ),
    option(
        "--cors-origin",
        "cors_origins",
        multiple=True,
        metavar="ORIGIN",
        help='Of web pages that may call, such as https://b.example; * is any. Repeat it; "" '
        "allows none.",
        **_CALLERS,
    ),
    *limits.OPTIONS,
    option("--developer", metavar="DEVELOPER", help='Who owns it: a name or id; "" is nobody.'),
    option(
        "--state",
        type=click.Choice(["normal", "under_review", "stopped"]),
        metavar="STATE",
        help="normal, under_review or stopped; only a normal app sends.",
    ),
    option("--stop-prompt", metavar="TEXT", help="What callers of a stopped app read."),
)


def _fields(function: Callable[..., Any]) -> Callable[..., Any]:
    for add in reversed(_FIELDS):
        function = add(function)
    return function


@subcommand(command, "create")
@click.argument("name")
@_fields
@option(
    "--appid",
    metavar="DIGITS",
    help="The ten digits that its callers use already; by default new ones.",
    **_KNOWN,
)
@option(
    "--signature-env",
    metavar="VARIABLE",
    help="Environment variable with the signature that its callers use already.",
    **_KNOWN,
)
@option("--signature-file", metavar="FILE", help="File with that signature.", **_KNOWN)
@installation_options
@json_option("the app and its secrets")
def create(
    name: str,
    where: Where,
    as_json: bool,
    signature_env: str | None,
    signature_file: str | None,
    **values: Any,
) -> None:
    """Make an app, and print its appid, its signature and a first API key.

    The key may send and read; it is printed this once. An app whose callers have an appid and a
    signature already keeps them with --appid and --signature-env or --signature-file. No two apps
    have one name.
    """
    from postroad.cli.output import say_json
    from postroad.cli.records import once

    signature = _signature_given(signature_env, signature_file)

    async def work(desk: Desk) -> tuple[NewApp, bool]:
        from postroad.operations.administration import apps

        await apps.check_name(desk, name)
        made = await apps.create(desk, name, signature=signature, **given(values))
        return made, await apps.has_relay(desk, made.app)

    made, has_relay = at_desk(where, work)
    _warn_without_relay(made.app, has_relay=has_relay)
    if as_json:
        secrets = {"signature": made.app.signature, "api_key": made.secret}
        say_json(as_object(made.app) | secrets)
    else:
        once(
            made.app.name,
            (("api_key", made.secret),),
            (
                ("appid", made.app.id),
                ("mode", made.app.mode),
                ("signature", made.app.signature),
            ),
        )


@subcommand(command, "list")
@installation_options
@json_option("the apps")
def list_(where: Where, as_json: bool) -> None:
    """List all apps, the oldest first."""
    from postroad.cli.layout import Column
    from postroad.cli.output import say_json
    from postroad.cli.records import listing, shown

    async def work(desk: Desk) -> list[App]:
        return await desk.directory.apps.list()

    found = at_desk(where, work)
    if as_json:
        say_json([as_object(app) for app in found])
        return
    columns = (
        Column("Appid"),
        Column("Name", 8),
        Column("State"),
        Column("Mode"),
        Column("Send"),
        Column("Tokens"),
        Column("Interval", is_right=True),
        Column("From", 12),
    )
    rows = [
        (
            app.id,
            shown(app.name),
            shown(app.state),
            shown(app.mode),
            shown(app.send),
            shown(app.tokens),
            f"{app.interval_s} s",
            shown(app.from_),
        )
        for app in found
    ]
    listing(columns, rows, empty="There are no apps yet: postroad app create NAME")


@subcommand(command, "show")
@click.argument("app")
@option("--signature", is_flag=True, help="Print its signature too, which its callers need.")
@installation_options
@json_option("the app")
def show(app: str, where: Where, as_json: bool, signature: bool) -> None:
    """Show everything about an app but its secrets; its signature when it is asked for."""

    async def work(desk: Desk) -> Shown:
        from postroad.operations.administration import apps

        return await _with_owner(desk, await apps.find(desk, app))

    _print(at_desk(where, work), where, as_json=as_json, with_signature=signature)


@subcommand(command, "update")
@click.argument("app")
@option("--name", metavar="NAME", help="A new name.")
@_fields
@option(
    "--rotate-signature",
    is_flag=True,
    help="Make a new signature, and print it.",
    section="Signature",
)
@option(
    "--overlap",
    type=Span(),
    metavar="SPAN",
    help="How long the old signature counts beside the new one: 7d by default, 0 not at all.",
    section="Signature",
)
@installation_options
@json_option("the app as it is now")
def update(
    app: str,
    where: Where,
    as_json: bool,
    rotate_signature: bool,
    overlap: timedelta | None,
    **values: Any,
) -> None:
    """Change what the options say, and nothing else; it counts from the next request on."""
    changes = given(values)
    if overlap is not None and not rotate_signature:
        raise click.UsageError("--overlap belongs to --rotate-signature")
    if not rotate_signature:
        needs_one(changes)

    async def work(desk: Desk) -> tuple[Shown, bool]:
        from postroad.operations.administration import apps

        found = await apps.find(desk, app)
        if changes:
            found = await apps.update(desk, found.id, **changes)
        if rotate_signature:
            span = apps.OVERLAP if overlap is None else overlap
            found = await apps.rotate_signature(desk, found.id, overlap=span)
        return await _with_owner(desk, found), await apps.has_relay(desk, found)

    shown, has_relay = at_desk(where, work)
    if "mode" in changes:
        _warn_without_relay(shown[0], has_relay=has_relay)
    _print(shown, where, as_json=as_json, is_rotated=rotate_signature)


@subcommand(command, "disable")
@click.argument("app")
@option("--stop-prompt", metavar="TEXT", help="What its callers read; by default 应用已停用!")
@installation_options
@json_option("the app as it is now")
def disable(app: str, where: Where, as_json: bool, stop_prompt: str | None) -> None:
    """Stop an app: nothing more is sent for it, until --state normal."""
    changes = given({"stop_prompt": stop_prompt})

    async def work(desk: Desk) -> Shown:
        from postroad.operations.administration import apps

        return await _with_owner(desk, await apps.update(desk, app, state="stopped", **changes))

    _print(at_desk(where, work), where, as_json=as_json)


def as_object(app: App) -> dict[str, Any]:
    """Return an app as JSON carries it, without its signatures."""
    from postroad.cli.records import as_object as plain_object

    found = plain_object(app)
    return {"appid": found.pop("id")} | found


def _signature_given(variable: str | None, file: str | None) -> str | None:
    """Return the signature that the options lead to, None when neither is given.

    raises: SettingsError, which repeats neither option's value: it may be the signature.
    """
    from postroad.cli.relay_options import secret_of_file, secret_of_variable

    if variable is not None and file is not None:
        raise SettingsError("give only one of --signature-env and --signature-file")
    if variable is not None:
        return secret_of_variable("--signature-env", variable)
    return None if file is None else secret_of_file("--signature-file", file)


def _warn_without_relay(app: App, *, has_relay: bool) -> None:
    """Say on stderr that an app is to send and cannot."""
    from postroad.cli.layout import indented
    from postroad.cli.output import line_width, say
    from postroad.cli.records import shown

    if app.mode == "capture" or has_relay:
        return
    warning = (
        f"warning: {shown(app.name)} is {app.mode} and has no relay that could be used yet: its "
        f"nobase callers get 407. Add one: postroad relay create NAME --app {app.id} …"
    )
    for line in indented(warning, "", line_width(err=True)):
        say(click.style(line, fg="yellow"), err=True)


async def _with_owner(desk: Desk, app: App) -> Shown:
    from postroad.operations.administration import apps

    owner = await desk.directory.developers.get(app.developer_id) if app.developer_id else None
    relays = tuple([relay.name for relay in await apps.relays_tried(desk, app)])
    return app, owner.name if owner else "", relays


def _print(
    found: Shown,
    where: Where,
    *,
    as_json: bool,
    is_rotated: bool = False,
    with_signature: bool = False,
) -> None:
    from postroad.cli.output import say_json
    from postroad.cli.records import page

    app = found[0]
    has_secret = is_rotated or with_signature
    if as_json:
        say_json(as_object(app) | ({"signature": app.signature} if has_secret else {}))
        return
    rows = _rows(found, where.settings().per_recipient_hour)
    if has_secret:
        rows.append(("signature", app.signature))
    if is_rotated:
        rows.append(("old one counts", app.old_signature_until or "no longer"))
    page(app.name, rows)


def _rows(found: Shown, per_recipient_hour: int) -> list[tuple[str, Any]]:
    app, owner, relays = found
    stops = [("stop prompt", app.stop_prompt)] if app.stop_prompt else []
    policy = f"{app.in_doubt_policy}{'' if app.in_doubt else ' (by send mode)'}"
    return [
        ("appid", app.id),
        ("state", app.state),
        *stops,
        ("developer", owner),
        ("created", app.created_at),
        ("mode", app.mode),
        ("allow list", app.allow_list),
        ("send", f"{app.send}, a caller waits {app.time_limit_s:g} s at most"),
        ("in doubt", policy),
        ("from", "the relay's account" if app.from_ is None else app.from_),
        ("senders", app.senders),
        ("relays", (*(f"{name} (tried first)" for name in relays[:1]), *relays[1:])),
        ("tokens", f"on, each lives {app.token_days} days" if app.tokens else "off"),
        ("account", f"{app.account_min} to {app.account_max} characters"),
        (
            "interval",
            f"{app.interval_s} s, of {_WINDOWS[app.window]}" if app.interval_s else "none",
        ),
        ("limits", limits.shown(app, per_recipient_hour)),
        ("CORS origins", app.cors_origins),
        ("language", app.language),
    ]


_WINDOWS = {"both": "session and user", "session": "the session alone"}
