"""Sends a message that was captured, is held or is in doubt, because a person says so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from postroad.delivery import routing
from postroad.delivery.messages import Settlement
from postroad.delivery.states import State
from postroad.errors import ConflictError, NotFoundError
from postroad.message import Address
from postroad.operations.ports import Facts, Mail
from postroad.tenancy import policy
from postroad.tenancy.audit import Actor
from postroad.tenancy.records import SendMode
from postroad.worker.courier import Courier, Errand
from postroad.worker.leases import Leases
from postroad.worker.ports import Queue, Relays
from postroad.worker.relays import connectable


class Release:
    """Releases messages of any app, for operators."""

    def __init__(
        self,
        facts: Facts,
        mail: Mail,
        queue: Queue,
        relays: Relays,
        courier: Courier,
        leases: Leases,
        clock: Callable[[], datetime],
    ) -> None:
        self._facts = facts
        self._mail = mail
        self._queue = queue
        self._relays = relays
        self._courier = courier
        self._leases = leases
        self._clock = clock

    async def release(self, app_id: str, message_id: str, *, by: Actor) -> Settlement:
        """Send a stored message through the app's relay and return what became of it.

        by:     who says so, for the audit log.
        raises: NotFoundError, ConflictError saying what stands in the way; StorageError.
        """
        app = await self._facts.app(app_id)
        message = await self._mail.message(app_id, message_id)
        if app is None or message is None:
            raise NotFoundError(f"there is no message {message_id}")
        developer = await self._facts.developer(app.developer_id) if app.developer_id else None
        if hindrance := policy.hindrance(app, developer, self._clock()):
            raise ConflictError(f"message {message_id} stays here: {hindrance}")
        sender = Address.parse(message.from_)
        if sender.domain == routing.NO_DOMAIN:
            raise ConflictError(
                f"message {message_id} was captured without a From mailbox: give the app one "
                "and send it again"
            )
        if message.is_kept_out_of_retry:
            raise ConflictError(
                f"message {message_id} came with the credentials of its relay, which are not kept: "
                "its sender has to send it again"
            )
        found = routing.choose(
            await self._facts.relays(app_id), await self._facts.routes(app_id), sender
        )
        if not found:
            raise ConflictError(
                f"app {app_id} has no relay that could be used: it needs one first:"
                f" postroad relay create NAME --app {app_id} …"
            )
        account = found[0]
        if problem := routing.check_sender(sender, account):
            raise ConflictError(problem)
        secret = await self._relays.relay_secret(app_id, account)
        await self._queue.expire(now=self._clock(), under_way=self._courier.messages)
        lease = self._leases.new()
        claim = await self._queue.claim_one(app_id, message_id, lease, now=self._clock(), by=by)
        if claim is None:
            raise ConflictError(await self._why_not(app_id, message_id))
        return await self._courier.carry(
            Errand(
                claim,
                connectable(account, secret),
                app.in_doubt_policy,
                connections=account.connections,
                is_sync=app.send is SendMode.SYNC,
                relay_id=account.id,
            )
        )

    async def _why_not(self, app_id: str, message_id: str) -> str:
        """Return why a message cannot be taken, from what became of it."""
        message = await self._mail.message(app_id, message_id)
        states = {each.state for each in message.recipients} if message else set()
        words = [_ENDED[state] for state in _ENDED if state in states]
        if len(words) != len(states) or not words:
            return f"message {message_id} is being sent, or has ended already"
        return f"message {message_id} {' and '.join(words)}"


_ENDED = {
    State.ACCEPTED: "was accepted already",
    State.BOUNCED: "has bounced already",
    State.FAILED: "has failed already",
    State.EXPIRED: "has expired already",
    State.CANCELLED: "was cancelled already",
    State.SUPPRESSED: "was suppressed already",
    State.QUARANTINED: "is quarantined",
    State.SENDING: "is being sent just now",
}
