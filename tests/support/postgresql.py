"""A PostgreSQL server of the tests' own, from Debian's package, and databases on it."""

from __future__ import annotations

import asyncio
import itertools
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg
from tests.support.folders import open_folder
from tests.support.programs import LOOPBACK, Program, free_port

from postroad.storage.postgresql.marks import numbered
from postroad.storage.postgresql.migrate import migrate

USER = "postroad"
PASSWORD = "s3cret word"
TEMPLATE = "postroad_template"

_NO_WAITING = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
_STOP_S = 20.0
_numbers = itertools.count(1)


def programs() -> Path | None:
    """Return the folder of the newest server's programs, None when there is none."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda each: int(each.parts[4])
    )
    return found[-1].parent if found else None


def why_not() -> str:
    """Return why no server can be started here, "" when one can."""
    if programs() is None:
        return "PostgreSQL is not installed: scripts/install-test-needs does it"
    if os.geteuid() == 0 and (not shutil.which("setpriv") or _account() is None):
        return "PostgreSQL does not run as root, and there is no other user to run it"
    return ""


def _account() -> str | None:
    """Return the user that the server runs as; only root can choose."""
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    return None


class Postgresql:
    """A server that can be stopped, killed and started again, always at the same place.

    folder:   its own; its user can write there.
    settings: of postgresql.conf.
    """

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        bin_ = programs()
        assert bin_ is not None
        self.port = free_port()
        self._folder = folder
        self._data = folder / "data"
        self._bin = bin_
        self._program: Program | None = None
        self._runs = itertools.count()
        self._initialize(settings)

    def url(self, database: str) -> str:
        """Return where a database is, with the login."""
        return (
            f"postgresql://{USER}:{PASSWORD.replace(' ', '%20')}@{LOOPBACK}:{self.port}/{database}"
        )

    @property
    def output(self) -> str:
        """What it has said since its last start."""
        return self._program.output if self._program else ""

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        folder = self._folder / f"run-{next(self._runs)}"
        folder.mkdir()
        self._program = Program(
            *_as_user("--pdeathsig", "INT"),
            self._bin / "postgres",
            *("-D", self._data, "-p", str(self.port), "-k", self._folder),
            folder=folder,
        )
        self._program.until("ready", self.is_ready)

    def is_ready(self) -> bool:
        """Whether it takes connections."""
        try:
            asyncio.run(_closed(self.url("postgres")))
        except (OSError, asyncpg.PostgresError):
            return False
        return True

    def stop(self, number: int = signal.SIGINT) -> None:
        """End it: SIGINT breaks off what runs, SIGQUIT leaves the rest to the next start."""
        program, self._program = self._program, None
        if program is not None:
            program.end(number, _STOP_S)

    def reload(self) -> None:
        """Let it read its settings again, and wait until it has."""
        before = self._loaded()
        self.execute("SELECT pg_reload_conf()")
        assert self._program is not None
        self._program.until("reloaded", lambda: self._loaded() > before)

    def _loaded(self) -> Any:
        return rows(self.url("postgres"), "SELECT pg_conf_load_time()")[0][0]

    def new_database(self, template: str = TEMPLATE) -> str:
        """Return the URL of a new database, a copy of `template`."""
        name = f"test_{next(_numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def drop(self, url: str) -> None:
        """Remove a database, whoever is connected."""
        self.execute(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")

    def execute(self, *statements: str, database: str = "postgres") -> None:
        """Do statements, each for itself."""
        execute(self.url(database), *statements)

    def make_template(self) -> None:
        """Make the empty database with Postroad's schema, that others are copied from."""
        self.execute(f"CREATE DATABASE {TEMPLATE} TEMPLATE template0 ENCODING 'UTF8'")
        asyncio.run(migrate(self.url(TEMPLATE)))

    def _initialize(self, settings: Mapping[str, str]) -> None:
        password = self._folder / "password"
        password.write_text(f"{PASSWORD}\n", "utf-8")
        password.chmod(0o644)
        subprocess.run(
            [
                *_as_user(),
                str(self._bin / "initdb"),
                *("--pgdata", str(self._data), "--username", USER, "--pwfile", str(password)),
                *("--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-sync"),
            ],
            check=True,
            capture_output=True,
        )
        lines = {"listen_addresses": LOOPBACK, "shared_buffers": "32MB", "max_connections": "60"}
        lines |= {"autovacuum": "off", "log_min_messages": "warning"} | dict(settings)
        with (self._data / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in lines.items())


@contextmanager
def running(**settings: str) -> Iterator[Postgresql]:
    """Run a server of its own: it keeps what it confirms unless the settings say otherwise."""
    with open_folder(_account() if os.geteuid() == 0 else None) as folder:
        server = Postgresql(folder, settings)
        try:
            server.start()
            server.make_template()
            yield server
        finally:
            server.stop()


@contextmanager
def running_fast() -> Iterator[Postgresql]:
    """Run a server that waits for no disk: it forgets what it confirmed when it dies."""
    with running(**_NO_WAITING) as server:
        yield server


def execute(url: str, *statements: str) -> None:
    """Do statements in a database, each for itself."""

    async def work() -> None:
        connection = await asyncpg.connect(url)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(work())


def rows(url: str, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
    """Return the rows of a statement, with "?" for its parameters."""

    async def work() -> list[tuple[Any, ...]]:
        connection = await asyncpg.connect(url)
        try:
            return [tuple(row) for row in await connection.fetch(numbered(sql), *parameters)]
        finally:
            await connection.close()

    return asyncio.run(work())


async def _closed(url: str) -> None:
    await (await asyncpg.connect(url, timeout=5)).close()


def _as_user(*options: str) -> list[str]:
    """Return the words before a command that make it run as the server's user."""
    if os.geteuid() != 0:
        return []
    name = _account()
    assert name is not None
    return ["setpriv", "--reuid", name, "--regid", name, "--clear-groups", *options, "--"]
