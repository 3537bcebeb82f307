"""What options are made of: sections in the help, and the types of their values."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import click

MAX_SECONDS = 86_400.0
_SIZE = re.compile(r"([0-9]{1,15})(|B|KB|KiB|MB|MiB|GB|GiB)", re.IGNORECASE)
_SECRET = re.compile("--(pass|passwd|password|passwort|passphrase|pw|pwd|secret|token)")
_FACTORS = {"": 1, "B": 1, "KB": 1000, "KIB": 1 << 10, "MB": 1000**2, "MIB": 1 << 20}
_FACTORS |= {"GB": 1000**3, "GIB": 1 << 30}

CONTEXT = {"help_option_names": ["-h", "--help"]}


class SectionedOption(click.Option):
    """An option that the help shows under the heading `section`."""

    def __init__(self, *arguments: Any, section: str = "Options", **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.section = section


class SectionedCommand(click.Command):
    """A command whose help shows its options in sections, in the order they are declared."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments; whoever gives a password as one hears how it is given."""
        try:
            return super().parse_args(ctx, args)
        except click.BadOptionUsage as exc:
            exc.ctx = exc.ctx or ctx  # click leaves it out where a value is missing
            raise
        except click.NoSuchOption as exc:
            taken = {name for parameter in self.params for name in parameter.opts}
            if not (_SECRET.fullmatch(exc.option_name) and "--password-env" in taken):
                raise
            ways = "--password-env"
            if "--password-file" in taken:
                ways += ", --password-file or the prompt"
            raise click.UsageError(
                f"a password is never taken from the command line: use {ways}", ctx
            ) from None

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, one list for each section."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                section = getattr(parameter, "section", "Options")
                sections.setdefault(section, []).append(record)
        sections["Options"] = sections.pop("Options")  # --help and its like stand last
        for section, records in sections.items():
            with formatter.section(section):
                formatter.write_dl(records, col_max=28)


def option(*declarations: str, **settings: Any) -> Callable[[Any], Any]:
    """Return the decorator that adds a SectionedOption."""
    return click.option(*declarations, cls=SectionedOption, **settings)


class Seconds(click.ParamType):  # type: ignore[type-arg]
    """A number of seconds above 0."""

    name = "seconds"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return it as a float; fails for NaN and infinity too."""
        try:
            seconds = float(value)
        except ValueError:
            seconds = math.nan
        if not 0 < seconds <= MAX_SECONDS:
            self.fail(f"{value!r} is no number of seconds above 0 (at most 86400)", param, ctx)
        return seconds


class Size(click.ParamType):  # type: ignore[type-arg]
    """A number of octets such as 1048576, 512KiB or 1MiB"""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the octets."""
        match = _SIZE.fullmatch(str(value).strip())
        if match is None:
            self.fail(f"{value!r} is no size such as 1048576, 512KiB or 1MiB", param, ctx)
        return int(match[1]) * _FACTORS[match[2].upper()]


def language_option(function: Any) -> Any:
    """Add `--lang`."""
    return option(
        "--lang",
        type=click.Choice(["ko", "zh", "en"]),
        help="Language of the output; by default that of the locale.",
    )(function)


def language(lang: str | None) -> str:
    """Return the language asked for, else that of the locale."""
    if lang is not None:
        return lang
    from postroad.frontdoor.environment import user_language

    return user_language()


def json_option(what: str) -> Callable[[Any], Any]:
    """Return the decorator that adds `--json`; `what` says what is printed."""
    return option("--json", "as_json", is_flag=True, help=f"Print {what} as JSON.")


def limit_option(text: str) -> Callable[[Any], Any]:
    """Return the option that says how many entries a list shows.

    text: its help.
    """
    return option(
        "--limit",
        type=click.IntRange(1, 100_000),
        metavar="NUMBER",
        default=50,
        show_default=True,
        help=text,
    )
