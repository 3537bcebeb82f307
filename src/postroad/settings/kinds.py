"""What a setting's value can be: how it is written, and the parser that refuses the rest."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_network
from pathlib import Path
from typing import Any

from postroad.settings.databases import SQLITE, is_postgresql, why_unfit
from postroad.settings.model import Listen

_HOST = re.compile(
    r"(?=.{1,253}\Z)[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?(?:\.[A-Za-z0-9_-]+)*\.?"
)
_DIGITS = re.compile(r"[0-9]{1,9}")
_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
_DOMAIN = re.compile(r"@[^@\s<>,]+")
_ADDRESS = re.compile(rf"[^@\s<>,]+{_DOMAIN.pattern}")
_SIZE = re.compile(r"([0-9]{1,12})(|KiB|MiB|GiB|KB|MB|GB)", re.IGNORECASE)
_FACTORS = {"": 1, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30}
_FACTORS |= {"KB": 1000, "MB": 1000**2, "GB": 1000**3}
_WORDS = {"on": True, "true": True, "yes": True, "1": True}
_WORDS |= {"off": False, "false": False, "no": False, "0": False}
_MAX_PORT = 65_535

Parse = Callable[[Any, Path], Any]


class UnfitError(ValueError):
    """A value that will not do; the text says why and what would be right."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of value.

    expected: what is right, as the end of "it must be …".
    metavar:  stands for the value in the help.
    parse:    called with the value and the folder that relative paths start from; raises
              UnfitError, or ValueError where `expected` says all, or all but its text.
    in_file:  the TOML types that `parse` takes; text from elsewhere is always taken.
    """

    expected: str
    metavar: str
    parse: Parse
    in_file: tuple[type, ...] = (str,)


def _plain(value: str) -> str:
    """Return `value`; refuse empty text, controls, and octets that were no text."""
    if not value:
        raise ValueError("it is empty")
    if not value.isprintable():
        raise ValueError("it holds a control character or octets that are no text")
    return value


def _text(value: str, _: Path) -> str:
    return _plain(value)


def _listen(value: str, _: Path) -> Listen:
    host, colon, port = _plain(value).rpartition(":")
    if not colon:
        raise ValueError
    number = _port(port)
    if host.startswith("[") and host.endswith("]"):
        return Listen(str(IPv6Address(host[1:-1])), number)
    return Listen(_host(host), number)


def _host(value: str) -> str:
    if not _HOST.fullmatch(_plain(value)):
        raise ValueError
    if re.fullmatch(r"[0-9.]+", value):
        IPv4Address(value)
    return value


def _server(value: str, _: Path) -> str:
    """A host to connect to: an IPv6 address needs no brackets where no port follows."""
    return str(IPv6Address(_plain(value))) if ":" in value else _host(value)


def _port(value: str) -> int:
    if not (_DIGITS.fullmatch(value) and int(value) <= _MAX_PORT):
        raise ValueError
    return int(value)


def _server_port(value: int | str, _: Path) -> int:
    number = _port(str(value))
    if not number:
        raise ValueError
    return number


def _path(value: str, folder: Path) -> Path:
    if _plain(value).startswith("~"):
        raise UnfitError("~ means nothing here: write the whole path")
    return Path(os.path.abspath(folder / value))  # noqa: PTH100 - resolve() would follow links


def _database(value: str, folder: Path) -> str:
    if is_postgresql(value) or value.lower().startswith("postgres"):
        if why := why_unfit(_plain(value)):
            raise UnfitError(why)
        return value
    if not _plain(value).startswith(SQLITE):
        raise ValueError
    name = value.removeprefix(SQLITE)
    if not name or name == ":memory:":
        raise UnfitError("a database in memory would forget every mail: name a file")
    if name.endswith("/") or "?" in name:
        raise UnfitError("what follows sqlite:/// is the name of a file, without parameters")
    return f"{SQLITE}{_path(name, folder).as_posix()}"


def _switch(value: bool | str, _: Path) -> bool:
    if isinstance(value, bool):
        return value
    if value.lower() not in _WORDS:
        raise ValueError
    return _WORDS[value.lower()]


def _list(parse_one: Callable[[str], str]) -> Parse:
    def parse(value: list[object] | str, _: Path) -> tuple[str, ...]:
        if isinstance(value, str):
            value = [part.strip() for part in value.split(",")] if value.strip() else []
        if not all(isinstance(item, str) for item in value):
            raise UnfitError("each item must be text in quotation marks")
        return tuple(parse_one(_plain(str(item))) for item in value)

    return parse


def _network(value: str) -> str:
    try:
        return str(ip_network(value))
    except ValueError:
        pass
    try:
        meant = ip_network(value, strict=False)
    except ValueError:
        raise ValueError(f"{value[:60]!r} is none") from None
    raise UnfitError(f"{value} has bits beyond its prefix; the network is {meant}")


def _address(value: str, _: Path) -> str:
    """Return what looks like a bare address; the mail's own rules are further judges."""
    if not _ADDRESS.fullmatch(_plain(value)):
        raise ValueError
    return value


def _sender(value: str) -> str:
    if not (_ADDRESS.fullmatch(value) or _DOMAIN.fullmatch(value)):
        raise ValueError(f"{value[:60]!r} is neither")
    return value


def _region(value: str, _: Path) -> str:
    if not re.fullmatch(r"[a-z]{2,}(-[a-z]+)+-[0-9]+", value):
        raise ValueError
    return value


def octets(least: int, most: int, *, shown: str) -> Kind:
    """A size between two limits."""

    def parse(value: int | str, _: Path) -> int:
        if isinstance(value, str):
            match = _SIZE.fullmatch(value)
            if match is None:
                raise ValueError
            value = int(match[1]) * _FACTORS[match[2].upper()]
        if not least <= value <= most:
            raise ValueError
        return value

    return Kind(f"a size {shown}, such as 2MiB or 2097152", "SIZE", parse, (str, int))


def count(most: int) -> Kind:
    """A whole number from 0, which is no limit, on."""

    def parse(value: int | str, _: Path) -> int:
        if isinstance(value, str):
            if not _DIGITS.fullmatch(value):
                raise ValueError
            value = int(value)
        if not 0 <= value <= most:
            raise ValueError
        return value

    return Kind(f"a whole number from 1 to {most}, or 0 for no limit", "NUMBER", parse, (int,))


def seconds(most: int) -> Kind:
    """A number of seconds from 0 on."""

    def parse(value: float | str, _: Path) -> float:
        if isinstance(value, str) and not _SECONDS.fullmatch(value):
            raise ValueError
        number = float(value)
        if not 0 <= number <= most:  # NaN too
            raise ValueError
        return number

    return Kind(f"seconds, from 0 to {most}", "SECONDS", parse, (int, float))


def one_of(*words: str) -> Kind:
    """One of a few words."""

    def parse(value: str, _: Path) -> str:
        if value not in words:
            raise ValueError
        return value

    return Kind(f"{', '.join(words[:-1])} or {words[-1]}", "|".join(words), parse)


LISTEN = Kind("HOST:PORT, such as 127.0.0.1:8025, 0.0.0.0:8025 or [::1]:8025", "HOST:PORT", _listen)
HOST = Kind("a host name or an IP address", "HOST", _server)
PORT = Kind(f"a port from 1 to {_MAX_PORT}", "PORT", _server_port, (int,))
FOLDER = Kind("the path of a folder", "FOLDER", _path)
FILE = Kind("the path of a file", "FILE", _path)
DATABASE = Kind(
    f"{SQLITE}FILE, {SQLITE}/FILE (four slashes) for an absolute path, or"
    " postgresql://USER@HOST/NAME",
    "URL",
    _database,
)
SWITCH = Kind("on or off", "on|off", _switch, (bool,))
NETWORKS = Kind(
    "networks or addresses such as 10.0.0.0/8, 127.0.0.1 or ::1, separated by commas",
    "NETWORKS",
    _list(_network),
    (list,),
)
SENDERS = Kind(
    "addresses such as no-reply@example.com, or @example.com, separated by commas",
    "ADDRESSES",
    _list(_sender),
    (list,),
)
ADDRESS = Kind("an address such as no-reply@example.com", "ADDRESS", _address)
REGION = Kind("a region such as us-east-1", "REGION", _region)
TEXT = Kind("text", "TEXT", _text)
