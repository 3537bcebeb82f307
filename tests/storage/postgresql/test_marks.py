"""The stores' "?" as PostgreSQL's "$1"."""

from __future__ import annotations

import pytest

from postroad.storage.postgresql.marks import numbered


@pytest.mark.parametrize(
    ("sql", "as_numbered"),
    [
        ("SELECT 1", "SELECT 1"),
        ("SELECT ?, ?", "SELECT $1, $2"),
        ("a = ? AND b = '?' AND c = ?", "a = $1 AND b = '?' AND c = $2"),
        ("a = 'it''s ?' AND b = ?", "a = 'it''s ?' AND b = $1"),
        ('SELECT "a?" FROM t WHERE b = ?', 'SELECT "a?" FROM t WHERE b = $1'),
        ("SELECT ? -- why?\n, ?", "SELECT $1 -- why?\n, $2"),
        ("(?" + ", ?" * 10 + ")", "(" + ", ".join(f"${n}" for n in range(1, 12)) + ")"),
    ],
)
def test_each_mark_outside_quotes_and_comments_gets_its_number(sql: str, as_numbered: str) -> None:
    assert numbered(sql) == as_numbered
