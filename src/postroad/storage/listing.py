"""Messages of any app, listed."""

# ruff: noqa: S608 - the statements are made of constants

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from postroad.delivery.messages import StoredMessage
from postroad.delivery.states import State
from postroad.storage import message_rows
from postroad.storage.engine import Database
from postroad.storage.rows import micros
from postroad.storage.search import terms
from postroad.storage.search.finding import Wanted, find, on_their_way

_PAGE = f"""
    SELECT {message_rows.MESSAGE}, {message_rows.RECIPIENT}
    FROM message AS m JOIN recipient AS r ON r.message_id = m.id
    WHERE m.id IN (SELECT value FROM {{each}})
    ORDER BY m.id DESC, r.position
"""
_IS_ONE = "SELECT m.id FROM message AS m WHERE {restrictions}"
_TEXTS = """
    SELECT m.id, m.subject, m.from_, r.address
    FROM message AS m JOIN recipient AS r ON r.message_id = m.id WHERE {restrictions}
"""
_RECIPIENT = "EXISTS (SELECT 1 FROM recipient AS x WHERE x.message_id = m.id AND {restrictions})"
_AT_ONCE = 500  # messages of a long list


class Which(Protocol):
    """Which messages; what is None restricts nothing."""

    @property
    def app_id(self) -> str | None:
        """Of this app."""

    @property
    def state(self) -> State | None:
        """With a recipient in this state."""

    @property
    def to(self) -> str | None:
        """To this recipient, the one in that state."""

    @property
    def relay_id(self) -> str | None:
        """For which this relay was chosen when it came in."""

    @property
    def since(self) -> datetime | None:
        """Created then or later."""

    @property
    def until(self) -> datetime | None:
        """Created earlier."""

    @property
    def text(self) -> str | None:
        """With this text in the subject, the From mailbox or an address."""


class MessageList:
    """Messages of any app, listed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, which: Which, *, before: str | None, limit: int) -> list[StoredMessage]:
        """Return messages, the newest first: the first `limit`, or those after `before`."""
        check = _Check(self._database, which)
        wanted = Wanted(check.terms, below=before, since=check.since, until=check.until)
        if which.state in terms.MOVING:
            few = await on_their_way(self._database, (which.state,))
            if few is not None:
                wanted = replace(wanted, others=few, is_in_chunks=False)
        ids = await find(self._database, wanted, check, limit=limit)
        sql = _PAGE.format(each=self._database.dialect.each)
        found: list[StoredMessage] = []
        for start in range(0, len(ids), _AT_ONCE):
            given = json.dumps(ids[start : start + _AT_ONCE])
            found += message_rows.joined_messages(await self._database.read_aside(sql, (given,)))
        return found


class _Check:
    """Tells which of some messages are asked for, and by which terms they may be found."""

    def __init__(self, database: Database, which: Which) -> None:
        self._database = database
        self.since = None if which.since is None else micros(which.since)
        self.until = None if which.until is None else micros(which.until)
        self._text = None if which.text is None else terms.normalised(which.text)
        recipient = {"x.state = ?": which.state and which.state.value, "x.address = ?": which.to}
        theirs = {each: value for each, value in recipient.items() if value is not None}
        message = {
            "m.app_id = ?": which.app_id,
            "m.relay_id = ?": which.relay_id,
            "m.created_at >= ?": self.since,
            "m.created_at < ?": self.until,
        }
        given = {each: value for each, value in message.items() if value is not None}
        restrictions = [f"m.id IN (SELECT value FROM {database.dialect.each})", *given]
        if theirs:
            restrictions.append(_RECIPIENT.format(restrictions=" AND ".join(theirs)))
        sql = _IS_ONE if self._text is None else _TEXTS
        self._sql = sql.format(restrictions=" AND ".join(restrictions))
        self._given = (*given.values(), *theirs.values())
        self.terms = _terms(which, self._text)

    async def __call__(self, ids: Sequence[str]) -> Collection[str]:
        rows = await self._database.read_aside(self._sql, (json.dumps(ids), *self._given))
        text = self._text
        if text is None:
            return {row[0] for row in rows}
        return {
            id_ for id_, *texts in rows if any(text in terms.normalised(each) for each in texts)
        }


def _terms(which: Which, text: str | None) -> tuple[int, ...]:
    # Those that exclude most come first.
    found: list[int] = []
    if which.to is not None:
        found += terms.of_address(which.to)
    if which.relay_id is not None:
        found.append(terms.relay(which.relay_id))
    if which.state is not None:
        found.append(terms.state(which.state))
    if which.app_id is not None:
        found.append(terms.app(which.app_id))
    if text is not None:
        found += terms.within(text)
    # Of the log entries nearly all have a message.
    return (*dict.fromkeys(found),) or (terms.KEPT,)
