"""`postroad serve`: the mail service, until it is told to stop."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import click

from postroad.cli.installation import missing_package, note_other_database
from postroad.cli.options import CONTEXT, SectionedCommand, option
from postroad.cli.output import OutputError, say
from postroad.cli.passwords import check_no_password
from postroad.errors import SettingsError
from postroad.settings import SETTINGS, Settings, check_files, load

if TYPE_CHECKING:
    from postroad.wiring.demo import Demo, DemoApp


class Running(Protocol):
    """What the service tells of itself when it is ready."""

    @property
    def url(self) -> str:
        """Where it listens."""

    @property
    def data_dir(self) -> str:
        """Its data folder."""

    @property
    def setup_password(self) -> str | None:
        """The operator's one-time password, at the first start."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What should be looked at."""

    @property
    def demo(self) -> Demo | None:
        """Two apps to try it with, if they were asked for."""


def _setting_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add one option for each setting, as the table of settings has them."""
    for setting in reversed(SETTINGS):
        words = setting.help
        if setting.is_secret:
            words = f"File with this secret: {words}"
        function = option(
            setting.flag,
            _parameter(setting.key),
            metavar="FILE" if setting.is_secret else setting.kind.metavar,
            help=words if setting.default in (None, "") else f"{words}  [{setting.default}]",
            section=setting.section,
        )(function)
    return function


def _parameter(key: str) -> str:
    return key.replace(".", "_")


@click.command("serve", cls=SectionedCommand, context_settings=CONTEXT)
@option(
    "--config",
    metavar="FILE",
    help="TOML file with settings; by default the one that POSTROAD_CONFIG names, if any.",
    section="Service",
)
@option(
    "--demo",
    is_flag=True,
    help="Make two apps to try it with, whose mail is captured, and print how to send.",
    section="Service",
)
@_setting_options
def command(config: str | None, demo: bool, **flags: str | None) -> int:
    """Run the mail service until Ctrl-C or SIGTERM.

    Every setting is an option here, or a variable such as POSTROAD_LISTEN, or a line of the
    settings file; the first of these wins. The first start makes the data folder, its key and the
    operator's one-time password.

    \b
    Exit codes
      0  it was stopped, and what was under way has ended
      1  it could not start: the folder is in use, or the database broken
      2  a setting is wrong, or its address is taken
    """  # noqa: D301
    _occupy_standard_descriptors()
    given = {setting.key: flags[_parameter(setting.key)] for setting in SETTINGS}
    check_no_password("--database", given["database"])
    settings = checked(load(given, config=None if config is None else Path(config)))
    note_other_database(settings)
    try:
        from postroad.wiring import serve

        return serve(settings, lambda running: announce(running, settings), with_demo=demo)
    except ModuleNotFoundError as exc:
        raise missing_package(exc) from None


def checked(settings: Settings) -> Settings:
    """Return `settings` after a look at the files and presets they name.

    raises: SettingsError.
    """
    from postroad.providers import preset_names

    names = preset_names()
    for name in settings.presets:
        if name not in names:
            key = next(key for key in settings.sources if key.startswith(f"presets.{name}."))
            raise SettingsError(
                f"setting {key} (from {settings.sources[key]}): there is no preset {name}; "
                "`postroad presets` lists them"
            )
    check_files(settings)
    return settings


def announce(running: Running, settings: Settings) -> None:
    """Tell the person who started it what he needs; that nobody reads it stops nothing."""
    with contextlib.suppress(OutputError):
        for line in greeting(running, settings.warnings):
            say(line)
        if running.demo is not None:
            for line in first_steps(running.demo, running.url, settings):
                say(line)
    if running.setup_password is not None:
        with contextlib.suppress(OutputError):
            say(
                f"operator's one-time password, shown only now: {running.setup_password}\n"
                "  (for the web console to come; commands need none)",
                err=True,
            )


def greeting(running: Running, warnings: Sequence[str] = ()) -> list[str]:
    """Return what stands on stdout when the service is ready: never a secret.

    warnings: in addition to its own; each is told once.
    """
    lines = [
        f"Postroad listens on {running.url}",
        f"  data folder  {running.data_dir}",
        "  stop it      Ctrl-C, or SIGTERM to process " + str(os.getpid()),
    ]
    told = dict.fromkeys((*running.warnings, *warnings))
    return lines + [f"warning: {warning}" for warning in told]


def first_steps(demo: Demo, url: str, settings: Settings) -> list[str]:
    """Return what a newcomer needs to send the first mail and to see it."""
    on = demo.with_tokens
    folder = shlex.quote(str(settings.data_dir))
    return [
        "",
        *_demo_app("Demo app, tokens on", on),
        "",
        *_demo_app("Demo app, tokens off", demo.without_tokens),
        "",
        "Send a first mail. It is captured: nothing leaves this machine.",
        "",
        f"  curl {url}/api/mail/send \\",
        f"    -d appid={on.appid} \\",
        f"    -d signature={on.signature} \\",
        f"    -d token={on.token} \\",
        "    -d mail=bo@b.example -d title='안녕, 你好' -d content='<h1>Hello!</h1>'",
        "",
        "Show it:",
        "",
        f"  {_program()} message show latest \\",
        f"    --data-dir {folder}",
        "",
        "All of it stands in this file too, for your eyes only:",
        f"  {demo.file}",
    ]


def _demo_app(title: str, app: DemoApp) -> list[str]:
    rows = [
        ("appid", app.appid),
        ("signature", app.signature),
        ("user", app.account),
        ("pass", app.password),
        ("token", app.token),
        ("api_key", app.api_key),
    ]
    return [title, *(f"  {label:9}  {value}" for label, value in rows if value)]


def _program() -> str:
    """Return how the person calls this program."""
    path = Path(sys.argv[0])
    return shlex.quote(str(path)) if path.name == "postroad" else "postroad"


def _occupy_standard_descriptors() -> None:
    """Let no connection become stdin, stdout or stderr where the starter closed them.

    Whatever is opened next takes the lowest free number, and libraries would write there.
    """
    with contextlib.suppress(OSError):
        while (descriptor := os.open(os.devnull, os.O_RDWR)) < 3:
            os.set_inheritable(descriptor, True)
        os.close(descriptor)
