"""The audit log and the end of its chain."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, PrimaryKeyConstraint, Text

revision = "0005"
down_revision = "0004"

_BEFORE_THE_FIRST = "00" * 32


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "audit",
        Column(
            "seq",
            BigInteger().with_variant(Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        Column("at", BigInteger(), nullable=False),
        Column("actor", Text(), nullable=False),
        Column("address", Text(), nullable=False),
        Column("action", Text(), nullable=False),
        Column("app_id", Text(), nullable=True),
        Column("target", Text(), nullable=False),
        Column("changes", Text(), nullable=False),
        Column("hash", Text(), nullable=False),
        PrimaryKeyConstraint("seq", name=op.f("pk_audit")),
    )
    op.create_index(op.f("ix_audit_action_seq"), "audit", ["action", "seq"], unique=False)
    op.create_index(op.f("ix_audit_actor_seq"), "audit", ["actor", "seq"], unique=False)
    op.create_index(op.f("ix_audit_app_id_seq"), "audit", ["app_id", "seq"], unique=False)
    op.create_table(
        "audit_end",
        Column("seq", BigInteger(), autoincrement=False, nullable=False),
        Column("hash", Text(), nullable=False),
        PrimaryKeyConstraint("seq", name=op.f("pk_audit_end")),
    )
    op.execute(f"INSERT INTO audit_end (seq, hash) VALUES (0, '{_BEFORE_THE_FIRST}')")  # noqa: S608
