"""Which Postroad a command works on, and the way into its database."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from postroad.cli.options import option
from postroad.errors import SettingsError

if TYPE_CHECKING:
    from postroad.operations.administration.desk import Desk
    from postroad.settings import Settings
    from postroad.tenancy.audit import Actor
    from postroad.wiring import Installation

T = TypeVar("T")

_NOTED = "postroad.other_database"
_SECTION: dict[str, Any] = {"section": "Installation"}


@dataclass(frozen=True, slots=True)
class Where:
    """Which installation is meant; None is what the environment says, else the default."""

    data_dir: str | None = None
    config: str | None = None

    def settings(self) -> Settings:
        """Return its settings, read as `postroad serve` reads them.

        raises: SettingsError.
        """
        from postroad.settings import load

        flags = {} if self.data_dir is None else {"data_dir": self.data_dir}
        return load(flags, config=None if self.config is None else Path(self.config))

    @property
    def words(self) -> str:
        """What another command needs after it to mean the same installation; "" for nothing."""
        import shlex

        given = (("--data-dir", self.data_dir), ("--config", self.config))
        return "".join(f" {name} {shlex.quote(value)}" for name, value in given if value)


def note_other_database(settings: Settings) -> None:
    """Say on stderr that a variable's PostgreSQL counts, not the file in the folder of --data-dir.

    Once in a command, whatever it opens.
    """
    from postroad.cli.output import say
    from postroad.settings.model import DATABASE_FILE

    sources = settings.sources
    if settings.postgresql is None or sources.get("data_dir") != "--data-dir":
        return
    variable = sources.get("database", "")
    file = settings.data_dir / DATABASE_FILE
    context = click.get_current_context(silent=True)
    is_noted = context is not None and context.meta.setdefault(_NOTED, False)
    if is_noted or not variable.startswith("POSTROAD_") or not file.exists():
        return
    if context is not None:
        context.meta[_NOTED] = True
    say(
        f"note: {variable} names {settings.database_shown}, and that counts, not {file}:"
        f" `env -u {variable} postroad …` means the file",
        err=True,
    )


def installation_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say which installation; the command takes them as `where`."""

    @wraps(command)
    def collected(data_dir: str | None, config: str | None, **values: Any) -> Any:
        return command(where=Where(data_dir, config), **values)

    for add in (
        option(
            "--config",
            metavar="FILE",
            help="The service's settings file; by default that of POSTROAD_CONFIG.",
            **_SECTION,
        ),
        option(
            "--data-dir",
            metavar="FOLDER",
            help="The service's data folder, instead of the settings' one.",
            **_SECTION,
        ),
    ):
        collected = add(collected)
    return collected


def inside(where: Where, work: Callable[[Installation], Awaitable[T]]) -> T:
    """Return what `work` returns, given the installation; works beside a running server.

    Ctrl-C and SIGTERM end it as `work` may end: a message whose final dot was sent is waited for.

    raises: SettingsError, StorageError, and what `work` raises.
    """
    import asyncio
    import signal

    settings = where.settings()
    note_other_database(settings)
    try:
        from postroad.wiring import installation
    except ModuleNotFoundError as exc:
        raise missing_package(exc) from None

    async def opened() -> T:
        task = asyncio.current_task()
        if task is not None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        async with installation(settings) as found:
            return await work(found)

    try:
        return asyncio.run(opened())
    except asyncio.CancelledError:
        raise click.exceptions.Exit(128 + signal.SIGTERM) from None


def at_desk(where: Where, work: Callable[[Desk], Awaitable[T]]) -> T:
    """Return what `work` returns, given what administration works with.

    raises: as `inside`.
    """

    async def seated(found: Installation) -> T:
        return await work(found.desk(acting()))

    return inside(where, seated)


def acting() -> Actor:
    """Return in whose name a command changes something: the user of the system who runs it."""
    import os
    import pwd

    from postroad.tenancy.audit import Actor

    # Not what the environment calls him: that is his to choose.
    number = os.getuid()
    try:
        return Actor(f"cli:{pwd.getpwuid(number).pw_name}")
    except KeyError:  # a container's user without a name
        return Actor(f"cli:{number}")


def missing_package(exc: ModuleNotFoundError) -> Exception:
    """Return the error for what is not installed; a module of our own is a defect."""
    name = (exc.name or "").partition(".")[0]
    if name in ("", "postroad"):
        return exc
    return SettingsError(f'{name} is not installed: pip install "postroad[server]"')
