"""The walk from one database into another, and the proof that all of it arrived."""

# ruff: noqa: S608 - the statements are made of constants

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Final

from postroad.errors import StorageError
from postroad.storage.audit import append
from postroad.storage.cipher import Cipher
from postroad.storage.copying.tables import NewTables, Table, Tables, every_table
from postroad.tenancy.audit import Note

SEALED: Final = {
    "app": ("id", "signature", "old_signature"),
    "relay": ("id", "secret"),
    "installation": ("name", "value"),
}
"""By table its key, and the columns that are encrypted, each as "table:key:column"."""


async def copy(source: Tables, target: NewTables) -> dict[str, int]:
    """Copy every row of every table, complete the target, and return how many rows each has.

    raises: StorageError, also when the target then has not what the source has.
    """
    copied: dict[str, int] = {}
    for table in every_table():
        copied[table.name] = 0
        async for rows in source.batches(table):
            await target.add(table, rows)
            copied[table.name] += len(rows)
    for name, rows_copied in copied.items():
        there, here = await count(source, name), await count(target, name)
        if not there == here == rows_copied:
            raise StorageError(
                f"the copy of table {name} has {here:,} rows instead of {there:,}: is the source"
                " damaged? `postroad doctor` examines it"
            )
    await target.complete()
    return copied


async def count(tables: Tables, name: str) -> int:
    """Return how many rows a table has."""
    return int((await tables.execute(f'SELECT count(*) FROM "{name}"'))[0][0])


async def check_secrets(tables: Tables, cipher: Cipher) -> int:
    """Make sure that the key opens everything encrypted, and return how many secrets there are.

    raises: StorageError naming the first that it does not open.
    """
    opened = 0
    for name, (key, *columns) in SEALED.items():
        table = Table(name, (key, *columns), (str, *(bytes for _ in columns)))
        async for rows in tables.batches(table):
            for record_id, *values in rows:
                for column, sealed in zip(columns, values, strict=True):
                    if sealed is not None:
                        cipher.decrypt(sealed, f"{name}:{record_id}:{column}")
                        opened += 1
    return opened


async def note(tables: Tables, what: Note, at: datetime) -> None:
    """Write an entry of the audit log, unless its chain has no end.

    That is no reason not to restore: `postroad audit verify` tells of it.
    """
    if await count(tables, "audit_end") != 1:
        return
    work = append(what, at)
    statement = next(work)
    with suppress(StopIteration):
        while True:
            statement = work.send(await tables.execute(*statement))


async def open_recipients(tables: Tables) -> dict[str, int]:
    """Return how many recipients have not ended yet, by their state."""
    found = await tables.execute(f"SELECT state, count(*) FROM recipient {_OPEN} GROUP BY state")
    return {state: int(number) for state, number in sorted(found)}


_OPEN: Final = """
    WHERE state <> 'accepted'
        AND state IN ('queued', 'scheduled', 'deferred', 'sending', 'in_doubt', 'held')
"""


async def hold(tables: NewTables, why: str, at: int) -> dict[str, int]:
    """Hold whatever is open, so that nothing is sent until a person says so.

    why:     for the person; what state a recipient was in is told after it.
    at:      now, in microseconds.
    returns: how many recipients are held now, by the state they were in.
    """
    states = await open_recipients(tables)
    await tables.execute(
        "UPDATE recipient SET text = CAST(? AS text) || '; it was ' || state, state = 'held',"
        f" code = 0, enhanced = '', updated_at = ? {_OPEN} AND state <> 'held'",
        (why, at),
    )
    await tables.execute("DELETE FROM queue")
    return states
