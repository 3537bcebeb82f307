"""Relays: the servers that mail leaves by, complete and safe before they are kept."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, TypedDict, Unpack

from postroad import providers
from postroad.errors import ConflictError, SettingsError
from postroad.operations.administration import fields
from postroad.operations.administration.assignment import apps_of, check_from
from postroad.operations.administration.desk import Desk, matches, present, removed, unique
from postroad.providers import Preset
from postroad.tenancy.records import App, Maker, RelayAccount
from postroad.transport.relay import Relay
from postroad.worker.relays import connectable

PORTS: Final = {"tls": 465, "starttls": 587, "none": 25}  # RFC 8314 §3.3, RFC 6409, RFC 5321
_MOST_CONNECTIONS: Final = 1_000
_MOST_MESSAGES: Final = 1_000_000_000
_SECURITIES: Final = ("none", "starttls", "tls")
_WEIGHED: Final = (  # who else changes one of them changes whom a password is told, or how safely
    *("host", "port", "security", "username", "has_secret"),
    *("verify", "cafile", "allow_clear_auth", "made_by"),
)


def _security(value: str, name: str) -> str:
    if value not in _SECURITIES:
        raise SettingsError(f"{name} is {fields.listed(_SECURITIES)}, not {value[:40]!r}")
    return value


def _preset(value: str, name: str) -> str:
    """Return the name of a preset as its own list has it; "" is none."""
    try:
        return providers.preset(value).name if value else ""
    except SettingsError as error:
        # The sentence begins with what the library calls it: "provider: ".
        raise SettingsError(f"{name}: {str(error).removeprefix('provider: ')}") from None


RULES: Final[fields.Rules] = {
    "name": fields.name,
    "preset": _preset,
    "host": lambda value, name: fields.name(value, name, most=255),
    "port": fields.within(1, 65_535),
    "security": _security,
    "username": fields.text_of(fields.MAX_TEXT),
    "verify": fields.switch,
    "cafile": fields.text_of(fields.MAX_TEXT),
    "allow_clear_auth": fields.switch,
    "is_enabled": fields.switch,
    "paused": fields.text_of(fields.MAX_TEXT),
    "connections": fields.within(1, _MOST_CONNECTIONS),
    "per_minute": fields.within(0, _MOST_MESSAGES),
    "per_day": fields.within(0, _MOST_MESSAGES),
}


class RelayFields(TypedDict, total=False):
    """What can be said of a relay; a preset fills what is left out."""

    name: str
    preset: str
    host: str
    port: int
    security: str
    username: str
    verify: bool
    cafile: str
    allow_clear_auth: bool
    is_enabled: bool
    paused: str
    connections: int
    per_minute: int
    per_day: int


async def create(
    desk: Desk,
    app: App | None,
    name: str,
    /,
    *,
    password: str = "",
    region: str = "",
    made_by: Maker = Maker.OPERATOR,
    **given: Unpack[RelayFields],
) -> RelayAccount:
    """Return a new relay, stored with its password encrypted.

    app:     whose it is; None: the operator's, for every app.
    region:  of the preset ses.
    made_by: that of a tenant leads to public addresses only, and trusts what the system trusts.
    raises:  SettingsError, also when its provider would refuse the app's From.
    """
    _check_maker(given, made_by)
    changes = _filled(fields.checked(given, RULES), region)
    if "host" not in changes:
        raise SettingsError("give a relay: a preset, or a host")
    changes.setdefault("security", "starttls")
    changes.setdefault("port", PORTS[changes["security"]])
    blank = RelayAccount(
        id=desk.new_id(),
        app_id=app.id if app else None,
        name=fields.name(name, "name"),
        host="",
        port=0,
        created_at=desk.clock(),
        made_by=made_by,
    )
    relay, password = _whole(replace(blank, **changes), password)
    if app is not None:
        check_from(app, relay)
    try:
        await desk.directory.relays(relay.app_id).add(relay, secret=password)
    except ConflictError:
        raise ConflictError(f"there is a relay {relay.name!r} already: give another name") from None
    return replace(relay, has_secret=bool(password))


async def find(desk: Desk, owners: Sequence[App | None], reference: str) -> RelayAccount:
    """Return the relay with this id or name among those of `owners`; None is the operator.

    raises: NotFoundError, ConflictError.
    """
    found = [
        relay
        for owner in owners
        for relay in await matches(
            desk.directory.relays(owner.id if owner else None),
            reference,
            lambda each: (each.name,),
        )
    ]
    return unique(found, reference, "relay", lambda each: each.id)


async def update(
    desk: Desk,
    owners: Sequence[App | None],
    reference: str,
    /,
    *,
    password: str | None = None,
    region: str = "",
    made_by: Maker = Maker.OPERATOR,
    **given: Unpack[RelayFields],
) -> RelayAccount:
    """Change a relay and return it.

    made_by:  who changes it: a tenant's word about the server makes it a tenant's relay.

    password: None keeps the one there is, "" removes it. Another host needs it again: what was
              given for one server is told to no other.
    raises:   SettingsError, NotFoundError; ConflictError, also when somebody else changes at the
              same time whom the password is told.
    """
    _check_maker(given, made_by)
    checked = fields.checked(given, RULES)
    relay = await find(desk, owners, reference)
    changes = _filled(checked, region)
    if "security" in changes and "port" not in changes:
        raise SettingsError("port: another security is another port: give both")
    if changes.get("username") == "" and relay.has_secret:
        password = ""
    wanted, secret = _whole(replace(relay, **changes), password or "")
    if wanted.host != relay.host and relay.has_secret and password is None:
        raise SettingsError(
            f"host: give the password again (--password-env, --password-file): the one for "
            f"{relay.host} is told to no other server"
        )
    for app in await apps_of(desk.directory, relay):
        check_from(app, wanted)
    if wanted.username != relay.username:
        changes["username"] = wanted.username
    if made_by is Maker.TENANT and (wanted.host, wanted.port) != (relay.host, relay.port):
        changes["made_by"] = made_by
    records = desk.directory.relays(relay.app_id)
    still = {name: getattr(relay, name) for name in _WEIGHED}
    if password is None:
        changed = await records.change(relay.id, still, **changes)
    else:
        changed = await records.change_with_secret(relay.id, secret, still, **changes)
    return present(changed, "relay", reference)


async def remove(desk: Desk, relay: RelayAccount) -> None:
    """Delete a relay with the routes that lead to it.

    raises: NotFoundError.
    """
    await removed(desk.directory.relays(relay.app_id), relay.id, "relay")


def connection_of(relay: RelayAccount, secret: str) -> Relay:
    """Return what mail of a relay is sent by, given its password.

    raises: SettingsError, when its password is missing too.
    """
    if relay.username and not secret:
        raise SettingsError(
            f"relay {relay.name}: the password of {relay.username} is missing: "
            "give it with relay update --password-env"
        )
    return connectable(relay, secret)


def needs_leave(relay: RelayAccount) -> bool:
    """Whether its password crosses a network unencrypted."""
    return bool(relay.username) and relay.security == "none" and not is_loopback(relay.host)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its very name."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):  # RFC 6761 §6.3
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def _check_maker(given: RelayFields, made_by: Maker) -> None:
    """Keep a tenant from naming a file of the machine that the service runs on.

    raises: SettingsError.
    """
    if made_by is Maker.TENANT and given.get("cafile"):
        raise SettingsError("cafile: only the operator names files of the server")


def _filled(changes: dict[str, Any], region: str) -> dict[str, Any]:
    """Return the fields with what the preset says of those that were left out."""
    if not changes.get("preset"):
        if region:
            raise SettingsError("region belongs to a preset")
        return changes
    preset = providers.preset(changes["preset"])
    if not preset.takes_password:
        raise SettingsError(
            f"preset: {preset.name} takes access tokens only, which a relay cannot keep"
        )
    server: dict[str, Any] = {}
    if "host" not in changes:
        endpoint = preset.resolve(region=region or None).endpoint(changes.get("security"))
        server = {"host": endpoint.host, "port": endpoint.port, "security": endpoint.security}
    elif "security" in changes:
        server = {"port": PORTS[changes["security"]]}
    else:
        endpoint = preset.endpoints[0]  # reached through another host: a gateway, a simulator
        server = {"port": endpoint.port, "security": endpoint.security}
    return server | _limits(preset) | changes


def _limits(preset: Preset) -> dict[str, int]:
    """Return the limits that the provider publishes."""
    limits = preset.limits
    per_minute = limits.messages_per_minute or (limits.messages_per_second or 0) * 60
    found = {"per_minute": per_minute, "per_day": limits.messages_per_day or 0}
    return {name: number for name, number in found.items() if number}


def _whole(relay: RelayAccount, password: str) -> tuple[RelayAccount, str]:
    """Return a relay that can be connected to, and the password as its server wants it.

    raises: SettingsError.
    """
    preset = providers.preset(relay.preset) if relay.preset else None
    if preset is not None:
        relay = replace(relay, username=preset.user_name_for(relay.username))
        password = preset.clean_password(password)
    if password and not relay.username:
        raise SettingsError("password: it needs a username")
    Relay(  # refuses what cannot be a relay; any password stands for the one that is kept
        host=relay.host,
        port=relay.port,
        security=relay.security,
        username=relay.username,
        password=password or ("kept" if relay.username else ""),
        verify=relay.verify,
        cafile=relay.cafile or None,
    ).prepare()
    if needs_leave(relay) and not relay.allow_clear_auth:
        raise SettingsError(
            f"security none sends the password of {relay.username} to {relay.host} in the clear, "
            "for everybody on the way to read; if that is meant, say --allow-clear-auth"
        )
    return relay, password
