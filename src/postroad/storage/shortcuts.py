"""What nearly every message needs, as one statement for the engine.

A message has one recipient and is stored in six tables. Each statement gives up the interpreter's
lock and takes it again, which a busy event loop makes slow, and several need a savepoint around
them. So each connection that writes has two views of its own, which store nothing: what is inserted
there, triggers put where it belongs. The engine undoes a statement as a whole when a part fails.
"""

# ruff: noqa: S608 - the statements are made of constants

from __future__ import annotations

import sqlite3

TAKE_IN = f"INSERT INTO temp.taking_in VALUES ({', '.join('?' * 32)})"
"""Stores a message with one recipient and its log entry; columns as in the view below."""

SETTLE = f"INSERT INTO temp.settling VALUES ({', '.join('?' * 14)})"
"""Ends an attempt at one recipient; fails as `is_lost` tells when the lease was lost."""

_LOST = "the lease was lost"

_VIEWS = """
CREATE TEMP VIEW taking_in AS SELECT
    0 AS id, 0 AS app_id, 0 AS door, 0 AS header_id, 0 AS from_, 0 AS subject, 0 AS reverse_path,
    0 AS needs_smtputf8, 0 AS is_transparent, 0 AS created_at, 0 AS expires_at, 0 AS relay_id,
    0 AS is_kept_out_of_retry, 0 AS size_octets, 0 AS is_compressed, 0 AS octets,
    0 AS address, 0 AS path, 0 AS state, 0 AS due, 0 AS lease_token, 0 AS lease_until,
    0 AS attempt_id, 0 AS at,
    0 AS log_id, 0 AS logged_at, 0 AS ip, 0 AS logged_recipient, 0 AS title, 0 AS status,
    0 AS reason, 0 AS account;

CREATE TEMP TRIGGER take_in INSTEAD OF INSERT ON taking_in BEGIN
    INSERT INTO message (id, app_id, door, message_id, from_, subject, reverse_path,
        needs_smtputf8, is_transparent, created_at, expires_at, relay_id, is_kept_out_of_retry,
        size_octets)
    VALUES (NEW.id, NEW.app_id, NEW.door, NEW.header_id, NEW.from_, NEW.subject, NEW.reverse_path,
        NEW.needs_smtputf8, NEW.is_transparent, NEW.created_at, NEW.expires_at, NEW.relay_id,
        NEW.is_kept_out_of_retry, NEW.size_octets);
    INSERT INTO content (message_id, is_compressed, octets)
    VALUES (NEW.id, NEW.is_compressed, NEW.octets);
    INSERT INTO recipient (message_id, position, address, path, state, code, enhanced, text,
        updated_at)
    VALUES (NEW.id, 0, NEW.address, NEW.path, NEW.state, 0, '', '', NEW.created_at);
    INSERT INTO queue (message_id, due, lease_token, lease_until)
    SELECT NEW.id, NEW.due, NEW.lease_token, NEW.lease_until
    WHERE NEW.due IS NOT NULL OR NEW.lease_token IS NOT NULL;
    INSERT INTO attempt (message_id, number, id, started_at, relay_id, phase, error)
    SELECT NEW.id, 1, NEW.attempt_id, NEW.at, NEW.relay_id, '', ''
    WHERE NEW.lease_token IS NOT NULL;
    INSERT INTO send_log (id, app_id, at, door, ip, recipient, title, status, reason, account,
        message_id)
    VALUES (NEW.log_id, NEW.app_id, NEW.logged_at, NEW.door, NEW.ip, NEW.logged_recipient,
        NEW.title, NEW.status, NEW.reason, NEW.account, NEW.id);
END;

CREATE TEMP VIEW settling AS SELECT
    0 AS message_id, 0 AS number, 0 AS lease_token, 0 AS due, 0 AS at, 0 AS relay_id, 0 AS outcome,
    0 AS phase, 0 AS error, 0 AS transcript,
    0 AS state, 0 AS code, 0 AS enhanced, 0 AS text;
"""

_SETTLE = f"""
CREATE TEMP TRIGGER settle INSTEAD OF INSERT ON settling BEGIN
    SELECT RAISE(ABORT, '{_LOST}') WHERE NOT EXISTS (
        SELECT 1 FROM queue WHERE message_id = NEW.message_id AND lease_token = NEW.lease_token
        AND NOT EXISTS (SELECT 1 FROM attempt AS a
            WHERE a.message_id = NEW.message_id AND a.number > NEW.number));
    DELETE FROM queue WHERE message_id = NEW.message_id AND NEW.due IS NULL;
    UPDATE queue SET due = NEW.due, lease_token = NULL, lease_until = NULL
    WHERE message_id = NEW.message_id AND NEW.due IS NOT NULL;
    UPDATE attempt SET ended_at = NEW.at, relay_id = coalesce(NEW.relay_id, relay_id),
        code = NEW.outcome, phase = NEW.phase, error = NEW.error, transcript = NEW.transcript
    WHERE message_id = NEW.message_id AND number = NEW.number;
    UPDATE recipient SET state = NEW.state, code = NEW.code, enhanced = NEW.enhanced,
        text = NEW.text, updated_at = NEW.at
    WHERE message_id = NEW.message_id AND position = 0 AND state IN ('sending', 'in_doubt');
END;
"""


def prepare(connection: sqlite3.Connection) -> None:
    """Give a connection the views."""
    connection.executescript(_VIEWS + _SETTLE)


def is_lost(error: sqlite3.Error) -> bool:
    """Whether `SETTLE` failed because the lease was lost."""
    return isinstance(error, sqlite3.IntegrityError) and str(error) == _LOST
