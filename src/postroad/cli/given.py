"""The values of options that were given, in the form that administration takes."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import click

_SPAN = re.compile(r"([0-9]{1,6})([smhd])")
_SPAN_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_NUMBER = re.compile(r"[0-9]{1,12}")
_SIZE = re.compile(r"([0-9]{1,12})(|KiB|MiB|GiB|KB|MB|GB)", re.IGNORECASE)
_FACTORS = {"": 1, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30}
_FACTORS |= {"KB": 1000, "MB": 1000**2, "GB": 1000**3}


def given(values: dict[str, Any]) -> dict[str, Any]:
    """Return what was given of `values`: neither None nor an empty list.

    A list that was given as one "" is the empty list.
    """
    return {
        name: _plain(value) for name, value in values.items() if value is not None and value != ()
    }


def needs_one(changes: dict[str, Any]) -> None:
    """Refuse an update that changes nothing.

    raises: UsageError.
    """
    if not changes:
        raise click.UsageError("nothing to change: give at least one option", _context())


class Switch(click.ParamType):  # type: ignore[type-arg]
    """on or off."""

    name = "on|off"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> bool:
        """Return it as a bool."""
        found = {True: True, False: False, "on": True, "off": False}.get(value)
        if found is None:
            self.fail(f"{value!r} is neither on nor off", param, ctx)
        return found

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:  # noqa: ARG002
        """Return what stands for it in the help."""
        return "[on|off]"


class Span(click.ParamType):  # type: ignore[type-arg]
    """A span of time such as 30m, 12h or 7d; 0 is none."""

    name = "span"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """Return it as a timedelta."""
        if isinstance(value, timedelta):
            return value
        match = _SPAN.fullmatch(value)
        if match is None and value != "0":
            self.fail(f"{value!r} is no span of time such as 30m, 12h or 7d", param, ctx)
        return timedelta(**{_SPAN_UNITS[match[2]]: int(match[1])}) if match else timedelta(0)


class Number(click.ParamType):  # type: ignore[type-arg]
    """A whole number, or "" for none."""

    name = "number"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | str:
        """Return it as an int, or ""."""
        if isinstance(value, int):
            return value
        if value == "":
            return ""
        if not _NUMBER.fullmatch(value):
            self.fail(f"{value!r} is no whole number", param, ctx)
        return int(value)


class Size(click.ParamType):  # type: ignore[type-arg]
    """A number of octets such as 5MiB."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return it as a number of octets."""
        if isinstance(value, int):
            return value
        match = _SIZE.fullmatch(value)
        if match is None:
            self.fail(f"{value!r} is no size such as 5MiB", param, ctx)
        return int(match[1]) * _FACTORS[match[2].upper()]


ON_OFF = Switch()


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [] if value == ("",) else list(value)
    return value


def _context() -> click.Context | None:
    return click.get_current_context(silent=True)
