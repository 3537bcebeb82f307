"""The limits of an app, as options and as lines of its page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postroad.cli.given import Number, Size
from postroad.cli.options import option

if TYPE_CHECKING:
    from postroad.tenancy.records import App

_LIMITS: dict[str, Any] = {"section": "Limits"}
OPTIONS = (
    option(
        "--per-day",
        type=int,
        metavar="NUMBER",
        help="Mails in a day (UTC); 0, here and below, is no limit.",
        **_LIMITS,
    ),
    option("--per-month", type=int, metavar="NUMBER", help="Mails in a month (UTC).", **_LIMITS),
    option(
        "--per-recipient-hour",
        type=Number(),
        metavar="NUMBER",
        help='Mails to one recipient in an hour, through any door; "" leaves it to the door.',
        **_LIMITS,
    ),
    option(
        "--max-message",
        type=Size(),
        metavar="SIZE",
        help="Of a mail as it is sent, such as 5MiB.",
        **_LIMITS,
    ),
    option("--max-recipients", type=int, metavar="NUMBER", help="Recipients of a mail.", **_LIMITS),
    option(
        "--max-attachments",
        type=Size(),
        metavar="SIZE",
        help="Of all attachments of a mail, as they were given.",
        **_LIMITS,
    ),
)


def shown(app: App, per_recipient_hour: int) -> tuple[str, ...]:
    """Return what an app is limited to, a line each.

    per_recipient_hour: what the settings say for nobase's door where the app does not.
    """
    hour = app.per_recipient_hour
    numbers = (
        (app.per_day, "a day"),
        (app.per_month, "a month"),
        (hour, "an hour to one recipient"),
        (app.max_recipients, "recipients a mail"),
    )
    sizes = ((app.max_message, "a mail"), (app.max_attachments, "of attachments"))
    found = [f"{most:,} {what}" for most, what in numbers if most]
    found += [f"{_size(most)} {what}" for most, what in sizes if most]
    if hour is None and per_recipient_hour:
        found.append(f"{per_recipient_hour:,} an hour to one recipient through /api/mail/send")
    return tuple(found) or ("none",)


def _size(octets: int) -> str:
    """Return a size in the unit in which it is a whole number, as it was probably given."""
    for name, factor in (("MiB", 1 << 20), ("MB", 10**6), ("KiB", 1 << 10)):
        if octets % factor == 0:
            return f"{octets // factor:,} {name}"
    return f"{octets:,} octets"
