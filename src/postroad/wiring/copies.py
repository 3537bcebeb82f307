"""Backup, restore and move: the whole of an installation into one file, out of it, elsewhere."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from postroad import __version__
from postroad.errors import ConflictError, StorageError
from postroad.storage.cipher import Cipher
from postroad.storage.copying.files import Origin, backup, new_file, snapshot
from postroad.storage.copying.moving import leaving
from postroad.storage.copying.placing import check_free, place_key
from postroad.storage.copying.walk import check_secrets, copy, hold, note, open_recipients
from postroad.storage.folder import DataFolder
from postroad.storage.rows import micros
from postroad.tenancy.audit import SYSTEM, Actor, Note, plain
from postroad.wiring.core import now

if TYPE_CHECKING:
    from postroad.settings import Settings
    from postroad.storage.copying.tables import NewTables, Tables


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy holds.

    source, target: files, or URLs without a password.
    at:      of which moment it is.
    tables:  rows by table.
    open:    recipients whose mail has not ended, by their state in the source.
    secrets: encrypted values, each opened with the key.
    key:     the key file that was written, if one was.
    """

    source: str
    target: str
    at: datetime
    tables: dict[str, int] = field(default_factory=dict)
    open: dict[str, int] = field(default_factory=dict)
    secrets: int = 0
    key: str | None = None


def back_up(settings: Settings, file: Path, *, with_key: bool) -> Copied:
    """Make a backup, beside a running server or without one.

    with_key: write the key file too, as `<file>.key`.
    raises:   StorageError; then nothing is left behind.
    """
    return asyncio.run(_back_up(settings, _tidied(file), with_key=with_key))


async def _back_up(settings: Settings, file: Path, *, with_key: bool) -> Copied:
    key, cipher = _key(DataFolder(settings.data_dir).key)
    beside = key_of(file)
    check_free(file)
    is_placed = False
    try:
        async with _snapshot(settings, beside=file) as (source, engine):
            at = now()
            with new_file(file, of=Origin(at, engine, __version__)) as target:
                tables = await copy(source, target)
                secrets = await check_secrets(target, cipher)
                states = await open_recipients(target)
                is_placed = with_key and place_key(key, beside)
    except BaseException:
        if is_placed:
            beside.unlink(missing_ok=True)
        raise
    named = str(beside) if with_key else None
    return Copied(settings.database_shown, str(file), at, tables, states, secrets, named)


def restore(settings: Settings, file: Path, key: Path | None, *, by: Actor = SYSTEM) -> Copied:
    """Make the installation that the settings name out of a backup, all of its open mail held.

    key:    its key file; None: the one that is in the data folder already.
    by:     who says so, for the audit log.
    raises: StorageError, also when there is an installation already; then nothing is left behind.
    """
    return asyncio.run(_restore(settings, _tidied(file), key and _tidied(key), by))


async def _restore(settings: Settings, file: Path, given: Path | None, by: Actor) -> Copied:
    folder = DataFolder(settings.data_dir)
    _check_key_is_given(file, given, folder)
    key, cipher = _key(given or folder.key)
    with backup(file, beside=file) as (source, origin), folder.restored():
        try:
            await check_secrets(source, cipher)
        except StorageError as error:
            raise StorageError(f"{given or folder.key} is not the key of {file}: {error}") from None
        if settings.postgresql is None:
            check_free(settings.database_path)
        is_placed = place_key(key, folder.key)
        try:
            async with _new(settings, folder) as target:
                tables = await copy(source, target)
                secrets = await check_secrets(target, cipher)
                why = f"restored from a backup of {origin.taken_at:%Y-%m-%d %H:%M:%S} UTC"
                states = await hold(target, why, micros(now()))
                changes = {"backup_of": (None, plain(origin.taken_at))}
                await note(target, Note(by, "database.restore", changes=changes), now())
        except BaseException:
            if is_placed:
                folder.key.unlink(missing_ok=True)
            raise
    named = str(folder.key) if is_placed else None
    return Copied(
        str(file), settings.database_shown, origin.taken_at, tables, states, secrets, named
    )


def move(settings: Settings, url: str, *, by: Actor = SYSTEM) -> Copied:
    """Copy the SQLite database into PostgreSQL, and let nobody open it here any more.

    Killed at any moment it leaves everything here, or everything there, or, between two commits,
    this one closed and that one empty; the same call then finishes.

    by:     who says so, for the audit log.
    raises: StorageError, ConflictError when it cannot be; then it is open here as before.
    """
    return asyncio.run(_move(settings, url, by))


async def _move(settings: Settings, url: str, by: Actor) -> Copied:
    from postroad.storage.copying.postgresql import is_filled, new_database
    from postroad.storage.postgresql.connecting import shown

    if settings.postgresql is not None:
        variable = settings.sources.get("database", "POSTROAD_DATABASE")
        raise ConflictError(
            f"{settings.database_shown} is in PostgreSQL already; to copy the file in"
            f" {settings.data_dir}, unset {variable} first"
        )
    folder = DataFolder(settings.data_dir)
    path, where = settings.database_path, shown(url)
    _, cipher = _key(folder.key)
    with folder.stopped(), leaving(path) as source:
        moved_to = source.moved_to
        if moved_to and moved_to != where:
            raise ConflictError(
                f"{path} moved to {moved_to} already: `postroad copy --undo` takes that back"
            )
        if moved_to and await is_filled(url):
            raise ConflictError(f"{path} moved to {where} already, and everything is there")
        made = Copied(str(path), where, at := now())
        source.check(at)
        try:
            async with new_database(url, folder.key, may_be_unsafe=True) as target:
                tables = await copy(source.tables, target)
                made = replace(
                    made,
                    tables=tables,
                    secrets=await check_secrets(target, cipher),
                    open=await open_recipients(target),
                )
                changes = {"database": (str(path), where)}
                await note(target, Note(by, "database.copy", changes=changes), at)
                source.mark(where, at)
        except StorageError as error:
            if moved_to or not source.moved_to:
                raise
            if not await _has_arrived(url, error):
                source.unmark()
                raise
    return made


async def _has_arrived(url: str, error: StorageError) -> bool:
    """Whether a commit was done whose confirmation was lost.

    raises: StorageError when nobody can know now.
    """
    from postroad.storage.copying.postgresql import is_filled

    try:
        return await is_filled(url)
    except StorageError:
        raise StorageError(
            f"{error}; whether the copy is complete is not known: run the same command again when"
            " PostgreSQL answers"
        ) from error


def moved_to(settings: Settings) -> str:
    """Return where the SQLite database has moved to, "" when it has not.

    raises: StorageError.
    """
    with leaving(settings.database_path) as source:
        return source.moved_to


def undo_move(settings: Settings) -> str:
    """Let servers open the SQLite database again; return where it had moved to.

    raises: ConflictError when it has not moved; StorageError.
    """
    with DataFolder(settings.data_dir).stopped(), leaving(settings.database_path) as source:
        url = source.moved_to
        if not url:
            raise ConflictError(f"{settings.database_path} has not moved")
        source.unmark()
    return url


def key_of(file: Path) -> Path:
    """Return where the key of a backup is written."""
    return Path(f"{file}.key")


def _tidied(path: Path) -> Path:
    """Return a path as it may be shown, without "..", its links as they are."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links


def _check_key_is_given(file: Path, given: Path | None, folder: DataFolder) -> None:
    """Make sure that there is a key at all.

    raises: StorageError.
    """
    if given is None and not folder.key.exists():
        where = key_of(file)
        raise StorageError(
            f"{file} cannot be restored without its key file: give it with --key"
            + (f" {where}" if where.exists() else f", or put it at {folder.key}")
        )


@asynccontextmanager
async def _snapshot(settings: Settings, *, beside: Path) -> AsyncIterator[tuple[Tables, str]]:
    """Open what the installation holds at this moment, and name its engine."""
    if settings.postgresql is not None:
        from postroad.storage.copying import postgresql

        async with postgresql.snapshot(settings.postgresql) as rows:
            yield rows, "postgresql"
    else:
        with snapshot(settings.database_path, beside=beside) as tables:
            yield tables, "sqlite"


@asynccontextmanager
async def _new(settings: Settings, folder: DataFolder) -> AsyncIterator[NewTables]:
    """Make the database that the settings name; it is there when the block has ended."""
    if settings.postgresql is not None:
        from postroad.storage.copying.postgresql import new_database

        async with new_database(settings.postgresql, folder.key, may_be_unsafe=True) as filled:
            yield filled
    else:
        with new_file(settings.database_path) as made:
            yield made


def _key(path: Path) -> tuple[bytes, Cipher]:
    """Return a key file's octets, and its cipher.

    raises: StorageError when it is missing, open to others or no key file.
    """
    cipher = Cipher.open(path, may_create=False)
    try:
        return path.read_bytes(), cipher
    except OSError as error:
        raise StorageError(f"the key file {path}: {error.strerror}") from error
