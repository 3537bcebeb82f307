"""What `postroad doctor` finds of the database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from postroad.cli.installation import missing_package
from postroad.errors import StorageError

if TYPE_CHECKING:
    from postroad.operations.administration.examination import Finding
    from postroad.settings import Settings


def database(settings: Settings) -> Finding:
    """Return whether the database is there and whole."""
    import asyncio

    from postroad.operations.administration.examination import Finding, Verdict

    if settings.postgresql is not None:
        return _postgresql(settings)
    path = settings.database_path
    try:
        from postroad.wiring.databases import is_current

        # First of all, since to open a database whose log is gone would put an empty one there.
        if asyncio.run(is_current(settings)) or path.exists():
            return _file(path)
    except ModuleNotFoundError as exc:
        raise missing_package(exc) from None
    except StorageError as error:
        return Finding("database", Verdict.WRONG, str(error))
    said = f"there is no {path}: `postroad serve` makes it, and so does `postroad migrate`"
    return Finding("database", Verdict.WRONG, said)


def _postgresql(settings: Settings) -> Finding:
    """Look at the schema and the server's settings, and read a row of each table."""
    import asyncio

    from postroad.operations.administration.examination import Finding, Verdict

    try:
        from postroad.wiring.databases import examined

        found = asyncio.run(examined(settings))
    except ModuleNotFoundError as exc:
        raise missing_package(exc) from None
    except StorageError as error:
        return Finding("database", Verdict.WRONG, f"{settings.database_shown}: {error}")
    if found.wrong:
        return Finding("database", Verdict.WRONG, found.wrong)
    if found.unsafe:
        said = f"{found.summary}: {', '.join(found.unsafe)} off, so that it can lose accepted mail"
        allowed = settings.allow_unsafe_postgresql
        return Finding("database", Verdict.WARNING if allowed else Verdict.WRONG, said)
    return Finding("database", Verdict.FINE, f"{found.summary}, is whole")


def _file(path: Path) -> Finding:
    """Read every page of the database, beside whoever writes it."""
    import sqlite3
    from urllib.parse import quote

    from postroad.operations.administration.examination import Finding, Verdict

    try:
        # Read-only: a second connection that checkpoints can damage what a server writes.
        connection = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)
        try:
            found = [row[0] for row in connection.execute("PRAGMA integrity_check(3)")]
            broken = connection.execute("PRAGMA foreign_key_check").fetchall()
        finally:
            connection.close()
    except sqlite3.Error as error:
        return Finding("database", Verdict.WRONG, f"{path} cannot be read: {error}")
    if found != ["ok"]:
        return Finding("database", Verdict.WRONG, f"{path} is damaged: {'; '.join(found)}")
    if broken:
        said = f"{path}: {len(broken)} rows of {broken[0][0]} and others refer to nothing"
        return Finding("database", Verdict.WRONG, said)
    return Finding("database", Verdict.FINE, f"{path}, {size(path.stat().st_size)}, is whole")


def size(octets: int) -> str:
    """Return a size for people."""
    if octets < 1 << 20:
        return f"{octets / (1 << 10):.0f} KiB"
    if octets < 1 << 30:
        return f"{octets / (1 << 20):.1f} MiB"
    return f"{octets / (1 << 30):.1f} GiB"
