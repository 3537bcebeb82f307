"""Messages of an app: stored when they come in, and looked at."""

# ruff: noqa: S608 - the statements are made of constants

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from postroad.delivery.messages import (
    Attempt,
    Intake,
    LogEntry,
    NewMessage,
    StoredMessage,
)
from postroad.delivery.states import State
from postroad.storage import counters, message_rows
from postroad.storage.audit import append
from postroad.storage.engine import Database, Statement, Work, every
from postroad.storage.rows import micros, moment
from postroad.tenancy.audit import Note
from postroad.tenancy.limits import Standing, tightest

_OPEN_WINDOW = "SELECT until FROM session_window WHERE app_id = ? AND key = ? AND until > ?"
_START_WINDOW = """
    INSERT INTO session_window (app_id, key, until) VALUES (?, ?, ?)
    ON CONFLICT (app_id, key) DO UPDATE SET until = excluded.until
        WHERE session_window.until <= ?
    RETURNING until
"""
_FORGET_WINDOWS = """
    DELETE FROM session_window WHERE (app_id, key) IN
        (SELECT q.app_id, q.key FROM session_window AS q
         WHERE q.until <= ? ORDER BY q.until LIMIT 512{skip_locked})
"""
_FORGET_EVERY = 64  # requests that start windows or count: more go than come

_ADD_MESSAGE = """
    INSERT INTO message (id, app_id, door, message_id, from_, subject, reverse_path,
        needs_smtputf8, is_transparent, created_at, expires_at, relay_id, is_kept_out_of_retry,
        size_octets)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_ADD_CONTENT = "INSERT INTO content (message_id, is_compressed, octets) VALUES (?, ?, ?)"
_ADD_RECIPIENT = """
    INSERT INTO recipient (message_id, position, address, path, state, code, enhanced, text,
        updated_at)
    VALUES (?, ?, ?, ?, ?, 0, '', '', ?)
"""
_ADD_TO_QUEUE = """
    INSERT INTO queue (message_id, due, lease_token, lease_until) VALUES (?, ?, ?, ?)
"""
ADD_ATTEMPT = """
    INSERT INTO attempt (message_id, number, id, started_at, relay_id, phase, error)
    VALUES (?, ?, ?, ?, ?, '', '')
"""
_ADD_LOG_ENTRY = """
    INSERT INTO send_log (id, app_id, at, door, ip, recipient, title, status, reason, account,
        message_id)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

_COMES_IN = frozenset({State.SENDING, State.QUEUED, State.CAPTURED})

_MESSAGE = f"""
    SELECT {message_rows.MESSAGE}, {message_rows.RECIPIENT}
    FROM message AS m JOIN recipient AS r ON r.message_id = m.id
    WHERE m.id = ? AND m.app_id = ? ORDER BY r.position
"""
_CONTENT = """
    SELECT c.is_compressed, c.octets
    FROM message AS m JOIN content AS c ON c.message_id = m.id WHERE m.id = ? AND m.app_id = ?
"""
_ATTEMPTS = f"""
    SELECT {message_rows.ATTEMPT} FROM attempt
    WHERE message_id = (SELECT id FROM message WHERE id = ? AND app_id = ?) ORDER BY number
"""
_APP = "SELECT app_id FROM message WHERE id = ?"
# Whoever releases it meanwhile has it in the queue, from where it cannot be deleted.
_DISCARD = """
    DELETE FROM message WHERE id = ? AND app_id = ?
        AND NOT EXISTS (SELECT 1 FROM recipient AS r
            WHERE r.message_id = message.id AND r.state <> 'captured')
        AND NOT EXISTS (SELECT 1 FROM queue AS q WHERE q.message_id = message.id)
    RETURNING id
"""


class _OpenedError(Exception):
    """Another process has opened a window since we looked."""


class MailStore:
    """Messages of one app: in, and looked at; each method is one durable transaction.

    new_id: for attempts that come without one.
    """

    def __init__(self, database: Database, new_id: Callable[[], str]) -> None:
        self._database = database
        self._new_id = new_id
        self._started = 0

    async def accept(self, intake: Intake, *, now: datetime) -> datetime | Standing | None:
        """Store what came in, or nothing but a refused log entry.

        returns: when a window is shut, when the one that is open last will have passed; when a
                 limit counts, how the message stands to it (of several, to the tightest): it is
                 stored unless that is over; None when it is stored and nothing counts.
        raises:  ValueError when the parts of `intake` do not fit one another.
        """
        message = intake.message
        limits = intake.limits if message is not None else ()
        forgets = self._forgets(intake)
        if message is not None:
            _check(intake, message)
            if len(message.recipients) == 1 and not intake.windows and not forgets:
                if not limits:
                    await self._take_in(intake, message, micros(now))
                    return None
                if len(limits) == 1 and (found := await self._count_in(intake, message, now)):
                    return found
        app_id = intake.log.app_id
        at = micros(now)
        stored = await self._statements(intake, at)
        if forgets:
            forget = _FORGET_WINDOWS.format(skip_locked=self._database.dialect.skip_locked)
            stored += [(forget, (at,)), counters.forgetting(self._database, now)]

        def work() -> Work[datetime | Standing | None]:
            open_until: list[int] = []
            for window in intake.windows:
                found = yield _OPEN_WINDOW, (app_id, window.key, at)
                open_until += [row[0] for row in found]
            if open_until:
                until = max(open_until)
                yield _log(_refused(intake.log, f"too_soon: {max(-(-(until - at) // 10**6), 1)} s"))
                return moment(until)
            standing = tightest((yield from counters.count(limits, now)))
            if standing is not None and standing.is_over:
                yield _log(_refused(intake.log, f"over_limit: {standing.kind}"))
                return standing
            for window in sorted(intake.windows, key=lambda each: each.key):
                started = (app_id, window.key, micros(window.until), at)
                if not (yield _START_WINDOW, started):
                    raise _OpenedError
            yield from every(stored)
            return standing

        while True:
            try:
                return await self._database.write(work)
            except _OpenedError:
                continue  # and see it

    async def _take_in(self, intake: Intake, message: NewMessage, at: int) -> None:
        """Do as `accept` for a message to one recipient that opens no window."""
        values = await self._taken_in(intake, message, at)
        await self._database.execute(self._database.dialect.take_in, values)

    async def _count_in(
        self, intake: Intake, message: NewMessage, now: datetime
    ) -> Standing | None:
        """Do the same for one with one limit; None, and nothing done, when that is reached."""
        (limit,) = intake.limits
        values = await self._taken_in(intake, message, micros(now))
        counter = (limit.key, micros(limit.until), micros(limit.latest), limit.most)
        statement = self._database.dialect.take_in_counted
        rows = await self._database.execute(statement, (*values, *counter))
        return counters.counted(limit, rows, now) if rows else None

    async def _taken_in(self, intake: Intake, message: NewMessage, at: int) -> tuple[object, ...]:
        """Return the values of `storage.columns.TAKE_IN`."""
        log, lease, envelope = intake.log, intake.lease, message.envelope
        created_at = micros(message.created_at)
        state = State.CAPTURED if message.captured else message.state
        return (
            *(message.id, message.app_id, message.door, message.message_id, message.from_),
            *(message.subject, envelope.reverse_path, envelope.needs_smtputf8),
            *(envelope.is_transparent, created_at, micros(message.expires_at)),
            *(message.relay_id, message.is_kept_out_of_retry, len(message.content)),
            *await message_rows.pack(message.content),
            *(message.recipients[0], envelope.forward_paths[0], state.value),
            created_at if state is State.QUEUED else None,
            *((lease.token, micros(lease.until)) if lease else (None, None)),
            *(intake.attempt_id or self._new_id(), at),
            *(log.id, micros(log.at), log.ip, log.recipient, log.title),
            *(log.status, log.reason, log.account),
        )

    async def log(self, entry: LogEntry) -> None:
        """Add a request without a message to the send log."""
        await self._database.execute(*_log(entry))

    async def message(self, app_id: str, message_id: str) -> StoredMessage | None:
        """Return a message of the app by its id."""
        found = message_rows.joined_messages(
            await self._database.read(_MESSAGE, (message_id, app_id))
        )
        return found[0] if found else None

    async def content(self, app_id: str, message_id: str) -> bytes | None:
        """Return the octets of a message; None when there are none."""
        found = await self._database.read_aside(_CONTENT, (message_id, app_id))  # megabytes
        return await message_rows.unpack(*found[0]) if found else None

    async def attempts(self, app_id: str, message_id: str) -> list[Attempt]:
        """Return every attempt at a message, the first first."""
        found = await self._database.read(_ATTEMPTS, (message_id, app_id))
        return [message_rows.attempt(row) for row in found]

    async def discard(self, app_id: str, message_id: str, *, note: Note, now: datetime) -> bool:
        """Delete a message of the app that was captured for every recipient, and note that.

        returns: False, and nothing done, when there is no such message.
        """

        def work() -> Work[bool]:
            if not (yield _DISCARD, (message_id, app_id)):
                return False
            yield from append(note, now)
            return True

        return await self._database.write(work)

    async def find_app(self, message_id: str) -> str | None:
        """Return the app that a message belongs to, for operators."""
        found = await self._database.read(_APP, (message_id,))
        return found[0][0] if found else None

    async def _statements(self, intake: Intake, at: int) -> list[Statement]:
        """Return what stores all of an intake."""
        message = intake.message
        statements: list[Statement] = []
        if message is not None:
            statements += _message(message, *await message_rows.pack(message.content))
            statements += self._way_out(message, intake, at)
        elif intake.lease is not None:
            raise ValueError("without a message there is nothing to hold a lease on")
        statements.append(_log(intake.log))
        return statements

    def _forgets(self, intake: Intake) -> bool:
        """Whether it is this intake's turn to remove what has passed."""
        if not (intake.windows or intake.limits):
            return False
        self._started += 1
        return self._started % _FORGET_EVERY == 0

    def _way_out(self, message: NewMessage, intake: Intake, at: int) -> list[Statement]:
        """Return what puts a message on its way: a lease and the first attempt, or a due time."""
        lease = intake.lease
        if message.state is State.CAPTURED or len(message.captured) == len(message.recipients):
            return []
        if lease is None:
            return [(_ADD_TO_QUEUE, (message.id, micros(message.created_at), None, None))]
        attempt_id = intake.attempt_id or self._new_id()
        first = (message.id, 1, attempt_id, at, message.relay_id)
        return [
            (_ADD_TO_QUEUE, (message.id, None, lease.token, micros(lease.until))),
            (ADD_ATTEMPT, first),
        ]


def _check(intake: Intake, message: NewMessage) -> None:
    """Make sure that the parts of an intake fit one another.

    raises: ValueError.
    """
    if (message.app_id, message.id) != (intake.log.app_id, intake.log.message_id):
        raise ValueError("a message and its log entry belong together")
    if message.id != intake.log.id:
        raise ValueError("a message has the id of its log entry, by which the lists find it")
    if message.state not in _COMES_IN:
        raise ValueError(f"a message does not come in as {message.state}")
    recipients = len(message.recipients)
    if not recipients or recipients != len(message.envelope.forward_paths):
        raise ValueError("a message has recipients, and a forward-path for each")
    if message.captured and not message.captured <= {*range(recipients)}:
        raise ValueError("those who are captured are among the recipients")
    if (message.state is State.SENDING) != (intake.lease is not None):
        raise ValueError("a lease is for a message that is sent at once, and it needs one")


def _message(message: NewMessage, is_compressed: bool, octets: bytes) -> list[Statement]:
    """Return what stores a message, its content and its recipients."""
    envelope = message.envelope
    created_at = micros(message.created_at)
    values = (
        *(message.id, message.app_id, message.door, message.message_id, message.from_),
        *(message.subject, envelope.reverse_path),
        *(envelope.needs_smtputf8, envelope.is_transparent),
        *(created_at, micros(message.expires_at), message.relay_id),
        *(message.is_kept_out_of_retry, len(message.content)),
    )
    statements: list[Statement] = [
        (_ADD_MESSAGE, values),
        (_ADD_CONTENT, (message.id, is_compressed, octets)),
    ]
    pairs = zip(message.recipients, envelope.forward_paths, strict=True)
    for position, (address, path) in enumerate(pairs):
        state = State.CAPTURED if position in message.captured else message.state
        recipient = (message.id, position, address, path, state.value, created_at)
        statements.append((_ADD_RECIPIENT, recipient))
    return statements


def _refused(entry: LogEntry, reason: str) -> LogEntry:
    return replace(entry, status="refused", reason=reason, message_id=None)


def _log(entry: LogEntry) -> Statement:
    values = (
        *(entry.id, entry.app_id, micros(entry.at), entry.door, entry.ip, entry.recipient),
        *(entry.title, entry.status, entry.reason, entry.account, entry.message_id),
    )
    return _ADD_LOG_ENTRY, values
