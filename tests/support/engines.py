"""The engines that the same suites run on, and new databases of each."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tests.support.folders import open_folder
from tests.support.postgresql import Postgresql

from postroad.storage.cipher import Cipher
from postroad.storage.engine import Database
from postroad.storage.postgresql.database import PostgresqlDatabase
from postroad.storage.sqlite.database import SqliteDatabase
from postroad.storage.sqlite.migrate import migrate

ENGINES = ("sqlite", "postgresql")

# Suites share the machine: what takes a second then says nothing about the code.
_PATIENT_S = 30.0


@dataclass(frozen=True)
class Place:
    """An empty database, and a folder of its own with the key file.

    url: as in the settings.
    """

    folder: Path
    url: str

    @classmethod
    def in_folder(cls, folder: Path) -> Place:
        """Return the SQLite file that is in a folder, or will be."""
        return cls(folder, f"sqlite:///{folder / 'postroad.db'}")

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file in the folder."""
        return self.url.startswith("sqlite:")

    async def open(self, *, is_server: bool = True) -> Database:
        """Open the database as a server does, or as a command beside one."""
        cipher = Cipher.open(self.folder / "key")
        if self.is_sqlite:
            path = self.folder / "postroad.db"
            return SqliteDatabase.open(path, is_server=is_server, cipher=cipher)
        return await PostgresqlDatabase.open(
            self.url, cipher=cipher, answer_s=_PATIENT_S, may_be_unsafe=True
        )


class Engine(Protocol):
    """An engine under test."""

    @property
    def name(self) -> str:
        """One of ENGINES."""
        ...

    def new(self) -> AbstractContextManager[Place]:
        """Make an empty database with the newest schema, and remove it afterwards."""
        ...


class Sqlite:
    """Files, copied from one that is made once.

    folder: for that one.
    """

    name = "sqlite"

    def __init__(self, folder: Path) -> None:
        self._template = folder / "postroad.db"
        migrate(self._template)

    @contextmanager
    def new(self) -> Iterator[Place]:
        """Make an empty file, in memory where there is such a place."""
        with open_folder() as folder:
            shutil.copy(self._template, folder / "postroad.db")
            Cipher.open(folder / "key")
            yield Place.in_folder(folder)


class OnPostgresql:
    """Databases of one server."""

    name = "postgresql"

    def __init__(self, server: Postgresql) -> None:
        self.server = server

    @contextmanager
    def new(self) -> Iterator[Place]:
        """Make an empty database."""
        with open_folder() as folder:
            Cipher.open(folder / "key")
            url = self.server.new_database()
            try:
                yield Place(folder, url)
            finally:
                self.server.drop(url)
