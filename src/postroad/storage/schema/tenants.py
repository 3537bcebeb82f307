"""The tables of those who send; a column is named as its field in `tenancy.records`."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from postroad.storage.schema import metadata


def _owner() -> Column[str]:
    """Return the column of the app that a row belongs to; the row goes with its app."""
    return Column("app_id", Text, ForeignKey("app.id", ondelete="CASCADE"), nullable=False)


developer = Table(
    "developer",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("paid_until", BigInteger),
)

app = Table(
    "app",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("developer_id", Text, ForeignKey("developer.id")),
    Column("signature", LargeBinary, nullable=False),  # encrypted
    Column("old_signature", LargeBinary),  # encrypted
    Column("old_signature_until", BigInteger),
    Column("state", Text, nullable=False),
    Column("stop_prompt", Text, nullable=False),
    Column("tokens", Boolean, nullable=False),
    Column("account_min", Integer, nullable=False),
    Column("account_max", Integer, nullable=False),
    Column("interval_s", Integer, nullable=False),
    Column("window", Text, nullable=False),
    Column("send", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("in_doubt", Text),
    Column("time_limit_s", Float, nullable=False),
    Column("token_days", Integer, nullable=False),
    Column("from_", Text),
    Column("senders", Text, nullable=False),
    Column("allow_list", Text, nullable=False),
    Column("cors_origins", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("per_day", Integer, nullable=False),
    Column("per_month", Integer, nullable=False),
    Column("per_recipient_hour", Integer),
    Column("max_message", BigInteger, nullable=False),
    Column("max_recipients", Integer, nullable=False),
    Column("max_attachments", BigInteger, nullable=False),
    Column("name_key", Text),  # what the name is compared by; NULL: named by an older version
    Index(None, "developer_id"),
    Index("uq_app_name_key", "name_key", unique=True),
)

app_user = Table(
    "app_user",
    metadata,
    Column("id", Text, primary_key=True),
    _owner(),
    Column("account", Text, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("nickname", Text, nullable=False),
    Column("qq", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("login_at", BigInteger),
    UniqueConstraint("app_id", "account"),
)

user_token = Table(
    "user_token",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    _owner(),
    Column("user_id", Text, ForeignKey("app_user.id", ondelete="CASCADE"), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index(None, "user_id", "created_at"),
    Index(None, "app_id"),
    sqlite_with_rowid=False,
)

api_key = Table(
    "api_key",
    metadata,
    Column("id", Text, primary_key=True),
    Column("app_id", Text, ForeignKey("app.id", ondelete="CASCADE")),  # NULL: the operator's
    Column("name", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("hint", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("addresses", Text, nullable=False),
    Column("is_disabled", Boolean, nullable=False),
    Column("per_minute", Integer, nullable=False),
    UniqueConstraint("digest"),
    Index(None, "app_id"),
)

relay = Table(
    "relay",
    metadata,
    Column("id", Text, primary_key=True),
    Column("app_id", Text, ForeignKey("app.id", ondelete="CASCADE")),  # NULL: the operator's
    Column("name", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("port", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("security", Text, nullable=False),
    Column("preset", Text, nullable=False),
    Column("username", Text, nullable=False),
    Column("secret", LargeBinary),  # encrypted
    Column("verify", Boolean, nullable=False),
    Column("cafile", Text, nullable=False),
    Column("allow_clear_auth", Boolean, nullable=False),
    Column("is_enabled", Boolean, nullable=False),
    Column("paused", Text, nullable=False),
    Column("connections", Integer, nullable=False),
    Column("per_minute", Integer, nullable=False),
    Column("per_day", Integer, nullable=False),
    Column("made_by", Text, nullable=False),
    UniqueConstraint("app_id", "name"),
    # NULLs are never equal, so that the constraint says nothing of the operator's.
    Index(
        "uq_relay_operator_name",
        "name",
        unique=True,
        sqlite_where=text("app_id IS NULL"),
        postgresql_where=text("app_id IS NULL"),
    ),
)

route = Table(
    "route",
    metadata,
    Column("id", Text, primary_key=True),
    _owner(),
    Column("relay_id", Text, ForeignKey("relay.id", ondelete="CASCADE"), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("from_", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Index(None, "app_id", "position"),
    Index(None, "relay_id"),
)

login_failure = Table(
    "login_failure",
    metadata,
    Column("key", Text, primary_key=True),
    Column("count", Integer, nullable=False),
    Column("at", BigInteger, nullable=False),  # the last one
    Index(None, "at"),
    sqlite_with_rowid=False,
)

operator = Table(
    "operator",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("is_setup", Boolean, nullable=False),
    UniqueConstraint("name"),
)

# One row. Every change of the tables above but login_failure adds to it (triggers do), so that what
# a process remembers of them can be checked by one short read.
tenant_version = Table(
    "tenant_version",
    metadata,
    Column("number", BigInteger, primary_key=True),
)
