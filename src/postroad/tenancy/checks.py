"""The checks of a request in their order: which of them refuses it, or what it may do.

Each is a generator that asks for facts as it needs them and is sent the answers, so that a password
is only tried when its turn comes and nothing is asked for a request that is refused before.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from datetime import datetime
from hmac import compare_digest
from typing import Any

from postroad.errors import AddressError
from postroad.message import Address
from postroad.tenancy.keys import digest, is_app_id, is_token
from postroad.tenancy.parameters import Request, missing, unreadable
from postroad.tenancy.policy import is_captured
from postroad.tenancy.questions import (
    ChooseRelay,
    FindApp,
    FindDelay,
    FindDeveloper,
    FindToken,
    FindUser,
    FindUserById,
    Question,
    TestPassword,
)
from postroad.tenancy.records import (
    App,
    AppState,
    Developer,
    DeveloperState,
    RelayAccount,
    User,
    UserState,
    UserToken,
)
from postroad.tenancy.refusals import Check, Granted, Refusal

__all__ = [
    "Check",
    "Checks",
    "ChooseRelay",
    "FindApp",
    "FindDelay",
    "FindDeveloper",
    "FindToken",
    "FindUser",
    "FindUserById",
    "Granted",
    "Question",
    "Refusal",
    "Request",
    "TestPassword",
    "may_bind_mail",
    "may_login",
    "may_register",
    "may_send",
    "who_asks",
]

Checks = Generator[Question, Any, Granted | Refusal]

# In the order in which the first that is wrong is named; the first few are required.
_SEND = ("appid", "signature", "mail", "title", "content", "token", "user", "pass")
_REGISTER = ("appid", "signature", "user", "pass", "nickname", "qq", "email")
_LOGIN = ("appid", "user", "pass", "signature")
_BIND_MAIL = ("appid", "mail", "signature", "token", "user", "pass")

_DIGITS = re.compile("[0-9]+")
_LETTERS_AND_DIGITS = re.compile("[0-9A-Za-z]+")
_PASSWORD = re.compile("[0-9A-Za-z]{1,128}")
_NAME_CHARACTERS = 100  # nobody's name is longer, and it is kept for ever
# As long as a signature, and never taken for one: NUL may not stand there.
_NO_SIGNATURE = bytes(32)


def may_send(request: Request, now: datetime) -> Checks:
    """Ask whether a message may be sent; what follows are the session window and the send."""
    if refusal := unreadable(request, _SEND) or missing(request, _SEND[:5]):
        return refusal
    app = yield from _app(request, now)
    if isinstance(app, Refusal):
        return app
    user = yield from _user(request, app, now)
    if isinstance(user, Refusal):
        return user
    address = _address(request, "mail")
    if address is None:
        return Refusal(Check.ADDRESS, app=app)
    if is_captured(app, address):
        return Granted(app, user, address, None, is_captured=True)
    relay: RelayAccount | None = yield ChooseRelay(app)
    if relay is None:
        return Refusal(Check.NO_RELAY, app=app)
    return Granted(app, user, address, relay, is_captured=False)


def may_register(request: Request, now: datetime) -> Checks:
    """Ask whether an account may be registered."""
    if refusal := unreadable(request, _REGISTER) or missing(request, _REGISTER[:5]):
        return refusal
    for name in ("nickname", "qq"):
        if len(request.text(name)) > _NAME_CHARACTERS:
            return Refusal(Check.ILLEGAL, name)
    app = yield from _app(request, now)
    if isinstance(app, Refusal):
        return app
    if refusal := _account(request, app, _LETTERS_AND_DIGITS, Check.ACCOUNT_FORMAT):
        return refusal
    address = _address(request, "email") if request.has("email") else None
    if address is None and request.has("email"):
        return Refusal(Check.ADDRESS, app=app)
    user: User | None = yield FindUser(app.id, request.text("user"))
    if user is not None:
        return Refusal(Check.ACCOUNT_TAKEN, app=app)
    return Granted(app, None, address, None, is_captured=False)


def may_login(request: Request, now: datetime) -> Checks:
    """Ask whether a user may log in."""
    if refusal := unreadable(request, _LOGIN) or missing(request, _LOGIN):
        return refusal
    app = yield from _app(request, now)
    if isinstance(app, Refusal):
        return app
    if refusal := _account(request, app, _LETTERS_AND_DIGITS, Check.ACCOUNT_FORMAT):
        return refusal
    user = yield from _user_of_password(request, app)
    if isinstance(user, Refusal):
        return user
    return Granted(app, user, None, None, is_captured=False)


def may_bind_mail(request: Request, now: datetime) -> Checks:
    """Ask whether a user's address may be set."""
    if refusal := unreadable(request, _BIND_MAIL) or missing(request, _BIND_MAIL[:3]):
        return refusal
    app = yield from _app(request, now)
    if isinstance(app, Refusal):
        return app
    user = yield from _user(request, app, now)
    if isinstance(user, Refusal):
        return user
    address = _address(request, "mail")
    if address is None:
        return Refusal(Check.ADDRESS, app=app)
    return Granted(app, user, address, None, is_captured=False)


def who_asks(request: Request, now: datetime) -> Generator[Question, Any, App | None]:
    """Ask for the app that a request proves to come from, whatever else is wrong with it."""
    if unreadable(request, ("appid", "signature")):
        return None
    app = yield from _named_app(request)
    return app if _is_signed(request, app, now) else None


def _app(request: Request, now: datetime) -> Generator[Question, Any, App | Refusal]:
    """Ask for the app: known, signed, of a developer in order, and normal."""
    app = yield from _named_app(request)
    is_signed = _is_signed(request, app, now)
    if app is None:
        return Refusal(Check.APP_UNKNOWN)
    if not is_signed:
        return Refusal(Check.SIGNATURE)
    developer: Developer | None = None
    if app.developer_id is not None:
        developer = yield FindDeveloper(app.developer_id)
    if developer is not None:
        if developer.state is DeveloperState.DISABLED:
            return Refusal(Check.DEVELOPER_DISABLED, app=app)
        if developer.paid_until is not None and developer.paid_until < now:
            overdue = now - developer.paid_until
            return Refusal(Check.DEVELOPER_OVERDUE, overdue=overdue, app=app)
    if app.state is AppState.UNDER_REVIEW:
        return Refusal(Check.APP_UNDER_REVIEW, app=app)
    if app.state is AppState.STOPPED:
        return Refusal(Check.APP_STOPPED, prompt=app.stop_prompt, app=app)
    return app


def _named_app(request: Request) -> Generator[Question, Any, App | None]:
    """Ask for the app of `appid`; of what cannot be one, megabytes perhaps, nobody is asked."""
    app_id = request.text("appid")
    if not is_app_id(app_id):
        return None
    app: App | None = yield FindApp(app_id)
    return app


def _is_signed(request: Request, app: App | None, now: datetime) -> bool:
    """Whether the signature is the app's; compared as often for an app that does not exist."""
    current = old = b""
    if app is not None:
        current = app.signature.encode("utf-8", "surrogatepass")
        if app.old_signature_until is not None and now < app.old_signature_until:
            old = (app.old_signature or "").encode("utf-8", "surrogatepass")
    given = request.text("signature").encode("utf-8", "surrogatepass")
    is_current = compare_digest(given, current or _NO_SIGNATURE)
    is_old = compare_digest(given, old or _NO_SIGNATURE)
    return (is_current or is_old) and not request.is_illegal("signature")


def _user(request: Request, app: App, now: datetime) -> Generator[Question, Any, User | Refusal]:
    """Ask for the user, proven as the app wants it: by a token, or by account and password."""
    has_token, has_user, has_pass = (request.has(name) for name in ("token", "user", "pass"))
    if app.tokens:
        if not has_token:
            return Refusal(Check.TOKEN_MISSING, app=app)
        if has_user or has_pass:
            return Refusal(Check.BOTH_GIVEN, app=app)
        return (yield from _user_of_token(request, app, now))
    if not (has_user and has_pass):
        return Refusal(Check.LOGIN_MISSING, app=app)
    if has_token:
        return Refusal(Check.BOTH_GIVEN, app=app)
    if refusal := _account(request, app, _DIGITS, Check.ACCOUNT_DIGITS):
        return refusal
    return (yield from _user_of_password(request, app))


def _user_of_token(
    request: Request, app: App, now: datetime
) -> Generator[Question, Any, User | Refusal]:
    text = request.text("token")
    token: UserToken | None = None
    if is_token(text):
        token = yield FindToken(app.id, digest(text))
    user: User | None = None
    if token is not None and now < token.expires_at:
        user = yield FindUserById(app.id, token.user_id)
    if user is None:
        return Refusal(Check.TOKEN_INVALID, app=app)
    if user.state is UserState.DISABLED:
        return Refusal(Check.USER_DISABLED, app=app)
    return user


def _account(request: Request, app: App, form: re.Pattern[str], check: Check) -> Refusal | None:
    """Return what is wrong with the form of account or password; `check` refuses the account's."""
    account = request.text("user")
    if not form.fullmatch(account):
        return Refusal(check, app=app)
    low, high = app.account_min, app.account_max
    if not low <= len(account) <= high:
        return Refusal(Check.ACCOUNT_LENGTH, low=low, high=high, app=app)
    if not _PASSWORD.fullmatch(request.text("pass")):
        return Refusal(Check.PASSWORD_FORMAT, app=app)
    return None


def _user_of_password(request: Request, app: App) -> Generator[Question, Any, User | Refusal]:
    account, password = request.text("user"), request.text("pass")
    seconds: int = yield FindDelay(app.id, account)
    if seconds > 0:
        return Refusal(Check.TOO_SOON, seconds=seconds, app=app)
    user: User | None = yield FindUser(app.id, account)
    # Also without a user: who measures the time must not learn more than the answer says.
    is_right: bool = yield TestPassword(user, password)
    if user is None:
        return Refusal(Check.USER_UNKNOWN, app=app)
    if not is_right:
        return Refusal(Check.PASSWORD_WRONG, app=app)
    if user.state is UserState.DISABLED:
        return Refusal(Check.USER_DISABLED, app=app)
    return user


def _address(request: Request, name: str) -> Address | None:
    """Return the one mailbox that was given, None when it is none; spaces are not taken off."""
    if request.is_illegal(name):
        return None
    try:
        return Address(request.text(name))
    except AddressError:
        return None
