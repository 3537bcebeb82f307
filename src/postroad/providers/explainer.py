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
from postroad.providers.hearing import heard as hear
from postroad.providers.known import Heard, KnownReply, best_match
from postroad.providers.language import Words, language_of

_PLACEHOLDER = re.compile(r"\{(host|server)\}")  # {server} is host:port
_SPACED_PLACEHOLDER = re.compile(r" ?(\{(?:host|server)\}) ?")

_SERVER = Words(ko="메일 서버", zh="邮件服务器", en="the server")


class Source(StrEnum):
    """Which knowledge an explanation comes from, the most particular first."""

    PROVIDER = "provider"  # the provider's own known replies and hints
    TEXT = "text"  # words of the reply that mean the same everywhere
    ENHANCED = "enhanced"  # the enhanced status code
    CODE = "code"  # the reply code and the phase
    REASON = "reason"  # no reply: what went wrong on our side of the line
    NOTHING = "nothing"  # none: neither a reply nor words we know were found


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

    reply:    a reply, or its text as a log or a bounce shows it, several lines included.
    provider: a preset's name; one that is unknown is as good as none.
    returns:  `source` is Source.NOTHING when there is no reply in it.
    """
    heard = hear(reply, phase)
    found, source = _find(heard, provider)
    remedy = found.remedy.in_language(lang)
    if source is Source.ENHANCED and heard.code < 500:
        remedy = _remedy_of_postponed(found, lang)
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
    if server == _SERVER.zh:  # a Chinese word stands without the spaces that a host name has
        template = _SPACED_PLACEHOLDER.sub(r"\1", template)
    # One pass, not str.format: nothing a host name holds may be taken for a placeholder.
    return _PLACEHOLDER.sub(lambda match: server if match[1] == "host" else at_port, template)


def _remedy_of_postponed(found: KnownReply, lang: str | None) -> str:
    """Return what to do when 4.x.y was said of what the data explain for 5.x.y."""
    if found.later is not None:
        return found.later.in_language(lang)
    space = "" if language_of(lang) == "zh" else " "
    return f"{_lead().in_language(lang)}{space}{found.remedy.in_language(lang)}"


def _find(heard: Heard, provider: str | None) -> tuple[KnownReply, Source]:
    """Return the explanation and where it comes from."""
    if heard.code >= 400 or heard.code == 0:
        preset = find_preset(provider)
        if preset and (known := best_match(preset.replies, heard)):
            return known, Source.PROVIDER
        if known := best_match(_texts(), heard):
            return known, Source.TEXT
    by_code = best_match(_codes(), heard)
    in_login = heard.phase is Phase.AUTH and heard.code >= 500
    says_login = by_code is not None and by_code.auth
    by_enhanced = _by_enhanced(heard.enhanced) if heard.code >= 400 else None
    if by_enhanced and (by_enhanced.auth or not (in_login or says_login)):
        return by_enhanced, Source.ENHANCED
    if by_code is not None and (says_login or not in_login):
        return by_code, Source.CODE
    if by_class := best_match(_classes().get(heard.code // 100, ()), heard):
        return by_class, Source.CODE
    return _nothing(), Source.NOTHING


def _by_enhanced(enhanced: str) -> KnownReply | None:
    if not enhanced:
        return None
    _, subject, detail = enhanced.split(".")
    details, subjects = _enhanced()
    return details.get(f"{subject}.{detail}") or subjects.get(subject)


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
def _nothing() -> KnownReply:
    return known_reply(read("generic", "codes")["nothing"])


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
