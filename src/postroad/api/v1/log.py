"""/v1/log: what was asked of the doors, as JSON and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Annotated, Any, Final, Literal

import msgspec
from litestar import Request, Router, get
from litestar.params import QueryParameter
from litestar.response import Stream

from postroad.api.v1.messages import zoned
from postroad.api.v1.paging import Page, cut, id_of, opaque
from postroad.api.v1.parameters import (
    CallerReach,
    Cursor,
    Limit,
    OfApp,
    OfRelay,
    Since,
    Text,
    TheManagement,
    To,
    Until,
)
from postroad.api.v1.schemas.mail import LogEntry
from postroad.delivery.messages import LogEntry as Entry
from postroad.operations.ports import LogFilter

HEAD: Final = "postroad.head"
"""In the scope of a request whose answer's body nobody gets."""

CSV_COLUMNS: Final = (
    *("id", "appid", "at", "door", "ip", "recipient", "title", "status", "reason", "account"),
    "message_id",
)
# What spreadsheets take for a formula, whoever wrote it (a subject, a user's account).
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")

Status = Annotated[
    Literal["sent", "captured", "queued", "sending", "failed", "in_doubt", "held", "refused"]
    | None,
    QueryParameter(description="Only those with this status now."),
]


@get("/")
async def list_log(
    reach: CallerReach,
    management: TheManagement,
    app: OfApp = None,
    recipient: To = None,
    status: Status = None,
    relay: OfRelay = None,
    since: Since = None,
    until: Until = None,
    text: Text = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[LogEntry]:
    """List requests, the newest first."""
    which = LogFilter(
        app_id=await reach.scope(app),
        to=recipient,
        status=status,
        relay_id=await reach.relay_id(relay),
        since=zoned(since, "since"),
        until=zoned(until, "until"),
        text=text,
        before=None if cursor is None else id_of(cursor),
    )
    found = [*reversed(await management.send_log.entries(which, limit=limit + 1))]
    page, rest = cut(found, limit, lambda last: opaque(last.id))
    return Page([LogEntry.of(each) for each in page], rest)


@get("/log.csv", media_type="text/csv")
async def export_log(
    request: Request[Any, Any, Any],
    reach: CallerReach,
    management: TheManagement,
    app: OfApp = None,
    recipient: To = None,
    status: Status = None,
    relay: OfRelay = None,
    since: Since = None,
    until: Until = None,
    text: Text = None,
) -> Stream:
    """Export requests as CSV (RFC 4180), the oldest first, however many.

    A cell that a spreadsheet would take for a formula begins with an apostrophe.
    """
    which = LogFilter(
        app_id=await reach.scope(app),
        to=recipient,
        status=status,
        relay_id=await reach.relay_id(relay),
        since=zoned(since, "since"),
        until=zoned(until, "until"),
        text=text,
    )
    pages = management.exported(which)
    first = await anext(pages, None)  # before the answer begins: what fails now has a status
    rest = _none() if HEAD in request.scope else pages
    return Stream(
        _lines(first or [], rest),
        media_type="text/csv",
        headers={"Content-Disposition": 'attachment; filename="log.csv"'},
    )


async def _lines(first: Sequence[Entry], rest: AsyncIterator[list[Entry]]) -> AsyncIterator[bytes]:
    yield _csv([CSV_COLUMNS])
    yield _csv(_row(each) for each in first)
    async for entries in rest:
        yield _csv(_row(each) for each in entries)


async def _none() -> AsyncIterator[list[Entry]]:
    return
    yield


def _row(entry: Entry) -> list[str]:
    shown = LogEntry.of(entry)
    values = [getattr(shown, {"appid": "app_id"}.get(name, name)) for name in CSV_COLUMNS]
    return [
        _cell(str(msgspec.to_builtins(value)) if name == "at" else str(value or ""))
        for name, value in zip(CSV_COLUMNS, values, strict=True)
    ]


def _cell(text: str) -> str:
    """Return a cell that no spreadsheet calculates."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _csv(rows: Iterable[Sequence[str]]) -> bytes:
    """Return rows with every cell in quotes, lines ended by CRLF."""
    written = io.StringIO()
    csv.writer(written, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerows(rows)
    return written.getvalue().encode()


router = Router("/v1/log", route_handlers=[list_log], tags=["Log"])
csv_router = Router("/v1", route_handlers=[export_log], tags=["Log"])
