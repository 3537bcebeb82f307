"""What the steps set up in each engine's own words."""

# ruff: noqa: S608 - the statements are made of constants

from __future__ import annotations

from alembic import op

_CHANGES = ("INSERT", "UPDATE", "DELETE")

# It counts at the end of a transaction and once: the row is everybody's, and who holds it while
# he does something else keeps the other servers waiting.
_COUNT = """
    CREATE FUNCTION count_tenant_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF current_setting('postroad.counted', true)
            IS DISTINCT FROM CAST(pg_current_xact_id() AS text)
        THEN
            PERFORM set_config('postroad.counted', CAST(pg_current_xact_id() AS text), true);
            UPDATE tenant_version SET number = number + 1;
        END IF;
        RETURN NULL;
    END $$
"""

# The sequence gives numbers in the order of the questions, transactions end in another. Who adds to
# the log holds, until his transaction ends, a lock that tells a number below all of his own; nobody
# waits for it. Before the first lock the number is read, so that it is below what comes.
_LOCK_TAG = 0x506F  # "Po", above the 48 bits of the number
_NUMBER_ENTRIES = f"""
    CREATE FUNCTION number_log_entry() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.seq IS NOT NULL THEN
            RETURN NEW;
        END IF;
        IF current_setting('postroad.logging', true)
            IS DISTINCT FROM CAST(pg_current_xact_id() AS text)
        THEN
            PERFORM set_config('postroad.logging', CAST(pg_current_xact_id() AS text), true);
            PERFORM pg_advisory_xact_lock_shared(
                (CAST({_LOCK_TAG} AS bigint) << 48) | send_log_last());
        END IF;
        NEW.seq := nextval('send_log_seq_seq');
        RETURN NEW;
    END $$
"""
_LAST = """
    CREATE FUNCTION send_log_last() RETURNS bigint LANGUAGE sql VOLATILE AS $$
        SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM send_log_seq_seq
    $$
"""
# In this order: an entry up to the number read first, whose transaction has no lock any more when
# the locks are read, is seen by whoever looks afterwards.
_END = f"""
    CREATE FUNCTION send_log_end() RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
    DECLARE
        last bigint := send_log_last();
        held bigint;
    BEGIN
        SELECT min(((CAST(classid AS bigint) & 65535) << 32) | CAST(objid AS bigint)) INTO held
        FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1
            AND CAST(classid AS bigint) >> 16 = {_LOCK_TAG}
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database());
        RETURN least(last, held);
    END $$
"""


def count_changes(*tables: str) -> None:
    """Let every change of these tables add to the number in tenant_version."""
    if _is_postgresql():
        for table in tables:
            op.execute(
                f"CREATE CONSTRAINT TRIGGER {table}_counts AFTER INSERT OR UPDATE OR DELETE"
                f" ON {table} DEFERRABLE INITIALLY DEFERRED"
                " FOR EACH ROW EXECUTE FUNCTION count_tenant_change()"
            )
        return
    for table in tables:
        for change in _CHANGES:
            op.execute(
                f"CREATE TRIGGER {table}_{change.lower()}_counts AFTER {change} ON {table}"
                " BEGIN UPDATE tenant_version SET number = number + 1; END"
            )


def prepare_counting() -> None:
    """Make what `count_changes` needs, once."""
    if _is_postgresql():
        op.execute(_COUNT)


def order_log() -> None:
    """Let readers of the send log know up to where it is complete: send_log_end()."""
    if _is_postgresql():
        op.execute("ALTER TABLE send_log ALTER COLUMN seq DROP DEFAULT")
        for function in (_LAST, _NUMBER_ENTRIES, _END):
            op.execute(function)
        op.execute(
            "CREATE TRIGGER number_entry BEFORE INSERT ON send_log"
            " FOR EACH ROW EXECUTE FUNCTION number_log_entry()"
        )


def _is_postgresql() -> bool:
    return op.get_context().dialect.name == "postgresql"
