"""From what was given to Settings, each value checked and each error naming its source."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from postroad.errors import SettingsError
from postroad.settings.kinds import UnfitError
from postroad.settings.model import PresetOverride, SesSettings, Settings
from postroad.settings.sources import (
    Given,
    from_environment,
    from_file,
    from_flags,
    refusal,
    secret_in,
)
from postroad.settings.table import CONFIG_VARIABLE, SETTINGS

_MAX_SHOWN = 60
_NEEDED_FOR_SES = ("region", "access_key_id", "secret")


def load(
    flags: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
    config: Path | None = None,
) -> Settings:
    """Return the settings: defaults, below the file, below the environment, below the flags.

    flags:   by the setting's name, such as "listen" or "ses.region"; None is not given.
    environ: by default that of this process.
    config:  the file; by default the one that POSTROAD_CONFIG names, if any.
    raises:  SettingsError naming the setting, its source, and what would be right.
    """
    environ = os.environ if environ is None else environ
    if config is None and CONFIG_VARIABLE in environ:
        named = environ[CONFIG_VARIABLE]
        if not named:
            raise SettingsError(f"{CONFIG_VARIABLE} is empty: name a file, or unset it")
        config = Path(named)
    in_file, notes = from_file(config) if config is not None else ({}, ())
    given = in_file | from_environment(environ) | from_flags(flags or {})
    values = {name: _value(each) for name, each in given.items()}
    folder = Path.cwd()
    plain = {
        setting.name: setting.kind.parse(setting.default, folder)
        for setting in SETTINGS
        if setting.default is not None and "." not in setting.name
    }
    settings = Settings(
        **plain | {name: value for name, value in values.items() if "." not in name},
        ses=_ses(values, given),
        presets=_presets(values),
        sources={name: each.source for name, each in given.items()},
        notes=notes,
    )
    _check_tls(settings)
    return settings


def check_files(settings: Settings) -> None:
    """Find out whether the files that the settings name can be used.

    The database's folder must be there, unless it is the data folder, which is made.

    raises: SettingsError naming the first one.
    """
    files = {"tls_certificate": settings.tls_certificate, "tls_key": settings.tls_key}
    for name, preset in settings.presets.items():
        files[f"presets.{name}.cafile"] = preset.cafile
    for name, path in files.items():
        if path is None:
            continue
        try:
            with path.open("rb"):
                pass
        except OSError as exc:
            why = f"{path} cannot be read: {exc.strerror}"
            raise refusal(name, settings.sources.get(name, ""), why) from None
    if settings.postgresql is not None:
        return
    folder = settings.database_path.parent
    if folder != settings.data_dir and not folder.is_dir():
        source = settings.sources.get("database", "")
        hint = "an absolute path has four slashes: sqlite:////var/lib/postroad/postroad.db"
        raise refusal("database", source, f"there is no folder {folder}; {hint}")


def _value(given: Given) -> Any:
    """Return the parsed value.

    raises: SettingsError.
    """
    setting, value = given.setting, given.value
    if given.is_file:
        if not isinstance(value, str) or not value:
            raise refusal(given.name, given.source, "the name of a file is expected, as text")
        return secret_in(given)
    kind = setting.kind
    if type(value) not in (kind.in_file if given.is_toml else (str,)):
        raise refusal(given.name, given.source, f"it must be {kind.expected}{_spelling(given)}")
    try:
        return kind.parse(value, given.folder)
    except UnfitError as exc:
        raise refusal(given.name, given.source, str(exc)) from None
    except ValueError as exc:
        why = f"it must be {kind.expected}"
        if type(exc) is ValueError and exc.args:  # not the words of a library
            why += f"; {exc}"
        elif setting.is_shown and value:
            why += f", not {_shown(value)}"
        raise refusal(given.name, given.source, why) from None


def _spelling(given: Given) -> str:
    """Return how TOML writes what was given as something else."""
    kinds = given.setting.kind.in_file
    if bool in kinds:
        return ", written true or false without quotation marks"
    if list in kinds:
        return ', written as a list: ["…", "…"]'
    if str in kinds:
        return ", written in quotation marks"
    return ", written without quotation marks"


def _ses(values: Mapping[str, Any], given: Mapping[str, Given]) -> SesSettings | None:
    found = {name[4:]: value for name, value in values.items() if name.startswith("ses.")}
    if not found:
        return None
    source = next(each.source for name, each in given.items() if name.startswith("ses."))
    for name in _NEEDED_FOR_SES:
        if name not in found:
            raise refusal(f"ses.{name}", "", f"it is missing, and {source} sets up SES")
    if not (found.get("senders") or found.get("shared_sender")):
        why = "it is missing, and so is ses.shared_sender: nobody could send"
        raise refusal("ses.senders", "", why)
    return SesSettings(**found)


def _presets(values: Mapping[str, Any]) -> dict[str, PresetOverride]:
    found: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        table, _, rest = name.partition(".")
        if table == "presets":
            preset, _, leaf = rest.rpartition(".")
            found.setdefault(preset, {})[leaf] = value
    return {preset: PresetOverride(**fields) for preset, fields in sorted(found.items())}


def _check_tls(settings: Settings) -> None:
    if (settings.tls_certificate is None) == (settings.tls_key is None):
        return
    there, missing = "tls_certificate", "tls_key"
    if settings.tls_certificate is None:
        there, missing = missing, there
    source = settings.sources.get(there, "")
    raise refusal(
        missing, "", f"it is missing, and {there}{source and f' (from {source})'} needs it"
    )


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"
