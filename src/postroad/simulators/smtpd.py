"""One connection of a provider's simulator: aiosmtpd with the provider's words and rules.

aiosmtpd brings the connection, the command loop and STARTTLS. What a provider does differently is
here: the EHLO lines, who may log in, who may send as whom, and PIPELINING across transactions,
which works because every command and the content are read from one buffer, in order.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import logging
import re
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.parser import BytesHeaderParser
from email.utils import format_datetime, getaddresses
from typing import TYPE_CHECKING, Any

from aiosmtpd.smtp import SMTP, Session

from postroad.simulators.rules import unbase64, xoauth2

if TYPE_CHECKING:
    import ssl

    from postroad.simulators.rules import Rules, Shared

logging.getLogger("mail.log").addHandler(logging.NullHandler())  # aiosmtpd's; not on the console

COMMAND_LIMIT_OCTETS = 2048  # RFC 5321 asks for 512; long addresses and parameters fit here
AUTH_LIMIT_OCTETS = 12288  # RFC 4954 §4: tokens are long
LINE_LIMIT_OCTETS = 1000  # RFC 5321 §4.5.3.1.6, CRLF included, a transparency dot not
BUFFER_OCTETS = 65536

_PATH = re.compile(
    r'(?:FROM|TO):\s*<(?P<path>(?:"(?:[^"\\]|\\.)*"|[^<>"])*)>(?P<parameters>(?:\s+\S+)*)\s*',
    re.IGNORECASE,
)


@dataclass(slots=True)
class _Transaction:
    reverse_path: str
    parameters: tuple[str, ...]
    forward_paths: list[str] = field(default_factory=list)


class _Hooks:
    """aiosmtpd asks a handler for the texts of these three."""

    async def handle_RSET(self, server: ProviderSmtp, *_: object) -> str:  # noqa: N802
        return server.say(server.rules.profile.replies.reset)

    async def handle_NOOP(self, server: ProviderSmtp, *_: object) -> str:  # noqa: N802
        return server.say(server.rules.profile.replies.noop)

    async def handle_QUIT(self, server: ProviderSmtp, *_: object) -> str:  # noqa: N802
        return server.say(server.rules.profile.replies.quit)


class ProviderSmtp(SMTP):
    """A connection that speaks as a provider does."""

    command_size_limit = COMMAND_LIMIT_OCTETS
    command_size_limits = defaultdict(lambda: AUTH_LIMIT_OCTETS)  # noqa: RUF012 - aiosmtpd's way
    line_length_limit = BUFFER_OCTETS  # of the reader's buffer; content lines are measured here

    def __init__(
        self,
        rules: Rules,
        shared: Shared,
        context: ssl.SSLContext,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.rules = rules
        self.shared = shared
        self.number = shared.record.open()
        self.id = f"sim{self.number:06d}"
        self.username: str | None = None
        self.current: _Transaction | None = None
        profile = rules.profile
        super().__init__(
            _Hooks(),
            hostname=profile.host,
            ident=profile.ident.format(id=self.id, date=format_datetime(datetime.now(UTC))),
            enable_SMTPUTF8=True,  # octets are read as UTF-8 always; whether it is offered is ours
            tls_context=context if rules.security == "starttls" else None,
            loop=loop,
        )

    # The connection.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet, or go on after STARTTLS."""
        super().connection_made(transport)
        self.shared.live.add(self)
        self.username = None
        if self._handler_coroutine is not None:
            self._handler_coroutine.add_done_callback(_retrieve)

    def connection_lost(self, error: Exception | None) -> None:
        """Forget the connection; aiosmtpd may say so twice when a handshake fails."""
        if self in self.shared.live:
            super().connection_lost(error)
        self.gone()

    def gone(self) -> None:
        """The connection has ended, however it came about."""
        self.shared.live.discard(self)
        self.shared.record.end(self.number)

    def abort(self) -> None:
        """Cut the connection without a word."""
        if self._handler_coroutine is not None:
            self._handler_coroutine.cancel()
        for transport in (self.transport, self._original_transport):
            if isinstance(transport, asyncio.WriteTransport):
                # Before 3.11.4 Python's TLS transport cannot be aborted once it has ended.
                with contextlib.suppress(AttributeError):
                    transport.abort()

    def data_received(self, data: bytes) -> None:
        """Remember what the client wrote, then read it."""
        self.shared.record.add(self.number, "C", data)
        super().data_received(data)

    async def push(self, status: str | bytes) -> None:
        """Write a reply; a line feed separates its lines."""
        if isinstance(status, str):
            if status == "220 Ready to start TLS":  # aiosmtpd's own words, written just before
                status = self.say(self.rules.profile.replies.starttls)
            status = status.replace("\n", "\r\n").encode("utf-8", "surrogateescape")
        self.shared.record.add(self.number, "S", status + b"\r\n")
        self._writer.write(status + b"\r\n")
        await self._writer.drain()
        if status.startswith(b"421"):
            self._hang_up()

    def _hang_up(self) -> None:
        """Close after what was written has gone out."""
        if isinstance(self.transport, asyncio.WriteTransport):
            self.transport.close()
        raise asyncio.CancelledError  # ends the command loop; what was pipelined stays unread

    def say(self, text: str, *, sender: str = "", recipient: str = "") -> str:
        """A text of the profile with its placeholders filled in."""
        account = self.rules.profile.address_of(self.username or self.rules.username)
        return text.format(
            id=self.id,
            host=self.rules.profile.host,
            peer=self.peer,
            account=account,
            sender=sender,
            recipient=recipient,
        )

    @property
    def client(self) -> Session:
        """What aiosmtpd knows of the client since the connection or its encryption began."""
        if self.session is None:
            raise AttributeError("there is no connection yet")  # aiosmtpd looks before there is one
        return self.session

    @property
    def peer(self) -> str:
        """The client's IP address."""
        address: Any = self.client.peer
        return str(address[0])

    @property
    def _tls_version(self) -> str | None:
        if self.transport is None:
            return None
        secured = self.transport.get_extra_info("ssl_object")
        return secured.version() if secured is not None else None

    @property
    def _is_secure_enough(self) -> bool:
        return self.rules.security == "none" or self._tls_version is not None

    # The commands.

    async def smtp_EHLO(self, hostname: str) -> None:  # noqa: N802
        """Name the extensions, in the provider's order."""
        if not hostname:
            await self.push("501 5.5.4 Syntax: EHLO hostname")
            return
        self._set_rset_state()
        self.client.host_name = hostname
        self.client.extended_smtp = True
        profile = self.rules.profile
        lines = [self.say(profile.hello)]
        for line in profile.extensions:
            if line == "STARTTLS" and (self.rules.security != "starttls" or self._tls_version):
                continue
            if line.startswith("AUTH") and not (self._is_secure_enough or profile.shows_auth_early):
                continue
            lines.append(line)
        await self.push("\n".join([f"250-{line}" for line in lines[:-1]] + [f"250 {lines[-1]}"]))

    async def smtp_STARTTLS(self, arg: str) -> None:  # noqa: N802
        """Encrypt, once; what was written before the handshake is thrown away (RFC 3207 §5)."""
        if self.rules.security != "starttls" or self._tls_version:
            await self.push("502 5.5.1 STARTTLS is not offered")
            return
        await super().smtp_STARTTLS(arg)

    async def smtp_AUTH(self, arg: str) -> None:  # noqa: N802
        """Log in with a password or a token."""
        replies = self.rules.profile.replies
        mechanism, _, initial = (arg or "").partition(" ")
        mechanism = mechanism.upper()
        if not self.client.extended_smtp:
            await self.push("503 5.5.1 EHLO first")
        elif not self._is_secure_enough:
            await self.push(self.say(replies.auth_not_encrypted))
        elif self.username is not None:
            await self.push("503 5.5.1 Already authenticated")
        elif mechanism not in self.rules.profile.mechanisms:
            await self.push("504 5.7.4 Unrecognized authentication type")
        else:
            try:
                await self._log_in(mechanism, initial.strip())
            except binascii.Error:
                await self.push("501 5.5.2 Cannot decode base64")
            except _CancelledError:
                await self.push("501 5.7.0 Authentication cancelled")

    async def _log_in(self, mechanism: str, initial: str) -> None:
        replies = self.rules.profile.replies
        if mechanism == "XOAUTH2":
            name, token = xoauth2(unbase64(initial) if initial else await self._ask(b""))
            refusal = await self._refused_token(name, token)
        else:
            if mechanism == "PLAIN":
                answer = unbase64(initial) if initial else await self._ask(b"")
                name, password = [*answer.split(b"\0"), b"", b"", b""][1:3]
            else:
                name = unbase64(initial) if initial else await self._ask(b"Username:")
                password = await self._ask(b"Password:")
            refusal = self.rules.refused_password(name, password)
        if (
            refusal is None
            and self.rules.profile.too_many_at == "auth"
            and self.rules.is_crowded(self.shared)
        ):
            refusal = replies.too_many
        if refusal is None:
            self.username = name.decode("utf-8", "replace")
        await self.push(self.say(refusal or replies.auth_ok))

    async def _ask(self, challenge: bytes) -> bytes:
        await self.push(b"334 " + base64.b64encode(challenge))
        line = (await self._reader.readuntil(b"\n")).strip()
        if line == b"*":
            raise _CancelledError
        return unbase64(line.decode("ascii", "replace"))

    async def _refused_token(self, name: bytes, token: bytes) -> str | None:
        if self.rules.is_account(name) and token == self.rules.token.encode():
            return None
        profile = self.rules.profile
        if profile.last_challenge and (profile.always_challenges or token == b"expired"):
            await self._ask(profile.last_challenge.encode())  # whatever is answered, it is over
        return profile.replies.refused_token

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802
        """Begin a transaction."""
        replies = self.rules.profile.replies
        match = _PATH.fullmatch(arg or "")
        if await self._is_too_early():
            return
        if self.current is not None:
            await self.push("503 5.5.1 Nested MAIL command")
            return
        if match is None or not (arg or "").upper().startswith("FROM:"):
            await self.push("555 5.5.2 Syntax error, MAIL FROM:<address>")
            return
        path, parameters = match["path"], tuple(match["parameters"].split())
        refusal = self._refused_parameters(parameters, _MAIL_PARAMETERS)
        if refusal is None and not path.isascii() and "SMTPUTF8" not in map(str.upper, parameters):
            refusal = "553 5.6.7 Non-ASCII address without SMTPUTF8"
        if refusal is None and self.rules.profile.sender_rule == "mail" and self.username:
            refusal = None if self._is_own(path) else self.say(replies.mail_wrong, sender=path)
        if refusal is None and self.rules.is_too_fast(self.shared):
            refusal = self.say(replies.rate)
        if refusal is None:
            self.current = _Transaction(path, parameters)
        await self.push(refusal or self.say(replies.mail_ok))

    async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802
        """Add a recipient, or refuse it as its local part asks."""
        replies = self.rules.profile.replies
        match = _PATH.fullmatch(arg or "")
        if await self._is_too_early():
            return
        if self.current is None:
            await self.push("503 5.5.1 MAIL first")
            return
        if match is None or not match["path"] or not (arg or "").upper().startswith("TO:"):
            await self.push("555 5.5.2 Syntax error, RCPT TO:<address>")
            return
        path = match["path"]
        parameters = tuple(match["parameters"].split())
        refusal = self._refused_parameters(parameters, _RCPT_PARAMETERS)
        if refusal is None and "@" not in path:
            refusal = "553 5.1.3 The recipient address is not a valid mailbox"
        utf8 = "SMTPUTF8" in map(str.upper, self.current.parameters)
        if refusal is None and not path.isascii() and not utf8:
            refusal = "553 5.6.7 Non-ASCII address without SMTPUTF8"
        local = path.rpartition("@")[0].lower()
        if refusal is None:
            asked = {
                "unknown": replies.rcpt_unknown,
                "full": replies.rcpt_full,
                "later": replies.rcpt_later,
            }.get(local)
            if self.rules.is_greylisted(self.shared, self.current.reverse_path, path):
                asked = replies.rcpt_greylisted
            refusal = self.say(asked, recipient=path) if asked else None
        if local == "slow":
            await asyncio.sleep(self.rules.slow_s)
        if refusal is None:
            self.current.forward_paths.append(path)
        await self.push(refusal or self.say(replies.rcpt_ok, recipient=path))

    async def smtp_DATA(self, arg: str | None) -> None:  # noqa: N802
        """Take the content."""
        replies = self.rules.profile.replies
        if await self._is_too_early():
            return
        if arg:
            await self.push("501 5.5.4 Syntax: DATA")
            return
        current = self.current
        if current is None or not current.forward_paths:
            await self.push("503 5.5.1 RCPT first" if current else "503 5.5.1 MAIL first")
            return
        locals_ = {path.rpartition("@")[0].lower() for path in current.forward_paths}
        over = "quota" in locals_ or (
            self.rules.daily is not None and self.shared.accepted >= self.rules.daily
        )
        if over and self.rules.profile.quota_at == "data":
            await self.push(self.say(replies.quota))
            return
        await self.push(self.say(replies.data_go))
        content, refusal = await self._read_content()
        self.current = None
        if refusal is None:
            refusal = self._refused_content(current, content, locals_, over=over)
        if refusal is not None:
            await self.push(refusal)
            return
        self.shared.accepted += 1
        self.shared.accepted_at.append(self.rules.clock())
        self.shared.record.deliver(
            connection=self.number,
            reverse_path=current.reverse_path,
            forward_paths=tuple(current.forward_paths),
            content=content,
            username=self.username,
            tls_version=self._tls_version,
            mail_parameters=current.parameters,
        )
        if "lost" in locals_:
            self._hang_up()
        await self.push(self.say(replies.data_ok))

    async def _read_content(self) -> tuple[bytes, str | None]:
        """The content up to its final dot, and the refusal it deserves by itself."""
        replies = self.rules.profile.replies
        lines: list[bytes] = []
        octets = 0
        refusal: str | None = None
        while (line := await self._read_line()) != b".\r\n":
            if line.startswith(b"."):
                line = line[1:]
            octets += len(line)
            if len(line) > LINE_LIMIT_OCTETS:
                refusal = refusal or replies.line_too_long
            if b"\r" in line[:-2] or b"\n" in line[:-2]:
                refusal = refusal or replies.bare_line_end
            if octets > self.rules.profile.size_octets:
                refusal = refusal or replies.too_big
            if refusal is None:
                lines.append(line)
            else:
                lines.clear()
        return b"".join(lines), self.say(refusal) if refusal else None

    async def _read_line(self) -> bytes:
        """One line with its CRLF, however long; a line beyond the buffer comes cut, as too long."""
        start = b""
        while True:
            try:
                return start + await self._reader.readuntil(b"\r\n")
            except asyncio.LimitOverrunError as error:
                piece = await self._reader.readexactly(error.consumed)
                start = start or piece

    def _refused_content(
        self, current: _Transaction, content: bytes, locals_: set[str], *, over: bool
    ) -> str | None:
        profile, replies = self.rules.profile, self.rules.profile.replies
        sender = current.reverse_path
        if "spam" in locals_:
            return self.say(replies.data_spam)
        if over:
            return self.say(replies.quota)
        if profile.too_many_at == "final-dot" and self.rules.is_crowded(self.shared):
            return self.say(replies.too_many)
        if self.username is not None:
            if profile.sender_rule == "final-dot" and not self._is_own(sender):
                return self.say(replies.mail_wrong, sender=sender)
            written = _from_addresses(content)
            if profile.sender_header and not (written and all(map(self._is_own, written))):
                return self.say(profile.sender_header, sender=", ".join(written))
        return None

    # The rules.

    async def _is_too_early(self) -> bool:
        replies = self.rules.profile.replies
        if not self.client.host_name:
            await self.push("503 5.5.1 EHLO/HELO first")
        elif not self._is_secure_enough and self.rules.profile.requires_auth:
            await self.push(self.say(replies.auth_not_encrypted))
        elif self.rules.profile.requires_auth and self.username is None:
            await self.push(self.say(replies.auth_needed))
        else:
            return False
        return True

    def _is_own(self, address: str) -> bool:
        own = self.rules.profile.address_of(self.username or self.rules.username)
        return address.lower() == own.lower()

    def _refused_parameters(self, parameters: tuple[str, ...], known: dict[str, str]) -> str | None:
        """The reply to parameters of extensions that were not offered, else None."""
        for parameter in parameters:
            keyword, _, value = parameter.upper().partition("=")
            extension = known.get(keyword)
            offered = self.client.extended_smtp and extension in self.rules.profile.keywords
            if not offered or (keyword == "BODY" and value not in {"7BIT", "8BITMIME"}):
                return f"555 5.5.4 Unsupported option: {parameter}"
            if keyword == "SIZE" and not re.fullmatch("[0-9]{1,20}", value):  # RFC 1870 §3
                return "501 5.5.4 Invalid SIZE"
            if keyword == "SIZE" and int(value) > self.rules.profile.size_octets:
                return self.say(self.rules.profile.replies.too_big)
        return None

    def _set_rset_state(self) -> None:
        super()._set_rset_state()  # type: ignore[no-untyped-call]
        self.current = None


_MAIL_PARAMETERS = {
    "SIZE": "SIZE",
    "BODY": "8BITMIME",
    "SMTPUTF8": "SMTPUTF8",
    "AUTH": "AUTH",
    "RET": "DSN",
    "ENVID": "DSN",
}
_RCPT_PARAMETERS = {"NOTIFY": "DSN", "ORCPT": "DSN"}


class _CancelledError(Exception):
    """The client answered a challenge with "*" (RFC 4954 §4)."""


def _from_addresses(content: bytes) -> list[str]:
    header = BytesHeaderParser().parsebytes(content)
    try:
        return [a for _, a in getaddresses([str(v) for v in header.get_all("From", [])]) if a]
    except RecursionError:  # of nested comments
        return []


def _retrieve(task: asyncio.Task[Any]) -> None:
    """Look at how a connection's task ended, so that nobody complains that no one did."""
    with contextlib.suppress(asyncio.CancelledError):
        task.exception()
