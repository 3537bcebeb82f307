"""`postroad explain`: what a server's reply means and what to do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

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

_MAX_OCTETS = 65_536  # what a reply may have

# A line of a reply as a log shows it; "-" after the code: there are more (RFC 5321 §4.2).
_LINE = re.compile(r"\s*(?:S: ?|<{1,3} ?)?([2-5][0-9]{2})(?:([ -])|$)")
_NOT_THE_SERVER = re.compile(r"\s*(?:C:|\* |>)")  # the client's lines and notes of a transcript


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
@json_option("reply, cause, remedy, is_temporary and source (for several replies a list)")
def command(
    reply: tuple[str, ...],
    provider: str | None,
    phase: str | None,
    lang: str | None,
    as_json: bool,
) -> None:
    """Say what REPLY means and what to do now.

    REPLY is a server's reply as a log or a bounce shows it, such as "535 5.7.1 Username and
    Password not accepted"; - reads it from standard input. Several replies, each on lines of its
    own, are explained one after another.
    """
    from postroad import providers
    from postroad.cli.output import say, say_json

    lang = language(lang)
    text = _from_stdin() if reply == ("-",) else " ".join(reply)
    if not text.strip():
        raise SettingsError("the reply is empty")
    name = providers.preset(provider).name if provider is not None else None
    at = Phase(phase) if phase else None
    found = [
        (each, explanation)
        for each in replies(text)
        for explanation in [providers.explain(each, phase=at, provider=name, lang=lang)]
        if explanation.source is not providers.Source.NOTHING
    ]
    if not found:
        raise SettingsError(
            "that is no SMTP reply: one begins with a code from 200 to 599, such as 550 5.1.1"
        )
    if as_json:
        objects = [_as_object(each, explanation) for each, explanation in found]
        say_json(objects if len(objects) > 1 else objects[0])
        return
    for number, (each, explanation) in enumerate(found):
        if number:
            say()
        _print(each, explanation, lang)


def replies(text: str) -> list[str]:
    """Return the replies that stand in `text`, each with all its lines.

    A line without a code goes on with the reply above it, as a log folds one; other text around the
    replies is left out. Where no line has a code the whole text is one reply.
    """
    found: list[list[str]] = []
    announced = ""  # the code of a reply that says there are more lines
    goes_on = False
    for line in text.splitlines():
        match = _LINE.match(line)
        if match is None:
            goes_on = goes_on and bool(line.strip()) and not _NOT_THE_SERVER.match(line)
            if goes_on:
                found[-1].append(line)
            continue
        if goes_on and match[1] == announced:
            found[-1].append(line)
        else:
            found.append([line])
        announced = match[1] if match[2] == "-" else ""
        goes_on = True
    return ["\n".join(lines) for lines in found] or [text]


def _as_object(reply: str, found: Explanation) -> dict[str, Any]:
    return {
        "reply": reply.strip(),
        "cause": found.cause,
        "remedy": found.remedy,
        "is_temporary": found.is_temporary,
        "source": found.source.value,
    }


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
    code = next((match[1] for line in text.splitlines() if (match := _LINE.match(line))), "")
    return code[:1] in ("2", "3")
