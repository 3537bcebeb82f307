"""Reads a reply, or finds one in what a log or a bounce shows of it."""

from __future__ import annotations

import re
from typing import Final

from postroad.errors import Phase, ReplyLike
from postroad.providers.known import Heard

# Every reply that tells something tells it in its first lines; the rest of a flood is not read.
_READ_CHARS: Final = 4096
# A bounce has headers and friendly words before the reply; the command line reads as much.
_SEARCHED_CHARS: Final = 65_536

_PROMPT = r"(?:S: ?|<<< ?)?"  # a transcript's, sendmail's "<<< 550 5.1.1 …"
_ALONE = r"(?<![0-9A-Za-z_.+/@<-])(?<![0-9]:)"  # not in a name, a number, a date or a time
_ENHANCED = r"([245])\.([0-9]{1,3})\.([0-9]{1,3})(?!\.?[0-9])"
_FOLLOWED = r"(?: |-(?![0-9])|: |\Z)"

_BEGINNING = re.compile(_ENHANCED)
_ANYWHERE = re.compile(_ALONE + _ENHANCED)

# The likeliest first. Within a line the digits are those of RFC 5321 §4.2 (and 571), so that
# ports such as 465 and 587 are none. Nothing in them repeats without bound: each is linear.
_CODES: Final = tuple(
    re.compile(pattern, re.MULTILINE)
    for pattern in (
        rf"^{_PROMPT}([45][0-9]{{2}})(?:[ -]|$)",
        rf"{_ALONE}([245][0-9]{{2}})[ -](?={_ENHANCED})",
        rf"^{_PROMPT}([23][0-9]{{2}})(?:[ -]|$)",
        rf"{_ALONE}([45][0-5][0-9]|571){_FOLLOWED}",
        rf"{_ALONE}([23][0-5][0-9]){_FOLLOWED}",
    )
)

# What Postfix and Exim add to the reply they pass on.
_COMMAND = re.compile(
    r"\b(?:in reply to|after) (mail from|rcpt to|data\b|end of data)", re.IGNORECASE
)
_PHASES: Final = {
    "mail from": Phase.MAIL,
    "rcpt to": Phase.RCPT,
    "data": Phase.DATA,
    "end of data": Phase.FINAL_DOT,
}


def heard(reply: ReplyLike | str, phase: Phase | None) -> Heard:
    """Return what the server said, ready to be compared.

    reply: a reply, or text in which one is looked for.
    """
    if isinstance(reply, str):
        return _heard_in("\n".join(map(str.strip, reply[:_SEARCHED_CHARS].splitlines())), phase)
    text = _one_line(reply.text[:_READ_CHARS])
    return _heard(reply.code, text, _BEGINNING.match(text), phase)


def _heard_in(shown: str, phase: Phase | None) -> Heard:
    """Return what the server said according to `shown`, whose lines bear no outer white space."""
    if phase is None and (command := _COMMAND.search(shown)):
        phase = _PHASES[command[1].lower()]
    found = next(filter(None, (pattern.search(shown) for pattern in _CODES)), None)
    if found is None:
        return _heard(0, _one_line(shown[:_READ_CHARS]), _ANYWHERE.search(shown), phase)
    code = found[1]
    # The last line of a reply may stand at a line's start while the first one does not.
    first = re.search(rf"{_ALONE}{code}-(?![0-9]{{2}})", shown[: found.start()]) or found
    said, _, _ = shown[first.end() : first.end() + _READ_CHARS].partition("\n\n")
    said = re.sub(rf"^{_PROMPT}{code}(?:[ -]|$)", "", said, flags=re.MULTILINE)
    text = _one_line(said).replace(f" {code}-", " ")  # a reply of several lines folded into one
    if not text:
        text = _one_line(shown[max(0, first.start() - _READ_CHARS) : first.start()])
    return _heard(int(code), text, _BEGINNING.match(text), phase)


def _heard(code: int, text: str, found: re.Match[str] | None, phase: Phase | None) -> Heard:
    if found is None:
        return Heard(code, "", text.lower(), phase, bool(code))
    enhanced = ".".join(str(int(part)) for part in found.groups())
    text = text.replace(f" {found[0]} ", " ")  # each line of a reply repeats it
    return Heard(code or int(found[1]) * 100, enhanced, text.lower(), phase, bool(code))


def _one_line(text: str) -> str:
    return " ".join(text.split())
