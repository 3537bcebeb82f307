"""Connections to a PostgreSQL server, as its URL says."""

from __future__ import annotations

import stat
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import asyncpg

from postroad.errors import StorageError
from postroad.storage.engine import Row
from postroad.storage.postgresql.failures import ERRORS, failed
from postroad.storage.postgresql.marks import numbered

_STATEMENTS: Final = 512  # prepared ones kept by each connection
# A transaction whose client is stopped or gone must not hold its locks against the other servers.
_IDLE_IN_TRANSACTION_MS: Final = 10_000

_FILES: Final = ("sslrootcert", "sslcert", "sslkey", "sslcrl")

# The driver's own words about a file of passwords that others may read; `connect` has ours.
warnings.filterwarnings("ignore", "password file .* has group or world access", UserWarning)

SERVER: Final = "postroad server"
"""How the one connection of each server is called in pg_stat_activity that it writes with."""


def options(url: str, *, answer_s: float, name: str = "postroad") -> dict[str, Any]:
    """Return what asyncpg connects with.

    answer_s: the longest that any statement may take.
    name:     what the server's administrator sees of it.
    """
    return {
        "dsn": url,
        "timeout": answer_s,
        "statement_cache_size": _STATEMENTS,
        "max_cached_statement_lifetime": 0,
        "server_settings": {
            "application_name": name,
            "jit": "off",  # which costs more than our statements do
            "timezone": "UTC",
            "statement_timeout": str(int(answer_s * 1_000)),
            "idle_in_transaction_session_timeout": str(_IDLE_IN_TRANSACTION_MS),
        },
    }


async def connect(url: str, *, answer_s: float, name: str = "postroad") -> Any:
    """Return a connection.

    raises: StorageError.
    """
    try:
        return await asyncpg.connect(**options(url, answer_s=answer_s, name=name))
    except asyncpg.InvalidPasswordError as error:
        raise StorageError(f"{failed(error)}{_of_open_file(url)}") from error
    except FileNotFoundError as error:  # of a certificate, or the server's socket
        if missing := _missing_file(url):
            raise StorageError(missing) from error
        raise failed(error) from error
    except (*ERRORS, ValueError) as error:
        raise failed(error) from error


def _missing_file(url: str) -> str:
    """Return which file of those that a URL names is not there, "" for none."""
    for name, value in parse_qsl(urlsplit(url).query):
        if name in _FILES and not Path(value).exists():
            return f"the URL of the PostgreSQL database cannot be used: {name}: there is no {value}"
    return ""


def _of_open_file(url: str) -> str:
    """Return what is wrong with the file of passwords, which the driver then does not read."""
    named = dict(parse_qsl(urlsplit(url).query)).get("passfile")
    path = Path(named) if named else Path.home() / ".pgpass"
    try:
        is_open = path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    except OSError:
        return ""
    return f"; {path} is not used, since others may read it: chmod 600 {path}" if is_open else ""


async def rows(connection: Any, sql: str, parameters: Sequence[object]) -> list[Row]:
    """Return the rows of one statement.

    raises: StorageError.
    """
    try:
        found = await connection.fetch(numbered(sql), *map(_storable, parameters))
    except ERRORS as error:
        raise failed(error) from error
    return [tuple(row) for row in found]


def shown(url: str) -> str:
    """Return the URL of a database as it may be shown: without user, password and parameters."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _storable(value: object) -> object:
    """Return a parameter; its text has no NUL in PostgreSQL, where the sign for it stands instead.

    Callers may write one anywhere, and the log shows what they wrote.
    """
    if isinstance(value, str) and "\0" in value:
        return value.replace("\0", "\N{SYMBOL FOR NULL}")
    return value
