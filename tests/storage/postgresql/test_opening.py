"""Opening a PostgreSQL database: which server will do, and which key file."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from tests.support.engines import OnPostgresql, Place
from tests.support.postgresql import Postgresql, execute

from postroad.errors import StorageError
from postroad.storage.cipher import Cipher
from postroad.storage.postgresql.failures import failed
from postroad.storage.postgresql.opening import open_beside, open_for_server


@pytest.fixture
def place(postgresql: Postgresql) -> Iterator[Place]:
    """Return an empty database, whose folder has no key yet."""
    with OnPostgresql(postgresql).new() as place:
        (place.folder / "key").unlink()
        yield place


def serve(url: str, key: Path, *, may_be_unsafe: bool = True) -> None:
    """Open a database as a server does, and close it."""

    async def run() -> None:
        database = await open_for_server(url, key, may_be_unsafe=may_be_unsafe)
        try:
            await database.prove()
        finally:
            await database.aclose()

    asyncio.run(run())


def command(url: str, key: Path) -> None:
    """Open a database as a command does, and close it."""

    async def run() -> None:
        await (await open_beside(url, key)).aclose()

    asyncio.run(run())


def test_the_first_start_makes_schema_and_key_and_the_next_finds_them(
    postgresql: Postgresql, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    url = postgresql.new_database("template0")
    try:
        with pytest.raises(StorageError, match="run `postroad migrate`"):
            command(url, key)
        serve(url, key)
        made = key.read_bytes()
        serve(url, key)
        command(url, key)
    finally:
        postgresql.drop(url)

    assert key.read_bytes() == made
    assert key.stat().st_mode & 0o777 == 0o600


def test_another_key_file_is_refused_and_a_lost_one_is_not_made_anew(place: Place) -> None:
    key, other = place.folder / "key", place.folder / "other"
    serve(place.url, key)
    Cipher.open(other)

    for opening in (serve, command):
        with pytest.raises(StorageError, match=r"is not the one that .* was made with"):
            opening(place.url, other)
        with pytest.raises(StorageError, match="the key file is missing"):
            opening(place.url, place.folder / "none")
    assert not (place.folder / "none").exists()


def test_a_key_file_that_was_rotated_still_fits(place: Place) -> None:
    key = place.folder / "key"
    serve(place.url, key)

    Cipher.open(key).rotate()

    serve(place.url, key)


def test_two_servers_with_keys_of_their_own_do_not_both_start(place: Place) -> None:
    serve(place.url, place.folder / "one")

    with pytest.raises(StorageError, match="the key file is missing"):
        serve(place.url, place.folder / "two")


def test_a_server_that_does_not_wait_for_its_disk_is_refused_unless_allowed(place: Place) -> None:
    key = place.folder / "key"

    with pytest.raises(StorageError, match="allow_unsafe_postgresql") as caught:
        serve(place.url, key, may_be_unsafe=False)

    assert "fsync and full_page_writes and synchronous_commit off" in str(caught.value)
    assert not key.exists()
    serve(place.url, key)


def test_a_role_that_does_not_wait_is_refused_too(place: Place, postgresql: Postgresql) -> None:
    """What counts is what our own connections have."""
    name = place.url.rpartition("/")[2]
    settings = ("synchronous_commit",)
    execute(place.url, *(f"ALTER DATABASE {name} SET {each} = 'local'" for each in settings))

    with pytest.raises(StorageError) as caught:
        serve(place.url, place.folder / "key", may_be_unsafe=False)

    assert "PostgreSQL has fsync and full_page_writes off" in str(caught.value)


def test_a_database_that_is_not_utf8_is_refused(postgresql: Postgresql, tmp_path: Path) -> None:
    postgresql.execute("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    try:
        with pytest.raises(StorageError, match="has the encoding LATIN1"):
            serve(postgresql.url("latin"), tmp_path / "key")
    finally:
        postgresql.execute("DROP DATABASE latin")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda url: url.replace("s3cret", "hunter2"), "refused the password"),
        (lambda url: url.replace("postroad:", "nobody:"), "refused the password"),
        (lambda url: url.rpartition("/")[0] + "/none", "does not exist"),
        (lambda url: f"{url}?sslmode=require", "SSL"),
    ],
)
def test_what_the_server_refuses_is_told_in_a_line_without_the_password(
    place: Place, change: object, words: str
) -> None:
    assert callable(change)
    url = change(place.url)

    with pytest.raises(StorageError, match=words) as caught:
        serve(url, place.folder / "key")

    assert "hunter2" not in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            asyncpg.InvalidAuthorizationSpecificationError('role "bo" does not exist'),
            "PostgreSQL does not let the user in: the URL's user does not exist",
        ),
        (
            asyncpg.TooManyConnectionsError('too many connections for role "bo"'),
            "PostgreSQL refused: too many connections for the URL's user",
        ),
    ],
)
def test_no_user_is_named_by_what_the_server_refuses(error: Exception, said: str) -> None:
    assert str(failed(error)) == said
