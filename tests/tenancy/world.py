"""A world in memory that answers what the checks ask, and remembers it."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from postroad.message import Address
from postroad.tenancy import keys
from postroad.tenancy.checks import (
    ChooseRelay,
    FindApp,
    FindDelay,
    FindDeveloper,
    FindToken,
    FindUser,
    FindUserById,
    Question,
    Request,
    TestPassword,
)
from postroad.tenancy.records import (
    App,
    Developer,
    Mode,
    RelayAccount,
    User,
    UserToken,
)

T = TypeVar("T")

NOW = datetime(2026, 3, 5, 6, 7, 8, tzinfo=UTC)
BEFORE = NOW - timedelta(days=100)
SIGNATURE = "0123456789abcdef0123456789abcdef"
TOKEN = "5e" * 32
PASSWORD = "UserPass123"
ACCOUNT = "13800138000"


def app(**fields: Any) -> App:
    given: dict[str, Any] = {
        "id": "1000000001",
        "name": "shop",
        "created_at": BEFORE,
        "developer_id": "d1",
        "signature": SIGNATURE,
        "mode": Mode.LIVE,
        "from_": Address("shop@b.example"),
    }
    return App(**given | fields)


def user(**fields: Any) -> User:
    given: dict[str, Any] = {
        "id": "u1",
        "app_id": "1000000001",
        "account": ACCOUNT,
        "password_hash": "$argon2id$",
        "created_at": BEFORE,
    }
    return User(**given | fields)


def token(**fields: Any) -> UserToken:
    given: dict[str, Any] = {
        "digest": keys.digest(TOKEN),
        "app_id": "1000000001",
        "user_id": "u1",
        "created_at": BEFORE,
        "expires_at": NOW + timedelta(days=1),
    }
    return UserToken(**given | fields)


def developer(**fields: Any) -> Developer:
    given: dict[str, Any] = {"id": "d1", "name": "An", "created_at": BEFORE}
    return Developer(**given | fields)


def relay(**fields: Any) -> RelayAccount:
    given: dict[str, Any] = {
        "id": "r1",
        "app_id": "1000000001",
        "name": "main",
        "host": "mx.b.example",
        "port": 587,
        "created_at": BEFORE,
    }
    return RelayAccount(**given | fields)


@dataclass
class World:
    """What is known, and what was asked."""

    app: App | None = field(default_factory=app)
    developer: Developer | None = field(default_factory=developer)
    user: User | None = field(default_factory=user)
    token: UserToken | None = field(default_factory=token)
    relay: RelayAccount | None = field(default_factory=relay)
    delay: int = 0
    asked: list[Question] = field(default_factory=list)

    def drive(self, checks: Generator[Question, Any, T]) -> T:
        """Run `checks` to their end and return what they return."""
        answer: object = None
        while True:
            try:
                question = checks.send(answer)
            except StopIteration as done:
                result: T = done.value
                return result
            self.asked.append(question)
            answer = self.answer(question)

    def answer(self, question: Question) -> object:
        match question:
            case FindApp(app_id):
                return self.app if self.app and self.app.id == app_id else None
            case FindDeveloper(developer_id):
                known = self.developer
                return known if known and known.id == developer_id else None
            case FindToken(app_id, digest):
                return self.token if self.token and self.token.digest == digest else None
            case FindUser(app_id, account):
                return self.user if self.user and self.user.account == account else None
            case FindUserById(app_id, user_id):
                return self.user if self.user and self.user.id == user_id else None
            case FindDelay():
                return self.delay
            case TestPassword(user, password):
                return user is not None and password == PASSWORD
            case ChooseRelay():
                return self.relay

    @property
    def questions(self) -> list[str]:
        """The kinds of question that were asked, in order."""
        return [type(question).__name__ for question in self.asked]


WITH_TOKEN = {
    "appid": "1000000001",
    "signature": SIGNATURE,
    "mail": "bo@c.example",
    "title": "제목",
    "content": "<h1>正文</h1>",
    "token": TOKEN,
}
WITH_PASSWORD = {name: text for name, text in WITH_TOKEN.items() if name != "token"} | {
    "user": ACCOUNT,
    "pass": PASSWORD,
}
REGISTRATION = {
    "appid": "1000000001",
    "signature": SIGNATURE,
    "user": "user123456",
    "pass": PASSWORD,
    "nickname": "보",
}
LOGIN = {"appid": "1000000001", "user": ACCOUNT, "pass": PASSWORD, "signature": SIGNATURE}
BINDING = {
    "appid": "1000000001",
    "mail": "bo@c.example",
    "signature": SIGNATURE,
    "token": TOKEN,
}


def request(values: dict[str, str], **given: str) -> Request:
    """Return a request with `values`, those in `given` (`pass_` for pass) in their place."""
    return Request(values | {name.rstrip("_"): text for name, text in given.items()})
