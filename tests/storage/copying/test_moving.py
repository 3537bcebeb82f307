"""A database whose mail moves away."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from tests.storage.copying.filled import ROWS, THEN, Ends

from postroad.errors import ConflictError, StorageError
from postroad.storage.copying.moving import leaving
from postroad.storage.copying.walk import count
from postroad.storage.rows import micros
from postroad.storage.sqlite.files import connect

URL = "postgresql://postroad@db.example/postroad"


@pytest.fixture
def source(ends: Ends) -> Path:
    """A database with rows in every table."""
    place = ends.filled("sqlite", "source")
    assert isinstance(place, Path)
    return place


def lease(path: Path, token: str) -> None:
    """Have a process send a message for the next minute after THEN."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "UPDATE queue SET lease_token = ?, lease_until = ? WHERE lease_token IS NOT NULL",
            (token, micros(THEN + timedelta(minutes=1))),
        )


def test_nobody_else_writes_until_it_is_over(source: Path) -> None:
    with (
        leaving(source),
        closing(sqlite3.connect(source, timeout=0)) as other,
        pytest.raises(sqlite3.OperationalError, match="locked"),
    ):
        other.execute("UPDATE app SET name = 'x'")

    with closing(sqlite3.connect(source, timeout=0)) as other:
        other.execute("UPDATE app SET name = 'x'")


def test_what_is_not_marked_stays_as_it_was(source: Path) -> None:
    with leaving(source) as found:
        found.check(THEN)
        assert asyncio.run(count(found.tables, "message")) == ROWS

    connect(source).close()


def test_what_is_marked_is_opened_by_nobody_who_is_told_where_it_is(source: Path) -> None:
    with leaving(source) as found:
        found.mark(URL, THEN)

    with pytest.raises(StorageError) as caught:
        connect(source)

    assert str(caught.value) == (
        f"{source} moved to {URL} on 2026-03-04 05:06 UTC: set POSTROAD_DATABASE to the URL"
        " that you gave to `postroad copy --to`, or `postroad copy --undo` to send from here again"
    )


def test_a_mark_is_taken_back(source: Path) -> None:
    with leaving(source) as found:
        found.mark(URL, THEN)
    with leaving(source) as found:
        assert found.moved_to == URL

        found.unmark()

    connect(source).close()
    with leaving(source) as found:
        assert found.moved_to == ""


def test_what_a_command_is_sending_just_now_keeps_all_here(source: Path) -> None:
    lease(source, "command:1")

    with leaving(source) as found:
        with pytest.raises(ConflictError, match="a command is sending message"):
            found.check(THEN)
        found.check(THEN + timedelta(minutes=1))


def test_what_a_dead_server_was_sending_moves_too(source: Path) -> None:
    lease(source, "server:1")

    with leaving(source) as found:
        found.check(THEN)


@pytest.mark.parametrize("version", ["0001", "9999"])
def test_another_schema_is_refused(source: Path, version: str) -> None:
    with closing(sqlite3.connect(source)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (version,))

    with leaving(source) as found, pytest.raises(StorageError, match=f"has schema {version}"):
        found.check(THEN)


def test_a_database_that_is_not_there_is_refused(ends: Ends) -> None:
    with pytest.raises(StorageError, match="there is no database at"), leaving(ends.folder / "no"):
        pass
