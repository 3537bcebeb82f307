"""The table of what an installation says of itself."""

from __future__ import annotations

from sqlalchemy import Column, LargeBinary, Table, Text

from postroad.storage.schema import metadata

# "key": a text that is encrypted under the key file, so that another installation's file shows.
installation = Table(
    "installation",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
