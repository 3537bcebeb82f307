"""What can be said of a PostgreSQL database from outside, for `postroad doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from postroad.storage.engine import Database
from postroad.storage.migrations import HEAD
from postroad.storage.postgresql import durability
from postroad.storage.postgresql.connecting import SERVER, connect, shown
from postroad.storage.postgresql.failures import ERRORS, failed
from postroad.storage.postgresql.migrate import is_current

_ANSWER_S = 30.0

_SERVER = f"""
    SELECT split_part(current_setting('server_version'), ' ', 1),
        pg_size_pretty(pg_database_size(current_database())), {durability.SETTINGS}
"""
# An index that was never finished, or a constraint that was never checked, promises nothing.
_UNFINISHED = """
    SELECT CAST(indexrelid AS regclass)::text FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
    WHERE relnamespace = CAST(current_schema() AS regnamespace) AND NOT (indisvalid AND indisready)
    UNION ALL SELECT conname FROM pg_constraint
    WHERE connamespace = CAST(current_schema() AS regnamespace) AND NOT convalidated
"""
_SERVERS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = ?
"""
# As each session finds it: of a standby, or as it is set for the server, the database or the role.
_TAKES_NO_WRITES = """
    SELECT CASE WHEN pg_is_in_recovery() THEN 'it is a standby'
        WHEN current_setting('transaction_read_only') = 'on'
        THEN 'default_transaction_read_only is on' END
"""
_UNWRITABLE = """
    SELECT table_name, what
    FROM information_schema.tables, unnest(ARRAY['INSERT', 'UPDATE', 'DELETE']) AS what
    WHERE table_schema = current_schema() AND table_name <> 'alembic_version'
        AND NOT has_table_privilege(format('%I.%I', table_schema, table_name), what)
    ORDER BY table_name LIMIT 1
"""
_COLUMNS = """
    SELECT table_name, column_name FROM information_schema.columns
    WHERE table_schema = current_schema()
"""


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found.

    summary: what it is, as a sentence without its end.
    wrong:   what keeps it from working, "" for nothing.
    unsafe:  the settings that are off and let it lose what it has confirmed.
    """

    summary: str
    wrong: str = ""
    unsafe: tuple[str, ...] = ()


async def examine(url: str) -> Examination:
    """Look whether the schema is whole, and read a row of each table.

    raises: StorageError when the server cannot be asked, or the schema is of a newer version.
    """
    where = shown(url)
    if not await is_current(url, answer_s=_ANSWER_S):
        return Examination(where, f"{where} has not schema {HEAD}: run `postroad migrate`")
    connection = await connect(url, answer_s=_ANSWER_S)
    try:
        version, size, *settings = await connection.fetchrow(_SERVER)
        wrong = await _wrong(connection)
    except ERRORS as error:
        raise failed(error) from error
    finally:
        await connection.close(timeout=_ANSWER_S)
    return Examination(
        f"{where}, PostgreSQL {version}, {size}, schema {HEAD}",
        f"{where}: {wrong}" if wrong else "",
        tuple(durability.missing(tuple(settings))),
    )


async def servers(database: Database) -> int:
    """Return how many servers work on the database now."""
    found = await database.read_aside(_SERVERS, (SERVER,))
    return int(found[0][0])


async def _wrong(connection: Any) -> str:
    from postroad.storage.schema import load

    tables = load().tables
    there = {tuple(row) for row in await connection.fetch(_COLUMNS)}
    wanted = {(name, column.name) for name, table in tables.items() for column in table.columns}
    if missing := wanted - there:
        table, column = min(missing)
        return f"the column {column} of the table {table} is missing"
    if unfinished := await connection.fetch(_UNFINISHED):
        return f"{unfinished[0][0]} is not valid"
    if reason := await connection.fetchval(_TAKES_NO_WRITES):
        return f"it can be read only: {reason}"
    if refused := await connection.fetch(_UNWRITABLE):
        table, what = refused[0]
        return f"this role has no right to {what} in the table {table}"
    for name in tables:
        await connection.fetch(f'SELECT * FROM "{name}" LIMIT 1')  # noqa: S608 - a name of ours
    return ""
