"""What `postroad message show` tells of a message, and what is to be done about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from postroad.delivery.states import State
from postroad.errors import AddressError, Code, Phase

if TYPE_CHECKING:
    from postroad.delivery.messages import Attempt, LogEntry, Recipient, StoredMessage
    from postroad.tenancy.records import App, RelayAccount
    from postroad.wiring import Installation

_NO_OUTCOME = "no outcome: Postroad ended, or still waits, before the relay answered"
_NEAR = 100  # entries of the log among which a message's own is


@dataclass(frozen=True, slots=True)
class Told:
    """A message with everything that is known of it.

    app:    None when it was removed since.
    relays: of its attempts, by id, those that are still there.
    entry:  of the send log.
    has_relay: there is one that could carry it now.
    """

    message: StoredMessage
    attempts: Sequence[Attempt]
    app: App | None
    relays: Mapping[str, RelayAccount]
    entry: LogEntry | None
    has_relay: bool

    @property
    def relay(self) -> RelayAccount | None:
        """The relay of the last attempt."""
        return self.relays.get(self.attempts[-1].relay_id or "") if self.attempts else None


async def told(found: Installation, message: StoredMessage) -> Told:
    """Return a message with its attempts, app, relays and entry of the send log."""
    from postroad.cli.installation import acting
    from postroad.operations.administration import apps
    from postroad.operations.ports import LogFilter

    app = await found.directory.apps.get(message.app_id)
    attempts = await found.mail.attempts(message.app_id, message.id)
    ids = {each.relay_id for each in attempts if each.relay_id}
    relays = [await found.core.tenants.relay(message.app_id, each) for each in sorted(ids)]
    before = message.id[:-1]  # sorts before it, and after every id that does
    entries = await found.send_log.entries(LogFilter(message.app_id, after=before), limit=_NEAR)
    return Told(
        message,
        attempts,
        app,
        {relay.id: relay for relay in relays if relay},
        next((each for each in entries if each.message_id == message.id), None),
        app is not None and await apps.has_relay(found.desk(acting()), app),
    )


def as_object(all_: Told, lang: str) -> dict[str, Any]:
    """Return everything as JSON carries it."""
    from postroad.cli.records import as_object as plain_object

    entry = all_.entry
    names = {each.id: each.name for each in all_.relays.values()}
    return plain_object(all_.message) | {
        "app": all_.app.name if all_.app else "",
        "account": entry.account if entry else "",
        "ip": entry.ip if entry else "",
        "history": [
            plain_object(attempt) | {"relay": names.get(attempt.relay_id or "", "")}
            for attempt in all_.attempts
        ],
        "advice": list(advice(all_, lang)),
    }


def write(all_: Told, lang: str, *, transcript: bool) -> None:
    """Write the page of a message for a person."""
    from postroad.cli.layout import Column, indented
    from postroad.cli.log import coloured
    from postroad.cli.output import line_width, say
    from postroad.cli.records import listing, page, shown

    message = all_.message
    page(" ".join(dict.fromkeys(each.state.value for each in message.recipients)), _rows(all_))
    say()
    recipients = [
        (coloured(each.state.value), shown(each.address), shown(reply_of(each)))
        for each in message.recipients
    ]
    listing((Column("State"), Column("Recipient", 12), Column("Reply", 20)), recipients, empty="")
    if all_.attempts:
        say()
        _write_attempts(all_)
    if transcript:
        _write_dialogues(all_.attempts)
    todo = list(advice(all_, lang))
    if todo:
        say()
        say(click.style("What to do", bold=True))
    for sentence in todo:
        for line in indented(shown(sentence), "  ", line_width()):
            say(line)


def advice(all_: Told, lang: str) -> Iterator[str]:
    """Yield a sentence or two for each state that a recipient is in."""
    kept_out = all_.message.is_kept_out_of_retry
    for state in dict.fromkeys(each.state for each in all_.message.recipients):
        concerned = [each for each in all_.message.recipients if each.state is state]
        match state:
            case State.ACCEPTED:
                pass
            case State.CAPTURED | State.HELD | State.IN_DOUBT if kept_out:
                doubt = "It may have arrived. " if state is State.IN_DOUBT else ""
                yield (
                    f"{doubt}The login of its relay came with the request and is not kept: only "
                    "its sender can send it again."
                )
            case State.CAPTURED:
                yield from dict.fromkeys(_why_captured(all_, each) for each in concerned)
                yield from _sending(all_)
            case State.HELD:
                whys = dict.fromkeys(each.text for each in concerned if not each.code)
                yield from (f"It waits for a person{f': {why}' if why else ''}." for why in whys)
                yield from _explanations(all_, concerned, lang)
                yield from _sending(all_)
            case State.IN_DOUBT if all_.message.due is not None:
                yield f"It may have arrived, and is sent once more: {_next(all_.message)}"
            case State.IN_DOUBT:
                yield "It may have arrived. Ask the recipient, or risk a second copy."
                yield from _sending(all_)
            case State.SENDING:
                yield "It is being sent just now."
            case State.QUEUED | State.SCHEDULED | State.DEFERRED:
                yield from _explanations(all_, concerned, lang)
                yield _next(all_.message)
            case _:
                yield from _explanations(all_, concerned, lang)
                yield "Nothing more is tried by itself: its sender has to send it again."


def reply_of(each: Recipient) -> str:
    """Return the reply that decided a recipient, "" for none."""
    return reply_text(each.code, each.enhanced, each.text)


def reply_text(code: int, enhanced: str, text: str) -> str:
    """Return a reply on one line."""
    return " ".join(part for part in (str(code) if code else "", enhanced, text) if part)


def _rows(all_: Told) -> list[tuple[str, Any]]:
    message, entry = all_.message, all_.entry
    rows: list[tuple[str, Any]] = [
        ("id", message.id),
        ("app", f"{all_.app.name} ({message.app_id})" if all_.app else message.app_id),
        ("door", message.door),
    ]
    if entry is not None and entry.account:
        rows.append(("account", entry.account))
    if entry is not None and entry.ip:
        rows.append(("asked from", entry.ip))
    rows += [
        ("Message-ID", message.message_id),
        ("from", message.from_),
        ("subject", message.subject),
        ("size", f"{message.size_octets:,} octets"),
        ("created", message.created_at),
    ]
    if message.due is not None:
        rows += [("due", message.due), ("expires", message.expires_at)]
    return rows


def _write_attempts(all_: Told) -> None:
    from postroad.cli.layout import Column, table, wrapped
    from postroad.cli.output import line_width, say
    from postroad.cli.records import shown

    columns = (
        Column("Attempt", is_right=True),
        Column("Begun (UTC)"),
        Column("Took", is_right=True),
        Column("Relay"),
        Column("Outcome"),
    )
    rows = [
        (
            str(each.number),
            f"{each.started_at:%m-%d %H:%M:%S}",
            "" if each.ended_at is None else f"{_seconds(each):.1f} s",
            shown(_relay_name(all_, each)),
            _outcome(all_.message, each),
        )
        for each in all_.attempts
    ]
    titles, *lines = table(columns, rows, None)
    width = line_width()
    say(click.style(titles, bold=True))
    for line, attempt in zip(lines, all_.attempts, strict=True):
        say(line)
        why = attempt.error
        if attempt.code is None and not _is_sending(all_.message):
            why = f"{_NO_OUTCOME}{': ' if why else ''}{why}"
        room = None if width is None else width - 10
        for part in wrapped(shown(why), room, cuts=True) if why else ():
            say(" " * 9 + part)


def _write_dialogues(attempts: Sequence[Attempt]) -> None:
    from postroad.cli.output import say

    for attempt in attempts:
        say()
        say(click.style(f"Attempt {attempt.number}", bold=True))
        if attempt.transcript:
            say(attempt.transcript.rstrip("\n"))
        elif attempt.code is Code.OK:
            say("Its dialogue is not kept: it went well.")
        else:
            say("No dialogue of it is kept.")
    if not attempts:
        say()
        say("There is no dialogue: nothing was tried.")


def _relay_name(all_: Told, attempt: Attempt) -> str:
    from postroad.cli.records import NOTHING

    relay = all_.relays.get(attempt.relay_id or "")
    if relay is not None:
        return f"{relay.name} ({relay.host})"
    if attempt.relay_id is None:
        return "of the request" if all_.message.is_kept_out_of_retry else NOTHING
    return attempt.relay_id


def _outcome(message: StoredMessage, attempt: Attempt) -> str:
    if attempt.code is not None:
        return attempt.code.word
    return "under way" if _is_sending(message) else "no outcome"


def _is_sending(message: StoredMessage) -> bool:
    return any(each.state is State.SENDING for each in message.recipients)


def _seconds(attempt: Attempt) -> float:
    return (attempt.ended_at - attempt.started_at).total_seconds() if attempt.ended_at else 0.0


def _release(all_: Told) -> str:
    return f"`postroad message release {all_.message.id}`"


def _sending(all_: Told) -> Iterator[str]:
    """Yield what sends a message that waits, and what is missing for that."""
    if not all_.has_relay:
        app_id = all_.message.app_id
        yield f"It needs a relay first: `postroad relay create NAME --app {app_id} …`."
    yield f"{_release(all_)}{' then' if not all_.has_relay else ''} sends it."


def _next(message: StoredMessage) -> str:
    from postroad.cli.records import moment

    if message.due is None:
        return "A process has it in hand."
    if message.due <= datetime.now(UTC):
        return "It is due now: a server that runs tries it at once."
    return f"It is tried next at {moment(message.due)} UTC, until {moment(message.expires_at)} UTC."


def _why_captured(all_: Told, recipient: Recipient) -> str:
    """Return why it was not sent, as far as the app as it is now tells."""
    from postroad.message import Address
    from postroad.tenancy.policy import is_captured
    from postroad.tenancy.records import Mode

    app = all_.app
    if app is not None and app.mode is Mode.CAPTURE:
        return "The app captures all its mail (mode capture)."
    try:
        is_listed = app is None or not is_captured(app, Address(recipient.address))
    except AddressError:
        is_listed = False
    if is_listed:
        return "It was captured by the mode that the app had then."
    return f"{recipient.address} is not on the app's allow-list."


def _explanations(all_: Told, recipients: Sequence[Recipient], lang: str) -> Iterator[str]:
    """Yield what the replies that decided mean and what to do, each once."""
    from postroad.operations.management.browsing import explanation

    relay, last = all_.relay, all_.attempts[-1] if all_.attempts else None
    phase = Phase(last.phase) if last is not None and last.phase else None
    for each in {reply_of(each): each for each in recipients if each.code}.values():
        meant = explanation(each, phase, relay, lang)
        yield f"{meant.cause}{'' if lang == 'zh' else ' '}{meant.remedy}"
    if last is not None and last.error and not any(each.code for each in recipients):
        is_waiting = recipients[0].state is State.HELD  # what its last attempt met is past
        yield f"{'Its last attempt' if is_waiting else 'No reply decided it'}: {last.error}."
        if relay is not None:
            yield f"`postroad relay check {relay.id}` tries the relay step by step."
