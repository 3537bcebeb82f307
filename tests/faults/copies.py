"""Whether the books of a database balance, whatever was under way when it was copied."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from postroad.delivery.states import State

# Each returns the messages that do not fit, and must return none.
_MISFITS = {
    "a message without recipients": """
        SELECT id FROM message WHERE id NOT IN (SELECT message_id FROM recipient)
    """,
    "a message without content": """
        SELECT id FROM message WHERE id NOT IN (SELECT message_id FROM content)
    """,
    "a message without its entry of the log": """
        SELECT id FROM message
        WHERE id NOT IN (SELECT message_id FROM send_log WHERE message_id IS NOT NULL)
    """,
    "an entry of the log without its message": """
        SELECT id FROM send_log
        WHERE message_id IS NOT NULL AND message_id NOT IN (SELECT id FROM message)
    """,
    "waiting, and not in the queue": """
        SELECT message_id FROM recipient WHERE state IN ('queued', 'deferred')
            AND message_id NOT IN (SELECT message_id FROM queue)
    """,
    "being sent, and nobody has a lease": """
        SELECT message_id FROM recipient WHERE state = 'sending'
            AND message_id NOT IN (SELECT message_id FROM queue WHERE lease_token IS NOT NULL)
    """,
    "in the queue, and nothing is open": """
        SELECT message_id FROM queue WHERE message_id NOT IN (SELECT message_id FROM recipient
            WHERE state IN ('queued', 'deferred', 'sending', 'in_doubt'))
    """,
    "a lease without an attempt that goes on": """
        SELECT message_id FROM queue WHERE lease_token IS NOT NULL
            AND message_id NOT IN (SELECT message_id FROM attempt WHERE ended_at IS NULL)
    """,
    "a state that there is not": f"""
        SELECT message_id FROM recipient WHERE state NOT IN ({", ".join(f"'{s}'" for s in State)})
    """,
}


def misfits(path: Path) -> dict[str, list[str]]:
    """Return what does not fit, and where; nothing when the books balance and the file is whole."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        found = {
            what: [str(row[0]) for row in connection.execute(sql)] for what, sql in _MISFITS.items()
        }
        found["damaged"] = [
            str(row[0])
            for row in connection.execute("PRAGMA integrity_check").fetchall()
            if row != ("ok",)
        ]
        found["refers to nothing"] = [
            str(row[0]) for row in connection.execute("PRAGMA foreign_key_check")
        ]
    return {what: where for what, where in found.items() if where}
