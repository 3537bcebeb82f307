"""`send_email(config)`: the function of JsN, with its answer of three keys and more."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

from postroad import providers
from postroad.errors import MessageError, PostroadError, Reason, SettingsError
from postroad.frontdoor.environment import (
    secret_from_file,
    secret_from_variable,
    user_language,
)
from postroad.frontdoor.mailer import Mailer
from postroad.frontdoor.result import Result, failed
from postroad.message import Address, Attachment, Message, limits, parse_address
from postroad.smtp.opening import Security
from postroad.transport.relay import Relay

DEFAULT_TIMEOUT_S = 60.0
MAX_TIMEOUT_S = 86_400.0

FIELDS = {
    "host": "SMTP server",
    "port": "1 to 65535, a number or a string of digits",
    "user": 'login; "" together with an empty `pass` means no login',
    "pass": "password",
    "pass_env": "name of the environment variable that holds the password, instead of `pass`",
    "pass_file": "file that holds the password, instead of `pass`",
    "token": "OAuth 2 access token, instead of `pass`",
    "ssl": "true: TLS from the first octet (usually port 465)",
    "starttls": "true: upgrade after EHLO (usually port 587), or fail",
    "provider": "a preset that fills host, port, ssl and starttls",
    "region": "of the provider `ses`, such as ap-northeast-2",
    "from": "sender: {email, name} or an address",
    "to": "recipient: {email, name}, an address, or a list of either",
    "cc": "as `to`",
    "bcc": "as `to`; never in the message",
    "reply_to": "as `to`",
    "subject": "one line",
    "body": "plain text; may be left out when `html` is given",
    "html": "HTML body; a text body is derived when `body` is left out",
    "headers": "{name: value}",
    "attachments": "list of {filename, path or content (base64), content_type, content_id}",
    "timeout": "seconds for the whole send, 60 by default",
    "verify": "false: accept any certificate",
    "cafile": "PEM file of the authorities to trust instead of the system's",
    "lang": "language of hints: ko, zh or en",
}
"""Every field a config may have, and what it means."""

_SECRETS = ("pass", "pass_env", "pass_file", "token")
_PERSON = ("email", "name")
_ATTACHMENT = ("filename", "path", "content", "content_type", "content_id")


def send_email(config: Mapping[str, Any]) -> dict[str, Any]:
    """Send one mail as `config` says and return what became of it; never raises.

    config:  the keys of FIELDS; None and absent are the same.
    returns: `code` (0 or a negative errors.Code), `log` (the SMTP dialogue without credentials and
             content), `error` ("" for success); also `message_id`, `phase`, `hint`, and `refused`
             when only some recipients were accepted.
    """
    lang = "en"
    try:
        lang = _language(config)
        result = _send(config, lang)
    except PostroadError as error:
        result = failed(error, None, lang)
    except Exception as exc:  # noqa: BLE001 - the contract: every failure is an answer
        internal = PostroadError(
            f"a defect in Postroad: {type(exc).__name__}", reason=Reason.INTERNAL
        )
        result = failed(internal, None, lang)
    return _answer(result)


def _send(config: Mapping[str, Any], lang: str) -> Result:
    fields = _known(config, tuple(FIELDS), "")
    _check_complete(fields)
    timeout = _seconds(fields.get("timeout", DEFAULT_TIMEOUT_S))
    relay = _relay(fields)
    message = _message(fields)
    with Mailer(relay, timeout=timeout, lang=lang) as mailer:
        return mailer.send(message)


def _answer(result: Result) -> dict[str, Any]:
    """Return the documented three keys first, then ours."""
    answer: dict[str, Any] = {
        "code": int(result.code),
        "log": result.transcript,
        "error": result.error,
        "message_id": result.message_id,
        "phase": str(result.phase),
        "hint": _hint(result),
    }
    if result and result.refused:
        answer["refused"] = [
            {"email": each.email, "code": each.code, "enhanced": each.enhanced, "text": each.text}
            for each in result.refused
        ]
    return answer


def _hint(result: Result) -> str:
    """Return the hint, "" where its file cannot be read: the outcome matters more."""
    try:
        return result.hint
    except OSError:
        return ""


# From fields to values. Each refuses what it does not understand and names the field.


def _known(mapping: object, names: tuple[str, ...], where: str) -> dict[str, Any]:
    """Return the fields that are given; raises SettingsError for one that is unknown."""
    if not isinstance(mapping, Mapping):
        raise SettingsError(f"{where or 'the config'} must be an object, not {_kind(mapping)}")
    for name in mapping:
        if name not in names:
            raise SettingsError(_unknown(name, names, where))
    return {name: value for name, value in mapping.items() if value is not None}


def _check_complete(fields: dict[str, Any]) -> None:
    """Refuse a config without a required field; the message names all that are missing."""
    has_provider = "provider" in fields
    secret_given = any(name in fields for name in _SECRETS)
    missing = [
        name
        for name, is_there in (
            ("host", has_provider or "host" in fields),
            ("port", has_provider or "port" in fields),
            ("user", has_provider or "user" in fields),
            ("pass", secret_given),
            ("from", "from" in fields),
            ("to", "to" in fields),
            ("subject", "subject" in fields),
            ("body", "body" in fields or "html" in fields),
        )
        if not is_there
    ]
    if missing:
        login = ' (user and pass may be "" for a server without login)'
        is_login = not {"user", "pass"}.isdisjoint(missing)
        verb = "is" if len(missing) == 1 else "are"
        raise SettingsError(f"{', '.join(missing)} {verb} missing{login if is_login else ''}")


def _unknown(name: object, names: tuple[str, ...], where: str) -> str:
    from difflib import get_close_matches

    shown = repr(name)[:60]
    near = get_close_matches(str(name)[:60], names, n=1)
    advice = f"did you mean {near[0]}?" if near else f"known are {', '.join(names)}"
    return f"unknown field {where + '.' if where else ''}{shown}: {advice}"


def _language(config: object) -> str:
    lang = config.get("lang") if isinstance(config, Mapping) else None
    if lang is None:
        return user_language()
    known = providers.language_of(lang) if isinstance(lang, str) else "en"
    if not isinstance(lang, str) or not lang.lower().startswith(known):
        raise SettingsError(f"lang must be ko, zh or en, not {_kind(lang)}")
    return known


def _relay(fields: dict[str, Any]) -> Relay:
    user, secret = _credentials(fields)
    options: dict[str, Any] = {
        "verify": _flag(fields, "verify", default=True),
        "cafile": _text(fields, "cafile") if "cafile" in fields else None,
    }
    security = _security(fields)
    if "provider" in fields:
        options |= {"host": _text(fields, "host")} if "host" in fields else {}
        options |= {"port": _port(fields["port"])} if "port" in fields else {}
        asked = None if security == "none" else security
        if "region" in fields:
            options["region"] = _text(fields, "region")
        name = _text(fields, "provider")
        return Relay.preset(name, username=user, security=asked, **secret, **options)
    return Relay(
        host=_text(fields, "host"),
        port=_port(fields["port"]),
        security=security,
        username=user,
        **secret,
        **options,
    )


def _credentials(fields: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the user name and the one secret that is given, by its name in Relay."""
    given = [name for name in _SECRETS if name in fields]
    if len(given) > 1:
        raise SettingsError(f"give only one of {' and '.join(given)}")
    user = _text(fields, "user") if "user" in fields else ""
    value = _text(fields, given[0])
    if given[0] == "token":
        return user, {"token": value}
    if given[0] == "pass_env":
        value = _named("pass_env", secret_from_variable, value)
    elif given[0] == "pass_file":
        value = _named("pass_file", secret_from_file, value)
    if user and not value:
        raise SettingsError("pass is empty although user is given")
    return user, {"password": value}


def _named(field: str, read: Callable[[str], str], where: str) -> str:
    try:
        return read(where)
    except SettingsError as error:
        raise SettingsError(f"{field}: {error}") from None


def _security(fields: dict[str, Any]) -> Security:
    ssl, starttls = _flag(fields, "ssl"), _flag(fields, "starttls")
    if ssl and starttls:
        raise SettingsError("ssl and starttls are both true: a connection is one or the other")
    return "tls" if ssl else "starttls" if starttls else "none"


def _message(fields: dict[str, Any]) -> Message:
    return Message(
        from_=_mailbox(fields["from"], "from"),
        to=_mailboxes(fields["to"], "to"),
        cc=_mailboxes(fields.get("cc", []), "cc", may_be_empty=True),
        bcc=_mailboxes(fields.get("bcc", []), "bcc", may_be_empty=True),
        reply_to=_mailboxes(fields.get("reply_to", []), "reply_to", may_be_empty=True),
        subject=_text(fields, "subject"),
        text=_text(fields, "body") if "body" in fields else None,
        html=_text(fields, "html") if "html" in fields else None,
        headers=_headers(fields.get("headers", {})),
        attachments=_attachments(fields.get("attachments", [])),
    )


def _mailbox(value: object, where: str) -> Address:
    if isinstance(value, str):
        return parse_address(value, where)
    person = _known(value, _PERSON, where)
    name = _text(person, "name", where) if "name" in person else ""
    email = _required_text(person, "email", where)
    try:
        return Address(email, name)
    except MessageError as error:
        raise SettingsError(f"{where}: {error}") from error


def _mailboxes(value: object, where: str, *, may_be_empty: bool = False) -> list[Address]:
    if not isinstance(value, list | tuple):
        return [_mailbox(value, where)]
    if not value and not may_be_empty:
        raise SettingsError(f"{where} is an empty list: there is nobody to send to")
    return [_mailbox(each, f"{where}[{index}]") for index, each in enumerate(value)]


def _headers(value: object) -> list[tuple[str, str]]:
    if not isinstance(value, Mapping):
        raise SettingsError(f"headers must be an object of names and values, not {_kind(value)}")
    return [(str(name), _text(value, name, "headers")) for name in value]


def _attachments(value: object) -> list[Attachment]:
    if not isinstance(value, list | tuple):
        raise SettingsError(f"attachments must be a list, not {_kind(value)}")
    attachments: list[Attachment] = []
    octets = 0
    for index, each in enumerate(value):
        attachments.append(_attachment(each, f"attachments[{index}]"))
        octets += len(attachments[-1].content)
        if octets > limits.MESSAGE_OCTETS:  # before the next one is read
            raise SettingsError(f"attachments have more than {limits.MESSAGE_OCTETS:,} octets")
    return attachments


def _attachment(value: object, where: str) -> Attachment:
    fields = _known(value, _ATTACHMENT, where)
    texts: dict[str, Any] = {name: _text(fields, name, where) for name in fields}
    path, content = texts.pop("path", None), texts.pop("content", None)
    if (path is None) == (content is None):
        raise SettingsError(f"{where} needs either path or content")
    try:
        if path is not None:
            return Attachment.from_path(path, **texts)
        octets = base64.b64decode("".join(str(content).split()), validate=True)
        _required(texts, "filename", where)
        return Attachment(content=octets, **texts)
    except MessageError as error:
        raise SettingsError(f"{where}: {error}") from error
    except OSError as exc:
        raise SettingsError(f"{where}.path cannot be read: {exc.strerror}: {path}") from exc
    except ValueError:
        raise SettingsError(f"{where}: content is not base64, or path no file name") from None


def _required(fields: dict[str, Any], name: str, where: str = "") -> object:
    if name not in fields:
        raise SettingsError(f"{where + '.' if where else ''}{name} is missing")
    return fields[name]


def _required_text(fields: dict[str, Any], name: str, where: str = "") -> str:
    _required(fields, name, where)
    return _text(fields, name, where)


def _text(fields: Mapping[str, Any], name: str, where: str = "") -> str:
    value = fields[name]
    if not isinstance(value, str):
        raise SettingsError(
            f"{where + '.' if where else ''}{name} must be a string, not {_type(value)}"
        )
    return str.__str__(value)  # a subclass may lie about itself


def _flag(fields: dict[str, Any], name: str, *, default: bool = False) -> bool:
    value = fields.get(name, default)
    if not isinstance(value, bool):
        raise SettingsError(f"{name} must be true or false, not {_kind(value)}")
    return value


def _port(value: object) -> int:
    """Return a port from a number or a string of digits; the range is Relay's to check."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 5:
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise SettingsError(f"port must be a whole number from 1 to 65535, not {_kind(value)}")
    return value


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SettingsError(f"timeout must be a number of seconds, not {_kind(value)}")
    if not 0 < value <= MAX_TIMEOUT_S:
        raise SettingsError(f"timeout must be above 0 and at most {MAX_TIMEOUT_S:g} seconds")
    return float(value)


def _kind(value: object) -> str:
    """Return what `value` is in the words of JSON, a short one with itself."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f"the string {value[:40]!r}"
    if isinstance(value, float) or (isinstance(value, int) and value.bit_length() < 64):
        return f"the number {value}"
    return _type(value)


def _type(value: object) -> str:
    """Return the type of `value` in the words of JSON, without itself: it may be a secret."""
    for kinds, name in _TYPES:
        if isinstance(value, kinds):
            return name
    return type(value).__name__


_TYPES: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (type(None), "null"),
    (bool, "true or false"),
    ((int, float), "a number"),
    (str, "a string"),
    (Mapping, "an object"),
    ((list, tuple), "a list"),
)
