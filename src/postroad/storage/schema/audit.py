"""The tables of the audit log."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text

from postroad.storage.schema import metadata

# No key to what an entry tells of: entries stay when it is gone.
audit = Table(
    "audit",
    metadata,
    Column(
        "seq",
        BigInteger().with_variant(Integer(), "sqlite"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("at", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("app_id", Text),
    Column("target", Text, nullable=False),
    Column("changes", Text, nullable=False),  # canonical JSON
    Column("hash", Text, nullable=False),
    Index(None, "app_id", "seq"),
    Index(None, "actor", "seq"),
    Index(None, "action", "seq"),
)

# One row: the end of the chain. Who adds an entry changes it first, so that nobody else can until
# the transaction ends.
audit_end = Table(
    "audit_end",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", Text, nullable=False),
)
