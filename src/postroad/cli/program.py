"""The program: its commands, each imported when it is used, and how it ends."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any, NoReturn

import click

from postroad import __version__
from postroad.cli.exits import Exit
from postroad.cli.output import OutputError, finish, output_failure, prepare, say, silence
from postroad.errors import Code, PostroadError

COMMANDS = {
    "send": "Send one mail.",
    "check": "Try a relay step by step; nothing is sent.",
    "explain": "Say what a server's reply means and what to do.",
    "presets": "List mail providers, or show how to set one up.",
    "run": "Run the script a JsN config file names.",
    "simulate": "Run a local mail server that behaves like a provider.",
    "serve": "Run the mail service.",
    "doctor": "Examine settings, database, relays, disk and clock.",
    "migrate": "Bring the database to what this version needs.",
    "backup": "Make a backup of everything in one file.",
    "restore": "Make an installation out of a backup; its open mail is held.",
    "copy": "Move everything from SQLite into PostgreSQL.",
    "log": "Show the send log: what was asked for, what became of it.",
    "message": "What is kept of each mail; release what was captured.",
    "app": "Apps: who sends, and how their mail is taken.",
    "relay": "Relays: the servers that mail leaves by.",
    "route": "Routes: which relay carries which mail.",
    "user": "Users: the accounts that log in to an app.",
    "key": "API keys: what lets a program act for an app.",
    "developer": "Developers: who owns apps.",
    "operator": "Operators: who runs this Postroad, and the way back in.",
    "audit": "The audit log: who changed what, and whether it is whole.",
}
"""Every command with its one line; kept here so that the help need not import them."""

_OF_SENDING = ("send", "check", "explain", "presets", "run", "simulate")  # others: of the service

_MAX_SHOWN = 60
_MAX_LINE = 1_000


class Program(click.Group):
    """The group of all commands; whatever happens ends as one sentence and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names in the order of the help."""
        return list(COMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002
        cmd_name: str,
    ) -> click.Command | None:
        """Import the command called `cmd_name`; None when there is no such one."""
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = import_module(f"postroad.cli.{cmd_name}").command
        return found

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read what stands before the command; say so when it belongs after it."""
        given = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as exc:
            name = exc.option_name
            if not any(name in each.opts for each in _options(self, ctx)):
                raise
            command = next((word for word in given if word in COMMANDS), "COMMAND")
            ctx.fail(f"options come after the command: postroad {command} {name}")

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that `args` begin with; refuse an unknown one with a guess."""
        name = args[0]
        command = self.get_command(ctx, name)
        if command is None:
            ctx.fail(_no_such_command(name))
        return name, command, args[1:]

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002
        formatter: click.HelpFormatter,
    ) -> None:
        """Write the commands and their lines without importing them."""
        sections = {
            "Commands": {name: COMMANDS[name] for name in _OF_SENDING},
            "Commands of the service": {
                name: line for name, line in COMMANDS.items() if name not in _OF_SENDING
            },
        }
        widest = max(map(len, COMMANDS))  # so that both lists align
        for title, lines in sections.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(widest), line) for name, line in lines.items()])

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: ARG002 - as click declares it
        **extra: Any,
    ) -> NoReturn:
        """Run the command that `args` name and exit."""
        prepare()
        arguments = list(sys.argv[1:] if args is None else args)
        code = self._run(arguments, prog_name or "postroad", complete_var, extra)
        finish()
        sys.exit(code)

    def _run(
        self, arguments: list[str], name: str, complete_var: str | None, extra: dict[str, Any]
    ) -> int:
        try:
            _refuse_undecodable(arguments)
            self._main_shell_completion(extra, name, complete_var)
            with self.make_context(name, arguments, **extra) as ctx:
                code = self.invoke(ctx)
            return code if isinstance(code, int) else Exit.OK
        except click.exceptions.Exit as exc:
            return exc.exit_code
        except (KeyboardInterrupt, click.Abort):
            return Exit.INTERRUPTED
        except click.ClickException as exc:
            ctx_of = getattr(exc, "ctx", None)
            path = ctx_of.command_path if ctx_of else name
            _complain(f"{path}: {_ended(_shown(exc.format_message()))} See: {path} --help")
            return exc.exit_code
        except PostroadError as error:
            _complain(f"{name}: {error}")
            return Exit.USAGE if error.code is Code.CONFIG else Exit.FAILED
        except BrokenPipeError:
            silence(sys.stdout)
            return Exit.PIPE_CLOSED
        except Exception as exc:  # noqa: BLE001 - the outermost: a defect is told, not shown
            if reason := output_failure(exc):
                _complain(f"{name}: cannot write the output: {reason}")
                return Exit.OUTPUT
            if isinstance(exc, OSError) and exc.filename is not None:
                _complain(f"{name}: {_shown(exc.filename)}: {exc.strerror}")
                return Exit.FAILED
            return _defect(exc)


def _options(group: click.Group, ctx: click.Context) -> Iterator[click.Parameter]:
    """Yield the options of every command."""
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        yield from command.params if command else ()
        if isinstance(command, click.Group):
            yield from _options(command, ctx)


def _complain(sentence: str) -> None:
    """Write one line to stderr; that it cannot be written is nothing to complain about."""
    with contextlib.suppress(OutputError):
        say(sentence, err=True)


def _shown(text: object) -> str:
    """Return what somebody typed as one line that a terminal can show."""
    from postroad.cli.records import shown

    line = shown(str(text))
    return line if len(line) <= _MAX_LINE else f"{line[:_MAX_LINE]}…"


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith((".", "?", "!")) else f"{sentence}."


def _defect(exc: Exception) -> Exit:
    is_debugging = os.environ.get("POSTROAD_DEBUG", "") not in ("", "0")
    if is_debugging:
        import traceback

        traceback.print_exception(exc)
    advice = "" if is_debugging else "; run it again with POSTROAD_DEBUG=1 to see the traceback"
    # The exception's own text is not shown: it may quote what it was working on.
    _complain(f"a defect in Postroad: {type(exc).__name__}{advice}")
    return Exit.DEFECT


def _refuse_undecodable(arguments: list[str]) -> None:
    """Refuse octets that are not text in this system's encoding, and half surrogate pairs.

    raises: UsageError naming the argument.
    """
    for number, argument in enumerate(arguments, 1):
        if any("\ud800" <= character <= "\udfff" for character in argument):
            shown = ascii(argument[:_MAX_SHOWN])
            raise click.UsageError(
                f"argument {number} is not {sys.getfilesystemencoding().upper()} text: {shown}"
            )


def _no_such_command(name: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name[:_MAX_SHOWN], COMMANDS, n=1)
    advice = f"did you mean {near[0]}?" if near else f"there are {', '.join(COMMANDS)}"
    return f"no such command: {name[:_MAX_SHOWN]}; {advice}"


@click.group("postroad", cls=Program, invoke_without_command=True)
@click.version_option(__version__, prog_name="postroad", message="%(prog)s %(version)s")
@click.help_option("-h", "--help", help="Show this and exit.")
@click.pass_context
def program(ctx: click.Context) -> int | None:
    """Postroad sends mail and says what became of it.

    \b
    postroad presets naver               how to set up an account
    postroad check --preset naver …      try it; nothing is sent
    postroad send --preset naver …       send
    """  # noqa: D301
    if ctx.invoked_subcommand is None:
        say(ctx.get_help(), err=True)
        return Exit.USAGE
    return None
