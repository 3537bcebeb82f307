"""The options that say where a password comes from: never the command line itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from postroad.cli.options import option
from postroad.errors import SettingsError


def password_options(section: str = "Options") -> Callable[[Any], Any]:
    """Return the decorator that adds `--password-env` and `--password-file`."""

    def add(command: Any) -> Any:
        for each in (
            option(
                "--password-file", metavar="FILE", help="File with the password.", section=section
            ),
            option(
                "--password-env",
                metavar="VARIABLE",
                help="Environment variable with the password.",
                section=section,
            ),
        ):
            command = each(command)
        return command

    return add


def check_no_password(name: str, url: str | None) -> None:
    """Make sure that the URL of a database, given as the option `name`, holds no password.

    raises: UsageError; a password there is for every user of the machine to read.
    """
    from postroad.settings.databases import has_password

    if has_password(url):
        raise click.UsageError(
            f"{name}: a password is never taken from the command line: leave it out of the URL,"
            " and put it into PGPASSWORD or ~/.pgpass"
        )


def password_given(password_env: str | None, password_file: str | None) -> str | None:
    """Return the password that the options lead to, None when neither is given.

    raises: SettingsError, which repeats neither option's value: it may be the password.
    """
    from postroad.cli.relay_options import secret_of_file, secret_of_variable

    if password_env is not None and password_file is not None:
        raise SettingsError("give only one of --password-env and --password-file")
    if password_env is not None:
        return secret_of_variable("--password-env", password_env)
    if password_file is not None:
        return secret_of_file("--password-file", password_file)
    return None


def password_asked(prompt: str) -> str:
    """Return the password that somebody types unseen.

    raises: SettingsError when there is nobody to ask.
    """
    from getpass import getpass

    from postroad.cli.reading import stdin_is_terminal

    if not stdin_is_terminal():
        raise SettingsError(
            "a password is needed: give --password-env or --password-file, "
            "or run this at a terminal to be asked"
        )
    try:
        password = getpass(prompt)
    except EOFError:
        password = ""
    if not password:
        raise SettingsError("no password was given")
    return password
