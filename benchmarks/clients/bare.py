"""What a send must cost at least: smtplib on an open connection, and two durable commits.

python -m benchmarks.clients.bare PORT FOLDER COUNT
"""

from __future__ import annotations

import json
import smtplib
import sqlite3
import sys
import time
from pathlib import Path
from statistics import median

from benchmarks.clients.fields import FROM_EMAIL, fields
from benchmarks.clients.standard_message import compose

_WARM_UP = 20


def main() -> None:
    port, folder, count = int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    connection = sqlite3.connect(folder / "bare.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE message (id INTEGER PRIMARY KEY, content BLOB, state TEXT)")
    content, to = compose(0).as_bytes(), fields(0).to_email
    took = []
    with smtplib.SMTP("127.0.0.1", port) as smtp:
        for number in range(-_WARM_UP, count):
            began = time.perf_counter()
            connection.execute("INSERT INTO message (content, state) VALUES (?, ?)", (content, "s"))
            smtp.sendmail(FROM_EMAIL, [to], content)
            connection.execute("UPDATE message SET state = 'a' WHERE id = last_insert_rowid()")
            if number >= 0:
                took.append(time.perf_counter() - began)
    print(json.dumps({"p50_ms": median(took) * 1000}))


if __name__ == "__main__":
    main()
