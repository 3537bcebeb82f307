"""The tables that lists are found by, and the triggers that say what is to be put into them."""

# ruff: noqa: S608 - the statements are made of constants

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, LargeBinary, PrimaryKeyConstraint, Text

revision = "0006"
down_revision = "0005"

# States that are found by one term: a message goes from one to the other on its way.
_MOVING = "('queued', 'scheduled', 'sending', 'deferred')"
_CHANGES = f"OLD.state <> NEW.state AND NOT (OLD.state IN {_MOVING} AND NEW.state IN {_MOVING})"

_AGAIN = """
    INSERT INTO search_waiting (id, seq) SELECT e.id, e.seq FROM send_log AS e WHERE e.id = {id}
"""
_SQLITE = (
    """
    CREATE TRIGGER send_log_waits AFTER INSERT ON send_log BEGIN
        INSERT INTO search_waiting (id, seq) VALUES (NEW.id, NEW.seq);
    END
    """,
    f"""
    CREATE TRIGGER recipient_waits AFTER UPDATE OF state ON recipient
    WHEN {_CHANGES}
        AND NOT EXISTS (SELECT 1 FROM search_waiting AS w WHERE w.id = NEW.message_id)
    BEGIN {_AGAIN.format(id="NEW.message_id")}; END
    """,
    f"""
    CREATE TRIGGER message_waits AFTER DELETE ON message
    WHEN NOT EXISTS (SELECT 1 FROM search_waiting AS w WHERE w.id = OLD.id)
    BEGIN {_AGAIN.format(id="OLD.id")}; END
    """,
)
# Who finds that it waits holds its row until his transaction ends: it is put into no chunk with
# the state that it had before.
_POSTGRESQL = (
    # Rows come and go, and every list reads all that are there.
    """
    ALTER TABLE search_waiting SET
        (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000)
    """,
    """
    CREATE FUNCTION entry_waits() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO search_waiting (id, seq) VALUES (NEW.id, NEW.seq);
        RETURN NULL;
    END $$
    """,
    f"""
    CREATE FUNCTION waits_again(the_id text) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM 1 FROM search_waiting AS w WHERE w.id = the_id FOR KEY SHARE;
        IF NOT FOUND THEN {_AGAIN.format(id="the_id")} ON CONFLICT DO NOTHING; END IF;
    END $$
    """,
    """
    CREATE FUNCTION recipient_waits() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM waits_again(NEW.message_id); RETURN NULL; END $$
    """,
    """
    CREATE FUNCTION message_waits() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM waits_again(OLD.id); RETURN NULL; END $$
    """,
    """
    CREATE TRIGGER send_log_waits AFTER INSERT ON send_log
    FOR EACH ROW EXECUTE FUNCTION entry_waits()
    """,
    f"""
    CREATE TRIGGER recipient_waits AFTER UPDATE OF state ON recipient
    FOR EACH ROW WHEN ({_CHANGES}) EXECUTE FUNCTION recipient_waits()
    """,
    """
    CREATE TRIGGER message_waits AFTER DELETE ON message
    FOR EACH ROW EXECUTE FUNCTION message_waits()
    """,
)


def upgrade() -> None:
    """Make them; what is there already waits for the server to put it in.

    Nothing else looks for these columns any more.
    """
    op.create_table(
        "search_waiting",
        Column("id", Text(), nullable=False),
        Column("seq", BigInteger(), nullable=False),
        PrimaryKeyConstraint("id", name=op.f("pk_search_waiting")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "search_chunk",
        Column("number", BigInteger(), autoincrement=False, nullable=False),
        Column("first_id", Text(), nullable=False),
        Column("last_id", Text(), nullable=False),
        Column("first_seq", BigInteger(), nullable=False),
        Column("last_seq", BigInteger(), nullable=False),
        Column("first_at", BigInteger(), nullable=False),
        Column("last_at", BigInteger(), nullable=False),
        Column("documents", LargeBinary(), nullable=False),
        PrimaryKeyConstraint("number", name=op.f("pk_search_chunk")),
    )
    op.create_table(
        "search_posting",
        Column("chunk", BigInteger(), autoincrement=False, nullable=False),
        Column("term", BigInteger(), autoincrement=False, nullable=False),
        Column("documents", LargeBinary(), nullable=False),
        PrimaryKeyConstraint("chunk", "term", name=op.f("pk_search_posting")),
        sqlite_with_rowid=False,
    )
    op.execute("INSERT INTO search_waiting (id, seq) SELECT id, seq FROM send_log")
    op.drop_index(op.f("ix_recipient_address"), table_name="recipient")
    op.drop_index(op.f("ix_send_log_recipient"), table_name="send_log")
    op.drop_index(op.f("ix_send_log_app_id"), table_name="send_log")
    is_postgresql = op.get_context().dialect.name == "postgresql"
    for statement in _POSTGRESQL if is_postgresql else _SQLITE:
        op.execute(statement)
