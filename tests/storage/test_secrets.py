"""No secret stands in the files of the database."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path

from tests.contracts.tenant_stores import APP, app, relay

from postroad.storage.cipher import Cipher
from postroad.storage.directory import DirectoryStore
from postroad.storage.sqlite.database import SqliteDatabase
from postroad.storage.tenants import TenantStore

SIGNATURE = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
OLD_SIGNATURE = "00112233445566778899aabbccddeeff"
PASSWORD = "hunter2-correct-horse"
VISIBLE = "a visible name"


def shapes(secret: str) -> set[bytes]:
    """Return a secret as it could stand in a file."""
    plain = secret.encode()
    return {
        *(plain, secret.upper().encode(), plain.hex().encode(), secret.encode("utf-16-le")),
        *(base64.b64encode(plain).rstrip(b"="), plain[::-1]),
    }


def test_signatures_and_passwords_are_in_no_file(path: Path) -> None:
    folder = path.parent

    async def scenario() -> bytes:
        cipher = Cipher.open(folder / "key")
        database = SqliteDatabase.open(path, is_server=True, cipher=cipher)
        directory, tenants = DirectoryStore(database), TenantStore(database)
        own = relay(name=VISIBLE)
        await directory.apps.add(app(APP, signature=OLD_SIGNATURE))
        await directory.apps.change(APP, signature=SIGNATURE, old_signature=OLD_SIGNATURE)
        await directory.relays(APP).add(own)
        await directory.relays(APP).change_with_secret(own.id, PASSWORD)
        found = await tenants.app(APP)
        assert found is not None
        assert found.signature == SIGNATURE
        assert await tenants.relay_secret(APP, own) == PASSWORD

        while_open = b"".join(each.read_bytes() for each in folder.glob("postroad.db?*"))
        await database.aclose()
        return while_open

    found = asyncio.run(scenario()) + b"".join(each.read_bytes() for each in folder.iterdir())

    assert found.count(VISIBLE.encode()) >= 2  # in the log, and in the database
    for secret in (SIGNATURE, OLD_SIGNATURE, PASSWORD):
        assert not [each for each in shapes(secret) if each in found]
