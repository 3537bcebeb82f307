"""Carries a claimed message to its relay and stores what became of it, whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from postroad.delivery import outcome as outcomes
from postroad.delivery.messages import Claim, Fate, Recipient, Settlement
from postroad.delivery.states import State
from postroad.errors import Code, DeliveryInDoubt, PostroadError, SettingsError, StorageError
from postroad.smtp.envelope import Envelope
from postroad.smtp.transaction import Outcome
from postroad.tenancy.records import InDoubtPolicy
from postroad.transport.pools import Pools, Ticket
from postroad.transport.relay import Relay
from postroad.worker.leases import Leases
from postroad.worker.ports import Queue

_STORE_AGAIN_S: Final = 1.0  # a settlement that could not be stored, for example on a full disk


@dataclass(frozen=True, slots=True)
class Errand:
    """One attempt: what, over which relay, and by which rules its outcome is judged.

    relay:       None when there is none that could be tried: `refusal` says why.
    relay_id:    of the relay as it is kept; None when it came with the request.
    connections: to the relay at once, at most.
    is_sync:     somebody waits for the answer and nothing is tried again.
    limit_s:     how long he waits; None means as long as it takes.
    passed_s:    how much of that had passed before.
    kept:        recipients by position whom nothing is sent to, with what becomes of them.
    """

    claim: Claim
    relay: Relay | None
    policy: InDoubtPolicy
    connections: int = 10
    is_sync: bool = False
    limit_s: float | None = None
    passed_s: float = 0.0
    refusal: PostroadError | None = None
    relay_id: str | None = None
    kept: Mapping[int, State] = field(default_factory=dict)

    @property
    def recipients(self) -> tuple[Recipient, ...]:
        """Whom it is sent to."""
        if not self.kept:
            return self.claim.recipients
        return tuple([each for each in self.claim.recipients if each.position not in self.kept])


class Courier:
    """Sends errands through the pools, and settles each exactly once.

    clock:    the time now, aware UTC.
    jitter:   0 to 1, anew at each call.
    settled:  told of every attempt that was stored, with the seconds it took.
    doubted:  told of one whose caller's time ended after the final dot.
    trouble:  told that storage failed.
    """

    def __init__(
        self,
        queue: Queue,
        pools: Pools,
        leases: Leases,
        *,
        clock: Callable[[], datetime],
        jitter: Callable[[], float],
        settled: Callable[[Errand, Settlement, float], None],
        lease_lost: Callable[[Errand], None],
        doubted: Callable[[Errand], None],
        trouble: Callable[[StorageError], None],
    ) -> None:
        self._queue = queue
        self._pools = pools
        self._leases = leases
        self._trouble = trouble
        self._clock = clock
        self._jitter = jitter
        self._settled = settled
        self._lease_lost = lease_lost
        self._doubted = doubted
        self._under_way: dict[asyncio.Task[Settlement], str] = {}
        self._doubts: set[asyncio.Task[None]] = set()
        self._renewing: asyncio.Task[None] | None = None

    @property
    def under_way(self) -> int:
        """How many errands have not been settled yet."""
        return len(self._under_way)

    @property
    def messages(self) -> frozenset[str]:
        """The ids of their messages."""
        return frozenset(self._under_way.values())

    async def carry(self, errand: Errand) -> Settlement:
        """Send a message and return what became of it, stored.

        Past the errand's limit the message is taken back; where it is too late for that, the
        answer is "in doubt" and the truth is stored when it is known. Cancelling stops the
        waiting, never the sending.

        So it is, too, while the outcome cannot be stored: storing goes on beside it.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Settlement] = loop.create_future()
        task = loop.create_task(self._carry(errand, answer))
        self._under_way[task] = errand.claim.message.id
        task.add_done_callback(self._under_way.pop)
        task.add_done_callback(lambda done: _pass_on(done, answer))
        if self._renewing is None or self._renewing.done():
            self._renewing = loop.create_task(self._renew())
        return await answer

    async def drain(self, grace_s: float) -> None:
        """Wait for the errands under way, at most `grace_s`."""
        if self._under_way:
            await asyncio.wait({*self._under_way}, timeout=grace_s)
        if not self._under_way and self._renewing is not None:
            self._renewing.cancel()

    async def _carry(self, errand: Errand, answer: asyncio.Future[Settlement]) -> Settlement:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        if not errand.recipients or errand.relay is None:
            error = errand.refusal or SettingsError("the app captures its mail")
            outcome, transcript = Outcome(error.code, error.phase, (), error), ""
        else:
            ticket = self._submit(errand, errand.relay)
            expiry = None
            if errand.limit_s is not None:
                left_s = max(errand.limit_s - errand.passed_s, 0.0)
                expiry = loop.call_later(left_s, self._expired, errand, ticket, answer)
            outcome = await ticket.done
            if expiry is not None:
                expiry.cancel()
            transcript = "" if outcome.code is Code.OK else ticket.transcript()
        settlement = self._judge(errand, outcome, transcript)
        if await self._store(errand, settlement, answer):
            self._settled(errand, settlement, loop.time() - begun)
        else:
            self._lease_lost(errand)
        return settlement

    def _submit(self, errand: Errand, relay: Relay) -> Ticket:
        claim = errand.claim
        kept = claim.message.envelope
        return self._pools.submit(
            relay,
            Envelope(
                kept.reverse_path,
                tuple([recipient.path for recipient in errand.recipients]),
                kept.needs_smtputf8,
            ),
            claim.content,
            is_transparent=kept.is_transparent,
            connections=errand.connections,
        )

    def _expired(self, errand: Errand, ticket: Ticket, answer: asyncio.Future[Settlement]) -> None:
        """The caller's time is over; what the relay may have is not taken back."""
        limit_s = errand.limit_s or 0.0
        if ticket.withdraw(limit_s) or answer.done():
            return
        why = f"no reply to the message within {limit_s:.3g} s; waiting on"
        task = asyncio.get_running_loop().create_task(self._doubt(errand, why, answer))
        self._doubts.add(task)
        task.add_done_callback(self._doubts.discard)

    async def _doubt(self, errand: Errand, why: str, answer: asyncio.Future[Settlement]) -> None:
        """Store that a message is in doubt for now, and tell its caller."""
        error = DeliveryInDoubt(why)
        fates = (None,) * len(errand.recipients)
        told = self._judge(errand, Outcome(error.code, error.phase, fates, error), "")
        with contextlib.suppress(StorageError):  # the caller is told the same all the same
            if await self._queue.doubt(errand.claim, why, at=told.at):
                self._doubted(errand)
        if not answer.done():
            answer.set_result(told)

    def _judge(self, errand: Errand, outcome: Outcome, transcript: str) -> Settlement:
        claim = errand.claim
        settlement = outcomes.settle(
            outcome,
            replace(claim, recipients=errand.recipients) if errand.kept else claim,
            policy=errand.policy,
            is_sync=errand.is_sync,
            provider=errand.relay.provider if errand.relay else None,
            now=self._clock(),
            jitter=self._jitter(),
            transcript=transcript,
            relay_id=errand.relay_id,
        )
        if not errand.kept:
            return settlement
        kept = [Fate(position, state) for position, state in errand.kept.items()]
        return replace(settlement, fates=(*settlement.fates, *kept))

    async def _store(
        self, errand: Errand, settlement: Settlement, answer: asyncio.Future[Settlement]
    ) -> bool:
        """Store the settlement; False when the lease was lost.

        While the disk refuses it is kept here. Who waits hears what became of the message, but
        nothing is promised that a power cut could take back: accepted is in doubt for now.
        """
        while True:
            try:
                return await self._queue.settle(errand.claim, settlement)
            except StorageError as error:
                self._trouble(error)
                if not answer.done():
                    answer.set_result(self._unstored(errand, settlement))
                await asyncio.sleep(_STORE_AGAIN_S)

    def _unstored(self, errand: Errand, settlement: Settlement) -> Settlement:
        if all(fate.state is not State.ACCEPTED for fate in settlement.fates):
            return settlement
        error = DeliveryInDoubt("the relay accepted it, but that could not be stored yet")
        fates = (None,) * len(errand.recipients)
        return self._judge(errand, Outcome(error.code, error.phase, fates, error), "")

    async def _renew(self) -> None:
        """Keep the leases while anything is under way."""
        while self._under_way:
            await asyncio.sleep(self._leases.renewed_every_s)
            try:
                await self._queue.renew(
                    self._leases.token, self.messages, until=self._leases.until()
                )
            except StorageError as error:
                self._trouble(error)


def _pass_on(task: asyncio.Task[Settlement], answer: asyncio.Future[Settlement]) -> None:
    """Give the end of an errand to whoever still waits for it."""
    error = None if task.cancelled() else task.exception()
    if answer.done():
        return
    if task.cancelled():
        answer.cancel()
    elif error is not None:
        answer.set_exception(error)
    else:
        answer.set_result(task.result())
