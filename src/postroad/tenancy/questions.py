"""What the checks ask for as they need it, each with the type of its answer."""

from __future__ import annotations

from dataclasses import dataclass, field

from postroad.tenancy.records import App, User


@dataclass(frozen=True, slots=True)
class FindApp:
    """The app with this id, or None; the text has the form of an id."""

    app_id: str


@dataclass(frozen=True, slots=True)
class FindDeveloper:
    """The developer with this id, or None."""

    developer_id: str


@dataclass(frozen=True, slots=True)
class FindToken:
    """The app's UserToken with this digest, expired or not, or None."""

    app_id: str
    digest: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class FindUser:
    """The app's User with this account, or None."""

    app_id: str
    account: str


@dataclass(frozen=True, slots=True)
class FindUserById:
    """The app's User with this id, or None."""

    app_id: str
    user_id: str


@dataclass(frozen=True, slots=True)
class FindDelay:
    """Whole seconds that a login of this account has to wait, 0 for none."""

    app_id: str
    account: str


@dataclass(frozen=True, slots=True)
class TestPassword:
    """Whether it is the user's password; without a user it is not, after the same time."""

    __test__ = False  # pytest would collect it by its name

    user: User | None
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ChooseRelay:
    """The usable RelayAccount that would carry a message of the app, or None."""

    app: App


Question = (
    FindApp
    | FindDeveloper
    | FindToken
    | FindUser
    | FindUserById
    | FindDelay
    | TestPassword
    | ChooseRelay
)
