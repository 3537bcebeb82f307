"""Records as rows and back: times as microseconds, enums as their text, tuples as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from types import NoneType, UnionType
from typing import Any, Generic, Literal, TypeVar, get_args, get_origin, get_type_hints

from postroad.errors import StorageError
from postroad.message import Address
from postroad.storage.cipher import Cipher

T = TypeVar("T")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

Encode = Callable[[Any], Any]
Decode = Callable[[Any], Any] | None  # None: as it is


def micros(time: datetime) -> int:
    """Return an aware time as microseconds since the epoch."""
    return (time - _EPOCH) // _MICROSECOND


def moment(microseconds: int) -> datetime:
    """Return the time again, in UTC."""
    return _EPOCH + timedelta(microseconds=microseconds)


class Shape(Generic[T]):
    """How the records of one type stand in their table, whose columns are named as the fields.

    derived: fields that are not stored but told by an expression in SQL.
    sealed:  fields that are encrypted, as f"{table}:{id}:{field}".
    keyed:   columns that no field has, each made of a field whenever that is written.
    """

    def __init__(
        self,
        record: type[T],
        table: str,
        *,
        derived: Mapping[str, str] | None = None,
        sealed: frozenset[str] = frozenset(),
        cipher: Cipher | None = None,
        keyed: Mapping[str, tuple[str, Callable[[str], str]]] | None = None,
    ) -> None:
        hints = get_type_hints(record)
        self._record = record
        self._table = table
        self._sealed = sealed
        self._cipher = cipher
        self._names = tuple(each.name for each in fields(record))  # type: ignore[arg-type]
        self._derived = derived or {}
        self._keyed = keyed or {}
        self._stored = tuple(name for name in self._names if name not in self._derived)
        self._encoders: dict[str, Encode] = {}
        self._decoders: list[Decode] = []
        for name in self._names:
            encode, decode = _conversion(name, hints[name])
            self._encoders[name] = encode
            self._decoders.append(None if name in sealed else decode)
        self._sealed_places = [(self._names.index(name), name) for name in sealed]
        self._id = self._names.index("id") if "id" in self._names else -1

    @property
    def selection(self) -> tuple[str, ...]:
        """What to select, in the order that `read` takes."""
        return tuple(self._derived.get(name, f'"{name}"') for name in self._names)

    def select(self, condition: str) -> str:
        """Return the statement that reads rows."""
        return f"SELECT {', '.join(self.selection)} FROM {self._table} WHERE {condition}"  # noqa: S608 - names of ours

    def insert(self) -> str:
        """Return the statement that stores the columns of `values`, in their order."""
        names, marks = (
            ", ".join(f'"{name}"' for name in self._stored),
            ", ".join("?" * len(self._stored)),
        )
        return f"INSERT INTO {self._table} ({names}) VALUES ({marks})"  # noqa: S608 - names of ours

    def read(self, row: tuple[Any, ...]) -> T:
        """Return the record of a row.

        raises: StorageError when a column does not hold what belongs there.
        """
        try:
            values = [
                value if decode is None or value is None else decode(value)
                for value, decode in zip(row, self._decoders, strict=True)
            ]
            for place, name in self._sealed_places:
                if values[place] is not None:
                    values[place] = self._open(values[place], row[self._id], name)
            return self._record(*values)
        except (ValueError, TypeError, OverflowError) as error:
            raise StorageError(f"a row of {self._table} is damaged: {error}") from error

    def values(self, record: T) -> dict[str, Any]:
        """Return a record's columns."""
        given = {name: getattr(record, name) for name in self._stored}
        return self.encoded(str(given.get("id", "")), given)

    def encoded(self, record_id: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return columns for some fields of the record with this id.

        raises: TypeError for a field that is not stored, or a value that is not of its type.
        """
        columns: dict[str, Any] = {}
        for name, value in given.items():
            if name in self._derived or name not in self._encoders:
                raise TypeError(f"{self._record.__name__} has no field {name} to store")
            column = self._encoders[name](value)
            if name in self._sealed and column is not None:
                assert self._cipher is not None  # noqa: S101 - sealed fields come with a cipher
                column = self._cipher.encrypt(column, self._about(record_id, name))
            columns[name] = column
        for column, (name, key) in self._keyed.items():
            if name in columns:
                columns[column] = key(columns[name])
        return columns

    def _open(self, octets: bytes, record_id: str, name: str) -> str:
        assert self._cipher is not None  # noqa: S101 - sealed fields come with a cipher
        return self._cipher.decrypt(octets, self._about(record_id, name))

    def _about(self, record_id: str, name: str) -> str:
        return f"{self._table}:{record_id}:{name}"


def _conversion(name: str, hint: Any) -> tuple[Encode, Decode]:
    """Return how a value of this type is written, with its type checked, and read."""
    if get_origin(hint) is UnionType:
        (inner,) = (each for each in get_args(hint) if each is not NoneType)
        encode, decode = _conversion(name, inner)
        return lambda value: None if value is None else encode(value), decode
    if get_origin(hint) is Literal:
        return partial(_one_of, name, get_args(hint)), None
    if get_origin(hint) is tuple:
        encode, decode = _conversion(name, get_args(hint)[0])
        return partial(_list, name, encode), partial(_tuple, decode)
    if hint is float:
        return lambda value: float(_checked(name, (float, int), value)), None
    check = partial(_checked, name, hint)
    if hint is datetime:
        return lambda value: micros(check(value)), moment
    if hint is bool:
        return check, bool
    if hint is Address:
        return lambda value: _mailbox(check(value)), Address.parse
    if issubclass(hint, StrEnum):
        members = {member.value: member for member in hint}
        return lambda value: check(value).value, partial(_member, members)
    return check, None


def _checked(name: str, kind: Any, value: Any) -> Any:
    # True is an int to Python, and not to us.
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise TypeError(f"{name} cannot be {type(value).__name__}")
    return value


def _one_of(name: str, allowed: tuple[str, ...], value: Any) -> Any:
    if value not in allowed:
        raise TypeError(f"{name} must be one of {', '.join(allowed)}")
    return value


def _member(members: Mapping[str, StrEnum], value: str) -> StrEnum:
    try:
        return members[value]
    except KeyError:
        raise ValueError(f"{value!r} is not one of {', '.join(members)}") from None


def _list(name: str, encode: Encode, values: Any) -> str:
    return json.dumps([encode(each) for each in _checked(name, tuple, values)], ensure_ascii=False)


def _tuple(decode: Decode, text: str) -> tuple[Any, ...]:
    values = json.loads(text)
    return tuple(values) if decode is None else tuple(decode(each) for each in values)


def _mailbox(address: Address) -> str:
    """Return an address as text that `Address.parse` reads back, its domain as it was given."""
    if not address.name:
        return address.email
    name = address.name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{name}" <{address.email}>'
