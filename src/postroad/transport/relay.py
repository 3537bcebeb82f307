"""A relay: which server takes the mail, how the connection is protected, who logs in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, get_args

from postroad import providers
from postroad.errors import AuthError, MessageError, SettingsError
from postroad.message import forbid_controls
from postroad.smtp.opening import Security
from postroad.smtp.sasl import MECHANISMS, Credentials
from postroad.smtp.timeouts import Timeouts
from postroad.transport.tls import client_context

_MAX_PORT = 65_535
_MAX_HOST_CHARACTERS = 255  # RFC 1035 §2.3.4
_MAX_CHARACTERS = (
    8_192  # of a login or path: AUTH lines end at 12,288 octets of base64 (RFC 4954 §4)
)


@dataclass(frozen=True, slots=True)
class Relay:
    """Where mail is handed over, and how.

    host, port:  the server; the port decides nothing about encryption.
    security:    "tls" from the first octet, "starttls" upgrades or refuses, "none" is in the clear.
    username:    with `password` or `token`; "" means no login.
    token:       an OAuth 2 access token, or a function that returns a fresh one for a connection.
    auth:        the SASL mechanism to use, whatever the server prefers.
    verify:      False accepts any certificate: anybody on the way can then read the password.
    cafile:      PEM file of the authorities to trust instead of the system's.
    client_name: what EHLO says; by default the address literal of the connection's own end.
    provider:    name of the preset whose explanations apply.
    public_only: whoever gave the host is not trusted with this machine's network: only addresses of
                 the internet and ports of mail are connected to.
    raises:      SettingsError naming the field.
    """

    host: str
    port: int
    security: Security = "starttls"
    username: str = ""
    password: str = field(default="", repr=False)
    token: str | Callable[[], str] | None = field(default=None, repr=False)
    auth: str | None = None
    verify: bool = True
    cafile: str | None = None
    client_name: str | None = None
    provider: str | None = None
    timeouts: Timeouts = field(default_factory=Timeouts, repr=False)
    public_only: bool = False

    def __post_init__(self) -> None:
        for name, kinds in _TYPES.items():
            if not isinstance(getattr(self, name), kinds):
                raise SettingsError(f"{name} cannot be {type(getattr(self, name)).__name__}")
        _check_host(self.host)
        if isinstance(self.port, bool) or not isinstance(self.port, int):
            raise SettingsError(f"port must be a whole number, not {self.port!r}")
        if not 0 < self.port <= _MAX_PORT:
            raise SettingsError(f"port must be 1 to {_MAX_PORT}, not {self.port}")
        if self.security not in get_args(Security):
            raise SettingsError(f'security must be "none", "starttls" or "tls": {self.security!r}')
        for name in ("username", "password", "token", "client_name", "cafile"):
            value = getattr(self, name)
            if isinstance(value, str):
                _check_text(value, name)
        if self.client_name is not None and not (
            self.client_name.isascii()
            and self.client_name.isprintable()
            and self.client_name
            and " " not in self.client_name
        ):
            raise SettingsError("client_name must be a host name or an address literal in ASCII")
        if self.password and self.token is not None:
            raise SettingsError("give password or token, not both")
        if bool(self.username) != bool(self.password or self.token is not None):
            raise SettingsError("a login needs a username and a password or a token; none, neither")
        if self.auth is not None and self.auth not in MECHANISMS:
            raise SettingsError(f"auth must be one of {', '.join(MECHANISMS)}: {self.auth!r}")

    @classmethod
    def preset(
        cls,
        name: str,
        *,
        username: str = "",
        password: str = "",
        security: Security | None = None,
        region: str | None = None,
        **options: Any,
    ) -> Relay:
        """Return the relay of a known provider; `postroad presets` lists them.

        security: picks among the provider's ports; its first one by default.
        region:   of Amazon SES.
        options:  the other fields of Relay; `host` and `port` replace the provider's.
        raises:   SettingsError for an unknown name or a user name of the wrong form.
        """
        preset = providers.preset(name).resolve(region=region)
        endpoint = preset.endpoint(security)
        fields: dict[str, Any] = {
            "host": endpoint.host,
            "port": endpoint.port,
            "security": endpoint.security,
        }
        username = preset.user_name_for(username)
        password = preset.clean_password(password)
        fields |= {"username": username, "password": password, "provider": preset.name}
        return cls(**(fields | options))

    def prepare(self) -> None:
        """Find out before dialing whether `cafile` can be read.

        raises: SettingsError.
        """
        if self.security != "none":
            client_context(verify=self.verify, cafile=self.cafile)

    def credentials(self) -> Credentials | None:
        """Return what logs in, None without a username; calls the `token` function.

        raises: AuthError when that function fails, SettingsError when it returns no token.
        """
        if not self.username:
            return None
        token = self._fresh_token() if callable(self.token) else self.token
        return Credentials(self.username, self.password, token, self.auth)

    def _fresh_token(self) -> str:
        try:
            token = self.token() if callable(self.token) else self.token
        except Exception as exc:
            raise AuthError(f"the token function failed: {type(exc).__name__}") from exc
        if not isinstance(token, str):
            raise SettingsError(f"token: the function returned {type(token).__name__}, not text")
        _check_text(token, "token")
        return token


def _check_host(host: str) -> None:
    if not host.strip():
        raise SettingsError("host must be a host name or an IP address")
    _check_text(host, "host")
    name, colon, port = host.rpartition(":")
    if colon and ":" not in name and port.isdigit():
        raise SettingsError(f"host: give the port by itself, host {name!r} and port {port}")
    if len(host) > _MAX_HOST_CHARACTERS or any(char in host for char in " /@"):
        raise SettingsError(f"host must be a host name or an IP address: {host[:80]!r}")


def _check_text(text: str, field_name: str) -> None:
    """Refuse control characters, what UTF-8 cannot carry, and what is too long."""
    if len(text) > _MAX_CHARACTERS:
        raise SettingsError(f"{field_name} is longer than {_MAX_CHARACTERS:,} characters")
    try:
        forbid_controls(text, field_name)
    except MessageError as exc:
        raise SettingsError(str(exc)) from exc


_NOTHING = type(None)
_TYPES: dict[str, tuple[type, ...]] = {
    "host": (str,),
    "username": (str,),
    "password": (str,),
    "token": (str, Callable, _NOTHING),  # type: ignore[dict-item]
    "auth": (str, _NOTHING),
    "verify": (bool,),
    "cafile": (str, _NOTHING),
    "client_name": (str, _NOTHING),
    "provider": (str, _NOTHING),
    "timeouts": (Timeouts,),
    "public_only": (bool,),
}
