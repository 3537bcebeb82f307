"""Whether the body of a call can stand: everything that is wrong with it, told at once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final, Protocol

import msgspec
from msgspec import UNSET, UnsetType

from postroad.api.v1.expected import wrong
from postroad.api.v1.problems import UnreadableBodyError
from postroad.api.v1.schemas.tenants import NewUser
from postroad.api.v1.schemas.view import Body
from postroad.errors import NotFoundError, SettingsError
from postroad.operations.administration.fields import FieldsError
from postroad.operations.administration.users import check_account
from postroad.operations.management.reach import Reach
from postroad.tenancy.records import App

_LONGEST_NAME: Final = 80


class _Owned(Protocol):
    @property
    def app_id(self) -> str | UnsetType | None: ...


async def check_body(octets: bytes, kind: type[Body], reach: Reach) -> None:
    """Refuse a body that cannot stand.

    Its shape and the rules of the operation are asked of each field; what depends on other
    records, or on several fields, only the operation can tell.

    raises: UnreadableBodyError for what is no JSON object; FieldsError naming every field.
    """
    given = _object(octets)
    found = {each.encode_name: each for each in msgspec.structs.fields(kind)}
    refused = [
        (name[:_LONGEST_NAME], "there is no such field") for name in given if name not in found
    ]
    values: dict[str, Any] = {}
    for name, each in found.items():
        if name not in given:
            if each.required or (each.name == "app_id" and reach.authority.is_operator):
                refused.append((name, _missing(each)))
        elif why := wrong(given[name], each.type):
            refused.append((name, why))
        else:
            values[each.name] = given[name]
            rule = kind.rules.get(each.name)
            try:
                if rule is not None:
                    rule(given[name], name)
            except SettingsError as error:
                refused.append((name, str(error)))
    if refused and kind is NewUser:
        refused += await _of_account(values, reach, {name for name, _ in refused})
    if refused:
        raise FieldsError(refused)


async def owner_of_new(reach: Reach, data: _Owned) -> App | None:
    """Return the app that something new belongs to; None is the operator.

    An app's key need not say it. `check_body` has seen to it that the operator's has.

    raises: NotFoundError; ForbiddenError when an app's key says null.
    """
    if data.app_id is None:
        reach.needs_operator("to make what belongs to no app")
        return None
    wanted = reach.authority.app_id if isinstance(data.app_id, UnsetType) else data.app_id
    if wanted is None:
        raise SettingsError(f"appid: {_NEEDED}")
    return await reach.app(wanted)


async def app_of_new(reach: Reach, data: _Owned) -> App:
    """Return the app that something new belongs to, which belongs to an app always.

    raises: NotFoundError, SettingsError.
    """
    found = await owner_of_new(reach, data)
    if found is None:
        raise SettingsError(f"appid: {_NEEDED}")
    return found


_NEEDED: Final = "it has to be given: the app's appid"
_OR_NULL: Final = ", or null for the operator's own"


def _missing(each: Any) -> str:
    if each.name != "app_id":
        return "it has to be given"
    may_be_null = not wrong(None, each.type)
    return _NEEDED + (_OR_NULL if may_be_null else "")


def _object(octets: bytes) -> Mapping[str, Any]:
    """Return the members of a body.

    raises: UnreadableBodyError.
    """
    if not octets:
        raise UnreadableBodyError("give a body", 400)
    try:
        given = msgspec.json.decode(octets)
        _refuse_twice(octets)
    except RecursionError:
        raise UnreadableBodyError("the body is nested too deeply", 400) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise UnreadableBodyError("the body is no JSON in UTF-8", 400) from None
    if not isinstance(given, dict):
        raise UnreadableBodyError("the body is no JSON object", 422)
    return given


def _refuse_twice(octets: bytes) -> None:
    """Refuse JSON with a member given twice: who wrote it and who reads it may take another.

    raises: UnreadableBodyError; RecursionError.
    """

    def members(pairs: list[tuple[str, object]]) -> None:
        twice = [name for name, times in Counter(name for name, _ in pairs).items() if times > 1]
        if twice:
            raise UnreadableBodyError(f"{twice[0][:_LONGEST_NAME]!r} is given twice", 400)

    json.loads(octets.decode(), object_pairs_hook=members, parse_int=len, parse_float=len)


async def _of_account(
    values: Mapping[str, Any], reach: Reach, refused: set[str]
) -> list[tuple[str, str]]:
    """Return what the app that a user is for says of its account."""
    app_id = values.get("app_id", UNSET)
    wanted = reach.authority.app_id if app_id is UNSET else app_id
    if wanted is None or "account" not in values or "account" in refused:
        return []
    try:
        check_account(await reach.app(wanted), values["account"])
    except SettingsError as error:
        return [("account", str(error))]
    except NotFoundError:
        pass
    return []
