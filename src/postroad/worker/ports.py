"""What the worker needs from storage."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from postroad.delivery.messages import Claim, Lease, Settlement
from postroad.tenancy.audit import Actor
from postroad.tenancy.records import App, Developer, RelayAccount, Route


class Queue(Protocol):
    """The messages under way, of all apps. Durable, at least once; every method is one transaction.

    Every method raises StorageError when the engine fails.
    """

    async def claim(self, lease: Lease, *, now: datetime, limit: int) -> list[Claim]:
        """Take up to `limit` messages that are due, the longest due first; each begins an attempt.

        Their open recipients become SENDING.
        """
        ...

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
        returns: None when the app has no such message, another process holds it, or every
                 recipient has ended another way.
        """
        ...

    async def settle(self, claim: Claim, settlement: Settlement) -> bool:
        """Store what an attempt brought; False, and nothing stored, when the lease was lost."""
        ...

    async def doubt(self, claim: Claim, why: str, *, at: datetime) -> bool:
        """Note that a message may be with its relay while its attempt goes on waiting.

        Its recipients become IN_DOUBT; the lease stays, and `settle` brings the truth.
        why:     for the attempt, until then.
        returns: False, and nothing stored, when the lease was lost.
        """
        ...

    async def renew(self, token: str, messages: Collection[str], *, until: datetime) -> None:
        """Extend the leases of these messages, as far as they carry `token`.

        Others may carry it: of a message whose storing nobody confirmed, and whose caller was told
        that it is not sent. Theirs run out.
        """
        ...

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
        ...

    async def next_due(self) -> datetime | None:
        """Return when the next message is due, leases that run out included; None for none."""
        ...


class Relays(Protocol):
    """The relays with their secrets, for the one who connects."""

    async def app(self, app_id: str) -> App | None:
        """Return the app, for what it wants done with its mail."""
        ...

    async def developer(self, developer_id: str) -> Developer | None:
        """Return an app's developer, who may have been disabled since."""
        ...

    async def relay(self, app_id: str, relay_id: str) -> RelayAccount | None:
        """Return a relay that the app may use."""
        ...

    async def relays(self, app_id: str) -> Sequence[RelayAccount]:
        """Return the relays the app may use, its own and the operator's, oldest first."""
        ...

    async def routes(self, app_id: str) -> Sequence[Route]:
        """Return the app's routes in rising position."""
        ...

    async def relay_secret(self, app_id: str, relay: RelayAccount) -> str:
        """Return the password of a relay as it was read, "" for none.

        raises: StorageError when it cannot be decrypted with the key file, or when the relay has
                got another host since.
        """
        ...
