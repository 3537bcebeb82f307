"""The tables of those who send."""

from __future__ import annotations

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Text,
    UniqueConstraint,
    text,
)

from postroad.storage.migrations.triggers import count_changes, prepare_counting

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "developer",
        Column("id", Text(), nullable=False),
        Column("name", Text(), nullable=False),
        Column("created_at", BigInteger(), nullable=False),
        Column("state", Text(), nullable=False),
        Column("paid_until", BigInteger(), nullable=True),
        PrimaryKeyConstraint("id", name=op.f("pk_developer")),
    )
    op.create_table(
        "login_failure",
        Column("key", Text(), nullable=False),
        Column("count", Integer(), nullable=False),
        Column("at", BigInteger(), nullable=False),
        PrimaryKeyConstraint("key", name=op.f("pk_login_failure")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_login_failure_at"), "login_failure", ["at"], unique=False)
    op.create_table(
        "operator",
        Column("id", Text(), nullable=False),
        Column("name", Text(), nullable=False),
        Column("password_hash", Text(), nullable=False),
        Column("created_at", BigInteger(), nullable=False),
        Column("is_setup", Boolean(), nullable=False),
        PrimaryKeyConstraint("id", name=op.f("pk_operator")),
        UniqueConstraint("name", name=op.f("uq_operator_name")),
    )
    op.create_table(
        "app",
        Column("id", Text(), nullable=False),
        Column("name", Text(), nullable=False),
        Column("created_at", BigInteger(), nullable=False),
        Column("developer_id", Text(), nullable=True),
        Column("signature", LargeBinary(), nullable=False),
        Column("old_signature", LargeBinary(), nullable=True),
        Column("old_signature_until", BigInteger(), nullable=True),
        Column("state", Text(), nullable=False),
        Column("stop_prompt", Text(), nullable=False),
        Column("tokens", Boolean(), nullable=False),
        Column("account_min", Integer(), nullable=False),
        Column("account_max", Integer(), nullable=False),
        Column("interval_s", Integer(), nullable=False),
        Column("window", Text(), nullable=False),
        Column("send", Text(), nullable=False),
        Column("mode", Text(), nullable=False),
        Column("in_doubt", Text(), nullable=True),
        Column("time_limit_s", Float(), nullable=False),
        Column("token_days", Integer(), nullable=False),
        Column("from_", Text(), nullable=True),
        Column("senders", Text(), nullable=False),
        Column("allow_list", Text(), nullable=False),
        Column("cors_origins", Text(), nullable=False),
        Column("language", Text(), nullable=False),
        ForeignKeyConstraint(["developer_id"], ["developer.id"], name=op.f("fk_app_developer_id")),
        PrimaryKeyConstraint("id", name=op.f("pk_app")),
    )
    op.create_index(op.f("ix_app_developer_id"), "app", ["developer_id"], unique=False)
    op.create_table(
        "api_key",
        Column("id", Text(), nullable=False),
        Column("app_id", Text(), nullable=False),
        Column("name", Text(), nullable=False),
        Column("digest", LargeBinary(), nullable=False),
        Column("hint", Text(), nullable=False),
        Column("scopes", Text(), nullable=False),
        Column("created_at", BigInteger(), nullable=False),
        Column("expires_at", BigInteger(), nullable=True),
        Column("addresses", Text(), nullable=False),
        Column("is_disabled", Boolean(), nullable=False),
        ForeignKeyConstraint(
            ["app_id"], ["app.id"], name=op.f("fk_api_key_app_id"), ondelete="CASCADE"
        ),
        PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        UniqueConstraint("digest", name=op.f("uq_api_key_digest")),
    )
    op.create_index(op.f("ix_api_key_app_id"), "api_key", ["app_id"], unique=False)
    op.create_table(
        "app_user",
        Column("id", Text(), nullable=False),
        Column("app_id", Text(), nullable=False),
        Column("account", Text(), nullable=False),
        Column("password_hash", Text(), nullable=False),
        Column("created_at", BigInteger(), nullable=False),
        Column("nickname", Text(), nullable=False),
        Column("qq", Text(), nullable=False),
        Column("email", Text(), nullable=False),
        Column("state", Text(), nullable=False),
        Column("login_at", BigInteger(), nullable=True),
        ForeignKeyConstraint(
            ["app_id"], ["app.id"], name=op.f("fk_app_user_app_id"), ondelete="CASCADE"
        ),
        PrimaryKeyConstraint("id", name=op.f("pk_app_user")),
        UniqueConstraint("app_id", "account", name=op.f("uq_app_user_app_id_account")),
    )
    op.create_table(
        "relay",
        Column("id", Text(), nullable=False),
        Column("app_id", Text(), nullable=True),
        Column("name", Text(), nullable=False),
        Column("host", Text(), nullable=False),
        Column("port", Integer(), nullable=False),
        Column("created_at", BigInteger(), nullable=False),
        Column("security", Text(), nullable=False),
        Column("preset", Text(), nullable=False),
        Column("username", Text(), nullable=False),
        Column("secret", LargeBinary(), nullable=True),
        Column("verify", Boolean(), nullable=False),
        Column("cafile", Text(), nullable=False),
        Column("allow_clear_auth", Boolean(), nullable=False),
        Column("is_enabled", Boolean(), nullable=False),
        Column("paused", Text(), nullable=False),
        Column("connections", Integer(), nullable=False),
        Column("per_minute", Integer(), nullable=False),
        Column("per_day", Integer(), nullable=False),
        Column("made_by", Text(), nullable=False),
        ForeignKeyConstraint(
            ["app_id"], ["app.id"], name=op.f("fk_relay_app_id"), ondelete="CASCADE"
        ),
        PrimaryKeyConstraint("id", name=op.f("pk_relay")),
        UniqueConstraint("app_id", "name", name=op.f("uq_relay_app_id_name")),
    )
    op.create_index(
        "uq_relay_operator_name",
        "relay",
        ["name"],
        unique=True,
        sqlite_where=text("app_id IS NULL"),
        postgresql_where=text("app_id IS NULL"),
    )
    op.create_table(
        "route",
        Column("id", Text(), nullable=False),
        Column("app_id", Text(), nullable=False),
        Column("relay_id", Text(), nullable=False),
        Column("created_at", BigInteger(), nullable=False),
        Column("from_", Text(), nullable=False),
        Column("position", Integer(), nullable=False),
        ForeignKeyConstraint(
            ["app_id"], ["app.id"], name=op.f("fk_route_app_id"), ondelete="CASCADE"
        ),
        ForeignKeyConstraint(
            ["relay_id"], ["relay.id"], name=op.f("fk_route_relay_id"), ondelete="CASCADE"
        ),
        PrimaryKeyConstraint("id", name=op.f("pk_route")),
    )
    op.create_index(op.f("ix_route_app_id_position"), "route", ["app_id", "position"], unique=False)
    op.create_index(op.f("ix_route_relay_id"), "route", ["relay_id"], unique=False)
    op.create_table(
        "user_token",
        Column("digest", LargeBinary(), nullable=False),
        Column("app_id", Text(), nullable=False),
        Column("user_id", Text(), nullable=False),
        Column("created_at", BigInteger(), nullable=False),
        Column("expires_at", BigInteger(), nullable=False),
        ForeignKeyConstraint(
            ["app_id"], ["app.id"], name=op.f("fk_user_token_app_id"), ondelete="CASCADE"
        ),
        ForeignKeyConstraint(
            ["user_id"], ["app_user.id"], name=op.f("fk_user_token_user_id"), ondelete="CASCADE"
        ),
        PrimaryKeyConstraint("digest", name=op.f("pk_user_token")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_user_token_app_id"), "user_token", ["app_id"], unique=False)
    op.create_index(
        op.f("ix_user_token_user_id_created_at"),
        "user_token",
        ["user_id", "created_at"],
        unique=False,
    )
    op.create_table(
        "tenant_version",
        Column("number", BigInteger(), nullable=False),
        PrimaryKeyConstraint("number", name=op.f("pk_tenant_version")),
    )
    op.execute("INSERT INTO tenant_version (number) VALUES (0)")
    prepare_counting()
    count_changes("developer", "app", "app_user", "user_token", "api_key", "relay", "route")
