"""What nearly every message needs, as one statement for the engine.

A message has one recipient and is stored in six tables. Each statement gives up the interpreter's
lock and takes it again, which a busy event loop makes slow, and several need a savepoint around
them. So each connection that writes has two views of its own, which store nothing: what is inserted
there, triggers put where it belongs. The engine undoes a statement as a whole when a part fails.
"""

# ruff: noqa: S608 - the statements are made of constants

from __future__ import annotations

import sqlite3

from postroad.storage import columns

TAKE_IN = f"INSERT INTO temp.taking_in VALUES ({', '.join('?' * len(columns.TAKE_IN))})"
"""Stores a message with one recipient and its log entry."""

TAKE_IN_COUNTED = f"""
INSERT INTO temp.counting_in VALUES ({", ".join("?" * len(columns.TAKE_IN_COUNTED))})
RETURNING (SELECT count FROM quota_counter AS c WHERE c.app_id = counting_in.app_id
        AND c.key = counter),
    (SELECT until FROM quota_counter AS c WHERE c.app_id = counting_in.app_id AND c.key = counter)
"""
"""Does the same, and counts the message, unless its limit is reached: then it returns no row."""

SETTLE = f"INSERT INTO temp.settling VALUES ({', '.join('?' * len(columns.SETTLE))}) RETURNING 1"
"""Ends an attempt at one recipient; returns no row, and does nothing, when the lease was lost."""

_VIEWS = f"""
CREATE TEMP VIEW taking_in AS SELECT {", ".join(f"0 AS {name}" for name in columns.TAKE_IN)};

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

CREATE TEMP VIEW counting_in AS
SELECT {", ".join(f"0 AS {name}" for name in columns.TAKE_IN_COUNTED)};

CREATE TEMP TRIGGER count_in INSTEAD OF INSERT ON counting_in BEGIN
    SELECT RAISE(IGNORE) FROM quota_counter WHERE app_id = NEW.app_id AND key = NEW.counter
    AND until > NEW.at AND until <= NEW.counter_latest AND count >= NEW.most;
    INSERT INTO quota_counter (app_id, key, count, until)
    VALUES (NEW.app_id, NEW.counter, 1, NEW.counter_until)
    ON CONFLICT (app_id, key) DO UPDATE SET
        count = CASE WHEN quota_counter.until > NEW.at
                AND quota_counter.until <= NEW.counter_latest
            THEN quota_counter.count + 1 ELSE 1 END,
        until = CASE WHEN quota_counter.until > NEW.at
                AND quota_counter.until <= NEW.counter_latest
            THEN quota_counter.until ELSE excluded.until END;
    INSERT INTO taking_in VALUES ({", ".join(f"NEW.{name}" for name in columns.TAKE_IN)});
END;

CREATE TEMP VIEW settling AS SELECT {", ".join(f"0 AS {name}" for name in columns.SETTLE)};
"""

_SETTLE = """
CREATE TEMP TRIGGER settle INSTEAD OF INSERT ON settling BEGIN
    SELECT RAISE(IGNORE) WHERE NOT EXISTS (
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
