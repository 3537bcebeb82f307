"""Whether a value is what a field takes, and in our own words what that is."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec import inspect

from postroad.operations.administration.fields import listed

_MANY: Final = {
    "a string": "strings",
    "a whole number": "whole numbers",
    "a number": "numbers",
}
_LONGEST: Final = 40


def wrong(value: Any, kind: Any, *, is_text: bool = False) -> str:
    """Return what is wrong with a value, as a sentence goes on after the field's name; "" nothing.

    value:   as JSON has it, or, when `is_text`, as a query has it.
    kind:    the type of the field, with what it says of length and size.
    returns: "is a string of 1 to 100 characters, not a number". A value that may be a secret is
             not repeated.
    """
    try:
        if is_text:
            msgspec.convert(value, kind, strict=False)
        else:
            msgspec.json.decode(msgspec.json.encode(value), type=kind)
    except msgspec.ValidationError:
        info = inspect.type_info(kind)
        expected = _expected(info)
        found = _found(value, expected)
        return f"is {expected}, not {found}" if found else f"is {expected}"
    return ""


def _expected(info: Any) -> str:
    """Return what stands in a field of a type."""
    match info:
        case inspect.UnionType(types=types):
            return listed([_expected(each) for each in types])
        case inspect.NoneType():
            return "null"
        case inspect.StrType(min_length=least, max_length=most):
            return "a string" + _range(least, most, " of ", " characters")
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType(ge=least, le=most):
            return "a whole number" + _range(least, most, " from ", "")
        case inspect.FloatType(ge=least, le=most):
            return "a number" + _range(least, most, " from ", "")
        case inspect.EnumType(cls=cls):
            return listed([str(each) for each in cls])
        case inspect.LiteralType(values=values):
            return listed([str(each) for each in values])
        case inspect.VarTupleType(item_type=item) | inspect.ListType(item_type=item):
            one = _expected(item)
            return f"a list of {_MANY.get(one, one)}"
        case inspect.Metadata(type=within):
            return _expected(within)
    return "an object"


def _range(least: float | None, most: float | None, before: str, after: str) -> str:
    if most is None:
        return f"{before}at least {least:,}{after}" if least else ""
    if least is None:
        return f"{before}at most {most:,}{after}"
    return f"{before}{least:,} to {most:,}{after}"


def _found(value: Any, expected: str) -> str:
    """Return what stands there instead, as far as that tells anything."""
    if isinstance(value, str):
        if not expected.startswith("a string"):
            return repr(value[:_LONGEST])
        return f"{len(value):,}"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)[:_LONGEST] if expected.startswith(("a whole", "a number")) else "a number"
    if isinstance(value, list):
        return "" if expected.startswith("a list") else "a list"
    return "an object"
