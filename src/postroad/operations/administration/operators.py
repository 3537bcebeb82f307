"""Operators: who runs this Postroad, and the way back in for one who is locked out."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Final

from postroad.errors import ConflictError
from postroad.operations.administration import fields
from postroad.operations.administration.desk import Desk, present
from postroad.operations.administration.desk import find as find_record
from postroad.operations.first_start import NAME
from postroad.tenancy.records import Operator

_PASSWORD_OCTETS: Final = 15  # 120 bits: nobody guesses it before it is changed
_GROUP: Final = 6


@dataclass(frozen=True, slots=True)
class OneTime:
    """An operator with the password that lets in once, to be changed there."""

    operator: Operator
    password: str = field(repr=False)


async def reset(desk: Desk, reference: str = "") -> OneTime:
    """Give an operator a new one-time password; the first operator is made when there is none.

    reference: id or name; "" is the only operator.
    raises:    NotFoundError; ConflictError when there are several and none is named.
    """
    operators = desk.noting("operator.reset").operators
    everyone = await operators.list()
    password = new_password(desk.random(_PASSWORD_OCTETS))
    if not everyone and reference in ("", NAME):
        operator = await _first(desk, password)
        return OneTime(operator, password)
    if reference:
        operator = await find_record(
            operators,
            reference,
            "operator",
            names_of=lambda each: (each.name,),
            id_of=lambda each: each.id,
        )
    elif len(everyone) > 1:
        names = fields.listed(each.name for each in everyone)
        raise ConflictError(f"there are several operators: say which, {names}")
    else:
        operator = everyone[0]
    password_hash = await desk.passwords.hash(password)
    changed = await operators.change(operator.id, password_hash=password_hash, is_setup=True)
    return OneTime(present(changed, "operator", reference), password)


def new_password(random: bytes) -> str:
    """Return a password that can be read aloud: groups of lower-case letters and digits."""
    letters = base64.b32encode(random).decode().rstrip("=").lower()
    groups = [letters[start : start + _GROUP] for start in range(0, len(letters), _GROUP)]
    return "-".join(groups)


async def _first(desk: Desk, password: str) -> Operator:
    operator = Operator(
        id=desk.new_id(),
        name=NAME,
        password_hash=await desk.passwords.hash(password),
        created_at=desk.clock(),
        is_setup=True,
    )
    await desk.noting("operator.reset").operators.add(operator)
    return operator
