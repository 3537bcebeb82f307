"""Commands that have commands of their own, such as `postroad app create`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from postroad.cli.exits import Exit
from postroad.cli.options import CONTEXT, SectionedCommand
from postroad.cli.output import say

_MAX_SHOWN = 60


class Commands(click.Group):
    """A group whose help lists its commands in the order they are declared."""

    command_class = SectionedCommand

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names in the order of the help."""
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write each command with the first line of its help, whole."""
        with formatter.section("Commands"):
            formatter.write_dl(
                [
                    (name, (each.help or "").partition("\n")[0])
                    for name, each in self.commands.items()
                ]
            )

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read what stands before the command; say so when it belongs after it."""
        given = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as exc:
            known = {name for each in self.commands.values() for name in _names(each)}
            if exc.option_name not in known:
                raise
            name = next((word for word in given if word in self.commands), "COMMAND")
            ctx.fail(f"options come after the command: {ctx.command_path} {name} {exc.option_name}")

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that `args` begin with; refuse an unknown one."""
        name = args[0]
        if name not in self.commands:
            there_are = ", ".join(self.commands)
            ctx.fail(f"no such command: {name[:_MAX_SHOWN]}; there are {there_are}")
        return name, self.commands[name], args[1:]


def group(name: str, says: str) -> Commands:
    """Return a group that shows its help when no command is given.

    says: its help; the first line is one sentence.
    """

    @click.pass_context
    def without_a_command(ctx: click.Context) -> int | None:
        if ctx.invoked_subcommand is None:
            say(ctx.get_help(), err=True)
            return Exit.USAGE
        return None

    return Commands(
        name,
        callback=without_a_command,
        help=says,
        invoke_without_command=True,
        context_settings=CONTEXT,
        subcommand_metavar="COMMAND [ARGS]...",
    )


def subcommand(parent: Commands, name: str) -> Callable[[Callable[..., Any]], click.Command]:
    """Return the decorator that adds a command to `parent`."""
    return parent.command(name, context_settings=CONTEXT)


def _names(command: click.Command) -> list[str]:
    return [name for parameter in command.params for name in parameter.opts]
