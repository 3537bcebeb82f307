"""`postroad message`: what is kept of each mail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from postroad.cli.exits import Exit
from postroad.cli.groups import group, subcommand
from postroad.cli.installation import Where, inside, installation_options
from postroad.cli.options import json_option, option
from postroad.delivery.states import State
from postroad.errors import NotFoundError

if TYPE_CHECKING:
    from postroad.delivery.messages import Attempt, Settlement, StoredMessage
    from postroad.wiring import Installation

LATEST = "latest"

_SUBJECT = 40  # columns of a list: the whole one is in `show` and in --json

command = group(
    "message",
    """Messages: what was stored of each mail, and what became of it.

    A MESSAGE is given by its id, which `list` shows; `latest` is the newest of all.
    """,
)


@subcommand(command, "list")
@option("--app", metavar="APP", help="Only those of this app: appid or name.")
@option("--to", metavar="ADDRESS", help="Only those to this recipient.")
@option(
    "--state",
    type=click.Choice([state.value for state in State]),
    metavar="STATE",
    help="Only those with a recipient in this state: captured, accepted, bounced, in_doubt, …",
)
@option(
    "--limit",
    type=click.IntRange(1, 100_000),
    metavar="NUMBER",
    default=50,
    show_default=True,
    help="How many of the newest.",
)
@installation_options
@json_option("the messages")
def list_(
    app: str | None,
    to: str | None,
    state: str | None,
    limit: int,
    where: Where,
    as_json: bool,
) -> None:
    """List messages, the newest first."""
    from postroad.cli.layout import Column
    from postroad.cli.log import coloured
    from postroad.cli.output import say_json
    from postroad.cli.records import as_object, listing, shortened, shown

    async def work(found: Installation) -> list[StoredMessage]:
        from postroad.operations.administration import apps
        from postroad.operations.administration.desk import Desk

        desk = Desk(found.directory, found.passwords)
        app_id = None if app is None else (await apps.find(desk, app)).id
        wanted = State(state) if state else None
        return await found.messages.list(app_id=app_id, state=wanted, to=to, limit=limit)

    messages = inside(where, work)
    if as_json:
        say_json([as_object(message) for message in messages])
        return
    columns = (
        Column("Time (UTC)"),
        Column("Id"),
        Column("State"),
        Column("To", 12),
        Column("Subject", 8),
    )
    rows = [
        (
            f"{message.created_at:%m-%d %H:%M}",
            message.id,
            " ".join(coloured(word) for word in states_of(message)),
            _recipients(message),
            shortened(shown(message.subject), _SUBJECT),
        )
        for message in messages
    ]
    listing(columns, rows, empty="There are no such messages.")


@subcommand(command, "show")
@click.argument("message")
@option("-v", "--transcript", is_flag=True, help="Print the dialogues with the relay too.")
@installation_options
@json_option("the message with its attempts and their transcripts")
def show(message: str, where: Where, as_json: bool, transcript: bool) -> None:
    """Show a message: its recipients, what became of it for each, and every attempt."""
    from postroad.cli.output import say_json
    from postroad.cli.records import as_object

    async def work(found: Installation) -> tuple[StoredMessage, list[Attempt]]:
        app_id, message_id = await _meant(found, message)
        stored = await found.mail.message(app_id, message_id)
        if stored is None:
            raise _no_such(message)
        return stored, await found.mail.attempts(app_id, message_id)

    stored, attempts = inside(where, work)
    if as_json:
        say_json(as_object(stored) | {"history": [as_object(attempt) for attempt in attempts]})
    else:
        _print(stored, attempts, transcript=transcript)


@subcommand(command, "content")
@click.argument("message")
@installation_options
@json_option("the content as text, octets beyond UTF-8 escaped,")
def content(message: str, where: Where, as_json: bool) -> None:
    """Write the octets of a message to stdout, as the relay gets them."""
    from postroad.cli.output import say_json, say_octets

    async def work(found: Installation) -> bytes | None:
        return await found.mail.content(*await _meant(found, message))

    octets = inside(where, work)
    if octets is None:
        raise NotFoundError(f"the content of message {message} is no longer kept")
    if as_json:
        say_json({"id": message, "content": octets.decode("utf-8", "backslashreplace")})
    else:
        say_octets(octets)


@subcommand(command, "release")
@click.argument("message")
@installation_options
@json_option("what became of it")
def release(message: str, where: Where, as_json: bool) -> int:
    """Send a message that was captured, is held or is in doubt, through the app's relay.

    \b
    Exit codes
      0  the relay accepted it, for some recipient at least
      1  it was not sent
      2  it cannot be released; nothing was tried
      4  in doubt: the relay may have accepted it
    """  # noqa: D301
    from postroad.cli.log import coloured
    from postroad.cli.output import say, say_json
    from postroad.cli.records import plain, shown

    async def work(found: Installation) -> tuple[Settlement, StoredMessage | None]:
        app_id, message_id = await _meant(found, message)
        settlement = await found.release(app_id, message_id)
        return settlement, await found.mail.message(app_id, message_id)

    settlement, stored = inside(where, work)
    addresses = {each.position: each.address for each in stored.recipients} if stored else {}
    if as_json:
        say_json(
            {
                "id": message,
                "code": int(settlement.code),
                "word": settlement.code.word,
                "error": settlement.error,
                "recipients": [
                    {"address": addresses.get(fate.position, "")} | plain(fate)
                    for fate in settlement.fates
                ],
            }
        )
    else:
        for fate in settlement.fates:
            reply = _reply(fate.code, fate.enhanced, fate.text)
            to = shown(addresses.get(fate.position, ""))
            say(
                f"{coloured(fate.state.value)}  {to}{'  ' if reply else ''}{shown(reply)}".rstrip(
                    " -"
                )
            )
        if settlement.error:
            say(shown(settlement.error), err=True)
    return _exit(settlement)


def states_of(message: StoredMessage) -> tuple[str, ...]:
    """Return the states of a message's recipients, each once."""
    return tuple(dict.fromkeys(each.state.value for each in message.recipients))


def _exit(settlement: Settlement) -> Exit:
    states = {fate.state for fate in settlement.fates}
    if State.ACCEPTED in states:
        return Exit.OK
    return Exit.IN_DOUBT if State.IN_DOUBT in states else Exit.FAILED


async def _meant(found: Installation, message: str) -> tuple[str, str]:
    """Return the app and the id of the message that is given by its id, or as `latest`."""
    if message == LATEST:
        newest = await found.messages.list(app_id=None, state=None, to=None, limit=1)
        if not newest:
            raise NotFoundError("there is no message yet")
        return newest[0].app_id, newest[0].id
    app_id = await found.mail.find_app(message)
    if app_id is None:
        raise _no_such(message)
    return app_id, message


def _no_such(message: str) -> NotFoundError:
    return NotFoundError(f"there is no message {message[:80]!r}")


def _recipients(message: StoredMessage) -> str:
    from postroad.cli.records import shown

    first, *more = message.recipients
    return shown(first.address) + (f" and {len(more)} more" if more else "")


def _reply(code: int, enhanced: str, text: str) -> str:
    return " ".join(part for part in (str(code) if code else "", enhanced, text) if part)


def _print(message: StoredMessage, attempts: list[Attempt], *, transcript: bool) -> None:
    from postroad.cli.layout import Column
    from postroad.cli.log import coloured
    from postroad.cli.output import say
    from postroad.cli.records import listing, moment, page, shown

    rows: list[tuple[str, Any]] = [
        ("id", message.id),
        ("appid", message.app_id),
        ("door", message.door),
        ("Message-ID", message.message_id),
        ("from", message.from_),
        ("subject", message.subject),
        ("size", f"{message.size_octets:,} octets"),
        ("created", message.created_at),
    ]
    if message.due is not None:
        rows += [("due", message.due), ("expires", message.expires_at)]
    page(" ".join(states_of(message)), rows)
    say()
    recipients = [
        (
            coloured(each.state.value),
            shown(each.address),
            shown(_reply(each.code, each.enhanced, each.text)),
        )
        for each in message.recipients
    ]
    listing((Column("State"), Column("Recipient", 12), Column("Reply", 20)), recipients, empty="")
    if not attempts:
        return
    say()
    tries = [
        (
            str(attempt.number),
            moment(attempt.started_at),
            "" if attempt.ended_at is None else f"{_seconds(attempt):.1f} s",
            "no outcome" if attempt.code is None else attempt.code.word,
            shown(attempt.error) if attempt.error else "",
        )
        for attempt in attempts
    ]
    columns = (
        Column("Attempt", is_right=True),
        Column("Begun (UTC)"),
        Column("Took", is_right=True),
        Column("Outcome"),
        Column("Error", 20),
    )
    listing(columns, tries, empty="")
    for attempt in attempts if transcript else ():
        if attempt.transcript:
            say()
            say(click.style(f"Attempt {attempt.number}", bold=True))
            say(attempt.transcript.rstrip("\n"))


def _seconds(attempt: Attempt) -> float:
    return (attempt.ended_at - attempt.started_at).total_seconds() if attempt.ended_at else 0.0
