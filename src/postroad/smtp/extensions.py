"""What a server offers in its answer to EHLO (RFC 5321 §4.1.1.1)."""

from __future__ import annotations

from dataclasses import dataclass, field

from postroad.smtp.reply import Reply


@dataclass(frozen=True, slots=True)
class Extensions:
    """The service extensions of one session; only those of its last EHLO count.

    size_octets: the largest message the server takes, None when it names no limit (RFC 1870).
    auth:        mechanism names in upper case (RFC 4954).
    keywords:    every keyword offered, in upper case, with its parameters.
    """

    pipelining: bool = False
    starttls: bool = False
    smtputf8: bool = False
    eight_bit_mime: bool = False
    size: bool = False
    size_octets: int | None = None
    auth: frozenset[str] = frozenset()
    keywords: dict[str, tuple[str, ...]] = field(default_factory=dict, compare=False)


def parse_extensions(reply: Reply) -> Extensions:
    """Return what the lines after the first of an EHLO reply offer; unknown keywords are kept."""
    keywords: dict[str, tuple[str, ...]] = {}
    for line in reply.lines[1:]:
        words = line.replace("=", " ", 1).split()[:64]
        if not words:
            continue
        keyword, *parameters = words
        known = keywords.get(keyword.upper(), ())
        keywords[keyword.upper()] = (*known, *parameters)  # "AUTH=LOGIN" repeats AUTH: old Outlook
    return Extensions(
        pipelining="PIPELINING" in keywords,
        starttls="STARTTLS" in keywords,
        smtputf8="SMTPUTF8" in keywords,
        eight_bit_mime="8BITMIME" in keywords,
        size="SIZE" in keywords,
        size_octets=_size_octets(keywords.get("SIZE", ())),
        auth=frozenset(mechanism.upper() for mechanism in keywords.get("AUTH", ())),
        keywords=keywords,
    )


def _size_octets(parameters: tuple[str, ...]) -> int | None:
    """Return the limit SIZE names; 0 and anything that is no number name none (RFC 1870 §4)."""
    if not parameters or not (parameters[0].isascii() and parameters[0].isdigit()):
        return None
    return int(parameters[0][:20]) or None
