"""How records are shown, and how bodies are read."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, ClassVar, Final, Self

import msgspec

from postroad.message import Address
from postroad.operations.administration.fields import Rules

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
_RENAME: Final = {"from_": "from", "app_id": "appid"}


class View(msgspec.Struct, frozen=True, kw_only=True, rename=_RENAME):
    """A record as it is answered: the fields of the record that it names, and no others."""

    @classmethod
    def of(cls, record: Any, **more: Any) -> Self:
        """Return the view of a record; `more` are fields that the record does not have."""
        names = [name for name in cls.__struct_fields__ if name not in more]
        return cls(**{name: _plain(getattr(record, name)) for name in names}, **more)


class Body(msgspec.Struct, frozen=True, kw_only=True, rename=_RENAME, forbid_unknown_fields=True):
    """A body of a request; unknown fields are refused."""

    not_fields: ClassVar[frozenset[str]] = frozenset()  # given to the operation by themselves
    rules: ClassVar[Rules] = {}  # of the operation, for what a shape cannot say

    def given(self) -> Any:
        """Return the fields that were given."""
        found = {name: getattr(self, name) for name in self.__struct_fields__}
        return {
            name: value
            for name, value in found.items()
            if value is not msgspec.UNSET and name not in self.not_fields
        }


def mailbox(address: Address) -> str:
    """Return an Address as a person writes it."""
    return f"{address.name} <{address.email}>" if address.name else address.email


def _plain(value: Any) -> Any:
    return mailbox(value) if isinstance(value, Address) else value
