"""/v1/audit: who changed what, when, and from where. Only the operator's key sees it."""

from __future__ import annotations

from typing import Annotated

from litestar import Router, get
from litestar.params import QueryParameter

from postroad.api.v1.paging import Page, cut, opaque, text_of
from postroad.api.v1.parameters import CallerReach, Cursor, Limit, OfApp, TheManagement
from postroad.api.v1.problems import BadCursorError
from postroad.api.v1.schemas.mail import AuditEntry
from postroad.tenancy.audit import AuditFilter


@get("/")
async def list_audit(
    reach: CallerReach,
    management: TheManagement,
    app: OfApp = None,
    actor: Annotated[
        str | None, QueryParameter(description="Only changes by: `key:<id>`, …", max_length=200)
    ] = None,
    action: Annotated[
        str | None,
        QueryParameter(description="Only this, or all of a kind: `key`.", max_length=100),
    ] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[AuditEntry]:
    """List changes, the oldest first, in the order of their chain."""
    reach.needs_operator("to see the audit log")
    after = 0 if cursor is None else _number(cursor)
    which = AuditFilter(await reach.scope(app), actor, action, after)
    found = await management.audit.entries(which, limit=limit + 1)
    page, rest = cut(found, limit, lambda last: opaque(str(last.seq)))
    return Page([AuditEntry.of(each, changes=dict(each.changes)) for each in page], rest)


def _number(cursor: str) -> int:
    text = text_of(cursor)
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise BadCursorError
    return int(text)


router = Router("/v1/audit", route_handlers=[list_audit], tags=["Audit"])
