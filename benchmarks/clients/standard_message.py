"""The message as `email.message` makes it, for aiosmtplib and smtplib."""

from __future__ import annotations

from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import localtime, make_msgid

from benchmarks.clients.fields import FROM_EMAIL, FROM_NAME, fields

_FROM_LOCAL, _, _FROM_DOMAIN = FROM_EMAIL.partition("@")


def compose(number: int) -> EmailMessage:
    """Return one message; Date and Message-ID are the caller's business here."""
    to_name, to_email, subject, text, html = fields(number)
    local, _, domain = to_email.partition("@")
    message = EmailMessage()
    message["From"] = Address(FROM_NAME, _FROM_LOCAL, _FROM_DOMAIN)
    message["To"] = Address(to_name, local, domain)
    message["Subject"] = subject
    message["Date"] = localtime()
    message["Message-ID"] = make_msgid(domain=_FROM_DOMAIN)
    message.set_content(text)
    message.add_alternative(html, subtype="html")
    return message
