"""`postroad explain`: what a server's reply means and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from postroad.cli.options import (
    CONTEXT,
    SectionedCommand,
    json_option,
    language,
    language_option,
    option,
)
from postroad.errors import Phase, SettingsError

if TYPE_CHECKING:
    from postroad.providers import Explanation

_MAX_OCTETS = 65_536  # what a reply may have (DESIGN §4)


@click.command("explain", cls=SectionedCommand, context_settings=CONTEXT)
@click.argument("reply", nargs=-1, required=True, metavar="REPLY")
@option("--provider", metavar="NAME", help="Whose reply it is: a name from `postroad presets`.")
@option(
    "--phase",
    type=click.Choice([phase.value for phase in Phase]),
    metavar="PHASE",
    help="Where it was said: greeting, ehlo, starttls, auth, mail, rcpt, data, final-dot, …",
)
@language_option
@json_option("reply, cause, remedy, is_temporary and source")
def command(
    reply: tuple[str, ...],
    provider: str | None,
    phase: str | None,
    lang: str | None,
    as_json: bool,
) -> None:
    """Say what REPLY means and what to do now.

    REPLY is a server's reply as a log or a bounce shows it, such as "535 5.7.1 Username and
    Password not accepted"; - reads it from standard input, several lines included.
    """
    from postroad import providers
    from postroad.cli.output import say_json

    lang = language(lang)
    text = _from_stdin() if reply == ("-",) else " ".join(reply)
    if not text.strip():
        raise SettingsError("the reply is empty")
    name = providers.preset(provider).name if provider is not None else None
    found = providers.explain(text, phase=Phase(phase) if phase else None, provider=name, lang=lang)
    if as_json:
        say_json(
            {
                "reply": text.strip(),
                "cause": found.cause,
                "remedy": found.remedy,
                "is_temporary": found.is_temporary,
                "source": found.source.value,
            }
        )
    else:
        _print(text, found, lang)


def _from_stdin() -> str:
    from postroad.cli.reading import stdin_octets

    return stdin_octets(_MAX_OCTETS, "reply").decode("utf-8", "backslashreplace")


def _print(text: str, found: Explanation, lang: str) -> None:
    from postroad.cli import wording
    from postroad.cli.layout import display_width, padded, wrapped
    from postroad.cli.output import line_width, say
    from postroad.smtp.reply import printable

    for line in text.strip().splitlines():
        say(click.style(printable(line.strip()), bold=True))
    if found.is_temporary:
        again = wording.AGAIN_LATER
    elif _is_positive(text):
        again = wording.AGAIN_NO_NEED
    else:
        again = wording.AGAIN_NEVER
    rows = [
        (wording.CAUSE, found.cause),
        (wording.REMEDY, found.remedy),
        (wording.AGAIN, again.in_language(lang)),
        (wording.KNOWN_FROM, wording.SOURCES[found.source].in_language(lang)),
    ]
    labels = [label.in_language(lang) for label, _ in rows]
    indent = max(map(display_width, labels)) + 2
    width = line_width()
    for label, (_, value) in zip(labels, rows, strict=True):
        first, *rest = wrapped(value, None if width is None else width - indent)
        say(padded(label, indent) + first)
        for line in rest:
            say(" " * indent + line)


def _is_positive(text: str) -> bool:
    return text.strip().removeprefix("S:").strip()[:1] in ("2", "3")
