"""The relays of one owner, each written with its password in one transaction."""

from __future__ import annotations

from collections.abc import Mapping

from postroad.storage.engine import Work
from postroad.storage.table_records import TableRecords, changed
from postroad.tenancy.audit import concealed
from postroad.tenancy.records import RelayAccount


class RelayRecords(TableRecords[RelayAccount]):
    """The relays of an app, or the operator's.

    A password that was given for one host never lies, not for a moment, beside another.
    """

    async def add(self, record: RelayAccount, *, secret: str = "") -> None:
        """Store a new one, with its password encrypted; "" is none.

        raises: ConflictError, NotFoundError.
        """
        columns = self._shape.values(record)

        def work() -> Work[None]:
            yield from self._adding(record, columns)
            if secret:
                yield from self._sealing(record.id, secret)

        await changed(self._database, work)

    async def change_with_secret(
        self,
        record_id: str,
        secret: str,
        still: Mapping[str, object] | None = None,
        /,
        **fields: object,
    ) -> RelayAccount | None:
        """Set the password and fields, and return the result; None when there is no such relay.

        secret: "" removes the one there is.
        still:  as for `change`.
        raises: ConflictError, NotFoundError, TypeError as `change`.
        """
        columns = self._columns(record_id, fields)

        def work() -> Work[RelayAccount | None]:
            if (yield from self._changing(record_id, columns, still or {})) is None:
                return None
            yield from self._sealing(record_id, secret)
            statement, which = self._select(has_id=True), self._which(record_id)
            return self._shape.read((yield statement.sql, statement.parameters(which))[0])

        return await changed(self._database, work)

    def _sealing(self, relay_id: str, secret: str) -> Work[None]:
        """Set the password of a relay that the transaction holds."""
        about = f"relay:{relay_id}:secret"
        sealed = self._database.cipher.encrypt(secret, about) if secret else None
        ((before,),) = yield "SELECT secret FROM relay WHERE id = ?", (relay_id,)
        yield "UPDATE relay SET secret = ? WHERE id = ?", (sealed, relay_id)
        if secret or before:
            changes = {"secret": (concealed(before), concealed(secret))}
            yield from self._author.note("relay.set_secret", self._owner, relay_id, changes)
