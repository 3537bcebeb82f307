"""Messages of any app, listed for operators."""

# ruff: noqa: S608 - the statements are made of constants

from __future__ import annotations

import builtins
from functools import cache

from postroad.delivery.messages import StoredMessage
from postroad.delivery.states import State
from postroad.storage import message_rows
from postroad.storage.database import Database


class MessageList:
    """Messages of any app, listed for operators."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list(
        self, *, app_id: str | None, state: State | None, to: str | None, limit: int
    ) -> builtins.list[StoredMessage]:
        """Return messages, the newest first.

        state, to: of one and the same of its recipients.
        """
        is_common = state is State.ACCEPTED or (state is State.CAPTURED and app_id is not None)
        restrictions = {_APP: app_id, _STATE: state and state.value, _TO: to}
        given = {text: value for text, value in restrictions.items() if value is not None}
        sql = _select(tuple(given), is_common)
        found = await self._database.read_aside(sql, (*given.values(), limit))
        return message_rows.joined_messages(found)


_APP = "m.app_id = ?"
_STATE = "r.state = ?"
_TO = "r.address = ?"


@cache
def _select(restrictions: tuple[str, ...], is_common: bool) -> str:
    """Return the query for some restrictions.

    is_common: most mail is in that state: the newest messages, tried one by one, soon have it,
               while the index of states leads to all those of other apps too or has none.
    """
    where = " AND ".join(restrictions) or "TRUE"
    if _TO in restrictions:
        first, second = "recipient AS r INDEXED BY ix_recipient_address", "message AS m"
    elif _STATE in restrictions and not is_common:
        first, second = "recipient AS r INDEXED BY ix_recipient_state", "message AS m"
        where += " AND r.state <> 'accepted'"
    else:
        first, second = "message AS m", "recipient AS r"
    # The first table is read in the order of the ids, and no further than to the limit. CROSS
    # JOIN is SQLite's word for "in this order".
    id_ = "m.id" if second.endswith("r") else "r.message_id"
    page = f"""
        SELECT DISTINCT {id_} AS id FROM {first} CROSS JOIN {second} ON m.id = r.message_id
        WHERE {where} ORDER BY {id_} DESC LIMIT ?
    """
    return f"""
        SELECT {message_rows.MESSAGE}, {message_rows.RECIPIENT}
        FROM ({page}) AS page
        CROSS JOIN message AS m ON m.id = page.id
        CROSS JOIN recipient AS r ON r.message_id = m.id
        ORDER BY m.id DESC, r.position
    """
