"""The settings as the service sees them, and what deserves a warning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from pathlib import Path

from postroad.settings.databases import SQLITE, is_exposed, is_postgresql, shown

DATABASE_FILE = "postroad.db"


@dataclass(frozen=True, slots=True)
class Listen:
    """Where the service listens; port 0 is any free one."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Only this machine reaches it."""
        return _is_loopback(self.host)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class SesSettings:
    """The operator's account at Amazon SES, for the door that sends through it.

    secret:        the IAM secret access key, from which the SMTP password is derived.
    senders:       verified addresses, and "@domain" for a whole domain.
    shared_sender: an address that every app may use, "" for none.
    """

    region: str
    access_key_id: str
    secret: str = field(repr=False)
    senders: tuple[str, ...] = ()
    shared_sender: str = ""


@dataclass(frozen=True, slots=True)
class PresetOverride:
    """Where a preset's server is reached instead, for example through a gateway.

    None: as the preset has it.
    """

    host: str | None = None
    port: int | None = None
    security: str | None = None
    cafile: Path | None = None
    verify: bool = True


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting of the service; paths that `load` returns are absolute.

    database: as sqlite:///FILE or postgresql://…; None is postroad.db in the data folder. It may
              hold a password: `database_shown` is what may be shown.
    allow_unsafe_postgresql: also serve on a server that can lose what it has confirmed.
    max_body: octets of a request.
    per_address_minute: requests of one address; 0 is any number, here and below.
    per_recipient_hour: mails of an app to one recipient through the nobase door, where the app
              does not say.
    sources:  where each setting that is no default was found: "--listen", "POSTROAD_LISTEN", …
    notes:    what `load` found that deserves a warning.
    """

    listen: Listen = Listen("127.0.0.1", 8025)
    data_dir: Path = Path("postroad-data")
    database: str | None = field(default=None, repr=False)
    allow_unsafe_postgresql: bool = False
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    trusted_proxies: tuple[str, ...] = ()
    get_door: bool = True
    max_body: int = 2 << 20
    per_address_minute: int = 0
    per_recipient_hour: int = 30
    drain_s: float = 30.0
    log_format: str = "auto"
    log_level: str = "info"
    ses: SesSettings | None = None
    presets: Mapping[str, PresetOverride] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    notes: tuple[str, ...] = field(default=(), repr=False, compare=False)

    @property
    def postgresql(self) -> str | None:
        """The URL of a PostgreSQL database, None when it is a file."""
        if self.database is not None and is_postgresql(self.database):
            return self.database
        return None

    @property
    def database_path(self) -> Path:
        """The file of the database; with one in PostgreSQL, that of the folder before a move."""
        if self.database is None or self.postgresql is not None:
            return self.data_dir / DATABASE_FILE
        return Path(self.database.removeprefix(SQLITE))

    @property
    def database_shown(self) -> str:
        """Which database it is, for people."""
        return str(self.database_path) if self.postgresql is None else shown(self.postgresql)

    @property
    def is_tls(self) -> bool:
        """The service itself speaks HTTPS."""
        return self.tls_certificate is not None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What works and should be looked at all the same, a sentence each."""
        found = [*self.notes]
        if not (self.listen.is_loopback or self.is_tls or self.trusted_proxies):
            found.append(
                f"{self.listen} is reached from other machines without TLS, so that everybody on "
                "the way can read signatures, tokens and passwords: set tls_certificate and "
                "tls_key, or put a proxy with TLS before it and name it in trusted_proxies"
            )
        found += [
            f"trusted_proxies holds {network}: anybody can then claim any address"
            for network in self.trusted_proxies
            if ip_network(network).prefixlen == 0
        ]
        if self.postgresql and is_exposed(self.postgresql):
            found.append(
                f"{self.database_shown} is on another machine and sslmode is not verify-full: "
                "anybody on the way can read the mail"
            )
        if self.allow_unsafe_postgresql:
            found.append(
                "allow_unsafe_postgresql is on: a PostgreSQL that does not wait for its disk can "
                "lose mail that was accepted"
            )
        for name, preset in self.presets.items():
            if preset.security == "none" and not (preset.host and _is_loopback(preset.host)):
                found.append(f"presets.{name}.security is none: passwords cross in the clear")
            elif not preset.verify:
                found.append(
                    f"presets.{name}.verify is off: anybody on the way can read the passwords"
                )
        return tuple(found)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"
