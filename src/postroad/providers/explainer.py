"""Says what a reply or a failure means and what to do about it, in Korean, Chinese or English.

A reply is looked up in this order, and the first that fits answers: the provider's own known
replies, words that mean the same everywhere, what the reply code says about a login, the enhanced
status code, the subject of an enhanced status code nobody registered, the reply code at that phase,
the class of the reply code at that phase.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Final

from postroad.errors import Phase, Reason, ReplyLike
from postroad.providers.catalogue import find_preset, known_reply, read, words
from postroad.providers.known import Heard, KnownReply, best_match
from postroad.providers.language import Words, language_of

# Every reply that tells something tells it in its first lines; the rest of a flood is not read.
_READ_CHARS: Final = 4096

_CODE = re.compile(r"(?:S: ?)?([2-5][0-9]{2})(?:[ -]|$)")
_ENHANCED = re.compile(r"([245])\.([0-9]{1,3})\.([0-9]{1,3})(?![0-9.])")

_PLACEHOLDER = re.compile(r"\{(host|server)\}")  # {server} is host:port

_SERVER = Words(ko="메일 서버", zh="邮件服务器", en="the server")


class Source(StrEnum):
    """Which knowledge an explanation comes from, the most particular first."""

    PROVIDER = "provider"  # the provider's own known replies and hints
    TEXT = "text"  # words of the reply that mean the same everywhere
    ENHANCED = "enhanced"  # the enhanced status code
    CODE = "code"  # the reply code and the phase
    REASON = "reason"  # no reply: what went wrong on our side of the line


@dataclass(frozen=True, slots=True)
class Explanation:
    """What happened and what to do now, in the language asked for.

    is_temporary: the same message may be taken later.
    """

    cause: str
    remedy: str
    is_temporary: bool
    source: Source


def explain(
    reply: ReplyLike | str,
    *,
    phase: Phase | None = None,
    provider: str | None = None,
    lang: str | None = "en",
) -> Explanation:
    """Return what a server's reply means; it always answers, whatever `reply` holds.

    reply:    a reply, or its text as a log shows it, several lines included.
    provider: a preset's name; one that is unknown is as good as none.
    """
    heard = _heard(reply, phase)
    found, source, lead = _find(heard, provider)
    remedy = found.remedy.in_language(lang)
    if lead is not None:
        remedy = f"{lead.in_language(lang)}{'' if language_of(lang) == 'zh' else ' '}{remedy}"
    temporary = 400 <= heard.code < 500 if found.temporary is None else found.temporary
    return Explanation(found.cause.in_language(lang), remedy, temporary, source)


def explain_reason(
    reason: Reason,
    *,
    provider: str | None = None,
    lang: str | None = "en",
    host: str | None = None,
    port: int | None = None,
) -> Explanation:
    """Return what a failure means that no reply explains, naming `host` and `port` where known."""
    preset = find_preset(provider)
    cause, remedy = _generic_hints()[reason]
    source = Source.REASON
    for hint in preset.hints if preset else ():
        if hint.reason is reason and hint.port in (None, port):
            cause, remedy, source = hint.cause, hint.remedy, Source.PROVIDER
            break
    server = host or _SERVER.in_language(lang)
    at_port = f"{server}:{port}" if host and port is not None else server
    return Explanation(
        _filled(cause.in_language(lang), server, at_port),
        _filled(remedy.in_language(lang), server, at_port),
        reason in _PASSING,
        source,
    )


# What may go away by itself: retrying the same message makes sense.
_PASSING: Final = frozenset(
    {
        *(Reason.DNS, Reason.REFUSED, Reason.UNREACHABLE, Reason.CONNECT_TIMEOUT),
        *(Reason.LOST, Reason.TIMED_OUT, Reason.IN_DOUBT, Reason.UNEXPECTED),
    }
)


def _filled(template: str, server: str, at_port: str) -> str:
    # One pass, not str.format: nothing a host name holds may be taken for a placeholder.
    return _PLACEHOLDER.sub(lambda match: server if match[1] == "host" else at_port, template)


def _find(heard: Heard, provider: str | None) -> tuple[KnownReply, Source, Words | None]:
    """Return the explanation, where it comes from, and what to say before its remedy."""
    if heard.code >= 400 or heard.code == 0:
        preset = find_preset(provider)
        if preset and (known := best_match(preset.replies, heard)):
            return known, Source.PROVIDER, None
        if known := best_match(_texts(), heard):
            return known, Source.TEXT, None
    by_code = best_match(_codes(), heard)
    in_login = heard.phase is Phase.AUTH and heard.code >= 500
    says_login = by_code is not None and by_code.auth
    by_enhanced = _by_enhanced(heard.enhanced) if heard.code >= 400 else None
    if by_enhanced and (by_enhanced.auth or not (in_login or says_login)):
        lead = _lead() if heard.code < 500 else None
        return by_enhanced, Source.ENHANCED, lead
    if by_code is None or (in_login and not says_login):
        return _by_class(heard), Source.CODE, None
    return by_code, Source.CODE, None


def _by_enhanced(enhanced: str) -> KnownReply | None:
    if not enhanced:
        return None
    _, subject, detail = enhanced.split(".")
    details, subjects = _enhanced()
    return details.get(f"{subject}.{detail}") or subjects.get(subject)


def _by_class(heard: Heard) -> KnownReply:
    of_class = _classes().get(heard.code // 100, ())
    return best_match(of_class, heard) or _classes()[0][0]


def _heard(reply: ReplyLike | str, phase: Phase | None) -> Heard:
    if isinstance(reply, str):
        code, text = _parsed(reply[:_READ_CHARS])
    else:
        code, text = reply.code, reply.text[:_READ_CHARS]
    text = " ".join(text.split())
    match = _ENHANCED.match(text)
    enhanced = ".".join(str(int(part)) for part in match.groups()) if match else ""
    if not code:
        return Heard(int(match[1]) * 100 if match else 0, enhanced, text.lower(), phase, False)
    return Heard(code, enhanced, text.lower(), phase)


def _parsed(shown: str) -> tuple[int, str]:
    """Return code and text of a reply as a log shows it; code 0 when it shows none."""
    code = 0
    texts = []
    for line in shown.splitlines():
        stripped = line.strip()
        match = _CODE.match(stripped)
        if match and code in (0, int(match[1])):
            code = int(match[1])
            stripped = stripped[match.end() :].lstrip()
        if stripped:
            texts.append(stripped)
    return code, " ".join(texts)


@cache
def _texts() -> tuple[KnownReply, ...]:
    return tuple(known_reply(each) for each in read("generic", "texts")["replies"])


@cache
def _codes() -> tuple[KnownReply, ...]:
    return tuple(known_reply(each) for each in read("generic", "codes")["replies"])


@cache
def _classes() -> dict[int, tuple[KnownReply, ...]]:
    classes: dict[int, tuple[KnownReply, ...]] = {}
    for each in read("generic", "codes")["classes"]:
        classes[each["class"]] = (*classes.get(each["class"], ()), known_reply(each))
    return classes


@cache
def _enhanced() -> tuple[dict[str, KnownReply], dict[str, KnownReply]]:
    raw = read("generic", "enhanced")
    details = {key: known_reply(each) for each in raw["details"] for key in each["details"]}
    subjects = {each["subject"]: known_reply(each) for each in raw["subjects"]}
    return details, subjects


@cache
def _lead() -> Words:
    return words(read("generic", "enhanced")["temporary"])


@cache
def _generic_hints() -> dict[Reason, tuple[Words, Words]]:
    return {
        Reason(name): (words(each["cause"]), words(each["remedy"]))
        for name, each in read("generic", "reasons").items()
    }
