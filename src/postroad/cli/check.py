"""`postroad check`: every step of a session but the mail itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from postroad.cli.exits import Exit, exit_of
from postroad.cli.options import (
    CONTEXT,
    SectionedCommand,
    json_option,
    language,
    language_option,
    option,
)
from postroad.cli.relay_options import (
    RelayOptions,
    own_address,
    relay_of,
    relay_options,
    with_login,
)
from postroad.errors import Code, Phase

if TYPE_CHECKING:
    from postroad.frontdoor.checking import Certificate, Report, Step
    from postroad.transport.relay import Relay

EXPIRES_SOON_DAYS = 14
_MARKS = {True: "✓", False: "✗", None: "–"}
_PLAIN_MARKS = {True: "ok", False: "X", None: "-"}
_COLOURS = {True: "green", False: "red", None: None}
_MAIL: dict[str, Any] = {"section": "Mail"}


@click.command("check", cls=SectionedCommand, context_settings=CONTEXT)
@option(
    "--from",
    "from_",
    metavar="ADDRESS",
    help="Sender to ask about; by default the account's own address.",
    **_MAIL,
)
@option("--to", metavar="ADDRESS", help="Recipient to ask about; by default the sender.", **_MAIL)
@relay_options
@json_option("the whole report")
@option("-v", "--transcript", is_flag=True, help="Print the dialogue too.")
@language_option
def command(
    relay: RelayOptions,
    from_: str | None,
    to: str | None,
    as_json: bool,
    transcript: bool,
    lang: str | None,
) -> int:
    """Try a relay step by step: connect, TLS, EHLO, AUTH, MAIL and RCPT. Nothing is sent.

    A preset without --username is tried without a login. A certificate that expires within 14
    days is warned of.

    \b
    Exit codes
      0  every step went well
      1  a step failed
      2  an option or a file is wrong; nothing was tried
    """  # noqa: D301
    from postroad.frontdoor.checking import check

    lang = language(lang)
    found = with_login(relay_of(relay, may_be_anonymous=True), lang)
    sender = from_ if from_ is not None else own_address(found)
    report = check(found, from_=sender, to=to, timeout=relay.timeout, lang=lang)
    return tell(report, found, lang, as_json=as_json, transcript=transcript)


def tell(report: Report, relay: Relay, lang: str, *, as_json: bool, transcript: bool) -> int:
    """Write a report and return the exit code for it."""
    from postroad.cli.output import say, say_json

    now = datetime.now(UTC)
    if as_json:
        say_json(as_object(report, relay, now, lang, transcript=transcript))
    else:
        for line in page(report, relay, now, lang):
            say(line)
        if transcript:
            say()
            say(report.result.transcript.rstrip("\n"))
    return Exit.OK if report else exit_of(report.result)


def page(report: Report, relay: Relay, now: datetime, lang: str) -> list[str]:
    """Return the report as lines for a person."""
    from postroad.cli import wording
    from postroad.cli.layout import Column, indented, table
    from postroad.cli.output import can_show, line_width
    from postroad.smtp.reply import printable

    width = line_width()
    marks = _MARKS if can_show("".join(_MARKS.values())) else _PLAIN_MARKS
    who = f", {relay.username}" if relay.username else ""
    lines = [click.style(f"{relay.host}:{relay.port}, {relay.security}{who}", bold=True), ""]
    columns = (
        Column(""),
        Column(wording.STEP.in_language(lang)),
        Column(wording.TIME.in_language(lang), is_right=True),
        Column(wording.DETAIL.in_language(lang), 20),
    )
    certificate = _certificate_line(report.certificate, now, lang)
    rows = []
    for step in report.steps:
        mark = click.style(marks[step.ok], fg=_COLOURS[step.ok])
        label = wording.STEPS[step.phase].in_language(lang)
        took = "" if step.ok is None else f"{step.seconds * 1000:.0f} ms"
        rows.append((mark, label, took, printable(_detail(step, report, lang))))
        if step.phase is Phase.TLS and certificate:
            rows.append(("", "", "", printable(certificate)))
    lines += table(columns, rows, width)
    lines.append("")
    if report:
        lines += indented(wording.ALL_WELL.in_language(lang), "", width)
    else:
        failed = next((step.phase for step in report.steps if step.ok is False), Phase.CONNECT)
        is_greeting = report.result.phase is Phase.GREETING
        label = (wording.GREETING if is_greeting else wording.STEPS[failed]).in_language(lang)
        sentence = wording.STEP_FAILED.in_language(lang).format(step=label)
        lines.append(click.style(sentence, fg="red"))
    if report.result.hint:
        lines += indented(report.result.hint, "  ", width)
    for warning in warnings(report, relay, now, lang):
        lines += [click.style(line, fg="yellow") for line in indented(warning, "", width)]
    return lines


def warnings(report: Report, relay: Relay, now: datetime, lang: str) -> list[str]:
    """Return what works today and should be looked at all the same."""
    from postroad.cli import wording

    certificate = report.certificate
    if certificate is None or _days(certificate, now) >= EXPIRES_SOON_DAYS:
        return []
    return [
        wording.EXPIRES_SOON.in_language(lang).format(
            subject=relay.host,
            days=_days(certificate, now),
            date=certificate.expires.date().isoformat(),
        )
    ]


def as_object(
    report: Report, relay: Relay, now: datetime, lang: str, *, transcript: bool
) -> dict[str, Any]:
    """Return the report as JSON carries it."""
    result, certificate = report.result, report.certificate
    found: dict[str, Any] = {
        "ok": bool(report),
        "code": int(result.code),
        "word": result.code.word,
        "error": result.error,
        "hint": result.hint,
        "phase": result.phase.value,
        "relay": {
            "host": relay.host,
            "port": relay.port,
            "security": relay.security,
            "username": relay.username,
            "provider": relay.provider,
        },
        "steps": [
            {
                "step": step.phase.value,
                "ok": step.ok,
                "ms": None if step.ok is None else round(step.seconds * 1000, 1),
                "detail": step.detail,
            }
            for step in report.steps
        ],
        "certificate": None
        if certificate is None
        else {
            "subject": certificate.subject,
            "issuer": certificate.issuer,
            "expires": certificate.expires.isoformat(),
            "days": _days(certificate, now),
        },
        "extensions": {
            keyword: list(parameters) for keyword, parameters in report.extensions.keywords.items()
        },
        "warnings": warnings(report, relay, now, lang),
    }
    return found | ({"transcript": result.transcript} if transcript else {})


def _detail(step: Step, report: Report, lang: str) -> str:
    from postroad.cli import wording

    if step.ok is False and report.result.phase is Phase.GREETING:
        is_silent = report.result.code is Code.TIMEOUT
        words = wording.NO_GREETING if is_silent else wording.CONNECTED_BUT
        return words.in_language(lang).format(error=step.detail)
    if step.ok is not None:
        return step.detail
    phases = [each.phase for each in report.steps]
    failed = next((each.phase for each in report.steps if each.ok is False), None)
    if failed is not None and phases.index(step.phase) > phases.index(failed):
        return wording.NOT_REACHED.in_language(lang)
    return wording.SKIPPED[step.phase].in_language(lang)


def _certificate_line(certificate: Certificate | None, now: datetime, lang: str) -> str:
    from postroad.cli import wording

    if certificate is None:
        return ""
    return wording.CERTIFICATE.in_language(lang).format(
        issuer=certificate.issuer,
        days=_days(certificate, now),
        date=certificate.expires.date().isoformat(),
    )


def _days(certificate: Certificate, now: datetime) -> int:
    return (certificate.expires - now).days
