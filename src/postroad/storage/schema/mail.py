"""The tables of what is sent; a column is named as its field in `delivery.messages`."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    text,
)

from postroad.storage.schema import metadata

# A table keyed by text is one tree without row numbers and two with them. `content` keeps them:
# its rows are long, and a tree of keys holds only a quarter of a page of each.


def _message_id() -> Column[str]:
    return Column(
        "message_id", Text, ForeignKey("message.id", ondelete="CASCADE"), primary_key=True
    )


# Ids are UUIDv7, so the order of ids is the order of time; written once and never changed.
# message_id is the header field; in the other tables it is the id of this one.
message = Table(
    "message",
    metadata,
    Column("id", Text, primary_key=True),
    Column("app_id", Text, ForeignKey("app.id"), nullable=False),
    Column("door", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("from_", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("reverse_path", Text, nullable=False),
    Column("needs_smtputf8", Boolean, nullable=False),
    Column("is_transparent", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("relay_id", Text),
    Column("is_kept_out_of_retry", Boolean, nullable=False),
    Column("size_octets", BigInteger, nullable=False),
    Index(None, "app_id"),
    sqlite_with_rowid=False,
)

content = Table(
    "content",
    metadata,
    _message_id(),
    Column("is_compressed", Boolean, nullable=False),
    Column("octets", LargeBinary, nullable=False),
)

recipient = Table(
    "recipient",
    metadata,
    _message_id(),
    Column("position", Integer, primary_key=True),
    Column("address", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("code", Integer, nullable=False),
    Column("enhanced", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    # Nearly all mail ends accepted, and nobody looks for it by that.
    Index(
        None,
        "state",
        sqlite_where=text("state <> 'accepted'"),
        postgresql_where=text("state <> 'accepted'"),
    ),
    sqlite_with_rowid=False,
)

# A row for each message that waits for its time or is under way; the content it needs cannot be
# erased meanwhile.
queue = Table(
    "queue",
    metadata,
    Column("message_id", Text, ForeignKey("content.message_id"), primary_key=True),
    Column("due", BigInteger),
    Column("lease_token", Text),
    Column("lease_until", BigInteger),
    CheckConstraint(
        "(due IS NULL) = (lease_token IS NOT NULL)"
        " AND (lease_token IS NULL) = (lease_until IS NULL)",
        name="due_or_leased",
    ),
    Index(
        None,
        "due",
        sqlite_where=text("due IS NOT NULL"),
        postgresql_where=text("due IS NOT NULL"),
    ),
    Index(
        None,
        "lease_until",
        sqlite_where=text("lease_until IS NOT NULL"),
        postgresql_where=text("lease_until IS NOT NULL"),
    ),
    sqlite_with_rowid=False,
)

# Written before connecting: a row without `ended_at` is the record of an attempt whose outcome
# nobody learned.
attempt = Table(
    "attempt",
    metadata,
    _message_id(),
    Column("number", Integer, primary_key=True),
    Column("id", Text, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("relay_id", Text),
    Column("code", Integer),
    Column("phase", Text, nullable=False),
    Column("error", Text, nullable=False),
    Column("transcript", LargeBinary),
    sqlite_with_rowid=False,
)

# `seq` is the order of commits, which ids are not: a request that was checked for longer is
# stored later than one that came after it, and who follows the log must not miss it. (SQLite
# numbers rows by itself only in a column of the type INTEGER.)
# A request may name no app, and the entry stays when its message is erased: no foreign keys.
send_log = Table(
    "send_log",
    metadata,
    Column("seq", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True),
    Column("id", Text, nullable=False),
    Column("app_id", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("door", Text, nullable=False),
    Column("ip", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("message_id", Text),
    Index(None, "id", unique=True),
)

session_window = Table(
    "session_window",
    metadata,
    Column("app_id", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("until", BigInteger, nullable=False),
    Index(None, "until"),
    sqlite_with_rowid=False,
)

# How often in a window that ends at `until`. Requests are counted before anybody knows whose they
# are: app_id is "" then, and there is no foreign key.
quota_counter = Table(
    "quota_counter",
    metadata,
    Column("app_id", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("count", Integer, nullable=False),
    Column("until", BigInteger, nullable=False),
    Index(None, "until"),
    sqlite_with_rowid=False,
)
