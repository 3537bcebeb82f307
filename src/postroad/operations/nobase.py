"""What the nobase door can ask: send, register, log in, bind an address."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from postroad.delivery import routing
from postroad.message import Address, Message, html_to_text, looks_like_html
from postroad.operations.asking import BUSY_S, Asker
from postroad.operations.identifiers import new_id
from postroad.operations.passwords import Passwords
from postroad.operations.ports import Accounts, Mail
from postroad.operations.sending import Caller, NotSent, Sending, Sent, TooSoon, Way
from postroad.tenancy import checks, keys
from postroad.tenancy.checks import Check, Granted, Refusal, Request
from postroad.tenancy.limits import RECIPIENT_HOUR, Excess
from postroad.tenancy.passwords import password_form
from postroad.tenancy.records import SendMode, User, UserToken, Window
from postroad.worker.ports import Relays
from postroad.worker.relays import connectable

DOOR: Final = "nobase"
_KEPT_TOKENS: Final = 10
_FIELDS: Final = {"subject": "title", "text": "content", "html": "content"}


@dataclass(frozen=True, slots=True)
class Registered:
    """A new user exists."""


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """A user proved the password.

    token: 64 lower-case hexadecimal digits, not kept.
    """

    user: User
    token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Bound:
    """The user has a new address."""


class Nobase:
    """The operations of the nobase door; each returns a value for everything a caller can do.

    recipient_hour: mails to one recipient in an hour, where the app does not say.
    raises: StorageError.
    """

    def __init__(
        self,
        asker: Asker,
        sending: Sending,
        accounts: Accounts,
        mail: Mail,
        relays: Relays,
        passwords: Passwords,
        clock: Callable[[], datetime],
        refused: Callable[[str, Refusal, str], None],
        recipient_hour: int = RECIPIENT_HOUR,
    ) -> None:
        self._asker = asker
        self._sending = sending
        self._accounts = accounts
        self._mail = mail
        self._relays = relays
        self._passwords = passwords
        self._clock = clock
        self._refused = refused
        self._recipient_hour = recipient_hour

    async def send(self, request: Request, session: str) -> Sent | NotSent | Refusal:
        """Send one mail.

        session: the caller's, as a digest.
        """
        asked_at = self._clock()
        granted = await self._asker.verdict(checks.may_send, request)
        if isinstance(granted, Refusal):
            return await self._logged(granted, request)
        app, address = granted.app, granted.address
        sender = routing.sender_of(app, granted.relay or await self._asker.relay_for(app))
        if address is None or sender is None:
            return await self._logged(Refusal(Check.NO_RELAY, app=app), request)
        values = request.values
        sent = await self._sending.send(
            app,
            lambda: _message(sender, address, values["title"], values["content"]),
            replace(_caller(request, granted.user), asked_at=asked_at, fields=_FIELDS),
            await self._way(granted),
            _windows(granted, session),
            recipient_hour=self._recipient_hour,
        )
        if isinstance(sent, TooSoon):
            check = Check.OVER_LIMIT if sent.standing else Check.TOO_SOON
            return self._told(
                Refusal(check, seconds=sent.seconds, app=app, standing=sent.standing), request
            )
        if isinstance(sent, Excess):
            return self._told(Refusal(Check.TOO_LARGE, app=app), request)
        return sent

    async def register(self, request: Request) -> Registered | Refusal:
        """Create a user of the app."""
        granted = await self._asker.verdict(checks.may_register, request)
        if isinstance(granted, Refusal):
            return self._told(granted, request)
        if self._passwords.is_busy_for(granted.app.id):
            return self._told(Refusal(Check.TOO_SOON, seconds=BUSY_S, app=granted.app), request)
        values = request.values
        user = User(
            id=new_id(),
            app_id=granted.app.id,
            account=values["user"],
            password_hash=await self._passwords.hash(password_form(values["pass"]), granted.app.id),
            created_at=self._clock(),
            nickname=values["nickname"],
            qq=values.get("qq", ""),
            email=granted.address.email if granted.address else "",
        )
        if await self._accounts.register(user):
            return Registered()
        return self._told(Refusal(Check.ACCOUNT_TAKEN, app=granted.app), request)

    async def login(self, request: Request) -> LoggedIn | Refusal:
        """Return a new token for a user; the ten newest of a user count."""
        granted = await self._asker.verdict(checks.may_login, request)
        if isinstance(granted, Refusal):
            return self._told(granted, request)
        if granted.user is None:
            raise TypeError("a login without a user was granted")
        now = self._clock()
        token = keys.new_token(secrets.token_bytes)
        expires_at = now + timedelta(days=granted.app.token_days)
        stored = UserToken(
            digest=keys.digest(token),
            app_id=granted.app.id,
            user_id=granted.user.id,
            created_at=now,
            expires_at=expires_at,
        )
        await self._accounts.add_token(stored, keep=_KEPT_TOKENS)
        return LoggedIn(replace(granted.user, login_at=now), token, expires_at)

    async def bind_mail(self, request: Request) -> Bound | Refusal:
        """Set a user's address."""
        granted = await self._asker.verdict(checks.may_bind_mail, request)
        if isinstance(granted, Refusal):
            return self._told(granted, request)
        if granted.user is None or granted.address is None:
            raise TypeError("an address without a user was granted")
        await self._accounts.bind_mail(granted.app.id, granted.user.id, granted.address.email)
        return Bound()

    async def _way(self, granted: Granted) -> Way:
        app, account = granted.app, granted.relay
        if granted.is_captured or account is None:
            return Way(is_captured=True)
        secret = await self._relays.relay_secret(app.id, account)
        return Way(
            is_captured=False,
            relay=connectable(account, secret),
            relay_id=account.id,
            connections=account.connections,
            is_queued=app.send is SendMode.QUEUED,
        )

    async def _logged(self, refusal: Refusal, request: Request) -> Refusal:
        """Put a refusal of a known app into the send log."""
        if refusal.app is not None:
            caller = _caller(request, None)
            now = self._clock()
            await self._mail.log(caller.entry(refusal.app, now, "refused", _reason(refusal)))
        return self._told(refusal, request)

    def _told(self, refusal: Refusal, request: Request) -> Refusal:
        self._refused(DOOR, refusal, request.ip)
        return refusal


def _caller(request: Request, user: User | None) -> Caller:
    values = request.values
    return Caller(
        DOOR,
        request.ip,
        values.get("mail", ""),
        values.get("title", ""),
        user.account if user else "",
    )


def _message(sender: Address, to: Address, title: str, content: str) -> Message:
    """Return the message of a title and a content that is HTML or text; HTML always has a twin."""
    if looks_like_html(content):
        return Message(sender, to, title, html_to_text(content) or title, content)
    return Message(sender, to, title, content)


def _windows(granted: Granted, session: str) -> tuple[str, ...]:
    keys_ = [f"session:{session}"]
    if granted.app.window is Window.BOTH and granted.user is not None:
        keys_.append(f"user:{granted.user.id}")
    return tuple(keys_)


def _reason(refusal: Refusal) -> str:
    """Return the refusal as the send log words it."""
    detail = refusal.parameter or (f"{refusal.seconds} s" if refusal.seconds else "")
    return f"{refusal.check}: {detail}" if detail else str(refusal.check)
