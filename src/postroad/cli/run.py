"""`postroad run`: the JsN-compatible runner."""

from __future__ import annotations

import click

from postroad.cli.options import CONTEXT, Seconds, SectionedCommand, Size, option
from postroad.errors import SettingsError

_SCRIPTS = (".js", ".mjs", ".cjs", ".py")


@click.command("run", cls=SectionedCommand, context_settings=CONTEXT)
@click.argument("config")
@option(
    "--timeout",
    type=Seconds(),
    default=60.0,
    help="The script's own time, 60 by default; time inside send_email does not count.",
)
@option(
    "--max-sends",
    type=click.IntRange(min=0),
    metavar="NUMBER",
    default=1000,
    show_default=True,
    help="How often the script may call send_email.",
)
@option(
    "--max-output",
    type=Size(),
    default="1MiB",
    show_default=True,
    help="How much the script may print.",
)
@option(
    "--allow-absolute",
    is_flag=True,
    help="Let scriptfile be an absolute path; else it stays in the config file's folder.",
)
def command(
    config: str, timeout: float, max_sends: int, max_output: int, allow_absolute: bool
) -> int:
    """Run the script that CONFIG names, with its arg and send_email.

    CONFIG is a JSON file such as {"scriptfile": "./send.js", "arg": {…}}. JavaScript runs in a
    process of its own without files and network; a .py script is trusted and runs as it is.

    Exits with what the script gave to exit(n), else 0 when it ran to its end, 1 when it threw or
    met a limit ("stopped: time", memory, output or sends on stderr), 2 when the config or the
    script cannot be used.
    """
    if config.lower().endswith(_SCRIPTS):
        raise SettingsError(
            f"{config} is a script: give the JSON config that names the script, such as "
            '{"scriptfile": "./send.js", "arg": {}}'
        )
    from postroad.scripting import run

    return run(
        config,
        timeout_s=timeout,
        max_sends=max_sends,
        max_output_octets=max_output,
        allow_absolute=allow_absolute,
    )
