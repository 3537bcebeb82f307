"""Answers what the checks ask, and remembers who failed to log in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from datetime import datetime
from typing import Any
from weakref import WeakValueDictionary

from postroad.delivery import routing
from postroad.operations.passwords import Passwords
from postroad.operations.ports import Accounts, Facts
from postroad.telemetry import events
from postroad.tenancy import checks
from postroad.tenancy.checks import Check, Granted, Refusal, Request
from postroad.tenancy.delays import delay_s
from postroad.tenancy.limits import network_of
from postroad.tenancy.passwords import password_form
from postroad.tenancy.records import App, RelayAccount

BUSY_S = 5  # what a caller is told when too many passwords wait for their turn
# Many people share an address (offices, mobile networks); an account has one owner.
_FREE_FAILURES_OF_ADDRESS = 90
# Of one account, as many as Argon2 computes: hundreds of guesses that all begin before the first
# has failed would be hundreds that no delay held back.
_AT_ONCE = 2


class Asker:
    """Runs the generators of `tenancy.checks` over the facts that storage has."""

    def __init__(
        self,
        facts: Facts,
        accounts: Accounts,
        passwords: Passwords,
        clock: Callable[[], datetime],
    ) -> None:
        self._facts = facts
        self._accounts = accounts
        self._passwords = passwords
        self._clock = clock
        self._turns: WeakValueDictionary[tuple[str, str], asyncio.Semaphore] = WeakValueDictionary()

    async def verdict(
        self, walk: Callable[[Request, datetime], checks.Checks], request: Request
    ) -> Granted | Refusal:
        """Return what the checks say of `request`; failed and successful logins are counted."""
        async with self._turn(request):
            return await self._verdict(walk, request)

    async def relay_for(self, app: App) -> RelayAccount | None:
        """Return the relay that mail of the app leaves by, None when there is none."""
        relays = await self._facts.relays(app.id)
        if not relays:
            return None
        found = routing.choose(relays, await self._facts.routes(app.id), app.from_)
        return next((relay for relay in found if routing.sender_of(app, relay) is not None), None)

    async def _verdict(
        self, walk: Callable[[Request, datetime], checks.Checks], request: Request
    ) -> Granted | Refusal:
        found: Granted | Refusal = await self._drive(walk(request, self._clock()), request)
        account = request.values.get("user", "")
        if isinstance(found, Refusal):
            if found.app is None:
                found = await self._with_app(found, request)
            elif found.check is Check.PASSWORD_WRONG:
                await self._failed(found.app.id, account, request.ip)
            elif found.check is Check.USER_UNKNOWN:
                now = self._clock()
                key = _of_unknown(found.app.id, request.ip, now)
                await self._accounts.login_failed([key], now)
        elif account and request.has("pass") and found.user is not None:
            await self._succeeded(found.app.id, account, request.ip)
        return found

    def _turn(self, request: Request) -> AbstractAsyncContextManager[object]:
        """Return what is held while a password is tried and its failure counted."""
        if not (request.has("user") and request.has("pass")):
            return nullcontext()
        account = request.text("appid"), request.text("user")
        return self._turns.setdefault(account, asyncio.Semaphore(_AT_ONCE))

    async def _with_app(self, refusal: Refusal, request: Request) -> Refusal:
        """Return a refusal that came before the app was known with the app it concerns, if any."""
        if refusal.check not in _BEFORE_THE_APP:
            return refusal
        app = await self._drive(checks.who_asks(request, self._clock()), request)
        return refusal if app is None else replace(refusal, app=app)

    async def _drive(self, walk: Generator[Any, Any, Any], request: Request) -> Any:
        answer: object = None
        while True:
            try:
                question = walk.send(answer)
            except StopIteration as done:
                return done.value
            answer = await self._answer(question, request)

    async def _answer(self, question: object, request: Request) -> object:
        facts = self._facts
        match question:
            case checks.FindApp(app_id):
                return await facts.app(app_id)
            case checks.FindDeveloper(developer_id):
                return await facts.developer(developer_id)
            case checks.FindToken(app_id, digest):
                return await facts.token(app_id, digest)
            case checks.FindUserById(app_id, user_id):
                return await facts.user_by_id(app_id, user_id)
            case checks.ChooseRelay(app):
                return await self.relay_for(app)
            case checks.FindUser(app_id, account):
                return await facts.user(app_id, account)
            case checks.FindDelay(app_id, account):
                return await self._delay_s(app_id, account, request.ip)
            case checks.TestPassword(user, password):
                known = user.password_hash if user else None
                app_id = request.text("appid")
                return await self._passwords.verify(known, password_form(password), app_id)
        raise TypeError(f"no answer to {type(question).__name__}")

    async def _delay_s(self, app_id: str, account: str, ip: str) -> int:
        """Return how long the next login has to wait, for the account or for the address.

        Whoever asks for accounts that do not exist waits for those, and keeps nobody from his own.
        """
        if self._passwords.is_busy_for(app_id):
            return BUSY_S
        now = self._clock()
        is_known = await self._facts.user(app_id, account) is not None
        of_address = _of_address if is_known else _of_unknown
        of_account, of_address_ = await self._facts.failures(
            [_of_account(app_id, account), of_address(app_id, ip, now)]
        )
        seconds = max(
            delay_s(*of_account, now),
            delay_s(max(of_address_[0] - _FREE_FAILURES_OF_ADDRESS, 0), of_address_[1], now),
        )
        if seconds:
            events.login_delayed(app=app_id, ip=ip, seconds=seconds)
        return seconds

    async def _failed(self, app_id: str, account: str, ip: str) -> None:
        now = self._clock()
        keys = [_of_account(app_id, account), _of_address(app_id, ip, now)]
        await self._accounts.login_failed(keys, now)

    async def _succeeded(self, app_id: str, account: str, ip: str) -> None:
        """Forget the account's failures, and one of its address: most people there are honest."""
        of_account = _of_account(app_id, account)
        of_address = _of_address(app_id, ip, self._clock())
        (failures, _), (failures_there, _) = await self._facts.failures([of_account, of_address])
        if failures:
            await self._accounts.login_succeeded([of_account])
        if failures_there:
            await self._accounts.failure_forgiven(of_address)


_BEFORE_THE_APP = frozenset({Check.REPEATED, Check.ILLEGAL, Check.MISSING})


def _of_account(app_id: str, account: str) -> str:
    return f"account:{app_id}:{account}"


def _of_address(app_id: str, ip: str, now: datetime) -> str:
    """Return the key of an address, for one app and one day: the next day begins with none."""
    return f"address:{app_id}:{network_of(ip)}:{now:%Y%m%d}"


def _of_unknown(app_id: str, ip: str, now: datetime) -> str:
    """Return the same for accounts that do not exist."""
    return f"unknown:{app_id}:{network_of(ip)}:{now:%Y%m%d}"
