"""A config file and its script, read and checked before anything runs."""

from __future__ import annotations

import json
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from postroad.errors import SettingsError

MAX_SCRIPT_OCTETS = 1 << 20
# Room for a mail with its attachments inline, in base64.
MAX_CONFIG_OCTETS = 40 << 20
KEYS = ("scriptfile", "arg")
SECRET_KEYS = frozenset({"pass", "password", "token"})


@dataclass(frozen=True, slots=True)
class Script:
    """What is to run.

    path:     the script's real path.
    name:     its file name, as error positions show it.
    source:   its octets.
    config:   the config file's text, valid JSON without duplicate keys.
    arg:      the parsed `arg`, an object; {} where it was absent or null.
    warnings: sentences for stderr.
    """

    path: Path
    name: str
    source: bytes
    config: str
    arg: dict[str, object]
    warnings: tuple[str, ...]


def load(config_path: str | os.PathLike[str], *, allow_absolute: bool = False) -> Script:
    """Read a config file and the script it names.

    allow_absolute: let `scriptfile` be an absolute path, anywhere.
    raises:         SettingsError, as `file:line:column: message` where a place can be named.
    """
    shown = os.fspath(config_path)
    octets, mode = _read_regular(Path(shown), shown, MAX_CONFIG_OCTETS, "config file")
    text = decode(octets, shown)
    config, places = _parse(text, shown)
    at_script = places.get("scriptfile", f"{shown}:1:1")
    scriptfile = config.get("scriptfile")
    if not isinstance(scriptfile, str) or not scriptfile.strip():
        raise SettingsError(f"{at_script}: scriptfile must name the script, as text")
    arg = config.get("arg")
    if arg is None:
        arg = {}
    if not isinstance(arg, dict):
        raise SettingsError(f"{places['arg']}: arg must be an object")
    path = _find(Path(shown), scriptfile, at_script, allow_absolute=allow_absolute)
    named = f"{at_script}: {scriptfile!r}"
    source, _ = _read_regular(path, named, MAX_SCRIPT_OCTETS, "script")
    warnings: list[str] = []
    if mode & stat.S_IROTH and os.name == "posix" and _holds_secret(arg):
        warnings.append(
            f"warning: {shown} holds a password and every user of this machine can read it: "
            f"chmod 600 {shown}, or name it with pass_env or pass_file"
        )
    return Script(path, path.name, source, text, arg, tuple(warnings))


def decode(octets: bytes, shown: str) -> str:
    """UTF-8 text, a byte order mark dropped.

    raises: SettingsError at the first octet that is not UTF-8.
    """
    octets = octets.removeprefix(b"\xef\xbb\xbf")
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError as exc:
        line, column = _place(octets[: exc.start].decode("utf-8"), None)
        raise SettingsError(f"{shown}:{line}:{column}: not UTF-8 text; save it as UTF-8") from None


def _read_regular(path: Path, shown: str, limit: int, what: str) -> tuple[bytes, int]:
    """The octets and the mode of a regular file; nothing else is ever opened for long."""
    if "\0" in str(path):
        raise SettingsError(f"{shown}: a path cannot hold NUL")
    # O_NONBLOCK: opening a fifo that nobody writes to would otherwise wait for ever.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        file = os.open(path, flags | getattr(os, "O_NOCTTY", 0))
    except OSError as exc:
        raise SettingsError(f"{shown}: cannot open the {what}: {exc.strerror}") from None
    except ValueError:
        raise SettingsError(f"{shown}: this {what} cannot be named in UTF-8") from None
    try:
        facts = os.fstat(file)
        if not stat.S_ISREG(facts.st_mode):
            raise SettingsError(f"{shown}: the {what} must be a regular file")
        octets = _read_up_to(file, limit + 1)
    except OSError as exc:
        raise SettingsError(f"{shown}: cannot read the {what}: {exc.strerror}") from None
    finally:
        os.close(file)
    if len(octets) > limit:
        raise SettingsError(f"{shown}: the {what} is larger than {limit} octets")
    return octets, facts.st_mode


def _read_up_to(file: int, limit: int) -> bytes:
    octets = bytearray()
    while len(octets) < limit and (chunk := os.read(file, min(1 << 20, limit - len(octets)))):
        octets += chunk
    return bytes(octets)


def _find(config: Path, scriptfile: str, place: str, *, allow_absolute: bool) -> Path:
    """The real path of the script, inside the config file's folder unless absolute is allowed.

    Symbolic links are followed first: one that leads out of the folder is as wrong as `..`.
    """
    if "\0" in scriptfile:
        raise SettingsError(f"{place}: scriptfile cannot hold NUL")
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", scriptfile):
        raise SettingsError(f"{place}: scriptfile must be a file, not an address: {scriptfile!r}")
    try:
        folder = config.parent.resolve()
        if Path(scriptfile).is_absolute():
            if not allow_absolute:
                raise SettingsError(
                    f"{place}: scriptfile must be relative to the config file's folder; "
                    f"this path is absolute: {scriptfile!r}"
                )
            return Path(scriptfile).resolve()
        path = (folder / scriptfile).resolve()
    except (OSError, RuntimeError, ValueError):  # a loop of links; a lone surrogate
        raise SettingsError(f"{place}: scriptfile cannot be found: {scriptfile!r}") from None
    if not path.is_relative_to(folder):
        raise SettingsError(f"{place}: scriptfile leads out of the config's folder: {scriptfile!r}")
    return path


def _parse(text: str, shown: str) -> tuple[dict[str, object], dict[str, str]]:
    """The config as an object, nothing in it that JSON readers disagree about; its keys' places."""
    try:
        config = json.loads(text, parse_int=_integer)
    except json.JSONDecodeError as exc:
        raise SettingsError(f"{shown}:{exc.lineno}:{exc.colno}: {exc.msg}") from None
    except RecursionError:
        line, column = _place(text, _deepest(text))
        raise SettingsError(f"{shown}:{line}:{column}: nested too deeply") from None
    if not isinstance(config, dict):
        raise SettingsError(f"{shown}:1:1: the config must be an object with scriptfile and arg")
    return config, _refuse_what_json_leaves_open(text, shown)


def _integer(digits: str) -> int | float:
    """An int; beyond what Python converts, the number JavaScript would make of it."""
    return int(digits) if len(digits) <= 400 else float(digits)


# Possessive: a string in `arg` may be 40 MiB, and a way back from each octet costs 100 more. The
# last mark may be missing, where `_deepest` reads what is no JSON: no string is then tried twice.
_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[{}\[\]:]|NaN|-?Infinity', re.DOTALL)


def _deepest(text: str) -> int:
    """Where the bracket opens that has the most others around it."""
    depth = most = position = 0
    for token in _TOKEN.finditer(text):
        if token.group() in ("{", "["):
            depth += 1
            if depth > most:
                most, position = depth, token.start()
        elif token.group() in ("}", "]"):
            depth -= 1
    return position


def _refuse_what_json_leaves_open(text: str, shown: str) -> dict[str, str]:
    """Refuse duplicate keys, unknown keys of the config itself, and NaN, each at its place.

    text:    already accepted by `json`, so that tokens alone tell keys from values.
    returns: where the config's own keys stand, as `file:line:column`.
    """
    places: dict[str, str] = {}
    objects: list[set[str] | None] = []  # the keys seen in each open object; None for an array
    last: re.Match[str] | None = None
    for token in _TOKEN.finditer(text):
        word = token.group()
        if word == "{":
            objects.append(set())
        elif word == "[":
            objects.append(None)
        elif word in ("}", "]"):
            objects.pop()
        elif word in ("NaN", "Infinity", "-Infinity"):
            raise SettingsError(f"{_at(text, token, shown)}: {word} is not JSON")
        elif word == ":" and last is not None and objects and (seen := objects[-1]) is not None:
            key = json.loads(last.group())
            if key in seen:
                raise SettingsError(f"{_at(text, last, shown)}: the key {key!r} stands twice")
            if len(objects) == 1:
                places[key] = _at(text, last, shown)
                if key not in KEYS:
                    raise SettingsError(
                        f"{places[key]}: unknown key {key!r}; a config has "
                        f"{' and '.join(KEYS)} only"
                    )
            seen.add(key)
        last = token
    return places


def _at(text: str, token: re.Match[str], shown: str) -> str:
    line, column = _place(text, token.start())
    return f"{shown}:{line}:{column}"


def _place(text: str, position: int | None) -> tuple[int, int]:
    """Line and column, both from 1, of a position (None: the end)."""
    position = len(text) if position is None else position
    return text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position)


def _holds_secret(value: object) -> bool:
    """Whether a non-empty secret stands in `value`, at any depth."""
    rest = [value]
    while rest:
        item = rest.pop()
        if isinstance(item, dict):
            if any(isinstance(item.get(key), str) and item[key] for key in SECRET_KEYS):
                return True
            rest.extend(item.values())
        elif isinstance(item, list):
            rest.extend(item)
    return False
