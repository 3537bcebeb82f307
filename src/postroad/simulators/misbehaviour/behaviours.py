"""The misbehaviours by name, each with a sentence on what a client sees."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from postroad.errors import SettingsError
from postroad.simulators.misbehaviour.script import (
    EXTENSIONS,
    STEPS,
    BareLf,
    Close,
    Deaf,
    Drip,
    Echo,
    Flood,
    Half,
    Reset,
    Say,
    Script,
    Silence,
    Step,
    Usual,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postroad.simulators.misbehaviour.script import Action, EchoForm

TEN_MILLION = 10_000_000
_CHUNK_LINES = 10_000
_MAX_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Behaviour:
    """A misbehaviour that can happen at any step.

    at:      the step it happens at when none is named; None when a step must be named.
    actions: what happens there.
    """

    about: str
    at: Step | None
    actions: tuple[Action, ...]


def _say(text: bytes) -> tuple[Action, ...]:
    return (Say(text),)


def _offering(*lines: str, without: str = "") -> tuple[str, ...]:
    kept = tuple(line for line in EXTENSIONS if line.split()[0] != without)
    return kept + lines


_TLS = Script(security="starttls")
_ECHOES: tuple[tuple[EchoForm, str], ...] = (
    ("raw", "in clear"),
    ("base64", "in base64, as they came"),
    ("hex", "in hexadecimal"),
    ("urlencoded", "URL-encoded"),
)

# What can happen at any step: NAME@STEP, or NAME alone at the step given here.
MOVABLE: Mapping[str, Behaviour] = {
    "close": Behaviour("the connection is closed instead of a reply", None, (Close(),)),
    "reset": Behaviour("the connection is reset (RST) instead of a reply", None, (Reset(),)),
    "half": Behaviour("half a reply, then the connection is closed", None, (Half(),)),
    "silence": Behaviour("no reply ever again, though everything is read", None, (Silence(),)),
    "deaf": Behaviour("the server stops reading and writing, connected", "content", (Deaf(),)),
    "drip": Behaviour("the reply comes one octet per pace", "greeting", (Drip(),)),
    "twice": Behaviour("the reply comes twice", "dot", (Usual(), Usual())),
    "bare-lf": Behaviour("the reply's lines end with LF alone", "ehlo", (BareLf(b"\n"),)),
    "bare-cr": Behaviour("the reply's lines end with CR alone", "ehlo", (BareLf(b"\r"),)),
    "endless-line": Behaviour(
        "a reply line without end", "ehlo", (Flood(b"x" * 65536, start=b"250-"),)
    ),
    "endless-lines": Behaviour(
        "a reply of lines without end", "ehlo", (Flood(b"250-more\r\n" * _CHUNK_LINES),)
    ),
    "ten-million-lines": Behaviour(
        "a reply of ten million lines, which ends",
        "ehlo",
        (
            Flood(
                b"250-more\r\n" * _CHUNK_LINES, TEN_MILLION // _CHUNK_LINES, end=b"250 enough\r\n"
            ),
        ),
    ),
    "mib-line": Behaviour(
        "a reply line of 1 MiB", "ehlo", _say(b"250 " + b"x" * ((1 << 20) - 6) + b"\r\n")
    ),
    "code-000": Behaviour("a reply with code 000", "ehlo", _say(b"000 nothing\r\n")),
    "code-999": Behaviour("a reply with code 999", "ehlo", _say(b"999 too much\r\n")),
    "code-letters": Behaviour("a reply with letters for a code", "ehlo", _say(b"abc hello\r\n")),
    "code-short": Behaviour("a reply with a code of two digits", "ehlo", _say(b"25 hello\r\n")),
    "changing-codes": Behaviour(
        "a reply whose lines bear different codes",
        "ehlo",
        _say(b"250-hostile.example\r\n550-changed its mind\r\n250 8BITMIME\r\n"),
    ),
    "empty-line": Behaviour("an empty line for a reply", "ehlo", _say(b"\r\n")),
    "garbage": Behaviour(
        "octets that are no protocol at all",
        "greeting",
        _say(bytes((i * 73 + 41) % 256 for i in range(512)) + b"\r\n"),
    ),
    "http": Behaviour(
        "an HTTP server's answer",
        "greeting",
        (
            Say(
                b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\nContent-Type: text/html\r\n"
                b"Connection: close\r\n\r\n<html><h1>400 Bad Request</h1></html>\r\n"
            ),
            Close(),
        ),
    ),
    "ssh": Behaviour("an SSH server's banner", "greeting", _say(b"SSH-2.0-OpenSSH_9.2\r\n")),
    "pop3": Behaviour("a POP3 server's greeting", "greeting", _say(b"+OK POP3 ready\r\n")),
    "nul": Behaviour("NUL octets in a reply", "ehlo", _say(b"250 he\0llo\0\r\n")),
    "escape": Behaviour(
        "terminal control sequences in a reply", "ehlo", _say(b"550 \x1b[2J\x1b]0;owned\x07\r\n")
    ),
    "non-utf8": Behaviour("a refusal in EUC-KR", "mail", _say("550 거부됨\r\n".encode("euc-kr"))),
    "8bit": Behaviour("a refusal in UTF-8", "mail", _say("550 5.7.1 거부됨\r\n".encode())),
    "three-replies": Behaviour(
        "three replies at once to one command",
        "mail",
        _say(b"250 2.1.0 OK\r\n250 2.1.5 OK\r\n250 2.0.0 OK\r\n"),
    ),
    "replies-ahead": Behaviour(
        "the replies to RCPT and DATA already after MAIL",
        "mail",
        _say(b"250 2.1.0 OK\r\n250 2.1.5 OK\r\n354 Go ahead\r\n"),
    ),
    "unsolicited": Behaviour(
        "a reply nobody asked for, after the usual one",
        "ehlo",
        (Usual(), Say(b"250 2.0.0 by the way\r\n")),
    ),
    "idle-close": Behaviour(
        "the usual reply, then the connection is closed", "dot", (Usual(), Close())
    ),
    "idle-421": Behaviour(
        "the usual reply, then an unasked 421 and the connection is closed",
        "dot",
        (Usual(), Say(b"421 4.4.2 hostile.example idle too long\r\n"), Close()),
    ),
}

# What has its own place in the dialogue, or none.
FIXED: Mapping[str, tuple[str, Script]] = {
    "polite": (
        "no misbehaviour: what the others do when it is not their turn",
        Script(),
    ),
    "no-greeting": (
        "nothing is said at all",
        Script(on={"greeting": (Silence(),)}),
    ),
    "greeting-554": (
        "the greeting is a refusal",
        Script(on={"greeting": _say(b"554 5.7.1 No service for you\r\n")}),
    ),
    "ehlo-refused": (
        "EHLO is unknown, HELO is taken",
        Script(on={"ehlo": _say(b"502 5.5.1 EHLO not implemented\r\n")}),
    ),
    "helo-refused": (
        "neither EHLO nor HELO is taken",
        Script(
            on={
                "ehlo": _say(b"502 5.5.1 EHLO not implemented\r\n"),
                "helo": _say(b"502 5.5.1 HELO not implemented\r\n"),
            }
        ),
    ),
    "starttls-missing": (
        "STARTTLS is not offered where it is expected",
        Script(security="starttls", hides_starttls=True),
    ),
    "starttls-refused": (
        "STARTTLS is offered and refused for good",
        _TLS | Script(on={"starttls": _say(b"554 5.7.0 TLS is not available\r\n")}),
    ),
    "starttls-deferred": (
        "STARTTLS is offered and refused for now",
        _TLS | Script(on={"starttls": _say(b"454 4.7.0 TLS not available now\r\n")}),
    ),
    "starttls-injected": (
        "octets in clear between the STARTTLS reply and the handshake",
        _TLS
        | Script(
            on={
                "starttls": _say(
                    b"220 2.0.0 Ready to start TLS\r\n250-hostile.example\r\n250 AUTH PLAIN\r\n"
                )
            }
        ),
    ),
    "starttls-garbage": (
        "garbage instead of a handshake",
        _TLS | Script(on={"tls": (Say(b"this is no handshake\r\n" * 4), Close())}),
    ),
    "starttls-silence": (
        "the handshake is never answered",
        _TLS | Script(on={"tls": (Silence(),)}),
    ),
    "certificate-name": (
        "a certificate for another host",
        Script(security="starttls", certificate="other-name"),
    ),
    "certificate-expired": (
        "a certificate that expired in 2001",
        Script(security="starttls", certificate="expired"),
    ),
    "certificate-self-signed": (
        "a certificate signed by itself",
        Script(security="starttls", certificate="self-signed"),
    ),
    "certificate-untrusted": (
        "a certificate of an authority nobody knows",
        Script(security="starttls", certificate="untrusted"),
    ),
    "auth-missing": (
        "no AUTH is offered",
        Script(extensions=_offering(without="AUTH")),
    ),
    "auth-unknown": (
        "only mechanisms nobody speaks are offered",
        Script(extensions=_offering("AUTH GSSAPI NTLM X-SECRET", without="AUTH")),
    ),
    "auth-535": (
        "every login is refused for good",
        Script(on={"auth": _say(b"535 5.7.8 Authentication credentials invalid\r\n")}),
    ),
    "auth-454": (
        "every login is refused for now",
        Script(on={"auth": _say(b"454 4.7.0 Temporary authentication failure\r\n")}),
    ),
    "auth-432": (
        "every login must wait for a new password",
        Script(on={"auth": _say(b"432 4.7.12 A password transition is needed\r\n")}),
    ),
    "auth-garbage": (
        "a challenge that is not base64",
        Script(on={"auth": _say(b"334 !!! this is \xff not base64 !!!\r\n")}),
    ),
    "auth-endless": (
        "challenges without end",
        Script(
            on={
                "auth": _say(b"334 bW9yZQ==\r\n"),
                "auth-answer": _say(b"334 bW9yZQ==\r\n"),
            }
        ),
    ),
    **{
        f"auth-echo-{form}": (
            f"the refusal repeats the credentials {how}",
            Script(on={"auth": (Echo(form),), "auth-answer": (Echo(form),)}),
        )
        for form, how in _ECHOES
    },
    "data-after-refusals": (
        "every recipient is refused, DATA is taken",
        Script(
            on={
                "rcpt": _say(b"550 5.1.1 No such user\r\n"),
                "data": _say(b"354 Go ahead\r\n"),
            }
        ),
    ),
    "data-after-mail-refused": (
        "MAIL is refused, RCPT and DATA are taken",
        Script(
            on={
                "mail": _say(b"550 5.7.1 Not you\r\n"),
                "rcpt": _say(b"250 2.1.5 OK\r\n"),
                "data": _say(b"354 Go ahead\r\n"),
            }
        ),
    ),
    "data-250": (
        "250 instead of 354 to DATA",
        Script(on={"data": _say(b"250 2.0.0 OK\r\n")}),
    ),
    "rcpt-354": (
        "354 instead of 250 to RCPT",
        Script(on={"rcpt": _say(b"354 Go ahead\r\n")}),
    ),
    "no-final-reply": (
        "no reply to the final dot: in doubt",
        Script(on={"dot": (Silence(),)}),
    ),
    "lost-after-dot": (
        "the connection closes after the final dot: in doubt",
        Script(on={"dot": (Close(),)}),
    ),
    "size-small": (
        "SIZE 1000 is offered, and meant",
        Script(extensions=_offering("SIZE 1000", without="SIZE"), size_octets=1000),
    ),
    "size-lies": (
        "SIZE 10485760 is offered, 1000 is taken",
        Script(size_octets=1000),
    ),
    "no-extensions": (
        "EHLO is taken and offers nothing",
        Script(extensions=()),
    ),
    "no-pipelining": (
        "everything but PIPELINING is offered",
        Script(extensions=_offering(without="PIPELINING")),
    ),
    "pipelining-lies": (
        "PIPELINING is offered, and what follows a command in one write is lost",
        Script(drops_pipelined=True),
    ),
    "smtputf8-lies": (
        "SMTPUTF8 is offered and refused",
        Script(extensions=_offering("SMTPUTF8"), refused_parameters=("SMTPUTF8",)),
    ),
    "8bitmime-lies": (
        "8BITMIME is offered and BODY refused",
        Script(refused_parameters=("BODY",)),
    ),
}

# The families whose names hold a value.
FAMILIES: Mapping[str, str] = {
    "CODE@STEP": "any three digits: a one-line reply with this code; 421 closes the connection",
    "reply@STEP=TEXT": r"exactly this text, with \r \n \t \\ \0 and \xNN as in Python",
}


def table() -> list[tuple[str, str, str]]:
    """Every behaviour for the documentation and the help: name, its step or "", what it does."""
    rows: list[tuple[str, str, str]] = [
        (f"{name}@STEP" if b.at is None else f"{name}[@STEP]", b.at or "", b.about)
        for name, b in MOVABLE.items()
    ]
    rows += [(name, "", about) for name, about in FAMILIES.items()]
    rows += [(name, "", about) for name, (about, _) in FIXED.items()]
    return rows


def script_of(name: str) -> Script:
    """The script of a behaviour's name, as `--behaviour` takes it.

    raises: SettingsError when there is none, naming what there is.
    """
    word, has_step, rest = name.partition("@")
    step_name, has_value, value = rest.partition("=")
    if not has_step and word in FIXED:
        return FIXED[word][1]
    if not has_step and word in MOVABLE and (default := MOVABLE[word].at) is not None:
        step: Step = default
    elif has_step and step_name in STEPS:
        step = step_name
    else:
        raise _unknown(name)
    if word == "reply" and has_value:
        return _at(step, _say(_unescaped(value)))
    if has_value:
        raise _unknown(name)
    if word in MOVABLE:
        return _at(step, MOVABLE[word].actions)
    if re.fullmatch(r"[0-9]{3}", word):
        said: tuple[Action, ...] = (Say(f"{word} {_text_of(word)}\r\n".encode()),)
        return _at(step, (*said, Close()) if word == "421" else said)
    raise _unknown(name)


def _at(step: Step, actions: tuple[Action, ...]) -> Script:
    needs_tls = step in {"starttls", "tls"}
    return Script(on={step: actions}, security="starttls" if needs_tls else "none")


def _text_of(code: str) -> str:
    """A text with an enhanced status code that fits the code."""
    kind = {"2": "2.0.0 fine", "4": "4.3.0 not now", "5": "5.3.0 not ever"}.get(code[0], "hm")
    return "4.3.2 hostile.example closing" if code == "421" else kind


def _unescaped(text: str) -> bytes:
    try:
        # unicode_escape reads octets as Latin-1: UTF-8 passes through it and comes back
        return text.encode().decode("unicode_escape").encode("latin-1")
    except UnicodeError as error:
        raise SettingsError(f"cannot read the escapes of {text!r}: {error}") from error


def _unknown(name: str) -> SettingsError:
    name = name[:_MAX_SHOWN]
    word, has_step, _ = name.partition("@")
    there = [*FIXED, *MOVABLE, *(f"{each}@{step}" for each in MOVABLE for step in STEPS)]
    if word in MOVABLE or re.fullmatch(r"[0-9]{3}", word):  # so the step is wrong or missing
        there = [f"{word}@{step}" for step in STEPS]
    elif word == "reply":
        there = [f"reply@{step}=TEXT" for step in STEPS]
    near = get_close_matches(name, there, n=1) if has_step else _nearest_without_step(word)
    guess = f"did you mean {near[0]}? " if near else ""
    return SettingsError(
        f"no such behaviour: {name}; {guess}`postroad simulate hostile --list` shows all"
    )


def _nearest_without_step(word: str) -> list[str]:
    if re.fullmatch(r"[0-9]{3}", word):
        return [f"{word}@mail"]
    if word == "reply":
        return ["reply@mail=TEXT"]
    near = get_close_matches(word, [*FIXED, *MOVABLE], n=1)
    needs_step = [each for each in near if each in MOVABLE and MOVABLE[each].at is None]
    return [f"{each}@mail" for each in needs_step] or near
