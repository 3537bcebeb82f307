"""A private Postfix: configuration, queue, log and mailboxes in one folder, on loopback ports."""

from __future__ import annotations

import itertools
import pwd
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.peers.server import (
    DOMAIN,
    MAILBOXES,
    MAX_OCTETS,
    PASSWORD,
    USERNAME,
    MailServer,
    Ports,
)
from tests.support.certificates import Authority
from tests.support.folders import open_folder
from tests.support.installed import found, has_user, is_root, needs
from tests.support.programs import LOOPBACK, Program

needs_postfix = needs(
    Postfix=bool(found("postfix")),
    saslpasswd2=bool(found("saslpasswd2")),
    the_user_postfix=has_user("postfix"),
    root_rights=is_root(),
)

# Strict where the default is lenient, so that an error of ours is seen; silent where a test
# machine has no network; Bcc is kept, so that a leaked one shows.
_MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
myhostname = mail.{domain}
mydestination =
alias_maps =
mynetworks =
inet_protocols = ipv4
smtpd_peername_lookup = no
local_header_rewrite_clients =
message_drop_headers =
message_size_limit = {max_octets}
in_flow_delay = 0

smtpd_forbid_unauth_pipelining = yes
smtpd_forbid_bare_newline = yes
smtpd_data_restrictions = reject_unauth_pipelining
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions = reject_unlisted_recipient, permit_sasl_authenticated, reject
smtpd_helo_required = yes
smtpd_delay_reject = yes
smtpd_error_sleep_time = 0

smtpd_sasl_auth_enable = yes
smtpd_sasl_path = smtpd
cyrus_sasl_config_path = {folder}/etc/sasl
smtpd_tls_auth_only = yes
smtpd_tls_security_level = may
smtpd_tls_chain_files = {certificate}

virtual_mailbox_domains = {domain}
virtual_mailbox_maps = texthash:{folder}/mailboxes
virtual_mailbox_base = {folder}/mail
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
"""

_MASTER = """
{host}:{starttls} inet n - n - - smtpd
{host}:{tls}      inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
{host}:{lockstep} inet n - n - - smtpd -o smtpd_discard_ehlo_keywords=pipelining,silent-discard
{host}:{clear}    inet n - n - - smtpd -o smtpd_tls_auth_only=no
cleanup   unix n - n - 0 cleanup
qmgr      unix n - n 300 1 qmgr
tlsmgr    unix - - n 1000? 1 tlsmgr
rewrite   unix - - n - - trivial-rewrite
bounce    unix - - n - 0 bounce
defer     unix - - n - 0 bounce
trace     unix - - n - 0 bounce
proxymap  unix - - n - - proxymap
error     unix - - n - - error
retry     unix - - n - - error
virtual   unix - n n - - virtual
anvil     unix - - n - 1 anvil
postlog   unix-dgram n - n - 1 postlogd
"""

_SASL = """
pwcheck_method: auxprop
auxprop_plugin: sasldb
sasldb_path: {folder}/etc/sasl/passwords
mech_list: PLAIN LOGIN CRAM-MD5
"""

_COMPLAINT = re.compile(
    r"warning:|error:|fatal:|panic:|improper command|bare <LF>|lost connection|timeout after"
    r"|too many errors|non-SMTP|reject:|status=(?!sent)|SSL_accept"
)
_OPENED, _CLOSED = re.compile(r": connect from "), re.compile(r": disconnect from ")
_QUEUES = ("maildrop", "incoming", "active", "deferred")


class Postfix(MailServer):
    """A running Postfix."""

    def __init__(self, folder: Path, ports: Ports, authority: Authority) -> None:
        super().__init__(ports, authority, mail=folder / "mail")
        self._folder = folder
        self._log = folder / "log"
        self._marks = itertools.count(1)

    def log(self) -> list[str]:
        """Return the log's lines once every session is closed and every message delivered."""
        self._program.until("idle", self._is_idle)
        return self._lines()

    def complaints_in(self, lines: list[str]) -> list[str]:
        """Return those lines with which Postfix reports what it did not like."""
        return [line for line in lines if _COMPLAINT.search(line)]

    def start(self) -> None:
        """Start it and wait until it listens."""
        etc = self._folder / "etc"
        daemons = Path(_run("postconf", "-c", etc, "-h", "daemon_directory").strip())
        _run("postfix", "-c", etc, "check")
        self._program = Program(daemons / "master", "-c", etc, "-s", folder=self._folder)
        self._program.until_listening(*self.ports)
        # Those connections of ours are in the log before any other.
        self._program.until("ready", lambda: _count(_CLOSED, self._lines()) == len(self.ports))

    def stop(self) -> None:
        """Stop it."""
        self._program.stop()

    def _is_idle(self) -> bool:
        queued = (
            file
            for queue in _QUEUES
            for file in (self._folder / "queue" / queue).rglob("*")
            if file.is_file()
        )
        if next(queued, None) is not None:
            return False
        # A mark in the log: what was said before it stands before it.
        mark = f"mark {next(self._marks)}."
        _run("postlog", "-c", self._folder / "etc", mark)
        self._program.until("logging", lambda: mark in self._text())
        lines = self._lines()
        return _count(_OPENED, lines) == _count(_CLOSED, lines)

    def _text(self) -> str:
        return self._log.read_text("utf-8", "replace") if self._log.exists() else ""

    def _lines(self) -> list[str]:
        return [line for line in self._text().splitlines() if ": mark " not in line]


def _count(pattern: re.Pattern[str], lines: list[str]) -> int:
    return sum(1 for line in lines if pattern.search(line))


@contextmanager
def running_postfix() -> Iterator[Postfix]:
    """A Postfix for as long as the context lasts."""
    with open_folder() as folder:
        authority = Authority(folder)
        ports = Ports.free()
        for name in ("queue", "data", "mail", "etc", "etc/sasl"):
            (folder / name).mkdir()
        shutil.chown(folder / "data", "postfix")
        shutil.chown(folder / "mail", "nobody")
        _configure(folder, ports, authority)
        postfix = Postfix(folder, ports, authority)
        postfix.start()
        try:
            yield postfix
        finally:
            postfix.stop()


def _configure(folder: Path, ports: Ports, authority: Authority) -> None:
    nobody = pwd.getpwnam("nobody")
    values = {
        "folder": folder,
        "domain": DOMAIN,
        "max_octets": MAX_OCTETS,
        "certificate": authority.issue("localhost"),
        "uid": nobody.pw_uid,
        "gid": nobody.pw_gid,
    }
    (folder / "etc" / "main.cf").write_text(_MAIN.format(**values))
    (folder / "etc" / "master.cf").write_text(_MASTER.format(host=LOOPBACK, **ports._asdict()))
    boxes = "".join(f"{name}@{DOMAIN} {name}/\n" for name in MAILBOXES)
    (folder / "mailboxes").write_text(boxes, "utf-8")
    # Debian's Postfix looks for SASL's settings beside its own, others where main.cf says.
    sasl = folder / "etc" / "sasl"
    (sasl / "smtpd.conf").write_text(_SASL.format(**values))
    user, _, realm = USERNAME.partition("@")
    words: list[str | Path] = ["-c", "-p", "-f", sasl / "passwords", "-u", realm, user]
    _run("saslpasswd2", *words, given=PASSWORD)
    shutil.chown(sasl / "passwords", "postfix")


def _run(name: str, *words: str | Path, given: str = "") -> str:
    """Run one of Postfix's or SASL's commands; returns what it prints."""
    return subprocess.check_output([found(name), *words], input=given, text=True)
