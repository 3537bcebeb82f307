"""The loop: sends what is due, and ends the leases of the dead."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final

from postroad.delivery.messages import Claim
from postroad.delivery.routing import choose
from postroad.delivery.states import State
from postroad.errors import (
    ConnectError,
    LocalProtocolError,
    PostroadError,
    SettingsError,
    StorageError,
)
from postroad.message import Address
from postroad.tenancy import policy
from postroad.tenancy.records import App, InDoubtPolicy, RelayAccount
from postroad.transport.relay import Relay
from postroad.worker.courier import Courier, Errand
from postroad.worker.leases import Leases
from postroad.worker.ports import Queue, Relays
from postroad.worker.relays import connectable

_LOOK_S: Final = 1.0  # what another process queued is found that late at the latest
_AT_ONCE: Final = 200  # claimed and not settled
_AGAIN_S: Final = 1.0  # after storage failed


class Dispatcher:
    """Finds the relay of a claimed message and hands it to the courier.

    clock: the time now, aware UTC.
    """

    def __init__(self, relays: Relays, courier: Courier, clock: Callable[[], datetime]) -> None:
        self._relays = relays
        self._courier = courier
        self._clock = clock

    async def dispatch(self, claim: Claim) -> None:
        """Carry one claim to its end; what stands in its way becomes its outcome.

        What was decided about its app since it came in counts: mail of an app that may not send is
        held, and what the app only captures now does not leave.
        """
        errand = Errand(claim, None, InDoubtPolicy.HOLD)
        try:
            app = await self._app(claim)
            errand = replace(errand, policy=app.in_doubt_policy)
            if hindrance := await self._hindrance(app):
                kept = {each.position: State.HELD for each in claim.recipients}
                errand = replace(errand, kept=kept)
                raise SettingsError(hindrance)
            errand = replace(errand, kept=_captured(app, claim))
            account, relay = await self._relay(claim)
        except PostroadError as error:
            await self._courier.carry(replace(errand, refusal=error))
            return
        await self._courier.carry(
            replace(errand, relay=relay, relay_id=account.id, connections=account.connections)
        )

    async def _app(self, claim: Claim) -> App:
        app = await self._relays.app(claim.message.app_id)
        if app is None:
            raise SettingsError("the app of this message is gone")
        return app

    async def _hindrance(self, app: App) -> str:
        """Return why the app's mail may not leave now, "" when it may."""
        developer = await self._relays.developer(app.developer_id) if app.developer_id else None
        return policy.hindrance(app, developer, self._clock())

    async def defer(self, claim: Claim, defect: Exception) -> None:
        """Let a message whose dispatch met a defect of ours wait for its next turn."""
        error = LocalProtocolError(f"a defect in Postroad: {type(defect).__name__}")
        await self._courier.carry(Errand(claim, None, InDoubtPolicy.HOLD, refusal=error))

    async def _relay(self, claim: Claim) -> tuple[RelayAccount, Relay]:
        """Return the relay that the message was accepted for, else the one its app uses now."""
        message = claim.message
        account = None
        if message.relay_id is not None:
            account = await self._relays.relay(message.app_id, message.relay_id)
        if account is None or not account.is_usable:
            found = choose(
                await self._relays.relays(message.app_id),
                await self._relays.routes(message.app_id),
                Address.parse(message.from_),
            )
            account = found[0] if found else None
        if account is None:
            raise ConnectError("the app has no relay that could be used")
        return account, connectable(
            account, await self._relays.relay_secret(message.app_id, account)
        )


def _captured(app: App, claim: Claim) -> dict[int, State]:
    """Return the recipients whose mail the app only stores, by position."""
    return {
        each.position: State.CAPTURED
        for each in claim.recipients
        if policy.is_captured(app, Address(each.address))
    }


class Loop:
    """What runs beside the doors until the process ends."""

    def __init__(
        self,
        queue: Queue,
        dispatcher: Dispatcher,
        courier: Courier,
        leases: Leases,
        *,
        clock: Callable[[], datetime],
        trouble: Callable[[StorageError], None],
        defect: Callable[[Exception], None],
    ) -> None:
        self._queue = queue
        self._dispatcher = dispatcher
        self._courier = courier
        self._leases = leases
        self._clock = clock
        self._trouble = trouble
        self._defect = defect
        self._woken = asyncio.Event()
        self._is_stopping = False
        self._dispatched: set[asyncio.Task[None]] = set()
        self._task: asyncio.Task[None] | None = None

    async def start(self, *, dead: str = "") -> int:
        """End what dead processes left, then run; return how many attempts that were.

        dead: prefix of the tokens of processes that cannot be alive.
        """
        ended = await self._queue.expire(now=self._clock(), dead=dead)
        self._task = asyncio.get_running_loop().create_task(self._run())
        return ended

    def wake(self) -> None:
        """Something new may be due."""
        self._woken.set()

    async def stop(self, grace_s: float) -> None:
        """Claim no more, finish what is under way, at most `grace_s`."""
        self._is_stopping = True
        self._woken.set()
        if self._task is not None:
            await asyncio.wait({self._task})
        await self._courier.drain(grace_s)
        for task in self._dispatched:
            task.cancel()
        if self._dispatched:
            await asyncio.wait({*self._dispatched})

    async def _run(self) -> None:
        while not self._is_stopping:
            try:
                pause_s = await self._round()
            except StorageError as error:
                self._trouble(error)
                pause_s = _AGAIN_S
            except Exception as defect:  # noqa: BLE001 - the outermost loop goes on
                self._defect(defect)
                pause_s = _AGAIN_S
            if pause_s > 0 and not self._is_stopping:
                await self._pause(pause_s)

    async def _round(self) -> float:
        """Claim what is due and return the seconds until the next look."""
        now = self._clock()
        due = await self._queue.next_due()
        if due is None or due > now:
            wait = _LOOK_S if due is None else (due - now).total_seconds()
            return min(wait, _LOOK_S)
        free = _AT_ONCE - len(self._dispatched)
        if free <= 0:
            return _LOOK_S
        await self._queue.expire(now=now, under_way=self._courier.messages)
        claims = await self._queue.claim(self._leases.new(), now=now, limit=free)
        for claim in claims:
            task = asyncio.get_running_loop().create_task(self._dispatch(claim))
            self._dispatched.add(task)
            task.add_done_callback(self._ended)
        return 0.0 if claims else _LOOK_S

    async def _dispatch(self, claim: Claim) -> None:
        try:
            await self._dispatcher.dispatch(claim)
        except StorageError as error:
            self._trouble(error)
        except Exception as defect:  # noqa: BLE001 - one message's defect costs no other its turn
            self._defect(defect)
            await self._dispatcher.defer(claim, defect)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._dispatched.discard(task)
        if len(self._dispatched) == _AT_ONCE - 1:
            self._woken.set()

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return
        self._woken.clear()
