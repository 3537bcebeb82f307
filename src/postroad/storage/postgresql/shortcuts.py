"""What nearly every message needs, as one statement for the engine: one journey to it and back.

A statement that changes rows may stand in the WITH of another; all of them see what there was
before, and succeed or fail as one (https://www.postgresql.org/docs/current/queries-with.html §7.8).
"""

# ruff: noqa: S608 - the statements are made of constants

from __future__ import annotations

from collections.abc import Mapping

from postroad.storage import columns


def _given(types: Mapping[str, str]) -> str:
    """Return the parameters as a table of one row."""
    return ", ".join(f'CAST(? AS {kind}) AS "{name}"' for name, kind in types.items())


_STORED = """
stored AS (
    INSERT INTO message (id, app_id, door, message_id, from_, subject, reverse_path,
        needs_smtputf8, is_transparent, created_at, expires_at, relay_id, is_kept_out_of_retry,
        size_octets)
    SELECT id, app_id, door, header_id, from_, subject, reverse_path,
        needs_smtputf8, is_transparent, created_at, expires_at, relay_id, is_kept_out_of_retry,
        size_octets FROM given),
kept AS (
    INSERT INTO content (message_id, is_compressed, octets)
    SELECT id, is_compressed, octets FROM given),
addressed AS (
    INSERT INTO recipient (message_id, position, address, path, state, code, enhanced, text,
        updated_at)
    SELECT id, 0, address, path, state, 0, '', '', created_at FROM given),
queued AS (
    INSERT INTO queue (message_id, due, lease_token, lease_until)
    SELECT id, due, lease_token, lease_until FROM given
    WHERE due IS NOT NULL OR lease_token IS NOT NULL),
begun AS (
    INSERT INTO attempt (message_id, number, id, started_at, relay_id, phase, error)
    SELECT id, 1, attempt_id, at, relay_id, '', '' FROM given WHERE lease_token IS NOT NULL)
INSERT INTO send_log (id, app_id, at, door, ip, recipient, title, status, reason, account,
    message_id)
SELECT log_id, app_id, logged_at, door, ip, logged_recipient, title, status, reason, account, id
FROM given
"""

TAKE_IN = f"WITH given AS (SELECT {_given(columns.TAKE_IN)}), {_STORED}"
"""Stores a message with one recipient and its log entry."""

TAKE_IN_COUNTED = f"""
WITH asked AS (SELECT {_given(columns.TAKE_IN_COUNTED)}),
counted AS (
    INSERT INTO quota_counter (app_id, key, count, until)
    SELECT app_id, counter, 1, counter_until FROM asked
    ON CONFLICT (app_id, key) DO UPDATE SET
        count = CASE WHEN quota_counter.until > (SELECT at FROM asked)
                AND quota_counter.until <= (SELECT counter_latest FROM asked)
            THEN quota_counter.count + 1 ELSE 1 END,
        until = CASE WHEN quota_counter.until > (SELECT at FROM asked)
                AND quota_counter.until <= (SELECT counter_latest FROM asked)
            THEN quota_counter.until ELSE excluded.until END
    WHERE quota_counter.until <= (SELECT at FROM asked)
        OR quota_counter.until > (SELECT counter_latest FROM asked)
        OR quota_counter.count < (SELECT most FROM asked)
    RETURNING count, until),
given AS (SELECT asked.* FROM asked CROSS JOIN counted), {_STORED}
RETURNING (SELECT count FROM counted), (SELECT until FROM counted)
"""
"""Does the same, and counts the message, unless its limit is reached: then it returns no row."""

SETTLE = f"""
WITH given AS (SELECT {_given(columns.SETTLE)}),
held AS (
    SELECT given.* FROM queue AS q JOIN given ON q.message_id = given.message_id
    WHERE q.lease_token = given.lease_token AND NOT EXISTS (SELECT 1 FROM attempt AS a
        WHERE a.message_id = given.message_id AND a.number > given.number)
    FOR UPDATE OF q),
gone AS (
    DELETE FROM queue USING held WHERE queue.message_id = held.message_id AND held.due IS NULL),
put_back AS (
    UPDATE queue SET due = held.due, lease_token = NULL, lease_until = NULL
    FROM held WHERE queue.message_id = held.message_id AND held.due IS NOT NULL),
ended AS (
    UPDATE attempt SET ended_at = held.at, relay_id = coalesce(held.relay_id, attempt.relay_id),
        code = held.outcome, phase = held.phase, error = held.error, transcript = held.transcript
    FROM held WHERE attempt.message_id = held.message_id AND attempt.number = held.number),
decided AS (
    UPDATE recipient SET state = held.state, code = held.code, enhanced = held.enhanced,
        text = held.text, updated_at = held.at
    FROM held WHERE recipient.message_id = held.message_id AND recipient.position = 0
        AND recipient.state IN ('sending', 'in_doubt'))
SELECT 1 FROM held
"""
"""Ends an attempt at one recipient; returns no row, and does nothing, when the lease was lost."""
