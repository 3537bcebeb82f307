"""The tables of what is sent."""

from __future__ import annotations

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Text,
    text,
)

from postroad.storage.migrations.triggers import order_log

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "send_log",
        Column("seq", BigInteger().with_variant(Integer(), "sqlite"), nullable=False),
        Column("id", Text(), nullable=False),
        Column("app_id", Text(), nullable=False),
        Column("at", BigInteger(), nullable=False),
        Column("door", Text(), nullable=False),
        Column("ip", Text(), nullable=False),
        Column("recipient", Text(), nullable=False),
        Column("title", Text(), nullable=False),
        Column("status", Text(), nullable=False),
        Column("reason", Text(), nullable=False),
        Column("account", Text(), nullable=False),
        Column("message_id", Text(), nullable=True),
        PrimaryKeyConstraint("seq", name=op.f("pk_send_log")),
    )
    order_log()
    op.create_index(op.f("ix_send_log_app_id"), "send_log", ["app_id"], unique=False)
    op.create_index(op.f("ix_send_log_id"), "send_log", ["id"], unique=True)
    op.create_index(op.f("ix_send_log_recipient"), "send_log", ["recipient"], unique=False)
    op.create_table(
        "session_window",
        Column("app_id", Text(), nullable=False),
        Column("key", Text(), nullable=False),
        Column("until", BigInteger(), nullable=False),
        PrimaryKeyConstraint("app_id", "key", name=op.f("pk_session_window")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_session_window_until"), "session_window", ["until"], unique=False)
    op.create_table(
        "message",
        Column("id", Text(), nullable=False),
        Column("app_id", Text(), nullable=False),
        Column("door", Text(), nullable=False),
        Column("message_id", Text(), nullable=False),
        Column("from_", Text(), nullable=False),
        Column("subject", Text(), nullable=False),
        Column("reverse_path", Text(), nullable=False),
        Column("needs_smtputf8", Boolean(), nullable=False),
        Column("is_transparent", Boolean(), nullable=False),
        Column("created_at", BigInteger(), nullable=False),
        Column("expires_at", BigInteger(), nullable=False),
        Column("relay_id", Text(), nullable=True),
        Column("is_kept_out_of_retry", Boolean(), nullable=False),
        Column("size_octets", BigInteger(), nullable=False),
        ForeignKeyConstraint(["app_id"], ["app.id"], name=op.f("fk_message_app_id")),
        PrimaryKeyConstraint("id", name=op.f("pk_message")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_message_app_id"), "message", ["app_id"], unique=False)
    op.create_table(
        "attempt",
        Column("message_id", Text(), nullable=False),
        Column("number", Integer(), nullable=False),
        Column("id", Text(), nullable=False),
        Column("started_at", BigInteger(), nullable=False),
        Column("ended_at", BigInteger(), nullable=True),
        Column("relay_id", Text(), nullable=True),
        Column("code", Integer(), nullable=True),
        Column("phase", Text(), nullable=False),
        Column("error", Text(), nullable=False),
        Column("transcript", LargeBinary(), nullable=True),
        ForeignKeyConstraint(
            ["message_id"], ["message.id"], name=op.f("fk_attempt_message_id"), ondelete="CASCADE"
        ),
        PrimaryKeyConstraint("message_id", "number", name=op.f("pk_attempt")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "content",
        Column("message_id", Text(), nullable=False),
        Column("is_compressed", Boolean(), nullable=False),
        Column("octets", LargeBinary(), nullable=False),
        ForeignKeyConstraint(
            ["message_id"], ["message.id"], name=op.f("fk_content_message_id"), ondelete="CASCADE"
        ),
        PrimaryKeyConstraint("message_id", name=op.f("pk_content")),
    )
    op.create_table(
        "recipient",
        Column("message_id", Text(), nullable=False),
        Column("position", Integer(), nullable=False),
        Column("address", Text(), nullable=False),
        Column("path", Text(), nullable=False),
        Column("state", Text(), nullable=False),
        Column("code", Integer(), nullable=False),
        Column("enhanced", Text(), nullable=False),
        Column("text", Text(), nullable=False),
        Column("updated_at", BigInteger(), nullable=False),
        ForeignKeyConstraint(
            ["message_id"], ["message.id"], name=op.f("fk_recipient_message_id"), ondelete="CASCADE"
        ),
        PrimaryKeyConstraint("message_id", "position", name=op.f("pk_recipient")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_recipient_address"), "recipient", ["address"], unique=False)
    op.create_index(
        op.f("ix_recipient_state"),
        "recipient",
        ["state"],
        unique=False,
        sqlite_where=text("state <> 'accepted'"),
        postgresql_where=text("state <> 'accepted'"),
    )
    op.create_table(
        "queue",
        Column("message_id", Text(), nullable=False),
        Column("due", BigInteger(), nullable=True),
        Column("lease_token", Text(), nullable=True),
        Column("lease_until", BigInteger(), nullable=True),
        CheckConstraint(
            "(due IS NULL) = (lease_token IS NOT NULL)"
            " AND (lease_token IS NULL) = (lease_until IS NULL)",
            name=op.f("ck_queue_due_or_leased"),
        ),
        ForeignKeyConstraint(
            ["message_id"], ["content.message_id"], name=op.f("fk_queue_message_id")
        ),
        PrimaryKeyConstraint("message_id", name=op.f("pk_queue")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_queue_due"),
        "queue",
        ["due"],
        unique=False,
        sqlite_where=text("due IS NOT NULL"),
        postgresql_where=text("due IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_queue_lease_until"),
        "queue",
        ["lease_until"],
        unique=False,
        sqlite_where=text("lease_until IS NOT NULL"),
        postgresql_where=text("lease_until IS NOT NULL"),
    )
