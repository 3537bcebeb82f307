"""The places settings come from: a TOML file, the environment, flags, and files with a secret."""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from postroad.errors import SettingsError
from postroad.settings.databases import has_password
from postroad.settings.table import (
    NOT_OURS,
    OTHER_VARIABLES,
    PREFIX,
    PRESET_SETTINGS,
    SETTINGS,
    Setting,
    name_of_variable,
    setting_called,
)

_MAX_FILE_OCTETS = 1 << 20
_MAX_SECRET_OCTETS = 65_536
_MAX_SHOWN = 60
_TABLES = ("ses", "presets")


@dataclass(frozen=True, slots=True)
class Given:
    """A value as somebody wrote it.

    name:      the setting's own, such as "ses.secret".
    source:    "POSTROAD_SES_SECRET_FILE", "--listen", "postroad.toml"
    folder:    what relative paths start from.
    is_file:   the value names the file that holds the setting.
    """

    setting: Setting
    name: str
    value: object
    source: str
    folder: Path
    is_file: bool = False
    is_toml: bool = False


def refusal(name: str, source: str, why: str) -> SettingsError:
    """Return the error about one setting; without a source nobody gave it."""
    where = f" (from {source})" if source else ""
    return SettingsError(f"setting {name}{where}: {why}")


def from_flags(flags: Mapping[str, object]) -> dict[str, Given]:
    """Return what the flags say; None is not given.

    flags: by the setting's name, a secret's file as NAME_file.
    raises: SettingsError for a name that no setting has.
    """
    folder = Path.cwd()
    found = []
    for name, value in flags.items():
        if value is None:
            continue
        flag = "--" + name.replace(".", "-").replace("_", "-")
        found.append(_given(name, value, flag, folder))
    return _once(found)


def from_environment(environ: Mapping[str, str]) -> dict[str, Given]:
    """Return what the variables say.

    raises: SettingsError for one that begins like a setting and is none.
    """
    folder = Path.cwd()
    found = []
    for variable, value in environ.items():
        if not variable.startswith(PREFIX) or variable in OTHER_VARIABLES:
            continue
        name = name_of_variable(variable)
        if name is not None:
            found.append(_given(name, value, variable, folder))
        elif not NOT_OURS.fullmatch(variable):
            known = [setting.variable for setting in (*SETTINGS, *PRESET_SETTINGS)]
            raise SettingsError(
                f"environment variable {_shown(variable)}: no setting is called that"
                f"{_advice(variable, known)}"
            )
    return _once(found)


def from_file(path: Path) -> tuple[dict[str, Given], tuple[str, ...]]:
    """Return what a TOML file says, and what deserves a warning.

    Relative paths in it start from its own folder.

    raises: SettingsError when it cannot be read, is no TOML, or holds an unknown key.
    """
    try:
        octets, mode = _read(path, _MAX_FILE_OCTETS)
        tree = tomllib.loads(octets.decode("utf-8-sig"))
    except OSError as exc:
        raise SettingsError(f"settings file {path}: cannot be read: {exc.strerror}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"settings file {path}: not UTF-8 text; save it as UTF-8") from None
    except (ValueError, RecursionError) as exc:  # of which tomllib.TOMLDecodeError is one
        why = str(exc) if isinstance(exc, ValueError) else "nested too deeply"
        raise SettingsError(f"settings file {path}: not TOML: {why}") from None
    folder = Path(os.path.abspath(path)).parent  # noqa: PTH100 - resolve() would follow links
    found = [
        _given(name, value, str(path), folder, is_toml=True)
        for name, value in _leaves(tree, "", str(path))
    ]
    notes: tuple[str, ...] = ()
    if os.name == "posix" and mode & stat.S_IROTH:
        secrets = [each.name for each in found if each.setting.is_secret and not each.is_file]
        notes = tuple(
            f"{path} holds {name} and every user of this machine can read it: chmod 600 {path}, "
            f"or name a file with {name}_file"
            for name in secrets
        )
        if any(each.name == "database" and has_password(each.value) for each in found):
            holds = f"{path} holds the database's password and every user of this machine"
            notes += (f"{holds} can read it: chmod 600 {path}",)
    return _once(found), notes


def secret_in(given: Given) -> str:
    """Return the secret in the file that `given` names, without its last line end.

    raises: SettingsError, which repeats neither the content nor the name: it may be the secret,
            put in the wrong place.
    """
    try:
        path = given.folder / str(given.value)
        octets, _ = _read(path, _MAX_SECRET_OCTETS)
        secret = octets.decode("utf-8-sig").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        why = "the file that is named is not UTF-8 text"
    except (OSError, ValueError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "not a file name"
        why = f"the file that is named cannot be read: {reason}"
    else:
        if secret and secret.isprintable():
            return secret
        why = "the file that is named must hold the secret, on one line, and nothing else"
    raise refusal(given.name, given.source, why)


def _given(name: str, value: object, source: str, folder: Path, *, is_toml: bool = False) -> Given:
    found = setting_called(name)
    if found is None:
        known = [setting.key for setting in (*SETTINGS, *PRESET_SETTINGS)]
        known += [setting.name for setting in SETTINGS if setting.is_secret]
        raise SettingsError(f"{source}: no setting is called {_shown(name)}{_advice(name, known)}")
    setting, own = found
    return Given(setting, own, value, source, folder, is_file=own != name, is_toml=is_toml)


def _once(found: Iterable[Given]) -> dict[str, Given]:
    """Return them by name; a secret cannot be given both by itself and by its file."""
    by_name: dict[str, Given] = {}
    for each in found:
        other = by_name.setdefault(each.name, each)
        if other is not each:
            sources = f"{other.source} and {each.source}"
            if each.is_toml:
                sources = each.source
            raise refusal(each.name, sources, f"give {each.name} or {each.setting.key}, not both")
    return by_name


def _leaves(tree: Mapping[str, object], table: str, source: str) -> Iterator[tuple[str, object]]:
    for key, value in tree.items():
        name = f"{table}.{key}" if table else key
        is_table = name in _TABLES or table == "presets"
        if is_table and isinstance(value, dict):
            yield from _leaves(value, name, source)
        elif is_table:
            raise SettingsError(f"{source}: {_shown(name)} must be a table: [{_shown(name)}]")
        else:
            yield name, value


def _read(path: Path, limit: int) -> tuple[bytes, int]:
    """Return the octets and the mode of a regular file; no device, no pipe, nothing endless.

    raises: OSError, ValueError.
    """
    # O_NONBLOCK: opening a pipe that nobody writes to would otherwise wait for ever.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor has no path
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise OSError(0, "it is not a regular file")
        octets = file.read(limit + 1)
    if len(octets) > limit:
        raise OSError(0, f"it has more than {limit} octets")
    return octets, mode


def _shown(name: str) -> str:
    text = name[:_MAX_SHOWN]
    return text if text.isprintable() else ascii(text)


def _advice(name: str, known: list[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name[:_MAX_SHOWN], known, n=1)
    return f"; did you mean {near[0]}?" if near else ""
