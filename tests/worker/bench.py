"""A worker taken apart: the queue and the relays of a real database, the rest a test's own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tests.support.core import Office, moment, with_core
from tests.support.folders import open_folder

from postroad.delivery.messages import Claim, Lease, Settlement, StoredMessage
from postroad.delivery.states import State
from postroad.errors import StorageError
from postroad.operations.sending import Sent
from postroad.storage.queue import QueueStore
from postroad.storage.sqlite.migrate import migrate
from postroad.storage.tenants import TenantStore
from postroad.tenancy.audit import Actor
from postroad.tenancy.records import App, Developer, InDoubtPolicy, RelayAccount, Route, SendMode
from postroad.transport.pools import Pools
from postroad.worker.courier import Courier, Errand
from postroad.worker.leases import LENGTH, Leases
from postroad.worker.loop import Dispatcher, Loop
from postroad.worker.ports import Queue, Relays

JITTER = 0.5  # the middle: a retry comes after exactly its time
TOKEN = "server:here"
NOBODY = 9  # discard (RFC 863), which nothing offers any more


class Clock:
    """A clock that stands until it is told otherwise."""

    def __init__(self) -> None:
        self.now = moment()

    def __call__(self) -> datetime:
        return self.now

    def go(self, **time: float) -> None:
        self.now += timedelta(**time)


class Trouble:
    """How often a method fails before it works again."""

    def __init__(self) -> None:
        self.left: dict[str, int] = {}
        self.calls: dict[str, int] = {}
        self.defects: dict[str, int] = {}
        self.called = asyncio.Event()

    def meet(self, name: str) -> None:
        self.calls[name] = self.calls.get(name, 0) + 1
        self.called.set()
        if self.left.get(name, 0):
            self.left[name] -= 1
            raise StorageError("the disk is full")
        if self.defects.get(name, 0):
            self.defects[name] -= 1
            raise ZeroDivisionError

    async def until(self, name: str, calls: int) -> None:
        """Wait until a method was called so often."""
        async with asyncio.timeout(10):
            while self.calls.get(name, 0) < calls:
                self.called.clear()
                await self.called.wait()


class TroubledQueue:
    """A queue that fails when it is told to."""

    def __init__(self, queue: Queue, trouble: Trouble) -> None:
        self._queue = queue
        self._trouble = trouble

    async def claim(self, lease: Lease, *, now: datetime, limit: int) -> list[Claim]:
        self._trouble.meet("claim")
        return await self._queue.claim(lease, now=now, limit=limit)

    async def claim_one(
        self,
        app_id: str,
        message_id: str,
        lease: Lease,
        *,
        now: datetime,
        by: Actor | None = None,
    ) -> Claim | None:
        return await self._queue.claim_one(app_id, message_id, lease, now=now, by=by)

    async def settle(self, claim: Claim, settlement: Settlement) -> bool:
        self._trouble.meet("settle")
        return await self._queue.settle(claim, settlement)

    async def doubt(self, claim: Claim, why: str, *, at: datetime) -> bool:
        self._trouble.meet("doubt")
        return await self._queue.doubt(claim, why, at=at)

    async def renew(self, token: str, messages: Collection[str], *, until: datetime) -> None:
        self._trouble.meet("renew")
        await self._queue.renew(token, messages, until=until)

    async def expire(
        self, *, now: datetime, dead: str = "", under_way: Collection[str] = ()
    ) -> int:
        return await self._queue.expire(now=now, dead=dead, under_way=under_way)

    async def next_due(self) -> datetime | None:
        self._trouble.meet("next_due")
        return await self._queue.next_due()


class TroubledRelays:
    """Relays that cannot be read when they are told so."""

    def __init__(self, relays: Relays, trouble: Trouble) -> None:
        self._relays = relays
        self._trouble = trouble

    async def app(self, app_id: str) -> App | None:
        self._trouble.meet("app")
        return await self._relays.app(app_id)

    async def developer(self, developer_id: str) -> Developer | None:
        return await self._relays.developer(developer_id)

    async def relay(self, app_id: str, relay_id: str) -> RelayAccount | None:
        self._trouble.meet("relay")
        return await self._relays.relay(app_id, relay_id)

    async def relays(self, app_id: str) -> Sequence[RelayAccount]:
        return await self._relays.relays(app_id)

    async def routes(self, app_id: str) -> Sequence[Route]:
        return await self._relays.routes(app_id)

    async def relay_secret(self, app_id: str, relay: RelayAccount) -> str:
        return await self._relays.relay_secret(app_id, relay)


@dataclass
class Bench:
    """A worker, and an app whose queued mail it sends.

    office:   whose own worker does not run.
    settled:  every settlement that was told.
    lost, doubted: every errand whose lease was lost, or whose caller's time ended in doubt.
    troubles, defects: what the loop told.
    relay:    of the app.
    """

    office: Office
    relay: RelayAccount
    clock: Clock
    trouble: Trouble
    courier: Courier
    loop: Loop
    settled: asyncio.Queue[Settlement]
    lost: list[Errand]
    doubted: list[Errand]
    troubles: list[StorageError]
    defects: list[Exception]

    @property
    def queue(self) -> QueueStore:
        return self.office.core.queue

    @property
    def tenants(self) -> TenantStore:
        return self.office.core.tenants

    async def put(self, number: int = 1) -> list[StoredMessage]:
        """Take messages in through the door of the office; return them, the oldest first."""
        for n in range(number):
            request = self.office.request(title=f"title {n}")
            assert isinstance(await self.office.core.nobase.send(request, "session"), Sent)
        self.clock.now = max(self.clock.now, moment())
        return (await self.office.stored())[::-1]

    async def claim(self, token: str = TOKEN) -> Claim:
        """Claim the one message that is due."""
        lease = Lease(token, self.clock() + LENGTH)
        (claim,) = await self.queue.claim(lease, now=self.clock(), limit=10)
        return claim

    async def state(self) -> State:
        """Return the state of the one message."""
        (message,) = await self.office.stored()
        return message.recipients[0].state

    async def next_settled(self) -> Settlement:
        async with asyncio.timeout(10):
            return await self.settled.get()


def at_bench(
    work: Callable[[Bench], Awaitable[None]],
    port: int = NOBODY,
    *,
    renewed_every_s: float = 10.0,
    **app: Any,
) -> None:
    """Do `work` at a bench on an empty database, with mail that is queued.

    port: of the app's relay on loopback.
    app:  fields of the app; mail in doubt is tried again unless they say otherwise.
    """

    async def prepared(office: Office) -> None:
        values = {"send": SendMode.QUEUED, "in_doubt": InDoubtPolicy.RETRY} | app
        await office.add_app(**values)
        await office.add_user()
        relay = await office.add_relay(port)
        clock, trouble, pools = Clock(), Trouble(), Pools(timeout_s=30, idle_s=5)
        settled: asyncio.Queue[Settlement] = asyncio.Queue()
        lost: list[Errand] = []
        doubted: list[Errand] = []
        troubles: list[StorageError] = []
        defects: list[Exception] = []
        queue = TroubledQueue(office.core.queue, trouble)
        leases = Leases(TOKEN, clock, renewed_every_s=renewed_every_s)
        courier = Courier(
            queue,
            pools,
            leases,
            clock=clock,
            jitter=lambda: JITTER,
            settled=lambda _, settlement, __: settled.put_nowait(settlement),
            lease_lost=lost.append,
            doubted=doubted.append,
            trouble=troubles.append,
        )
        loop = Loop(
            queue,
            Dispatcher(TroubledRelays(office.core.tenants, trouble), courier, clock),
            courier,
            leases,
            clock=clock,
            trouble=troubles.append,
            defect=defects.append,
        )
        try:
            await work(
                Bench(
                    *(office, relay, clock, trouble, courier, loop, settled),
                    *(lost, doubted, troubles, defects),
                )
            )
        finally:
            await loop.stop(0)
            await pools.aclose(0)
            await courier.drain(5)

    with open_folder() as folder:
        migrate(folder / "postroad.db")
        asyncio.run(with_core(folder, prepared, is_server=False))
