"""Where the database is: a file of SQLite or a PostgreSQL server, as a URL."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Final
from urllib.parse import parse_qsl, urlsplit

SQLITE: Final = "sqlite:///"

_POSTGRESQL = re.compile(r"postgres(ql)?://", re.IGNORECASE)
_PASSWORD = re.compile(r"postgres(ql)?://[^/@:]*:[^@]+@", re.IGNORECASE)
_OTHER_DRIVER = re.compile(r"postgres(ql)?\+[a-z0-9]+:", re.IGNORECASE)
_SSLMODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_PARAMETERS: Final = {
    *("host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl"),
    *("passfile", "target_session_attrs"),
}


def is_postgresql(url: str) -> bool:
    """Whether a URL names a PostgreSQL server."""
    return _POSTGRESQL.match(url) is not None


def why_unfit(url: str) -> str:
    """Return what is wrong with the URL of a PostgreSQL database, "" for nothing.

    The text repeats nothing of it that may be a password.
    """
    if _OTHER_DRIVER.match(url):
        return "write postgresql:// without a driver's name"
    try:
        parts = urlsplit(url)
        _ = parts.port if "," not in parts.netloc else None
        given = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        return "its host, port or parameters cannot be understood"
    parameters = dict(given)
    if parameters.keys() - _PARAMETERS:
        return f"its parameters are among {', '.join(sorted(_PARAMETERS))}"
    if parameters.get("sslmode", _SSLMODES[0]) not in _SSLMODES:
        return f"sslmode is one of {', '.join(_SSLMODES)}"
    if not (parts.netloc.rpartition("@")[2] or parameters.get("host")):
        return "it names no host; that of a socket is given as ?host=/var/run/postgresql"
    if len(parts.path) < len("/x") or "/" in parts.path[1:]:
        return "it ends in the name of one database, as in postgresql://USER@HOST/postroad"
    return ""


def shown(url: str) -> str:
    """Return the URL of a database as it may be shown: without user, password and parameters."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def has_password(url: object) -> bool:
    """Whether a setting's value is a URL with a password in it."""
    if not isinstance(url, str) or not is_postgresql(url):
        return False
    if _PASSWORD.match(url):
        return True
    try:
        return "password" in dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
    except ValueError:
        return False


def is_exposed(url: str) -> bool:
    """Whether somebody between us and the server could read, or be it: TLS unproven or missing."""
    parts = urlsplit(url)
    parameters = dict(parse_qsl(parts.query))
    if parameters.get("sslmode") == "verify-full":
        return False
    hosts = [*(parts.netloc.rpartition("@")[2] or parameters.get("host", "")).split(",")]
    return not all(_is_here(host) for host in hosts)


def _is_here(host: str) -> bool:
    name = host.rpartition(":")[0] if re.search(r":[0-9]+\Z", host) else host
    try:
        return ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return name.startswith("/") or name.lower() == "localhost"
