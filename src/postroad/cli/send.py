"""`postroad send`: one mail, one outcome, one exit code."""

from __future__ import annotations

from dataclasses import dataclass, fields
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
from postroad.errors import AddressError, PostroadError, SettingsError

if TYPE_CHECKING:
    from postroad.frontdoor.result import Recipient, Result
    from postroad.message import Attachment, Message
    from postroad.transport.relay import Relay

_SHOWN_RECIPIENTS = 3
_MAIL: dict[str, Any] = {"section": "Mail"}


@dataclass(frozen=True, slots=True)
class MailOptions:
    """The values of the mail options as they were given."""

    from_: str | None
    to: tuple[str, ...]
    cc: tuple[str, ...]
    bcc: tuple[str, ...]
    reply_to: tuple[str, ...]
    subject: str | None
    text: str | None
    text_file: str | None
    html_file: str | None
    attach: tuple[str, ...]
    inline: tuple[str, ...]
    header: tuple[str, ...]


@click.command("send", cls=SectionedCommand, context_settings=CONTEXT)
@option(
    "--from",
    "from_",
    metavar="ADDRESS",
    help="Sender, 'Name <a@b>' or a@b; by default the account's own address.",
    **_MAIL,
)
@option("--to", multiple=True, metavar="ADDRESS", help="Recipient; may be repeated.", **_MAIL)
@option("--cc", multiple=True, metavar="ADDRESS", help="As --to.", **_MAIL)
@option("--bcc", multiple=True, metavar="ADDRESS", help="As --to; never in the message.", **_MAIL)
@option("--reply-to", multiple=True, metavar="ADDRESS", help="Where answers go.", **_MAIL)
@option("--subject", metavar="TEXT", help="One line.", **_MAIL)
@option(
    "--text",
    metavar="TEXT",
    help="The text. Without text and html it is read from standard input.",
    **_MAIL,
)
@option("--text-file", metavar="FILE", help="File with the text, - for standard input.", **_MAIL)
@option(
    "--html-file",
    metavar="FILE",
    help="File with HTML, - for standard input; without a text one is derived.",
    **_MAIL,
)
@option("--attach", multiple=True, metavar="FILE", help="Attachment; may be repeated.", **_MAIL)
@option(
    "--inline",
    multiple=True,
    metavar="CID=FILE",
    help='Image that the HTML shows as <img src="cid:CID">; may be repeated.',
    **_MAIL,
)
@option(
    "--header",
    multiple=True,
    metavar="'NAME: VALUE'",
    help="Further header field; may be repeated.",
    **_MAIL,
)
@relay_options
@json_option("the whole result")
@option("-v", "--transcript", is_flag=True, help="Print the dialogue to stderr (or into the JSON).")
@language_option
def command(
    relay: RelayOptions, as_json: bool, transcript: bool, lang: str | None, **mail: Any
) -> int:
    """Send one mail and say what became of it.

    A password is never taken from the command line: give the name of an environment variable or
    a file, or type it when asked at a terminal.

    \b
    Exit codes
      0  accepted for every recipient
      1  not sent
      2  an option, a file or the message is wrong; nothing was tried
      3  accepted for some recipients, refused for others
      4  in doubt: it may have been accepted, sending again may double it
    """  # noqa: D301
    lang = language(lang)
    options = MailOptions(**{field.name: mail[field.name] for field in fields(MailOptions)})
    found: Relay | None = None
    try:
        found = relay_of(relay)
        message = _message(options, found)
        found = with_login(found, lang)
        result = _send(found, message, relay.timeout, lang)
    except PostroadError as error:
        if not as_json:
            raise
        from postroad.frontdoor.result import failed

        result = failed(error, found, lang)
    _report(result, found, lang, as_json=as_json, transcript=transcript)
    if result and options.subject is None:
        _warn_of_no_subject(lang)
    return exit_of(result)


def _send(relay: Relay, message: Message, timeout: float, lang: str) -> Result:
    from postroad.cli.output import say
    from postroad.cli.wording import INTERRUPTED
    from postroad.frontdoor.mailer import Mailer

    try:
        with Mailer(relay, timeout=timeout, lang=lang) as mailer:
            return mailer.send(message)
    except KeyboardInterrupt:
        say(INTERRUPTED.in_language(lang), err=True)
        raise


# From options to a message.


def _message(options: MailOptions, relay: Relay) -> Message:
    from postroad.message import Message

    html = _html(options)
    sender = _sender(options, relay)
    _refuse_lists(options)
    return Message(
        from_=sender,
        to=options.to,
        cc=options.cc,
        bcc=options.bcc,
        reply_to=options.reply_to,
        subject=options.subject or "",
        text=_text(options, has_html=html is not None),
        html=html,
        attachments=_attachments(options),
        headers=[_header(line) for line in options.header],
    )


def _sender(options: MailOptions, relay: Relay) -> str:
    sender = options.from_ if options.from_ is not None else own_address(relay)
    if sender is None:
        raise SettingsError("--from is missing: the user name does not tell the sender's address")
    return sender


def _refuse_lists(options: MailOptions) -> None:
    """Refuse several addresses in one option.

    raises: AddressError.
    """
    from postroad.message import parse_address

    given = {
        "--to": options.to,
        "--cc": options.cc,
        "--bcc": options.bcc,
        "--reply-to": options.reply_to,
    }
    for name, values in given.items():
        for value in values:
            if value.count("@") > 1 and any(mark in value for mark in ",; "):
                try:
                    parse_address(value, name)
                except AddressError as error:
                    raise AddressError(f"{error}; repeat {name} for each address") from None


def _html(options: MailOptions) -> str | None:
    from postroad.cli.reading import STDIN, read_text
    from postroad.message.limits import BODY_OCTETS

    if options.html_file is None:
        return None
    if options.html_file == STDIN and options.text_file == STDIN:
        raise SettingsError("--text-file and --html-file cannot both be standard input")
    return read_text(options.html_file, BODY_OCTETS, "--html-file")


def _text(options: MailOptions, *, has_html: bool) -> str | None:
    from postroad.cli.reading import STDIN, read_text, stdin_is_terminal
    from postroad.message.limits import BODY_OCTETS

    if options.text is not None and options.text_file is not None:
        raise SettingsError("give only one of --text and --text-file")
    if options.text is not None:
        return options.text
    if options.text_file is not None:
        return read_text(options.text_file, BODY_OCTETS, "--text-file")
    if has_html:
        return None
    if stdin_is_terminal():
        raise SettingsError("there is no text: give --text, --text-file or --html-file, or pipe it")
    text = read_text(STDIN, BODY_OCTETS, "text")
    if not text and not options.attach:
        raise SettingsError(
            "there is no text: standard input is empty; give --text, --text-file or --html-file"
        )
    return text


def _attachments(options: MailOptions) -> list[Attachment]:
    attachments = [_attachment("--attach", path, None) for path in options.attach]
    for value in options.inline:
        content_id, equals, path = value.partition("=")
        if not (content_id and equals and path):
            raise SettingsError(f"--inline takes CID=FILE, such as logo=logo.png, not {value!r}")
        attachments.append(_attachment("--inline", path, content_id))
    return attachments


def _attachment(what: str, path: str, content_id: str | None) -> Attachment:
    from pathlib import Path

    from postroad.cli.reading import STDIN, read_octets
    from postroad.message import Attachment
    from postroad.message.limits import MESSAGE_OCTETS

    if path == STDIN:
        raise SettingsError(f"{what} needs a file: what comes from standard input has no name")
    octets = read_octets(path, MESSAGE_OCTETS, what)
    return Attachment(Path(path).name, octets, content_id=content_id)


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon:
        raise SettingsError(f"--header takes 'Name: value', not {line[:80]!r}")
    return name.strip(" \t"), value.strip(" \t")


# What became of it.


def _report(
    result: Result, relay: Relay | None, lang: str, *, as_json: bool, transcript: bool
) -> None:
    """Print the result. That printing fails changes nothing about the mail, nor the exit code."""
    from postroad.cli.output import OutputError, say, say_json

    try:
        if as_json:
            say_json(as_object(result, transcript=transcript))
            return
        if transcript:
            say(result.transcript, err=True)
        if result:
            _report_accepted(result, relay, lang)
        else:
            _report_failure(result, relay, lang)
    except OutputError as exc:
        import contextlib

        with contextlib.suppress(OutputError):
            say(f"postroad send: cannot write the output: {exc}", err=True)


def _warn_of_no_subject(lang: str) -> None:
    import contextlib

    from postroad.cli.output import OutputError, say
    from postroad.cli.wording import NO_SUBJECT

    with contextlib.suppress(OutputError):
        say(click.style(NO_SUBJECT.in_language(lang), fg="yellow"), err=True)


def as_object(result: Result, *, transcript: bool) -> dict[str, Any]:
    """Return the result as JSON carries it."""
    found: dict[str, Any] = {
        "code": int(result.code),
        "word": result.code.word,
        "error": result.error,
        "hint": result.hint,
        "phase": result.phase.value,
        "message_id": result.message_id,
        "in_doubt": result.in_doubt,
        "retry": result.retry.value if result.retry else None,
        "recipients": [
            {
                "email": each.email,
                "accepted": each.accepted,
                "code": each.code,
                "enhanced": each.enhanced,
                "text": each.text,
            }
            for each in result.recipients
        ],
    }
    return found | ({"transcript": result.transcript} if transcript else {})


def _report_accepted(result: Result, relay: Relay | None, lang: str) -> None:
    from postroad.cli import wording
    from postroad.cli.layout import display_width, indented, wrapped
    from postroad.cli.output import line_width, say

    accepted = [each for each in result.recipients if each.accepted]
    host = relay.host if relay else ""
    line = wording.ACCEPTED.in_language(lang).format(host=host, recipients=_names(accepted, lang))
    message_id = f"Message-ID: {result.message_id}"
    width = line_width()
    lines = [click.style(each, fg="green") for each in wrapped(line, width)]
    if width is None or display_width(f"{lines[-1]}  {message_id}") <= width:
        lines[-1] += f"  {message_id}"
    else:
        lines.append(f"  {message_id}")  # whole, even if it stands out: it is to be copied
    for each_line in lines:
        say(each_line)
    width = line_width(err=True)
    for each in result.refused:
        reply = " ".join(part for part in (str(each.code), each.enhanced, each.text) if part)
        refused = wording.REFUSED.in_language(lang).format(email=each.email, reply=reply)
        for each_line in indented(refused, "", width):
            say(click.style(each_line, fg="red"), err=True)
    _say_hint(result, width)


def _report_failure(result: Result, relay: Relay | None, lang: str) -> None:
    from postroad.cli import wording
    from postroad.cli.layout import indented
    from postroad.cli.output import line_width, say
    from postroad.smtp.reply import printable

    words = wording.IN_DOUBT if result.in_doubt else wording.NOT_SENT
    sentence = words.in_language(lang).format(error=printable(result.error))
    width = line_width(err=True)
    for line in indented(sentence, "", width):
        say(click.style(line, fg="yellow" if result.in_doubt else "red"), err=True)
    _say_hint(result, width)
    where = wording.WHERE.in_language(lang).format(
        code=int(result.code), word=result.code.word, phase=result.phase.value
    )
    more = [where]
    if relay and relay.provider and exit_of(result) is Exit.FAILED:
        more.append(wording.SEE_STEPS.in_language(lang).format(name=relay.provider))
    more.append(wording.SEE_TRANSCRIPT.in_language(lang))
    joined = ("" if lang == "zh" else " ").join(more)
    for line in indented(joined, "  ", width):
        say(click.style(line, dim=True), err=True)


def _say_hint(result: Result, width: int | None) -> None:
    from postroad.cli.layout import indented
    from postroad.cli.output import say

    if result.hint:
        for line in indented(result.hint, "  ", width):
            say(line, err=True)


def _names(recipients: list[Recipient], lang: str) -> str:
    from postroad.cli import wording

    shown = ", ".join(each.email for each in recipients[:_SHOWN_RECIPIENTS])
    rest = len(recipients) - _SHOWN_RECIPIENTS
    if rest <= 0:
        return shown
    more = wording.AND_MORE.in_language(lang).format(count=rest)
    return f"{shown}{'' if lang == 'zh' else ' '}{more}"
