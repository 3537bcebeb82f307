"""Opening a PostgreSQL database with its key: the schema, the server's settings, the check."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from postroad.errors import StorageError
from postroad.storage.cipher import Cipher
from postroad.storage.postgresql import durability
from postroad.storage.postgresql.connecting import connect, shown
from postroad.storage.postgresql.database import (
    COMMAND_ANSWER_S,
    SERVER_ANSWER_S,
    Committed,
    PostgresqlDatabase,
)
from postroad.storage.postgresql.failures import ERRORS, failed
from postroad.storage.postgresql.migrate import is_current, migrate

OLDEST: Final = 130_000
"""The oldest server that will do: pg_current_xact_id() came with 13."""

_START_S: Final = 30.0  # a server that starts with its database may find it busy
_CHECK, _ABOUT = "Postroad", "installation:key:value"


class OtherKeyError(StorageError):
    """The key file is not the one that a database was made with."""


async def open_for_server(
    url: str,
    key: Path,
    *,
    may_be_unsafe: bool = False,
    committed: Committed | None = None,
) -> PostgresqlDatabase:
    """Return the database with the newest schema; schema and key file are made if there are none.

    may_be_unsafe: also on a server that can lose what it has confirmed.
    raises:        StorageError when the server will not do, its schema is of a newer version, or
                   the key file is not the database's.
    """
    connection = await connect(url, answer_s=_START_S)
    try:
        await _examine(connection, url, may_be_unsafe=may_be_unsafe)
        await migrate(url)
        cipher = await _cipher(connection, key, url)
    except ERRORS as error:
        raise failed(error) from error
    finally:
        await connection.close(timeout=SERVER_ANSWER_S)
    return await PostgresqlDatabase.open(
        url, cipher=cipher, may_be_unsafe=may_be_unsafe, committed=committed
    )


async def open_beside(url: str, key: Path) -> PostgresqlDatabase:
    """Return the database for a command, which servers may have open too.

    raises: StorageError, also when its schema is not this version's.
    """
    if not await is_current(url, answer_s=_START_S):
        raise StorageError(
            f"the database {shown(url)} does not have this version's schema: run `postroad"
            " migrate`, or start the server"
        )
    connection = await connect(url, answer_s=_START_S)
    try:
        cipher = await _cipher(connection, key, url)
    except ERRORS as error:
        raise failed(error) from error
    finally:
        await connection.close(timeout=SERVER_ANSWER_S)
    return await PostgresqlDatabase.open(
        url,
        cipher=cipher,
        answer_s=COMMAND_ANSWER_S,
        may_be_unsafe=True,
        name="postroad command",
    )


async def _examine(connection: Any, url: str, *, may_be_unsafe: bool) -> None:
    """Make sure that the server will do.

    raises: StorageError.
    """
    version, encoding, is_standby, *settings = await connection.fetchrow(
        "SELECT CAST(current_setting('server_version_num') AS integer),"
        " current_setting('server_encoding'), pg_is_in_recovery(),"
        f" {durability.SETTINGS}"
    )
    where = shown(url)
    if version < OLDEST:
        raise StorageError(f"{where} is PostgreSQL {version // 10_000}; Postroad needs 13 or newer")
    if encoding != "UTF8":
        raise StorageError(
            f"{where} has the encoding {encoding}; Postroad needs a database in UTF8"
        )
    if is_standby:
        raise StorageError(f"{where} is a standby, which takes no writes: give the primary's URL")
    if not may_be_unsafe:
        durability.check(tuple(settings))


async def _cipher(connection: Any, key: Path, url: str) -> Cipher:
    """Return the cipher of the key file, which is made when nothing was encrypted yet.

    raises: StorageError when it is not the one that the database was made with.
    """
    check = await _check(connection)
    is_new = check is None and not await connection.fetchval(
        "SELECT EXISTS (SELECT 1 FROM operator) OR EXISTS (SELECT 1 FROM app)"
        " OR EXISTS (SELECT 1 FROM relay)"
    )
    try:
        cipher = Cipher.open(key, may_create=is_new)
    except StorageError as error:
        if not isinstance(error.__cause__, FileNotFoundError):
            raise
        raise StorageError(f"{error}: copy it from the first server's data folder") from error
    if check is None:
        # Of two that come at once the first one's counts, and the other finds it.
        await connection.execute(
            "INSERT INTO installation (name, value) VALUES ('key', $1) ON CONFLICT DO NOTHING",
            cipher.encrypt(_CHECK, _ABOUT),
        )
        check = await _check(connection)
    try:
        fits = check is not None and cipher.decrypt(check, _ABOUT) == _CHECK
    except StorageError:
        fits = False
    if not fits:
        raise OtherKeyError(
            f"the key file {key} is not the one that {shown(url)} was made with: each"
            " server needs a copy of the key file of the first one's data folder"
        )
    return cipher


async def _check(connection: Any) -> bytes | None:
    found: bytes | None = await connection.fetchval(
        "SELECT value FROM installation WHERE name = 'key'"
    )
    return found
