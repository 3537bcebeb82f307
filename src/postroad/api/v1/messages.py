"""/v1/messages: what is kept of each mail, and what became of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final
from urllib.parse import quote

from litestar import Response, Router, delete, get, post
from litestar.params import PathParameter, QueryParameter

from postroad.api.v1.paging import Page, cut, id_of, opaque
from postroad.api.v1.parameters import (
    CallerReach,
    Cursor,
    Id,
    Lang,
    Limit,
    OfApp,
    OfRelay,
    Since,
    Text,
    TheManagement,
    To,
    Until,
)
from postroad.api.v1.problems import BadQueryError
from postroad.api.v1.schemas.mail import (
    Attempt,
    ExplainedRecipient,
    Explanation,
    Fate,
    Message,
    Part,
    Parts,
    Recipient,
    Released,
    WholeMessage,
)
from postroad.delivery.messages import Settlement, StoredMessage
from postroad.delivery.states import State
from postroad.operations.management.browsing import Told
from postroad.operations.management.parts import part_of, parts_of
from postroad.operations.ports import MessageFilter

_RELEASE_S: Final = 30.0  # what goes on for longer is looked at with GET
_UNDER_WAY: Final = "the relay has not answered yet; look at the message again"


@get("/")
async def list_messages(
    reach: CallerReach,
    management: TheManagement,
    app: OfApp = None,
    recipient: To = None,
    state_: Annotated[  # the framework keeps the other name for itself
        State | None,
        QueryParameter(name="state", description="Only those with a recipient in this state."),
    ] = None,
    relay: OfRelay = None,
    since: Since = None,
    until: Until = None,
    text: Text = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[Message]:
    """List messages, the newest first."""
    which = MessageFilter(
        app_id=await reach.scope(app),
        state=state_,
        to=recipient,
        relay_id=await reach.relay_id(relay),
        since=zoned(since, "since"),
        until=zoned(until, "until"),
        text=text,
    )
    before = None if cursor is None else id_of(cursor)
    found = await management.messages.page(which, before=before, limit=limit + 1)
    page, rest = cut(found, limit, lambda last: opaque(last.id))
    return Page([_message(each) for each in page], rest)


@get("/{message_id:str}")
async def show_message(
    reach: CallerReach, management: TheManagement, message_id: Id, lang: Lang = "en"
) -> WholeMessage:
    """Show a message with its recipients, attempts and dialogues, and what each reply means."""
    return _whole(await management.told(await reach.message(message_id), lang))


@get("/{message_id:str}/content", media_type="message/rfc822")
async def show_content(
    reach: CallerReach, management: TheManagement, message_id: Id
) -> Response[bytes]:
    """Return the octets of a message, as the relay gets them."""
    message = await reach.message(message_id)
    octets = await management.content(message)
    return _download(octets, "message/rfc822", f"{message.id}.eml")


@get("/{message_id:str}/parts")
async def list_parts(reach: CallerReach, management: TheManagement, message_id: Id) -> Parts:
    """List the MIME parts of a message."""
    octets = await management.content(await reach.message(message_id))
    return Parts(
        items=tuple(Part.of(each, size_octets=len(each.octets)) for each in await parts_of(octets))
    )


@get("/{message_id:str}/parts/{number:int}", media_type="application/octet-stream")
async def show_part(
    reach: CallerReach,
    management: TheManagement,
    message_id: Id,
    number: Annotated[int, PathParameter(ge=1, le=100_000)],
) -> Response[bytes]:
    """Return the octets of a part, decoded. Whatever they are, no browser shows them here."""
    message = await reach.message(message_id)
    part = await part_of(await management.content(message), number)
    name = part.filename or f"{message.id}-{number}"
    return _download(part.octets, "application/octet-stream", name)


@post("/{message_id:str}/release", status_code=200)
async def release_message(
    reach: CallerReach, management: TheManagement, message_id: Id
) -> Response[Released]:
    """Send a message that was captured, is held or is in doubt, through the app's relay.

    202: the relay takes its time; what becomes of the message, GET tells.
    """
    message = await reach.message(message_id)
    settlement = await management.release(reach.authority, message, within_s=_RELEASE_S)
    if settlement is None:
        under_way = Released(id=message.id, code=0, word="", error=_UNDER_WAY, recipients=())
        return Response(under_way, status_code=202)
    return Response(_released(message, settlement))


@delete("/{message_id:str}")
async def delete_message(reach: CallerReach, management: TheManagement, message_id: Id) -> None:
    """Delete captured mail with its content."""
    await management.discard(reach.authority, await reach.message(message_id))


def zoned(text: str | None, name: str) -> datetime | None:
    """Return a time in UTC.

    raises: BadQueryError when it is none, or does not say its zone.
    """
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    said = f"{name}: give a time with its zone, such as 2026-12-31T18:00:00Z"
    raise BadQueryError([(name, said)])


def _message(message: StoredMessage) -> Message:
    recipients = tuple(Recipient.of(each) for each in message.recipients)
    return Message.of(message, recipients=recipients)


def _whole(told: Told) -> WholeMessage:
    recipients = tuple(
        ExplainedRecipient.of(
            each.recipient,
            explanation=Explanation.of(each.explanation) if each.explanation else None,
        )
        for each in told.recipients
    )
    history = tuple(
        Attempt.of(
            each,
            code=None if each.code is None else int(each.code),
            word="" if each.code is None else each.code.word,
        )
        for each in told.attempts
    )
    return WholeMessage.of(told.message, recipients=recipients, history=history)


def _released(message: StoredMessage, settlement: Settlement) -> Released:
    addresses = {each.position: each.address for each in message.recipients}
    return Released(
        id=message.id,
        code=int(settlement.code),
        word=settlement.code.word,
        error=settlement.error,
        recipients=tuple(
            Fate.of(each, address=addresses.get(each.position, "")) for each in settlement.fates
        ),
    )


def _download(octets: bytes, content_type: str, name: str) -> Response[bytes]:
    """Return octets that are to be kept, not shown: a mail is a stranger's page."""
    quoted = quote(name, safe="")
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quoted}",  # RFC 6266 §4.3
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    return Response(octets, media_type=content_type, headers=headers)


router = Router(
    "/v1/messages",
    route_handlers=[
        list_messages,
        show_message,
        show_content,
        list_parts,
        show_part,
        release_message,
        delete_message,
    ],
    tags=["Messages"],
)
