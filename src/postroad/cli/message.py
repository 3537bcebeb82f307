"""`postroad message`: what is kept of each mail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from postroad.cli.exits import Exit
from postroad.cli.filters import Filters, filter_options
from postroad.cli.groups import group, subcommand
from postroad.cli.installation import Where, acting, inside, installation_options
from postroad.cli.options import json_option, language, language_option, limit_option, option
from postroad.delivery.states import State
from postroad.errors import ConflictError, NotFoundError

if TYPE_CHECKING:
    from postroad.delivery.messages import Settlement, StoredMessage
    from postroad.wiring import Installation

LATEST = "latest"

_SHORTEST = 6  # characters of an id: one in 16,000,000 ends so
_SEARCHED = 10_000  # of the newest messages, for a part of an id
_SUBJECT = 40  # columns of a list: the whole one is in `show` and in --json

command = group(
    "message",
    """Messages: what was stored of each mail, and what became of it.

    A MESSAGE is given by its id, or by six or more characters that it ends with, as `list` and
    `postroad log` show them, or begins with (ids made soon after one another begin alike); among
    the newest 10,000 messages they have to lead to one. `latest` is the newest.
    """,
)


@subcommand(command, "list")
@filter_options("those")
@option("--to", metavar="ADDRESS", help="Only those to this recipient.")
@option(
    "--state",
    type=click.Choice([state.value for state in State]),
    metavar="STATE",
    help="Only those with a recipient in this state: captured, accepted, bounced, in_doubt, …",
)
@limit_option("How many of the newest.")
@installation_options
@json_option("the messages")
def list_(
    filters: Filters,
    to: str | None,
    state: str | None,
    limit: int,
    where: Where,
    as_json: bool,
) -> None:
    """List messages, the newest last.

    A terminal shows the end of each id, which is enough to name it.
    """
    from postroad.cli.layout import Column, shortened
    from postroad.cli.log import SHORT_ID, coloured
    from postroad.cli.output import line_width, say_json
    from postroad.cli.records import as_object, listing, shown

    async def work(found: Installation) -> list[StoredMessage]:
        from postroad.operations.ports import MessageFilter

        wanted = State(state) if state else None
        which = MessageFilter(state=wanted, to=to, **await filters.fields(found))
        return [*reversed(await found.messages.page(which, before=None, limit=limit))]

    messages = inside(where, work)
    if as_json:
        say_json([as_object(message) for message in messages])
        return
    columns = (
        Column("Time (UTC)"),
        Column("Id"),
        Column("State"),
        Column("To", 12, is_cut=True),
        Column("Subject", 8, is_cut=True),
    )
    start = None if line_width() is None else -SHORT_ID
    rows = [
        (
            f"{message.created_at:%m-%d %H:%M}",
            message.id[start:],
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
@language_option
@installation_options
@json_option("the message with its attempts and their transcripts")
def show(message: str, where: Where, as_json: bool, transcript: bool, lang: str | None) -> None:
    """Show a message: its recipients, every attempt, and what to do now.

    The dialogue of an attempt is kept unless it went well.
    """
    from postroad.cli import message_page
    from postroad.cli.output import say_json

    async def work(found: Installation) -> message_page.Told:
        app_id, message_id = await _meant(found, message)
        stored = await found.mail.message(app_id, message_id)
        if stored is None:
            raise _no_such(message)
        return await message_page.told(found, stored)

    all_ = inside(where, work)
    if as_json:
        say_json(message_page.as_object(all_, language(lang)))
    else:
        message_page.write(all_, language(lang), transcript=transcript)


@subcommand(command, "content")
@click.argument("message")
@installation_options
@json_option("the content as text, octets beyond UTF-8 escaped,")
def content(message: str, where: Where, as_json: bool) -> None:
    """Write the octets of a message to stdout, as the relay gets them."""
    from postroad.cli.output import say_json, say_octets

    async def work(found: Installation) -> tuple[str, bytes | None]:
        app_id, message_id = await _meant(found, message)
        return message_id, await found.mail.content(app_id, message_id)

    message_id, octets = inside(where, work)
    if octets is None:
        raise NotFoundError(f"the content of message {message} is no longer kept")
    if as_json:
        say_json({"id": message_id, "content": octets.decode("utf-8", "backslashreplace")})
    else:
        say_octets(octets)


@subcommand(command, "release")
@click.argument("message", required=False)
@option("--held", is_flag=True, help="All held mail instead of one MESSAGE.")
@option("--app", metavar="APP", help="With --held: only that of this app, by appid or name.")
@option("--yes", is_flag=True, help="With --held: ask nothing.")
@installation_options
@json_option("what became of it")
def release(
    message: str | None, held: bool, app: str | None, yes: bool, where: Where, as_json: bool
) -> int:
    """Send a message that was captured, is held or is in doubt, through the app's relay.

    With --held it is all mail that waits for a person, as after `postroad restore`: how much is
    shown, and after a question it is queued, the oldest first, for a server to send.

    \b
    Exit codes
      0  the relay accepted it, for some recipient at least;
         with --held: all of it is queued
      1  it was not sent
      2  it cannot be released; nothing was tried
      4  in doubt: the relay may have accepted it
    """  # noqa: D301
    if (message is None) is not held:
        raise click.UsageError("give either a MESSAGE or --held")
    if message is None:
        from postroad.cli.held import release as release_held

        return release_held(where, app, is_sure=yes, as_json=as_json)
    if app is not None or yes:
        raise click.UsageError("--app and --yes go with --held")
    return _release(message, where, as_json=as_json)


def _release(message: str, where: Where, *, as_json: bool) -> int:
    from postroad.cli.log import coloured
    from postroad.cli.message_page import reply_text
    from postroad.cli.output import say, say_json
    from postroad.cli.records import plain, shown

    async def work(found: Installation) -> tuple[str, Settlement, StoredMessage | None]:
        app_id, message_id = await _meant(found, message)
        settlement = await found.release(app_id, message_id, acting())
        return message_id, settlement, await found.mail.message(app_id, message_id)

    message_id, settlement, stored = inside(where, work)
    addresses = {each.position: each.address for each in stored.recipients} if stored else {}
    if as_json:
        say_json(
            {
                "id": message_id,
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
            reply = reply_text(fate.code, fate.enhanced, fate.text)
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
    """Return the app and the id of the message that is given by (a part of) its id or `latest`.

    raises: NotFoundError, ConflictError.
    """
    from postroad.operations.ports import MessageFilter

    if message == LATEST:
        newest = await found.messages.page(MessageFilter(), before=None, limit=1)
        if not newest:
            raise NotFoundError("there is no message yet")
        return newest[0].app_id, newest[0].id
    app_id = await found.mail.find_app(message)
    if app_id is not None:
        return app_id, message
    if len(message) < _SHORTEST:
        raise _no_such(message)
    part = message.lower()
    among = await found.messages.page(MessageFilter(), before=None, limit=_SEARCHED)
    fitting = [each for each in among if each.id.endswith(part)]
    fitting = fitting or [each for each in among if each.id.startswith(part)]
    if len(fitting) > 1:
        raise ConflictError(f"{len(fitting)} messages have {part!r} in their id: give more of it")
    if not fitting:
        raise NotFoundError(f"none of the newest messages has the id {message[:80]!r}, or ends so")
    return fitting[0].app_id, fitting[0].id


def _no_such(message: str) -> NotFoundError:
    return NotFoundError(f"there is no message {message[:80]!r}")


def _recipients(message: StoredMessage) -> str:
    from postroad.cli.records import shown

    first, *more = message.recipients
    return shown(first.address) + (f" and {len(more)} more" if more else "")
