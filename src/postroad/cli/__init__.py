"""The command line: one module per command, imported when that command is used."""

from __future__ import annotations

from typing import NoReturn


def main() -> NoReturn:
    """Run `postroad` with the arguments of this process and exit."""
    from postroad.cli.program import program

    program.main()
