"""Postroad sends mail for applications.

    from postroad import Mailer, Message, Relay

    relay = Relay.preset("naver", username="danbee", password="…")
    with Mailer(relay) as mailer:
        result = mailer.send(
            Message(from_="danbee@naver.com", to="bo@b.example", subject="Hello", text="…")
        )

Everything here is public; everything else is the house behind it and may move.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from postroad.errors import Code as Code
    from postroad.errors import Phase as Phase
    from postroad.errors import PostroadError as PostroadError
    from postroad.errors import Retry as Retry
    from postroad.frontdoor.async_mailer import AsyncMailer as AsyncMailer
    from postroad.frontdoor.checking import Report as Report
    from postroad.frontdoor.checking import check as check
    from postroad.frontdoor.mailer import Mailer as Mailer
    from postroad.frontdoor.result import Recipient as Recipient
    from postroad.frontdoor.result import Result as Result
    from postroad.frontdoor.send_email import send_email as send_email
    from postroad.message import Address as Address
    from postroad.message import Attachment as Attachment
    from postroad.message import Message as Message
    from postroad.providers import Explanation as Explanation
    from postroad.providers import explain as explain
    from postroad.providers import ses_smtp_password as ses_smtp_password
    from postroad.smtp.timeouts import Timeouts as Timeouts
    from postroad.transport.relay import Relay as Relay

_ROOMS = {
    "Address": "postroad.message",
    "AsyncMailer": "postroad.frontdoor.async_mailer",
    "Attachment": "postroad.message",
    "Code": "postroad.errors",
    "Explanation": "postroad.providers",
    "Mailer": "postroad.frontdoor.mailer",
    "Message": "postroad.message",
    "Phase": "postroad.errors",
    "PostroadError": "postroad.errors",
    "Recipient": "postroad.frontdoor.result",
    "Relay": "postroad.transport.relay",
    "Report": "postroad.frontdoor.checking",
    "Result": "postroad.frontdoor.result",
    "Retry": "postroad.errors",
    "Timeouts": "postroad.smtp.timeouts",
    "check": "postroad.frontdoor.checking",
    "explain": "postroad.providers",
    "send_email": "postroad.frontdoor.send_email",
    "ses_smtp_password": "postroad.providers",
}

__all__ = sorted(_ROOMS)  # noqa: PLE0605
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: a script that sends one mail needs no asyncio."""
    if name not in _ROOMS:
        raise AttributeError(f"module 'postroad' has no attribute {name!r}")
    value = getattr(import_module(_ROOMS[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *_ROOMS]
