"""A private Exim, unpacked rather than installed: all it has in one folder, on loopback ports."""

from __future__ import annotations

import re
import shutil
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
from tests.support.installed import EXIM, has_user, is_root, needs
from tests.support.programs import LOOPBACK, Program

_USER = "Debian-exim"  # compiled into Debian's Exim

needs_exim = needs(
    an_unpacked_Exim=EXIM.is_file(), the_user_Debian_exim=has_user(_USER), root_rights=is_root()
)

# Dropping privileges, it need not start itself again for a delivery: a configuration of its own
# would cost it its rights there.
_CONFIGURATION = r"""
primary_hostname = mail.{domain}
exim_user = {user}
exim_group = {user}
deliver_drop_privilege
spool_directory = {folder}/spool
log_file_path = {folder}/%slog
write_rejectlog = false
pid_file_path = {folder}/pid
keep_environment =
add_environment =
log_selector = +smtp_protocol_error +smtp_syntax_error +smtp_connection +smtp_incomplete_transaction

local_interfaces = {host}
daemon_smtp_ports = {starttls} : {tls} : {lockstep} : {clear}
tls_on_connect_ports = {tls}
tls_certificate = {certificate}
tls_advertise_hosts = *
pipelining_advertise_hosts = ${{if eq{{$received_port}}{{{lockstep}}}{{}}{{*}}}}
auth_advertise_hosts = \
  ${{if or{{{{def:tls_in_cipher}}{{eq{{$received_port}}{{{clear}}}}}}}{{*}}{{}}}}
pipelining_connect_advertise_hosts =
smtputf8_advertise_hosts = *
message_size_limit = {max_octets}
smtp_accept_max = 50
smtp_accept_queue_per_connection = 0
host_lookup =
helo_lookup_domains =
rfc1413_query_timeout = 0s
acl_smtp_rcpt = rcpt
acl_smtp_data = accept

begin acl
rcpt:
  deny  !authenticated = *
        message        = log in first
  deny  !verify        = recipient
        message        = unknown user
  accept

begin routers
boxes:
  driver      = accept
  domains     = {domain}
  local_parts = lsearch;{folder}/boxes
  transport   = maildir

begin transports
maildir:
  driver           = appendfile
  maildir_format
  directory        = {folder}/mail/$local_part_data
  create_directory
  return_path_add
  envelope_to_add
  user             = {user}

begin retry
* * F,1h,10m

begin authenticators
plain:
  driver           = plaintext
  public_name      = PLAIN
  server_prompts   = :
  server_condition = ${{if and{{{{eq{{$auth2}}{{{username}}}}}{{eq{{$auth3}}{{{password}}}}}}}}}
  server_set_id    = $auth2
login:
  driver           = plaintext
  public_name      = LOGIN
  server_prompts   = <| Username: | Password:
  server_condition = ${{if and{{{{eq{{$auth1}}{{{username}}}}}{{eq{{$auth2}}{{{password}}}}}}}}}
  server_set_id    = $auth1
cram_md5:
  driver           = cram_md5
  public_name      = CRAM-MD5
  server_secret    = ${{if eq{{$auth1}}{{{username}}}{{{password}}}fail}}
  server_set_id    = $auth1
"""

_COMPLAINT = re.compile(
    r"synchronization error|protocol error|syntax error|rejected|TLS error|lost|dropped"
    r"|incomplete transaction|authenticator failed|too many|unexpected|timeout|panic| == | \*\* "
)


class Exim(MailServer):
    """A running Exim."""

    def __init__(self, folder: Path, ports: Ports, authority: Authority) -> None:
        super().__init__(ports, authority, mail=folder / "mail")
        self._folder = folder

    def log(self) -> list[str]:
        """Return the log's lines once every session is closed and every message delivered."""
        self._program.until("idle", self._is_idle)
        return self._lines()

    def complaints_in(self, lines: list[str]) -> list[str]:
        """Return those lines with which Exim reports what it did not like."""
        return [line for line in lines if _COMPLAINT.search(line)]

    def start(self) -> None:
        """Start it and wait until it listens."""
        configuration = self._folder / "configuration"
        self._program = Program(EXIM, "-C", configuration, "-bdf", folder=self._folder)
        self._program.until_listening(*self.ports)
        # Those connections of ours are in the log before any other.
        self._program.until("ready", lambda: len(self._opened()) == len(self.ports))

    def stop(self) -> None:
        """Stop it."""
        self._program.stop()

    def _opened(self) -> list[str]:
        return [line for line in self._lines() if "connection count = " in line]

    def _lines(self) -> list[str]:
        log = self._folder / "mainlog"
        return log.read_text("utf-8", "replace").splitlines() if log.exists() else []

    def _is_idle(self) -> bool:
        """Whether no session runs (each is a child of its own) and nothing is queued."""
        spool = self._folder / "spool" / "input"
        return not self._program.children and not (spool.exists() and any(spool.iterdir()))


@contextmanager
def running_exim() -> Iterator[Exim]:
    """An Exim for as long as the context lasts."""
    with open_folder(_USER) as folder:
        authority = Authority(folder)
        ports = Ports.free()
        certificate = authority.issue("localhost")
        shutil.chown(certificate, _USER)
        (folder / "mail").mkdir()
        shutil.chown(folder / "mail", _USER)
        values = {
            "folder": folder,
            "user": _USER,
            "host": LOOPBACK,
            "domain": DOMAIN,
            "max_octets": MAX_OCTETS,
            "certificate": certificate,
            "username": USERNAME,
            "password": PASSWORD,
        }
        (folder / "boxes").write_text("".join(f"{name}: {name}\n" for name in MAILBOXES), "utf-8")
        (folder / "configuration").write_text(_CONFIGURATION.format(**values, **ports._asdict()))
        exim = Exim(folder, ports, authority)
        exim.start()
        try:
            yield exim
        finally:
            exim.stop()
