"""Asking a person before something that cannot be taken back."""

from __future__ import annotations

import sys

import click


def is_agreed(question: str, *, is_sure: bool) -> bool:
    """Whether he says yes, or has said so before with `--yes`.

    raises: UsageError when there is nobody to ask.
    """
    if is_sure:
        return True
    try:
        return click.confirm(question, err=True)
    except click.Abort:
        if sys.stdin is not None and sys.stdin.isatty():  # Ctrl-C
            raise
        raise click.UsageError("there is nobody to ask: --yes says that you are sure") from None
