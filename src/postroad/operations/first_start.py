"""What the first start makes: an operator with a one-time password."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Final

from postroad.errors import ConflictError
from postroad.operations.identifiers import new_id
from postroad.operations.passwords import Passwords
from postroad.operations.ports import Directory
from postroad.tenancy.records import Operator

NAME: Final = "operator"
_PASSWORD_OCTETS: Final = 18


async def first_operator(
    directory: Directory, passwords: Passwords, clock: Callable[[], datetime]
) -> str | None:
    """Return the one-time password of a new operator, None when there is an operator already."""
    if await directory.operators.list():
        return None
    password = secrets.token_urlsafe(_PASSWORD_OCTETS)
    operator = Operator(
        id=new_id(),
        name=NAME,
        password_hash=await passwords.hash(password),
        created_at=clock(),
        is_setup=True,
    )
    try:
        await directory.operators.add(operator)
    except ConflictError:  # another server starts at the same time, and tells its password
        return None
    return password
