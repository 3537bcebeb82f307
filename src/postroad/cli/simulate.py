"""`postroad simulate`: a provider's behaviour on this machine."""

from __future__ import annotations

import click

from postroad.cli.options import CONTEXT, SectionedCommand, option
from postroad.errors import SettingsError


@click.command("simulate", cls=SectionedCommand, context_settings=CONTEXT)
@click.argument("name", required=False)
@option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@option(
    "--port",
    type=click.IntRange(0, 65_535),
    metavar="PORT",
    default=2525,
    show_default=True,
    help="0 takes any free port.",
)
@option("--save", metavar="DIR", help="Keep each mail in this folder as an .eml file.")
@option("--username", metavar="NAME", help="The account it accepts, instead of its own.")
@option(
    "--password-env",
    metavar="VARIABLE",
    help="Environment variable with that account's password.",
)
@option(
    "--security",
    type=click.Choice(["none", "starttls", "tls"]),
    metavar="MODE",
    help="none, starttls or tls, instead of the provider's own.",
)
@option(
    "--behaviour",
    "behaviours",
    multiple=True,
    metavar="BEHAVIOUR",
    help="How hostile misbehaves; may be repeated. --list says what there is.",
)
@option("--dialogue", is_flag=True, help="Print what every connection said.")
@option("--list", "is_list", is_flag=True, help="List the behaviours of hostile.")
def command(
    name: str | None,
    host: str,
    port: int,
    save: str | None,
    username: str | None,
    password_env: str | None,
    security: str | None,
    behaviours: tuple[str, ...],
    dialogue: bool,
    is_list: bool,
) -> int | None:
    """Run a mail server on this machine that behaves like NAME, until Ctrl-C.

    NAME is naver, qq, gmail, office365, greylist or hostile.

    It prints where it listens, the account it accepts, a `postroad send` line to try, the same in
    Python, and each mail that arrives. Nothing leaves this machine. The part of a recipient before
    the @ provokes what it names: unknown, full, later, greylist, slow, spam, quota, lost.
    """
    if is_list:
        _list_behaviours()
        return None
    if name is None:
        from postroad.simulators import NAMES

        raise SettingsError(f"give the name of a simulator: {', '.join(NAMES)}")
    from postroad.cli.relay_options import secret_of_variable
    from postroad.simulators import serve

    serve(
        name,
        host=host,
        port=port,
        save=save,
        username=username,
        password=password_env and secret_of_variable("--password-env", password_env),
        security=security,  # type: ignore[arg-type]
        behaviours=behaviours,
        dialogue=dialogue,
    )
    return None


def _list_behaviours() -> None:
    from postroad.cli.layout import Column, table
    from postroad.cli.output import line_width, say
    from postroad.simulators.misbehaviour.behaviours import table as behaviours
    from postroad.simulators.misbehaviour.script import STEPS

    columns = (Column("Behaviour"), Column("Step"), Column("What the client meets", 20))
    for line in table(columns, behaviours(), line_width()):
        say(line)
    say()
    say("[@STEP] may be left out: the step of the second column. Steps:")
    say("  " + " ".join(STEPS))
