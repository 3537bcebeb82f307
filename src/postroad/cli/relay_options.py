"""The options that say which relay to use and who logs in, the same for `send` and `check`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from postroad.cli.options import Seconds, option
from postroad.errors import SettingsError

if TYPE_CHECKING:
    from postroad.transport.relay import Relay

TIMEOUT_S = 60.0  # as of send_email
PORTS = {"tls": 465, "starttls": 587, "none": 25}  # RFC 8314 §3.3, RFC 6409, RFC 5321


def _ask_later() -> str:
    """Stand for the secret that `with_login` asks for: a relay has both halves of a login."""
    raise SettingsError("no password was given")


@dataclass(frozen=True, slots=True)
class RelayOptions:
    """The values of the relay options as they were given."""

    preset: str | None
    region: str | None
    host: str | None
    port: int | None
    security: str | None
    username: str | None
    password_env: str | None
    password_file: str | None
    token_env: str | None
    token_file: str | None
    auth: str | None
    no_verify: bool
    cafile: str | None
    timeout: float


def _preset_names(
    ctx: click.Context,  # noqa: ARG001
    param: click.Parameter,  # noqa: ARG001
    incomplete: str,
) -> list[str]:
    from postroad.providers import preset_names

    return [name for name in preset_names() if name.startswith(incomplete)]


_RELAY: dict[str, Any] = {"section": "Relay"}
_LOGIN: dict[str, Any] = {"section": "Login"}
_OPTIONS = (
    option(
        "--preset",
        metavar="NAME",
        shell_complete=_preset_names,
        help="A provider: `postroad presets` lists them.",
        **_RELAY,
    ),
    option("--region", metavar="REGION", help="Region of the preset ses.", **_RELAY),
    option("--host", metavar="HOST", help="Server, instead of the preset's.", **_RELAY),
    option(
        "--port",
        type=int,
        metavar="PORT",
        help="Port, instead of the preset's; else 465 for tls, 587 for starttls, 25 for none.",
        **_RELAY,
    ),
    option(
        "--security",
        type=click.Choice(["none", "starttls", "tls"]),
        metavar="MODE",
        help="tls: from the first octet. starttls: upgrade or fail. none: in the clear. By "
        "default the preset's first, else starttls.",
        **_RELAY,
    ),
    option(
        "--cafile",
        metavar="FILE",
        help="PEM file of the authorities to trust instead of the system's.",
        **_RELAY,
    ),
    option(
        "--no-verify",
        is_flag=True,
        help="Accept any certificate: anybody on the way can then read the password.",
        **_RELAY,
    ),
    option(
        "--timeout",
        type=Seconds(),
        default=TIMEOUT_S,
        help="Time for everything together, 60 by default.",
        **_RELAY,
    ),
    option("--username", metavar="NAME", help="Who logs in; none: no login.", **_LOGIN),
    option(
        "--password-env",
        metavar="VARIABLE",
        help="Environment variable with the password.",
        **_LOGIN,
    ),
    option("--password-file", metavar="FILE", help="File with the password.", **_LOGIN),
    option(
        "--token-env",
        metavar="VARIABLE",
        help="Environment variable with an OAuth 2 access token.",
        **_LOGIN,
    ),
    option("--token-file", metavar="FILE", help="File with an OAuth 2 access token.", **_LOGIN),
    option(
        "--auth",
        metavar="MECHANISM",
        help="PLAIN, LOGIN, CRAM-MD5 or XOAUTH2, whatever the server prefers.",
        **_LOGIN,
    ),
)


def relay_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the relay options to a command, which takes them together as `relay`."""
    names = [field.name for field in fields(RelayOptions)]

    @wraps(command)
    def collected(**values: Any) -> Any:
        return command(relay=RelayOptions(**{name: values.pop(name) for name in names}), **values)

    for add in reversed(_OPTIONS):
        collected = add(collected)
    return collected


def relay_of(options: RelayOptions, *, may_be_anonymous: bool = False) -> Relay:
    """Return the relay of the options; nobody is asked for a password yet.

    may_be_anonymous: leave out the login of a preset without a user name.
    raises:           SettingsError.
    """
    from postroad.transport.relay import Relay

    secret = _secret(options)
    settings: dict[str, Any] = {
        "verify": not options.no_verify,
        "cafile": options.cafile,
        "auth": options.auth.upper() if options.auth else None,
    }
    if options.preset is None:
        return _own_relay(options, secret, settings)
    if options.port is not None:
        settings["port"] = options.port
    if options.host is not None:
        settings["host"] = options.host
    # Another host may want what the provider does not offer, as a simulator does.
    is_elsewhere = options.host is not None and options.security is not None
    security: Any = None if is_elsewhere else options.security
    if may_be_anonymous and options.username is None and not secret:
        relay = _anonymous(options, security, settings)
    else:
        relay = Relay.preset(
            options.preset,
            username=options.username or "",
            region=options.region,
            security=security,
            **(secret or {"token": _ask_later}),
            **settings,
        )
    if is_elsewhere:
        chosen: Any = options.security
        port = options.port or PORTS[chosen]
        return replace(relay, security=chosen, port=port)
    return relay


def with_login(relay: Relay, lang: str) -> Relay:
    """Return `relay` with a secret, asked for at the terminal when none was given.

    raises: SettingsError when there is nobody to ask.
    """
    if relay.token is not _ask_later:
        return relay
    from postroad import providers
    from postroad.cli.reading import stdin_is_terminal

    preset = providers.preset(relay.provider) if relay.provider else None
    is_token = preset is not None and not preset.takes_password
    if not stdin_is_terminal():
        ways = (
            "--token-env or --token-file"
            if is_token
            else ("--password-env, --password-file, --token-env or --token-file")
        )
        raise SettingsError(
            f"{relay.username} at {relay.host} needs a {'token' if is_token else 'password'}: "
            f"give {ways}, or run this at a terminal to be asked"
        )
    label = preset.secret.in_language(lang) if preset else "password"
    secret = _asked(f"{relay.username} @ {relay.host}, {label}: ")
    if is_token:
        return replace(relay, token=secret)
    password = preset.clean_password(secret) if preset else secret
    return replace(relay, password=password, token=None)


def own_address(relay: Relay) -> str | None:
    """Return the address of the account that logs in; None when its user name does not tell."""
    if relay.provider is not None and relay.username:
        from postroad import providers

        return providers.preset(relay.provider).from_address_for(relay.username)
    return relay.username if "@" in relay.username else None


def _asked(prompt: str) -> str:
    from getpass import getpass

    try:
        secret = getpass(prompt)
    except EOFError:
        secret = ""
    if not secret:
        raise SettingsError("no password was given")
    return secret


def _own_relay(options: RelayOptions, secret: dict[str, Any], settings: dict[str, Any]) -> Relay:
    from postroad.transport.relay import Relay

    if options.host is None:
        raise SettingsError("give a relay: --preset NAME or --host HOST")
    if options.region is not None:
        raise SettingsError("--region belongs to a preset")
    if secret and not options.username:
        raise SettingsError("a password or token needs a --username")
    if options.username:
        secret = secret or {"token": _ask_later}
    security: Any = options.security or "starttls"
    return Relay(
        host=options.host,
        port=PORTS[security] if options.port is None else options.port,
        security=security,
        username=options.username or "",
        **secret,
        **settings,
    )


def _anonymous(options: RelayOptions, security: str | None, settings: dict[str, Any]) -> Relay:
    """Return the preset's relay without a login: connection, TLS and EHLO can be tried so."""
    from postroad import providers
    from postroad.transport.relay import Relay

    preset = providers.preset(options.preset or "")
    if preset.needs_region and options.host is not None:
        endpoint = preset.endpoints[0]
    else:
        endpoint = preset.resolve(region=options.region).endpoint(security)
    found: dict[str, Any] = {"host": endpoint.host, "port": endpoint.port}
    found |= {"security": endpoint.security, "provider": preset.name}
    return Relay(**(found | settings))


def _secret(options: RelayOptions) -> dict[str, Any]:
    """Return the one secret that is given, by its name in Relay."""
    sources = {
        "--password-env": options.password_env,
        "--password-file": options.password_file,
        "--token-env": options.token_env,
        "--token-file": options.token_file,
    }
    given = [(name, value) for name, value in sources.items() if value is not None]
    if len(given) > 1:
        raise SettingsError(f"give only one of {' and '.join(name for name, _ in given)}")
    if not given:
        return {}
    name, value = given[0]
    kind = "token" if name.startswith("--token") else "password"
    if name.endswith("-file"):
        return {kind: secret_of_file(name, value)}
    return {kind: secret_of_variable(name, value)}


def secret_of_variable(option_name: str, variable: str) -> str:
    """Return what the environment variable holds that an option names.

    raises: SettingsError that does not repeat `variable`: it may be the password itself.
    """
    from postroad.frontdoor.environment import secret_from_variable

    try:
        return secret_from_variable(variable)
    except SettingsError:
        raise SettingsError(
            f"the environment variable that {option_name} names is not set or empty: "
            "export it first"
        ) from None


def secret_of_file(option_name: str, path: str) -> str:
    """Return what the file holds that an option names.

    raises: SettingsError that does not repeat `path` where it is no file: it may be the password.
    """
    from postroad.frontdoor.environment import secret_from_file

    try:
        return secret_from_file(path)
    except SettingsError as error:
        if error.__cause__ is None:  # it is a file, but holds no secret
            raise
        reason = getattr(error.__cause__, "strerror", None) or "not a file name"
        raise SettingsError(  # without the path: it may be the secret itself
            f"{option_name} takes the name of a FILE; the given one cannot be read: {reason}"
        ) from None
