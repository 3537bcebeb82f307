"""The messages under way: claimed with a lease, settled by who still holds it."""

# ruff: noqa: S608 - the statements are made of constants

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from postroad.delivery.messages import Claim, Fate, Lease, Recipient, Settlement
from postroad.delivery.states import State
from postroad.storage import message_rows
from postroad.storage.audit import append
from postroad.storage.engine import Database, Dialect, Row, Work
from postroad.storage.mail import ADD_ATTEMPT
from postroad.storage.rows import micros, moment
from postroad.tenancy.audit import Actor, Note

# Whether a message `m` of an app `a` that is in doubt is sent again by itself.
_IS_RETRIED = """
    NOT m.is_kept_out_of_retry
    AND coalesce(a.in_doubt, CASE a.send WHEN 'sync' THEN 'hold' ELSE 'retry' END) = 'retry'
"""

_DUE = "SELECT q.message_id FROM queue AS q WHERE q.due <= ? ORDER BY q.due, q.message_id LIMIT ?"
_LEASE = """
    UPDATE queue SET due = NULL, lease_token = ?, lease_until = ?
    WHERE message_id IN (SELECT value FROM {each}) AND lease_token IS NULL
"""
# What is in doubt for a person to decide stays so while others of the message are tried again.
_BEGIN = f"""
    UPDATE recipient SET state = 'sending', updated_at = ?
    WHERE message_id IN (SELECT value FROM {{each}})
        AND (state IN ('queued', 'scheduled', 'deferred') OR state = 'in_doubt' AND EXISTS
            (SELECT 1 FROM message AS m JOIN app AS a ON a.id = m.app_id
             WHERE m.id = recipient.message_id AND {_IS_RETRIED}))
    RETURNING message_id
"""
_MESSAGES = f"""
    SELECT {message_rows.MESSAGE}, c.is_compressed, c.octets
    FROM message AS m JOIN content AS c ON c.message_id = m.id
    WHERE m.id IN (SELECT value FROM {{each}})
"""
_RECIPIENTS = f"""
    SELECT {message_rows.RECIPIENT} FROM recipient AS r
    WHERE r.message_id IN (SELECT value FROM {{each}}) ORDER BY r.message_id, r.position
"""

_CONTENT = """
    SELECT 1 FROM message AS m JOIN content AS c ON c.message_id = m.id
    WHERE m.id = ? AND m.app_id = ?
"""
_LEASE_ONE = """
    INSERT INTO queue (message_id, lease_token, lease_until) VALUES (?, ?, ?)
    ON CONFLICT (message_id) DO UPDATE
        SET due = NULL, lease_token = excluded.lease_token, lease_until = excluded.lease_until
        WHERE queue.lease_token IS NULL
    RETURNING message_id
"""
_MAY_BEGIN = """
    message_id = ? AND state IN ('queued', 'scheduled', 'deferred', 'held', 'in_doubt', 'captured')
"""
_STATES = f"SELECT DISTINCT state FROM recipient WHERE {_MAY_BEGIN} ORDER BY state"
_BEGIN_ONE = f"""
    UPDATE recipient SET state = 'sending', updated_at = ? WHERE {_MAY_BEGIN} RETURNING message_id
"""
_FORGET = "DELETE FROM queue WHERE message_id = ?"

# A process may use one token for many leases, so that the token alone does not tell an attempt
# whose lease it lost from the one that it began later.
_IS_HELD = """
    q.message_id = ? AND q.lease_token = ? AND NOT EXISTS
        (SELECT 1 FROM attempt AS a WHERE a.message_id = q.message_id AND a.number > ?)
"""
_HELD = f"SELECT 1 FROM queue AS q WHERE {_IS_HELD}"
_STILL_WAITS = "UPDATE attempt SET error = ? WHERE message_id = ? AND number = ?"
_LEAVE = f"DELETE FROM queue AS q WHERE {_IS_HELD} RETURNING message_id"
_PUT_BACK = f"""
    UPDATE queue AS q SET due = ?, lease_token = NULL, lease_until = NULL WHERE {_IS_HELD}
    RETURNING message_id
"""
_END_ATTEMPT = """
    UPDATE attempt SET ended_at = ?, relay_id = coalesce(?, relay_id), code = ?, phase = ?,
        error = ?, transcript = ?
    WHERE message_id = ? AND number = ?
"""
_DECIDE = """
    UPDATE recipient SET state = ?, code = ?, enhanced = ?, text = ?, updated_at = ?
    WHERE message_id = ? AND position = ? AND state IN ('sending', 'in_doubt')
"""

_RENEW = """
    UPDATE queue SET lease_until = CASE WHEN lease_until > ? THEN lease_until ELSE ? END
    WHERE message_id IN (SELECT value FROM {each}) AND lease_token = ?
"""
_RUN_OUT = f"""
    SELECT q.message_id, {_IS_RETRIED}
    FROM queue AS q JOIN message AS m ON m.id = q.message_id JOIN app AS a ON a.id = m.app_id
    WHERE q.lease_until <= ?
"""
_OF_THE_DEAD = f"""
    SELECT q.message_id, {_IS_RETRIED}
    FROM queue AS q JOIN message AS m ON m.id = q.message_id JOIN app AS a ON a.id = m.app_id
    WHERE q.lease_until IS NOT NULL AND substr(q.lease_token, 1, length(?)) = ?
"""
_DUE_AGAIN = """
    UPDATE queue SET due = ?, lease_token = NULL, lease_until = NULL WHERE message_id = ?
"""
_DOUBT = """
    UPDATE recipient SET state = 'in_doubt', code = 0, enhanced = '', text = '', updated_at = ?
    WHERE message_id = ? AND state = 'sending'
"""
_NEXT_DUE = """
    SELECT min(due) FROM queue WHERE due IS NOT NULL
    UNION ALL SELECT min(lease_until) FROM queue WHERE lease_until IS NOT NULL
"""

_OPEN = tuple(state.value for state in State if not state.is_final)
_COUNT_OPEN = f"""
    SELECT state, count(*) FROM recipient
    WHERE state <> 'accepted' AND state IN ({", ".join("?" * len(_OPEN))}) GROUP BY state
"""

_WAITING = {State.QUEUED, State.SCHEDULED, State.DEFERRED}


class QueueStore:
    """The messages under way, of all apps. Durable, at least once.

    new_id: for attempts.
    """

    def __init__(self, database: Database, new_id: Callable[[], str]) -> None:
        self._database = database
        self._new_id = new_id

    async def claim(self, lease: Lease, *, now: datetime, limit: int) -> list[Claim]:
        """Take up to `limit` messages that are due, the longest due first; each begins an attempt.

        Their open recipients become SENDING.
        """
        at = micros(now)
        ids = [self._new_id() for _ in range(limit)]

        dialect = self._database.dialect

        def work() -> Work[_Taken | None]:
            found = yield _DUE + dialect.skip_locked, (at, limit)
            due = [row[0] for row in found]
            if not due:
                return None
            batch = json.dumps(due)
            yield _LEASE.format(each=dialect.each), (lease.token, micros(lease.until), batch)
            rows = yield _BEGIN.format(each=dialect.each), (at, batch)
            begun = {row[0] for row in rows}
            for message_id in due:
                if message_id not in begun:  # all that was left of it waits for a person now
                    yield _FORGET, (message_id,)
            taken = [each for each in due if each in begun]
            return (yield from _take(dialect, taken, ids, at))

        taken = await self._database.write(work)
        return [] if taken is None else await _claims(taken, lease, ids)

    async def claim_one(
        self,
        app_id: str,
        message_id: str,
        lease: Lease,
        *,
        now: datetime,
        by: Actor | None = None,
    ) -> Claim | None:
        """Take one message whatever its due time, its captured and held recipients included.

        by:      who releases it, for the audit log.
        returns: None when the app has no such message, or its content was erased, another process
                 holds it, or every recipient has ended another way.
        """
        at = micros(now)
        ids = [self._new_id()]

        def work() -> Work[_Taken | None]:
            if not (yield _CONTENT, (message_id, app_id)):
                return None
            if not (yield _LEASE_ONE, (message_id, lease.token, micros(lease.until))):
                return None
            states = yield _STATES, (message_id,)
            if not (yield _BEGIN_ONE, (at, message_id)):
                yield _FORGET, (message_id,)
                return None
            if by is not None:
                changes = {"state": ([state for (state,) in states], State.SENDING.value)}
                note = Note(by, "message.release", app_id, message_id, changes)
                yield from append(note, now)
            return (yield from _take(self._database.dialect, [message_id], ids, at))

        taken = await self._database.write(work)
        return None if taken is None else (await _claims(taken, lease, ids))[0]

    async def settle(self, claim: Claim, settlement: Settlement) -> bool:
        """Store what an attempt brought; False, and nothing stored, when the lease was lost.

        raises: ValueError when it does not say what becomes of each recipient of the claim.
        """
        _check(claim, settlement)
        if len(settlement.fates) == 1 and settlement.fates[0].position == 0:
            return await self._settle_one(claim, settlement, settlement.fates[0])
        message_id, number, at = claim.message.id, claim.number, micros(settlement.at)
        is_open = any(
            fate.state in _WAITING or fate.state is State.IN_DOUBT for fate in settlement.fates
        )
        leave: tuple[str, tuple[object, ...]] = (_LEAVE, (message_id, claim.lease.token, number))
        if is_open and settlement.due is not None:
            due = micros(settlement.due)
            leave = (_PUT_BACK, (due, message_id, claim.lease.token, number))
        attempt = (
            *(at, settlement.relay_id, int(settlement.code), settlement.phase, settlement.error),
            *(message_rows.pack_text(settlement.transcript), message_id, number),
        )
        fates = [
            (fate.state.value, fate.code, fate.enhanced, fate.text, at, message_id, fate.position)
            for fate in settlement.fates
        ]

        def work() -> Work[bool]:
            if not (yield leave):
                return False
            yield _END_ATTEMPT, attempt
            for fate in fates:
                yield _DECIDE, fate
            return True

        return await self._database.write(work)

    async def _settle_one(self, claim: Claim, settlement: Settlement, fate: Fate) -> bool:
        """Do as `settle`, for the one recipient that nearly every message has."""
        is_open = fate.state in _WAITING or fate.state is State.IN_DOUBT
        due = settlement.due if is_open else None
        values = (
            *(claim.message.id, claim.number, claim.lease.token),
            *(None if due is None else micros(due), micros(settlement.at), settlement.relay_id),
            *(int(settlement.code), settlement.phase, settlement.error),
            message_rows.pack_text(settlement.transcript),
            *(fate.state.value, fate.code, fate.enhanced, fate.text),
        )

        return bool(await self._database.execute(self._database.dialect.settle, values))

    async def doubt(self, claim: Claim, why: str, *, at: datetime) -> bool:
        """Note that a message may be with its relay while its attempt goes on waiting.

        Its recipients become IN_DOUBT; the lease stays, and `settle` brings the truth.
        why:     for the attempt, until then.
        returns: False, and nothing stored, when the lease was lost.
        """
        message_id, number = claim.message.id, claim.number

        def work() -> Work[bool]:
            if not (
                yield _HELD + self._database.dialect.lock, (message_id, claim.lease.token, number)
            ):
                return False
            yield _STILL_WAITS, (why, message_id, number)
            yield _DOUBT, (micros(at), message_id)
            return True

        return await self._database.write(work)

    async def renew(self, token: str, messages: Collection[str], *, until: datetime) -> None:
        """Extend the leases of these messages, as far as they carry `token`."""
        at, batch = micros(until), json.dumps([*messages])
        sql = _RENEW.format(each=self._database.dialect.each)
        await self._database.execute(sql, (at, at, batch, token))

    async def expire(
        self, *, now: datetime, dead: str = "", under_way: Collection[str] = ()
    ) -> int:
        """End the attempts whose lease has run out, as in doubt; return how many.

        dead:      prefix of tokens whose process is known to have ended: their leases count as run
                   out.
        under_way: messages that the caller himself is sending, however late he comes to renew their
                   leases: after the machine slept, or the disk was full.

        Per recipient by the app's in-doubt policy: IN_DOUBT and due again at once (retry), or
        IN_DOUBT and never due (hold). A message that is kept out of retry is never due.
        """
        at, dialect = micros(now), self._database.dialect

        def work() -> Work[int]:
            ended = yield _RUN_OUT + dialect.skip_locked, (at,)
            if dead:
                ended += yield _OF_THE_DEAD + dialect.skip_locked, (dead, dead)
            policies: dict[str, bool] = dict(row for row in ended if row[0] not in under_way)
            for message_id, is_retried in policies.items():
                if is_retried:
                    yield _DUE_AGAIN, (at, message_id)
                else:
                    yield _FORGET, (message_id,)
                yield _DOUBT, (at, message_id)
            return len(policies)

        return await self._database.write(work)

    async def open_recipients(self) -> dict[str, int]:
        """Return how many recipients have not ended, by state; those without any are 0."""
        counted = await self._database.read(_COUNT_OPEN, _OPEN)
        return dict.fromkeys(_OPEN, 0) | dict(counted)

    async def next_due(self) -> datetime | None:
        """Return when the next message is due, leases that run out included; None for none."""
        times = [at for (at,) in await self._database.read(_NEXT_DUE) if at is not None]
        return moment(min(times)) if times else None


_Taken = tuple[list[Row], list[Row]]  # messages with content, the longest due first; recipients


def _take(dialect: Dialect, taken: list[str], ids: list[str], at: int) -> Work[_Taken]:
    """Return what was taken, each with an attempt begun."""
    batch = json.dumps(taken)
    found = yield _MESSAGES.format(each=dialect.each), (batch,)
    by_id = {row[0]: row for row in found}
    messages = [by_id[message_id] for message_id in taken]
    for row, attempt_id in zip(messages, ids, strict=False):
        yield ADD_ATTEMPT, (row[0], row[14] + 1, attempt_id, at, None)
    return messages, (yield _RECIPIENTS.format(each=dialect.each), (batch,))


async def _claims(taken: _Taken, lease: Lease, ids: list[str]) -> list[Claim]:
    messages, recipients = taken
    by_message = message_rows.recipients_by_message(recipients)
    return [
        await _claim(row, by_message[row[0]], lease, attempt_id)
        for row, attempt_id in zip(messages, ids, strict=False)
    ]


async def _claim(row: Row, recipients: Sequence[Recipient], lease: Lease, attempt_id: str) -> Claim:
    number = row[14] + 1
    return Claim(
        message=message_rows.stored_message((*row[:14], number, None), recipients),
        content=await message_rows.unpack(*row[message_rows.MESSAGE_COLUMNS :]),
        recipients=tuple(each for each in recipients if each.state is State.SENDING),
        lease=lease,
        attempt_id=attempt_id,
        number=number,
    )


def _check(claim: Claim, settlement: Settlement) -> None:
    """Make sure that no recipient would be left behind.

    raises: ValueError.
    """
    claimed = sorted(recipient.position for recipient in claim.recipients)
    if claimed != sorted(fate.position for fate in settlement.fates):
        raise ValueError("a settlement has one fate for each recipient of its claim")
    states = {fate.state for fate in settlement.fates}
    if State.SENDING in states:
        raise ValueError("a settled recipient is not being sent to")
    if settlement.due is None and states & _WAITING:
        raise ValueError("a recipient that waits for its time needs one")
