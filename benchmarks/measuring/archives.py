"""The archive in a database of each engine, made once and kept in .check/listing."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sqlite3
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import asyncpg
from benchmarks.measuring import archive
from benchmarks.measuring.programs import ROOT, MeasurementError
from tests.support import postgresql

from postroad.storage.cipher import Cipher
from postroad.storage.directory import DirectoryStore
from postroad.storage.engine import Database
from postroad.storage.migrations import HEAD
from postroad.storage.postgresql.database import PostgresqlDatabase
from postroad.storage.postgresql.migrate import migrate as migrate_postgresql
from postroad.storage.search.index import SearchIndex
from postroad.storage.sqlite.database import SqliteDatabase
from postroad.storage.sqlite.migrate import migrate as migrate_sqlite
from postroad.tenancy.records import App

T = TypeVar("T")
Rows = list[tuple[Any, ...]]
Put = Callable[[str, Sequence[str], Rows], Awaitable[None]]
"""Adds rows to some columns of a table."""

_FOLDER: Final = ROOT / ".check" / "listing"
_BATCH: Final = 10_000
_PATIENT_S: Final = 600.0
_NAME: Final = "archive"
_SETTINGS: Final = {
    "shared_buffers": "128MB",
    "autovacuum": "on",
    "max_wal_size": "4GB",
    "fsync": "off",
}
_TABLES: Final = (
    ("message", archive.MESSAGE),
    ("recipient", archive.RECIPIENT),
    ("send_log", archive.ENTRY),
)


@dataclass(frozen=True, slots=True)
class Made:
    """What making it took: seconds to store, and to make the index; and its size in MB."""

    version: str
    stored_s: float
    indexed_s: float
    size_mb: float


class Archive:
    """The archive on one engine."""

    name: str

    def __init__(self, messages: int) -> None:
        self.folder = _FOLDER / f"{self.name.lower()}-{messages}-{HEAD}"
        self._messages = messages
        self._done = self.folder / "done.json"

    @contextmanager
    def kept(self) -> Iterator[Made]:
        """Make it unless it is there; meanwhile `use` can be called.

        raises: MeasurementError when the engine cannot be run.
        """
        if not self._done.exists():
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True)
        with self._running():
            if not self._done.exists():
                print(f"{self.name}: {self._messages:,} messages are stored", file=sys.stderr)
                made = asyncio.run(self._make())
                self._done.write_text(json.dumps(asdict(made)), "utf-8")
            yield Made(**json.loads(self._done.read_text("utf-8")))

    def use(self, work: Callable[[Database], Awaitable[T]]) -> T:
        """Return the result of work on the database."""
        return asyncio.run(self._used(work))

    async def _used(self, work: Callable[[Database], Awaitable[T]]) -> T:
        database = await self._open()
        try:
            return await work(database)
        finally:
            await database.aclose()

    async def _make(self) -> Made:
        await self._migrate()
        database = await self._open()
        try:
            apps = DirectoryStore(database).apps
            for app_id in archive.APPS:
                await apps.add(App(app_id, app_id, archive.FIRST, signature="s" * 32))
            began = time.perf_counter()
            await self._store(database)
            stored = time.perf_counter()
            index = SearchIndex(database)
            while await index.catch_up():
                pass
            indexed = time.perf_counter()
        finally:
            await database.aclose()
        version, size_mb = await self._finish()
        return Made(version, stored - began, indexed - stored, size_mb)

    async def _store_all(self, put: Put) -> None:
        for rows in archive.rows(self._messages, batch=_BATCH):
            theirs = (rows.messages, rows.recipients, rows.entries)
            for (table, names), some in zip(_TABLES, theirs, strict=True):
                await put(table, names, some)

    def _running(self) -> AbstractContextManager[object]:
        raise NotImplementedError

    async def _migrate(self) -> None:
        raise NotImplementedError

    async def _open(self) -> Database:
        raise NotImplementedError

    async def _store(self, database: Database) -> None:
        raise NotImplementedError

    async def _finish(self) -> tuple[str, float]:
        """Return the engine's version and the size in MB."""
        raise NotImplementedError


class Sqlite(Archive):
    """In a file."""

    name = "SQLite"

    def _running(self) -> AbstractContextManager[object]:
        return nullcontext()

    @property
    def _path(self) -> Path:
        return self.folder / "postroad.db"

    async def _migrate(self) -> None:
        migrate_sqlite(self._path)

    async def _open(self) -> Database:
        cipher = Cipher.open(self.folder / "key")
        return SqliteDatabase.open(self._path, is_server=True, cipher=cipher)

    async def _store(self, database: Database) -> None:
        assert isinstance(database, SqliteDatabase)

        async def put(table: str, names: Sequence[str], rows: Rows) -> None:
            marks = ", ".join("?" * len(names))
            sql = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})"
            await database.on_connection(lambda engine: engine.executemany(sql, rows).close())

        await self._store_all(put)

    async def _finish(self) -> tuple[str, float]:
        return sqlite3.sqlite_version, self._path.stat().st_size / 1e6


class Postgresql(Archive):
    """On a server of its own."""

    name = "PostgreSQL"

    @contextmanager
    def _running(self) -> Iterator[object]:
        if why := postgresql.why_not():
            raise MeasurementError(why)
        place = self.folder / "server"
        place.mkdir(exist_ok=True)
        if os.geteuid() == 0:
            shutil.chown(place, postgresql._account() or 0)  # noqa: SLF001 - the server's user
        for old in place.glob("run-*"):
            shutil.rmtree(old)
        self._server = _Kept(place, _SETTINGS)
        self._server.start()
        try:
            yield None
        finally:
            self._server.stop()

    @property
    def _url(self) -> str:
        return self._server.url(_NAME)

    async def _migrate(self) -> None:
        connection = await asyncpg.connect(self._server.url("postgres"))
        await connection.execute(f"CREATE DATABASE {_NAME} TEMPLATE template0 ENCODING 'UTF8'")
        await connection.close()
        await migrate_postgresql(self._url)

    async def _open(self) -> Database:
        cipher = Cipher.open(self.folder / "key")
        return await PostgresqlDatabase.open(
            self._url, cipher=cipher, answer_s=_PATIENT_S, may_be_unsafe=True
        )

    async def _store(self, database: Database) -> None:  # noqa: ARG002 - COPY is the driver's
        connection = await asyncpg.connect(self._url)

        async def put(table: str, names: Sequence[str], rows: Rows) -> None:
            await connection.copy_records_to_table(table, columns=names, records=rows)

        await self._store_all(put)
        # As the server's own housekeeping does before long.
        await connection.execute("ANALYZE")
        await connection.close()

    async def _finish(self) -> tuple[str, float]:
        connection = await asyncpg.connect(self._url)
        # All that waited at once left a long table; it shrinks when the last rows have gone.
        await connection.execute("VACUUM ANALYZE")
        await connection.execute("VACUUM FULL search_waiting")
        octets = await connection.fetchval("SELECT pg_database_size(current_database())")
        version = await connection.fetchval("SHOW server_version")
        await connection.close()
        return version.split()[0], octets / 1e6


class _Kept(postgresql.Postgresql):
    """A server whose databases stay when it is stopped."""

    def _initialize(self, settings: Mapping[str, str]) -> None:
        if not (self._data / "PG_VERSION").exists():
            super()._initialize(settings)


ENGINES: Final = (Sqlite, Postgresql)
