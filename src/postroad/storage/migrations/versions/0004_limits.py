"""Limits: of apps and keys, and what was counted."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, PrimaryKeyConstraint, Text

revision = "0004"
down_revision = "0003"

_COLUMNS = {
    "app": {
        "per_day": Integer(),
        "per_month": Integer(),
        "max_message": BigInteger(),
        "max_recipients": Integer(),
        "max_attachments": BigInteger(),
    },
    "api_key": {"per_minute": Integer()},
}


def upgrade() -> None:
    """Add the columns, 0 where there are rows, and the table of counters."""
    for name, columns in _COLUMNS.items():
        with op.batch_alter_table(name) as table:
            for column, kind in columns.items():
                table.add_column(Column(column, kind, nullable=False, server_default="0"))
            if name == "app":
                table.add_column(Column("per_recipient_hour", Integer(), nullable=True))
        with op.batch_alter_table(name) as table:
            for column, kind in columns.items():
                table.alter_column(column, existing_type=kind, server_default=None)
        if op.get_context().dialect.name == "sqlite":  # the table is a new one, without triggers
            for change in ("INSERT", "UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {name}_{change.lower()}_counts AFTER {change} ON {name}"  # noqa: S608 - names of ours
                    " BEGIN UPDATE tenant_version SET number = number + 1; END"
                )
    op.create_table(
        "quota_counter",
        Column("app_id", Text(), nullable=False),
        Column("key", Text(), nullable=False),
        Column("count", Integer(), nullable=False),
        Column("until", BigInteger(), nullable=False),
        PrimaryKeyConstraint("app_id", "key", name=op.f("pk_quota_counter")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_quota_counter_until"), "quota_counter", ["until"], unique=False)
