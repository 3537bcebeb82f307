"""Who asks: an API key that may manage, of one app or of the operator."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from postroad.errors import RefusedError, UnauthorizedError
from postroad.operations.ports import Facts
from postroad.tenancy import keys
from postroad.tenancy.records import ApiKey, Scope


class ForbiddenError(RefusedError):
    """Who asks is known, and may not do this."""


@dataclass(frozen=True, slots=True)
class Authority:
    """A key in use.

    ip: where it is used from.
    """

    key: ApiKey
    ip: str

    @property
    def app_id(self) -> str | None:
        """The only app that it reaches; None reaches everything."""
        return self.key.app_id

    @property
    def is_operator(self) -> bool:
        """Whether it is the operator's own."""
        return self.key.app_id is None


async def admit(facts: Facts, secret: str, ip: str, now: datetime) -> Authority:
    """Return whose key `secret` is, when it may manage from `ip`.

    raises: UnauthorizedError for a key that is missing, wrong, disabled, expired or not for this
            address; ForbiddenError when it lacks the scope; StorageError.
    """
    if not secret:
        raise UnauthorizedError("give an API key: Authorization: Bearer pr_…")
    key = await facts.api_key(keys.digest(secret))
    if key is None:
        raise UnauthorizedError("there is no such API key")
    if why := keys.may_be_used(key, ip, now):
        raise UnauthorizedError(why)
    if why := keys.may_use(key, Scope.MANAGE, ip, now):
        raise ForbiddenError(why)
    return Authority(key, ip)
