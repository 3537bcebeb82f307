"""Settings of the service: defaults, a file, the environment and flags, read once into a value."""

from __future__ import annotations

from postroad.settings.loading import check_files, load
from postroad.settings.model import Listen, PresetOverride, SesSettings, Settings
from postroad.settings.table import OTHER_VARIABLES, PRESET_SETTINGS, SETTINGS, Setting

__all__ = [
    "OTHER_VARIABLES",
    "PRESET_SETTINGS",
    "SETTINGS",
    "Listen",
    "PresetOverride",
    "SesSettings",
    "Setting",
    "Settings",
    "check_files",
    "load",
]
