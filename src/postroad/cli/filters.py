"""The options that the lists of messages and of requests have in common."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

import click

from postroad.cli.installation import acting
from postroad.cli.options import option
from postroad.errors import NotFoundError

if TYPE_CHECKING:
    from postroad.wiring import Installation

_SPAN: Final = re.compile(r"([0-9]{1,6})([smhd])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Moment(click.ParamType):  # type: ignore[type-arg]
    """A moment: a date, a date and a time, or how long ago."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Return it in UTC, which is meant where no zone is given."""
        if isinstance(value, datetime):
            return value
        try:
            if span := _SPAN.fullmatch(value):
                return datetime.now(UTC) - timedelta(**{_UNITS[span[2]]: int(span[1])})
            found = datetime.fromisoformat(value)
        except (ValueError, OverflowError):
            self.fail(
                f"{value!r} is no moment such as 2026-03-01, 2026-03-01T09:30 or, for two hours"
                " ago, 2h",
                param,
                ctx,
            )
        return found if found.tzinfo else found.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Filters:
    """What was given of them."""

    app: str | None
    relay: str | None
    since: datetime | None
    until: datetime | None
    text: str | None

    async def fields(self, found: Installation) -> dict[str, Any]:
        """Return them as the fields that the filters of both lists have.

        raises: NotFoundError, ConflictError when there is no such app or relay, or several.
        """
        from postroad.operations.administration import apps

        app = None if self.app is None else await apps.find(found.desk(acting()), self.app)
        return {
            "app_id": None if app is None else app.id,
            "relay_id": None if self.relay is None else await self._relay_id(found, self.relay),
            "since": self.since,
            "until": self.until,
            "text": self.text,
        }

    async def _relay_id(self, found: Installation, reference: str) -> str:
        """Return the id of a relay; that of one which is gone is taken as it is."""
        from postroad.operations.administration import relays

        desk = found.desk(acting())
        owners = [None, *await desk.directory.apps.list()]
        try:
            return (await relays.find(desk, owners, reference)).id
        except NotFoundError:
            if not _ID.fullmatch(reference):
                raise
            return reference


_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def filter_options(what: str) -> Callable[[Any], Any]:
    """Return the decorator that adds the options, and passes them as `filters`.

    what: is listed, in the plural.
    """

    def decorate(function: Any) -> Any:
        @wraps(function)
        def with_filters(**values: Any) -> Any:
            filters = Filters(
                **{name: values.pop(name) for name in ("app", "relay", "since", "until", "text")}
            )
            return function(filters=filters, **values)

        for add in reversed(
            (
                option("--app", metavar="APP", help=f"Only {what} of this app: appid or name."),
                option("--relay", metavar="RELAY", help="Only with this relay: id or name."),
                option(
                    "--since",
                    type=Moment(),
                    metavar="TIME",
                    help="Not before then: 2026-03-01, 2026-03-01T09:30 (UTC), or 2h for two "
                    "hours ago.",
                ),
                option("--until", type=Moment(), metavar="TIME", help="Only before then."),
                option(
                    "--text",
                    metavar="TEXT",
                    help="Only with this text in the subject or an address, in any letter case.",
                ),
            )
        ):
            with_filters = add(with_filters)
        return with_filters

    return decorate
