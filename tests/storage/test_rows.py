"""Records as rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from postroad.errors import StorageError
from postroad.storage.rows import Shape, micros, moment
from postroad.tenancy.records import Developer, Route

NOW = datetime(2026, 3, 4, 5, 6, 7, 890123, tzinfo=UTC)


def test_a_time_of_another_zone_is_kept_as_utc() -> None:
    seoul = NOW.astimezone(timezone(timedelta(hours=9)))

    assert moment(micros(seoul)) == NOW
    assert moment(micros(seoul)).tzinfo is UTC


@pytest.mark.parametrize(
    "row",
    [
        ("d", "Kim", "not a number", "normal", None),
        ("d", "Kim", 10**30, "normal", None),
        ("d", "Kim", 1, "nonsense", None),
        ("d", "Kim", 1),
    ],
)
def test_a_row_that_holds_something_else_is_damaged(row: tuple[object, ...]) -> None:
    with pytest.raises(StorageError, match="a row of developer is damaged"):
        Shape(Developer, "developer").read(row)


def test_statements_name_every_column_in_the_order_of_the_fields() -> None:
    shape = Shape(Route, "route")

    columns = '"id", "app_id", "relay_id", "created_at", "from_", "position"'
    assert shape.select("id = ?") == f"SELECT {columns} FROM route WHERE id = ?"
    assert shape.insert() == f"INSERT INTO route ({columns}) VALUES (?, ?, ?, ?, ?, ?)"
