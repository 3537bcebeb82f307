"""`postroad presets`: the providers Postroad knows, and how to set one up."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from postroad.cli.options import (
    CONTEXT,
    SectionedCommand,
    json_option,
    language,
    language_option,
)

if TYPE_CHECKING:
    from postroad.providers import Endpoint, KnownReply, Preset

_SHOWN_SECURITY = {"tls": "TLS", "starttls": "STARTTLS", "none": "-"}


@click.command("presets", cls=SectionedCommand, context_settings=CONTEXT)
@click.argument("name", required=False)
@language_option
@json_option("everything known")
def command(name: str | None, lang: str | None, as_json: bool) -> None:
    """List the mail providers Postroad knows; with NAME, how to set that one up.

    NAME shows the settings, the limits, the steps with their links, what the provider's replies
    mean, and a `postroad send` line to paste.
    """
    from postroad import providers
    from postroad.cli.output import say, say_json

    lang = language(lang)
    if name is not None:
        preset = providers.preset(name)
        if as_json:
            say_json(_as_json(preset, lang))
        else:
            for line in _page(preset, lang):
                say(line)
        return
    presets = [providers.preset(each) for each in providers.preset_names()]
    if as_json:
        say_json([_as_json(preset, lang) for preset in presets])
    else:
        for line in _listing(presets, lang):
            say(line)


def _listing(presets: list[Preset], lang: str) -> list[str]:
    from postroad.cli import wording
    from postroad.cli.layout import Column, table
    from postroad.cli.output import line_width

    columns = (
        Column(wording.NAME.in_language(lang)),
        Column(wording.TITLE.in_language(lang), 17),
        Column(wording.SERVER.in_language(lang), 25),
        Column(wording.SECURITY.in_language(lang)),
        Column(wording.USERNAME.in_language(lang)),
    )
    rows = [
        (
            preset.name,
            preset.title.in_language(lang),
            f"{preset.endpoints[0].host}:{preset.endpoints[0].port}",
            _SHOWN_SECURITY[preset.endpoints[0].security],
            preset.user.fixed or wording.USER_FORMS[preset.user.form].in_language(lang),
        )
        for preset in presets
    ]
    lines = table(columns, rows, line_width())
    return [click.style(lines[0], bold=True), *lines[1:], "", wording.MORE.in_language(lang)]


def _page(preset: Preset, lang: str) -> list[str]:
    from postroad.cli import wording
    from postroad.cli.layout import indented
    from postroad.cli.output import line_width

    width = line_width()
    lines = [click.style(f"{preset.name}  {preset.title.in_language(lang)}", bold=True), ""]
    lines += _settings(preset, lang, width)
    lines += ["", click.style(wording.SET_UP.in_language(lang), bold=True)]
    for number, step in enumerate(preset.steps, 1):
        first, *rest = indented(step.text.in_language(lang), " " * 5, width)
        lines += [f"{number:>3}. {first[5:]}", *rest]
        lines += [" " * 5 + click.style(step.link, underline=True)] if step.link else []
    if preset.replies:
        lines += ["", click.style(wording.REPLIES.in_language(lang), bold=True)]
        for known in preset.replies:
            lines += _known_reply(known, lang, width)
    lines += ["", click.style(wording.PASTE_CHECK.in_language(lang), bold=True)]
    lines += _pasteable(_check_words(preset))
    lines += ["", click.style(wording.PASTE.in_language(lang), bold=True)]
    lines += _pasteable(_send_words(preset, lang))
    return lines


def _settings(preset: Preset, lang: str, width: int | None) -> list[str]:
    from postroad.cli import wording
    from postroad.cli.layout import display_width, padded, wrapped

    user = preset.user.label.in_language(lang)
    colon = "：" if lang == "zh" else ": "
    rows = [(wording.SERVER, _server(endpoint)) for endpoint in preset.endpoints]
    rows += [
        (wording.USERNAME, f"{user}{colon}{preset.user.fixed or preset.user.example}"),
        (wording.PASSWORD, preset.secret.in_language(lang)),
        (wording.SENDER, wording.FROM_RULES[preset.from_rule].in_language(lang)),
    ]
    rows += [(wording.TOKEN, preset.oauth_scope)] if preset.oauth_scope else []
    rows += [(wording.LIMITS, limit) for limit in _limits(preset, lang)]
    labels = [label.in_language(lang) for label, _ in rows]
    indent = max(map(display_width, labels)) + 4
    lines = []
    previous = ""
    for label, (_, value) in zip(labels, rows, strict=True):
        first, *rest = wrapped(value, None if width is None else width - indent)
        lines.append(padded("  " + (label if label != previous else ""), indent) + first)
        lines += [" " * indent + line for line in rest]
        previous = label
    return lines


def _server(endpoint: Endpoint) -> str:
    return f"{endpoint.host}:{endpoint.port}  {_SHOWN_SECURITY[endpoint.security]}"


def _limits(preset: Preset, lang: str) -> list[str]:
    """Return the provider's own words about its limits, else the numbers."""
    from postroad.cli import wording

    if preset.limits.note is not None:
        return [preset.limits.note.in_language(lang)]
    numbers = [
        words.in_language(lang).format(n=f"{getattr(preset.limits, name):,}")
        for name, words in wording.LIMIT_OF.items()
        if getattr(preset.limits, name) is not None
    ]
    return [", ".join(numbers)] if numbers else []


def _known_reply(known: KnownReply, lang: str, width: int | None) -> list[str]:
    from postroad.cli.layout import indented

    lines = ["  " + click.style(_sign(known), fg="yellow")]
    lines += indented(known.cause.in_language(lang), " " * 5, width)
    lines += indented(f"→ {known.remedy.in_language(lang)}", " " * 5, width)
    return lines


def _sign(known: KnownReply) -> str:
    """Return how the reply is recognised: its codes, its enhanced code, a part of its text."""
    parts = [", ".join(str(code) for code in known.codes), known.enhanced]
    parts += [" / ".join(f'"{text}"' for text in known.texts[:2])]
    parts += [f"({', '.join(known.phases)})"] if known.phases else []
    return " ".join(part for part in parts if part)


def _relay_words(preset: Preset) -> list[str]:
    words = ["--preset", preset.name]
    words += ["--region", "us-east-1"] if preset.needs_region else []
    words += ["--username", preset.user.example] if preset.needs_username else []
    return words + ([] if preset.takes_password else ["--token-env", "TOKEN"])


def _sender(preset: Preset) -> str:
    example = preset.user.example
    own = preset.from_address_for(example) if preset.needs_username else None
    return own or "me@mydomain.example"


def _check_words(preset: Preset) -> list[list[str]]:
    return [["postroad", "check", *_relay_words(preset)]]


def _send_words(preset: Preset, lang: str) -> list[list[str]]:
    from postroad.cli import wording

    return [
        ["postroad", "send", *_relay_words(preset)],
        ["--from", _sender(preset), "--to", "bo@example.com"],
        [
            *("--subject", wording.SUBJECT.in_language(lang)),
            *("--text", wording.TEXT.in_language(lang)),
        ],
    ]


def _pasteable(lines: list[list[str]]) -> list[str]:
    """Return a command over several lines, as a shell takes it."""
    shown = [shlex.join(words) for words in lines]
    return ["  " + " \\\n    ".join(shown)]


def _as_json(preset: Preset, lang: str) -> dict[str, Any]:
    limits = asdict(preset.limits)
    limits["note"] = preset.limits.note.in_language(lang) if preset.limits.note else None
    return {
        "name": preset.name,
        "title": preset.title.in_language(lang),
        "endpoints": [asdict(endpoint) for endpoint in preset.endpoints],
        "username": {
            "form": preset.user.form.value,
            "label": preset.user.label.in_language(lang),
            "example": preset.user.example,
            "fixed": preset.user.fixed or None,
        },
        "password": preset.secret.in_language(lang),
        "from": preset.from_rule.value,
        "mechanisms": list(preset.mechanisms),
        "oauth_scope": preset.oauth_scope,
        "limits": limits,
        "steps": [
            {"text": step.text.in_language(lang), "link": step.link} for step in preset.steps
        ],
        "replies": [
            {
                "codes": list(known.codes),
                "enhanced": known.enhanced or None,
                "texts": list(known.texts),
                "phases": [phase.value for phase in known.phases],
                "cause": known.cause.in_language(lang),
                "remedy": known.remedy.in_language(lang),
            }
            for known in preset.replies
        ],
        "send": shlex.join(word for words in _send_words(preset, lang) for word in words),
    }
