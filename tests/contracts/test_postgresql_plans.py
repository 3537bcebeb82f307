"""How PostgreSQL finds what the lists ask for: there is an index for every step."""

from __future__ import annotations

import pytest
from tests.contracts.mail_stores import Runner
from tests.contracts.test_mail_plans import listed
from tests.support import postgresql

pytestmark = pytest.mark.parametrize("engine", ["postgresql"], indirect=True)

_SCANNED = "SELECT relname FROM pg_stat_user_tables WHERE seq_scan > 0"


def test_whatever_is_listed_no_table_has_to_be_scanned(run: Runner) -> None:
    url = run.place.url
    # The tables of a test are so small that the planner would go through them anyway.
    name = url.rpartition("/")[2]
    postgresql.execute(url, f"ALTER DATABASE {name} SET enable_seqscan = off")
    postgresql.execute(url, "SELECT pg_stat_reset()")

    run(listed)

    scanned = {row[0] for row in postgresql.rows(url, _SCANNED)}
    assert not scanned & {"message", "recipient", "send_log", "search_posting", "attempt", "queue"}
