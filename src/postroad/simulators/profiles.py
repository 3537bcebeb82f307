"""How each provider speaks, as data: greeting, extensions, accounts and the texts of its replies.

A text is what goes over the wire, its lines separated by a line feed. The server fills in `{id}`
(of the session), `{host}`, `{peer}`, `{account}`, `{sender}` and `{recipient}`. Where a provider
is known from its documentation or published sessions to say it so, it stands here to the letter;
what is ours is marked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Security = Literal["none", "starttls", "tls"]


@dataclass(frozen=True, slots=True)
class Replies:
    """What a provider says; the defaults are the words of RFC 5321, 4954 and 2034."""

    starttls: str = "220 2.0.0 Ready to start TLS"
    auth_ok: str = "235 2.7.0 Authentication successful"
    auth_wrong: str = "535 5.7.8 Authentication credentials invalid"
    auth_not_encrypted: str = "530 5.7.0 Must issue a STARTTLS command first"
    auth_needed: str = "530 5.7.0 Authentication required"
    basic_off: str = "535 5.7.8 Password logins are switched off"
    refused_token: str = "535 5.7.8 Authentication credentials invalid"  # noqa: S105 - a reply
    mail_ok: str = "250 2.1.0 OK"
    mail_wrong: str = "553 5.7.1 Sender address rejected: not owned by user {account}"
    rcpt_ok: str = "250 2.1.5 OK"
    rcpt_unknown: str = "550 5.1.1 <{recipient}>: Recipient address rejected: user unknown"
    rcpt_full: str = "452 4.2.2 <{recipient}>: Mailbox full"
    rcpt_later: str = "451 4.3.0 <{recipient}>: Temporary lookup failure"
    rcpt_greylisted: str = "450 4.2.0 <{recipient}>: Recipient address rejected: Greylisted"
    data_go: str = "354 End data with <CR><LF>.<CR><LF>"
    data_ok: str = "250 2.0.0 OK: queued as {id}"
    data_spam: str = "554 5.7.1 Message refused: it looks like spam"
    too_big: str = "552 5.3.4 Message size exceeds fixed maximum message size"
    bare_line_end: str = "550 5.6.11 Bare CR or LF in the message"  # ours, after CVE-2023-51764
    line_too_long: str = "500 5.6.0 Line too long (RFC 5321 4.5.3.1.6)"  # ours
    quota: str = "550 5.7.1 Daily sending limit exceeded"
    rate: str = "421 4.7.0 Too many messages, slow down"
    too_many: str = "421 4.7.0 Too many concurrent connections"
    reset: str = "250 2.0.0 OK"
    noop: str = "250 2.0.0 OK"
    quit: str = "221 2.0.0 Bye"


@dataclass(frozen=True, slots=True)
class Profile:
    """One provider.

    extensions:      the lines of the EHLO reply after the first, in the provider's order. STARTTLS
                     is left out once encrypted, AUTH according to `shows_auth_early`.
    ident:           the greeting after the host name.
    username:        the account of the simulator, as `password` and `token` are.
    bare_username:   True where "danbee" and "danbee@naver.com" are the same login.
    passwords:       passwords that provoke a particular refusal, and that refusal.
    sender_rule:     where a sender other than the account is refused, if anywhere.
    sender_header:   the refusal of a From field that is not the account's, if any (final dot).
    last_challenge: what is sent in base64 before refusing the token "expired" (XOAUTH2).
    quota_at:        where the daily limit is told.
    too_many_at:     where too many connections are told.
    """

    name: str
    about: str
    host: str
    ident: str
    hello: str
    extensions: tuple[str, ...]
    username: str
    password: str
    domain: str
    replies: Replies
    security: Security = "starttls"
    port: int = 2525
    size_octets: int = 10 * 1024 * 1024
    token: str = ""
    requires_auth: bool = True
    shows_auth_early: bool = False
    bare_username: bool = False
    spaces_in_password: bool = False
    passwords: Mapping[str, str] = field(default_factory=dict)
    sender_rule: Literal["mail", "final-dot"] | None = None
    sender_header: str | None = None
    last_challenge: str | None = None
    always_challenges: bool = False
    quota_at: Literal["data", "final-dot"] = "final-dot"
    too_many_at: Literal["auth", "final-dot"] = "auth"
    greylists: bool = False

    @property
    def mechanisms(self) -> tuple[str, ...]:
        """The AUTH mechanisms it offers."""
        line = next((line for line in self.extensions if line.startswith("AUTH ")), "AUTH")
        return tuple(line.split()[1:])

    @property
    def keywords(self) -> frozenset[str]:
        """The extensions it offers, by keyword."""
        return frozenset(line.split()[0].partition("=")[0] for line in self.extensions)

    @property
    def address(self) -> str:
        """The account's own mailbox."""
        return self.address_of(self.username)

    def address_of(self, username: str) -> str:
        """The mailbox of a login."""
        return username if "@" in username else f"{username}@{self.domain}"


# Greeting, EHLO and refusals as Java and Node programs logged them between 2021 and 2025.
NAVER = Profile(
    name="naver",
    about="Naver Mail",
    host="smtp.naver.com",
    ident="ESMTP {id} - nsmtp",
    hello="{host} Pleased to meet you",
    extensions=(
        "SIZE 20971520",
        "8BITMIME",
        "PIPELINING",
        "AUTH PLAIN LOGIN",
        "STARTTLS",
        "ENHANCEDSTATUSCODES",
    ),
    username="danbee",
    password="ABCD1234EFGH",  # noqa: S106 - an app password is 12 capitals and digits
    domain="naver.com",
    security="tls",
    size_octets=20_971_520,
    shows_auth_early=True,
    bare_username=True,
    sender_rule="mail",
    sender_header="554 5.7.1 The sender address is unauthorized {id} - nsmtp",
    replies=Replies(
        starttls="220 2.0.0 Ready to start TLS",
        auth_ok="235 2.7.0 Accepted {id} - nsmtp",
        auth_wrong="535 5.7.1 Username and Password not accepted {id} - nsmtp",
        auth_not_encrypted="530 5.7.0 Must issue a STARTTLS command first {id} - nsmtp",
        auth_needed="530 5.7.1 Authentication required {id} - nsmtp",
        mail_ok="250 2.1.0 OK {id} - nsmtp",
        mail_wrong="554 5.7.1 The sender address is unauthorized {id} - nsmtp",
        rcpt_ok="250 2.1.5 OK {id} - nsmtp",
        rcpt_unknown=(
            "550 5.1.1 No such user. For more information, go to "
            "https://help.naver.com/alias/mail/newmail10.naver {id} - nsmtp"
        ),
        rcpt_full="452 4.2.2 Mailbox full {id} - nsmtp",  # ours
        data_go="354 Go ahead {id} - nsmtp",
        data_ok="250 2.0.0 OK {id} - nsmtp",
        data_spam="554 5.7.1 Message rejected {id} - nsmtp",  # ours
        quota="550 5.7.1 Daily sending limit exceeded {id} - nsmtp",  # ours
        quit="221 2.0.0 Closing connection {id} - nsmtp",
    ),
)

# EHLO and the replies of a good session as published by many telnet users (2014 to 2024).
_QQ_LOGIN = (
    "535 Login Fail. Please enter your authorization code to login. More information in "
    "http://service.mail.qq.com/cgi-bin/help?subtype=1&&id=28&&no=1001256"
)
QQ = Profile(
    name="qq",
    about="QQ Mail",
    host="newxmesmtplogicsvrszc8.qq.com",
    ident="XMail Esmtp QQ Mail Server.",
    hello="{host}",
    extensions=(
        "PIPELINING",
        "SIZE 73400320",
        "STARTTLS",
        "AUTH LOGIN PLAIN",  # the real one adds XOAUTH and XOAUTH2, for Tencent's own clients
        "AUTH=LOGIN",
        "8BITMIME",  # the real one adds MAILCOMPRESS, which nobody documents
    ),
    username="10001@qq.com",
    password="abcdefghijklmnop",  # noqa: S106 - a 授权码 is 16 small letters
    domain="qq.com",
    security="tls",
    size_octets=73_400_320,
    shows_auth_early=True,
    bare_username=True,
    passwords={
        "abnormal": (
            "535 Login fail. Account is abnormal, service is not open, password is incorrect, "
            "login frequency limited, or system is busy. More information at "
            "https://help.mail.qq.com/detail/0/1010"
        ),
    },
    sender_rule="mail",
    sender_header=(
        '550 The "From" header is missing or invalid. Please follow RFC5322, RFC2047, RFC822 '
        "standard protocol. https://service.mail.qq.com/detail/124/995."
    ),
    replies=Replies(
        starttls="220 Ready to start TLS",
        auth_ok="235 Authentication successful",
        auth_wrong=_QQ_LOGIN,
        auth_not_encrypted="530 Must issue a STARTTLS command first.",
        auth_needed="530 Authentication required",
        mail_ok="250 OK.",
        mail_wrong="501 Mail from address must be same as authorization user.",
        rcpt_ok="250 OK",
        rcpt_unknown=(
            "550 Mailbox not found. "
            "http://service.mail.qq.com/cgi-bin/help?subtype=1&&id=20022&&no=1000728"
        ),
        rcpt_full="452 Mailbox full",  # ours
        rcpt_later="450 Mailbox unavailable, try again later",  # ours
        rcpt_greylisted="451 Greylisted, try again later",  # ours
        data_go="354 End data with <CR><LF>.<CR><LF>.",
        data_ok="250 OK: queued as.",
        data_spam=(
            "550 Mail content denied. "
            "http://service.mail.qq.com/cgi-bin/help?subtype=1&&id=20022&&no=1000726"
        ),
        too_big="552 Message size exceeds fixed maximum message size",
        bare_line_end="550 Bare CR or LF in the message",
        line_too_long="500 Line too long",
        quota=(
            "550 Sender frequency limited. "
            "http://service.mail.qq.com/cgi-bin/help?subtype=1&&id=20022&&no=1000723"
        ),
        rate=(
            "550 Sender frequency limited. "
            "http://service.mail.qq.com/cgi-bin/help?subtype=1&&id=20022&&no=1000723"
        ),
        too_many=(
            "550 Connection frequency limited. "
            "http://service.mail.qq.com/cgi-bin/help?subtype=1&&id=20022&&no=1000722"
        ),
        reset="250 OK",
        noop="250 OK",
        quit="221 Bye.",
    ),
)

# https://support.google.com/a/answer/3726730 (Gmail SMTP errors and codes) and published sessions.
# Gmail also offers CHUNKING and OAUTHBEARER; the simulator offers only what it does.
GMAIL = Profile(
    name="gmail",
    about="Gmail",
    host="smtp.gmail.com",
    ident="ESMTP {id} - gsmtp",
    hello="{host} at your service, [{peer}]",
    extensions=(
        "SIZE 35882577",
        "8BITMIME",
        "STARTTLS",
        "AUTH LOGIN PLAIN XOAUTH2",
        "ENHANCEDSTATUSCODES",
        "PIPELINING",
        "SMTPUTF8",
    ),
    username="postroad@gmail.com",
    password="abcdefghijklmnop",  # noqa: S106 - an app password is 16 small letters
    token="gmail-access-token",  # noqa: S106
    domain="gmail.com",
    size_octets=35_882_577,
    spaces_in_password=True,
    passwords={
        "ordinary": (
            "534-5.7.9 Application-specific password required. For more information, go to\n"
            "534 5.7.9  https://support.google.com/mail/?p=InvalidSecondFactor {id} - gsmtp"
        ),
        "browser": (
            "534-5.7.14 Please log in with your web browser and then try again. For more\n"
            "534-5.7.14 information, go to\n"
            "534 5.7.14  https://support.google.com/mail/?p=WebLoginRequired {id} - gsmtp"
        ),
        "often": "454 4.7.0 Too many login attempts, please try again later. {id} - gsmtp",
    },
    last_challenge='{"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}',
    always_challenges=True,
    quota_at="data",
    replies=Replies(
        auth_ok="235 2.7.0 Accepted",
        auth_wrong=(
            "535-5.7.8 Username and Password not accepted. For more information, go to\n"
            "535 5.7.8  https://support.google.com/mail/?p=BadCredentials {id} - gsmtp"
        ),
        auth_not_encrypted=(
            "530-5.7.0 Must issue a STARTTLS command first. For more information, go to\n"
            "530 5.7.0  https://support.google.com/a/answer/3221692 {id} - gsmtp"
        ),
        auth_needed=(
            "530-5.7.0 Authentication Required. For more information, go to\n"
            "530 5.7.0  https://support.google.com/mail/?p=WantAuthError {id} - gsmtp"
        ),
        refused_token=(  # noqa: S106 - a reply
            "535-5.7.8 Username and Password not accepted. For more information, go to\n"
            "535 5.7.8  https://support.google.com/mail/?p=BadCredentials {id} - gsmtp"
        ),
        mail_ok="250 2.1.0 OK {id} - gsmtp",
        rcpt_ok="250 2.1.5 OK {id} - gsmtp",
        rcpt_unknown=(
            "550-5.1.1 The email account that you tried to reach does not exist. Please try\n"
            "550-5.1.1 double-checking the recipient's email address for typos or\n"
            "550-5.1.1 unnecessary spaces. For more information, go to\n"
            "550 5.1.1  https://support.google.com/mail/?p=NoSuchUser {id} - gsmtp"
        ),
        rcpt_full=(
            "452-4.2.2 The recipient's inbox is out of storage space. For more information,\n"
            "452 4.2.2 go to https://support.google.com/mail/?p=OverQuotaTemp {id} - gsmtp"
        ),
        rcpt_later=(
            "450-4.2.1 The user you are trying to contact is receiving mail too quickly.\n"
            "450-4.2.1 Please resend your message at a later time. For more information, go to\n"
            "450 4.2.1  https://support.google.com/mail/?p=ReceivingRate {id} - gsmtp"
        ),
        data_go="354 Go ahead {id} - gsmtp",
        data_ok="250 2.0.0 OK {id} - gsmtp",
        data_spam=(
            "552-5.7.0 This message was blocked because its content presents a potential\n"
            "552-5.7.0 security issue. To review our message content and attachment content\n"
            "552 5.7.0 guidelines, go to https://support.google.com/mail/?p=BlockedMessage "
            "{id} - gsmtp"
        ),
        too_big=(
            "552-5.3.4 Your message exceeded Google's message size limits. To view our message\n"
            "552-5.3.4 size guidelines, go to\n"
            "552 5.3.4  https://support.google.com/mail/?p=MaxSizeError {id} - gsmtp"
        ),
        quota=(
            "550-5.4.5 Daily user sending limit exceeded. For more information on Gmail\n"
            "550-5.4.5 sending limits go to\n"
            "550 5.4.5  https://support.google.com/a/answer/166852 {id} - gsmtp"
        ),
        rate="421 4.7.0 Try again later, closing connection. {id} - gsmtp",
        too_many="454 4.7.0 Too many login attempts, please try again later. {id} - gsmtp",
        reset="250 2.1.5 Flushed {id} - gsmtp",
        quit="221 2.0.0 closing connection {id} - gsmtp",
    ),
)

# learn.microsoft.com (fix issues with printers and apps, SMTP AUTH, retirement of basic
# authentication) and published sessions. The real one also offers BINARYMIME and CHUNKING.
_NODE = "[SL2P216CA0001.KORP216.PROD.OUTLOOK.COM]"
OFFICE365 = Profile(
    name="office365",
    about="Microsoft 365 (Exchange Online)",
    host="SL2P216CA0001.outlook.office365.com",
    ident="Microsoft ESMTP MAIL Service ready at {date}",
    hello="{host} Hello [{peer}]",
    extensions=(
        "SIZE 157286400",
        "PIPELINING",
        "DSN",
        "ENHANCEDSTATUSCODES",
        "STARTTLS",
        "AUTH LOGIN XOAUTH2",
        "8BITMIME",
        "SMTPUTF8",
    ),
    # the account of the source document's CaEmail.json, so that it runs unmodified
    username="user@yourdomain.com",
    password="CHANGE_ME",  # noqa: S106
    token="office365-access-token",  # noqa: S106
    domain="yourdomain.com",
    size_octets=157_286_400,
    passwords={
        "tenant-off": (
            "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the "
            f"Tenant. Visit https://aka.ms/smtp_auth_disabled for more information. {_NODE}"
        ),
        "mailbox-off": (
            "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the "
            f"Mailbox. Visit https://aka.ms/smtp_auth_disabled for more information. {_NODE}"
        ),
        "basic-off": "550 5.7.30 Basic authentication is not supported for Client Submission.",
        "basic-disabled": (
            f"535 5.7.139 Authentication unsuccessful, basic authentication is disabled. {_NODE}"
        ),
        "locked": (
            "535 5.7.139 Authentication unsuccessful, the user credentials were incorrect or the "
            f"account is locked. {_NODE}"
        ),
    },
    last_challenge='{"status":"401","schemes":"Bearer","scope":"https://outlook.office.com/"}',
    sender_rule="final-dot",
    sender_header=(
        "554 5.2.252 SendAsDenied; {account} not allowed to send as {sender}; "
        "STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied; Failed to "
        f"process message due to a permanent exception with message Cannot submit message. {_NODE}"
    ),
    too_many_at="final-dot",
    replies=Replies(
        starttls="220 2.0.0 SMTP server ready",
        auth_ok="235 2.7.0 Authentication successful",
        auth_wrong=(
            f"535 5.7.139 Authentication unsuccessful, the user credentials were incorrect. {_NODE}"
        ),
        auth_not_encrypted=f"530 5.7.57 Client not authenticated to send mail. {_NODE}",
        auth_needed=f"530 5.7.57 Client not authenticated to send mail. {_NODE}",
        basic_off="550 5.7.30 Basic authentication is not supported for Client Submission.",
        refused_token=f"535 5.7.3 Authentication unsuccessful {_NODE}",
        mail_ok="250 2.1.0 Sender OK",
        mail_wrong=(
            "554 5.2.252 SendAsDenied; {account} not allowed to send as {sender}; "
            "STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied; Failed "
            f"to process message due to a permanent exception with message Cannot submit message. "
            f"{_NODE}"
        ),
        rcpt_ok="250 2.1.5 Recipient OK",
        rcpt_unknown=(
            "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient {recipient} not found by SMTP "
            "address lookup"
        ),
        rcpt_full="452 4.2.2 Mailbox full",
        rcpt_later=f"451 4.7.0 Temporary server error. Please try again later. PRX4 {_NODE}",
        data_go="354 Start mail input; end with <CRLF>.<CRLF>",
        data_ok=f"250 2.0.0 OK <{{id}}@prod.outlook.com> {_NODE}",
        data_spam=f"550 5.1.8 Access denied, bad outbound sender AS(42004) {_NODE}",
        too_big="552 5.3.4 Message size exceeds fixed maximum size",
        bare_line_end=(
            "550 5.6.11 SMTPSEND.BareLinefeedsAreIllegal; message contains bare linefeeds, which "
            "cannot be sent via DATA"
        ),
        quota="554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException",
        rate=(
            "421 4.4.2 Message submission rate for this client has exceeded the configured limit "
            f"{_NODE}"
        ),
        too_many=(
            "432 4.3.2 Concurrent connections limit exceeded. Visit "
            f"https://aka.ms/concurrent_sending for more information. {_NODE}"
        ),
        reset="250 2.0.0 Resetting",
        quit="221 2.0.0 Service closing transmission channel",
    ),
)

# A relay like Postfix with postgrey: it asks nobody to log in, and defers what it has not seen.
GREYLIST = Profile(
    name="greylist",
    about="a greylisting relay",
    host="mail.internal.corp",
    ident="ESMTP Postfix",
    hello="{host}",
    extensions=(
        "PIPELINING",
        "SIZE 10485760",
        "STARTTLS",
        "AUTH PLAIN LOGIN",
        "ENHANCEDSTATUSCODES",
        "8BITMIME",
        "DSN",
        "SMTPUTF8",
    ),
    username="mailer@internal.corp",
    password="password",  # noqa: S106 - the local example of the source document
    domain="internal.corp",
    size_octets=10_485_760,
    requires_auth=False,
    greylists=True,
    replies=Replies(
        starttls="220 2.0.0 Ready to start TLS",
        auth_wrong="535 5.7.8 Error: authentication failed: authentication failure",
        mail_ok="250 2.1.0 Ok",
        rcpt_ok="250 2.1.5 Ok",
        rcpt_greylisted=(
            "450 4.2.0 <{recipient}>: Recipient address rejected: Greylisted, "
            "see http://postgrey.schweikert.ch/help/internal.corp.html"
        ),
        data_ok="250 2.0.0 Ok: queued as {id}",
        reset="250 2.0.0 Ok",
        noop="250 2.0.0 Ok",
    ),
)

PROFILES: Mapping[str, Profile] = {
    profile.name: profile for profile in (NAVER, QQ, GMAIL, OFFICE365, GREYLIST)
}

# Local parts that provoke a reply, in every provider's simulator, and what comes of them.
RECIPIENTS: Mapping[str, str] = {
    "unknown": "refused for good: no such user (RCPT)",
    "full": "refused for now: the mailbox is full (RCPT)",
    "later": "refused for now, every time (RCPT)",
    "greylist": "refused for now at the first try of a sender, accepted at the next (RCPT)",
    "slow": "accepted after a pause (RCPT)",
    "spam": "accepted, and the content refused for good (final dot)",
    "quota": "the daily limit is reached (where the provider says so: DATA or final dot)",
    "lost": "taken, and the connection closed instead of a reply to the final dot: in doubt",
}
