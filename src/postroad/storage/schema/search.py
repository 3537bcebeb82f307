"""The tables that lists are found by: made of the others, and made anew from them at any time."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, LargeBinary, Table, Text

from postroad.storage.schema import metadata

# Log entries that stand in no chunk yet, or whose message has changed since. Triggers add them.
search_waiting = Table(
    "search_waiting",
    metadata,
    Column("id", Text, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

# Some 2,000 log entries each, with their messages; documents: 16 octets of the id and 8 of the
# number for each.
search_chunk = Table(
    "search_chunk",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("first_id", Text, nullable=False),
    Column("last_id", Text, nullable=False),
    Column("first_seq", BigInteger, nullable=False),
    Column("last_seq", BigInteger, nullable=False),
    Column("first_at", BigInteger, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    Column("documents", LargeBinary, nullable=False),
)

# Which documents of a chunk have a term.
search_posting = Table(
    "search_posting",
    metadata,
    Column("chunk", BigInteger, primary_key=True, autoincrement=False),
    Column("term", BigInteger, primary_key=True, autoincrement=False),
    Column("documents", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
