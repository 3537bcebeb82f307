"""The table of settings: parsing, the flags of `serve` and the reference page come from it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from postroad.settings import kinds
from postroad.settings.kinds import Kind

PREFIX = "POSTROAD_"
CONFIG_VARIABLE = "POSTROAD_CONFIG"
PRESET_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting.

    name:     as in the file, with its table: "listen", "ses.region", "presets.NAME.port".
    default:  as it would be written; None for none.
    is_secret: never shown, never a flag; a file that holds it may be named instead.
    is_shown: whether an error may repeat its value; a URL may hold a password.
    """

    name: str
    kind: Kind
    default: str | None
    help: str
    section: str = "Service"
    is_secret: bool = False
    is_shown: bool = True

    @property
    def variable(self) -> str:
        """The environment variable; of a secret also this with _FILE."""
        return PREFIX + self.name.replace(".", "_").upper()

    @property
    def flag(self) -> str:
        """The flag of `serve`; of a secret the one that names its file."""
        return "--" + self.key.replace(".", "-").replace("_", "-")

    @property
    def key(self) -> str:
        """The name under which flags carry it."""
        return f"{self.name}_file" if self.is_secret else self.name


SETTINGS = (
    Setting(
        "listen",
        kinds.LISTEN,
        "127.0.0.1:8025",
        "Address and port to listen on; 0.0.0.0 or [::] is every address, port 0 any free one.",
    ),
    Setting(
        "data_dir",
        kinds.FOLDER,
        "postroad-data",
        "Folder for the database and the key file; made at the first start.",
    ),
    Setting(
        "database",
        kinds.DATABASE,
        None,
        "The database; by default postroad.db in the data folder.",
        is_shown=False,
    ),
    Setting(
        "allow_unsafe_postgresql",
        kinds.SWITCH,
        "off",
        "Whether to serve on a PostgreSQL that can lose what it has confirmed (fsync,"
        " full_page_writes or synchronous_commit off).",
    ),
    Setting(
        "max_body",
        kinds.octets(1 << 10, 256 << 20, shown="from 1KiB to 256MiB"),
        "2MiB",
        "The largest request that is read.",
    ),
    Setting(
        "drain_s",
        kinds.seconds(3_600),
        "30",
        "How long what is under way may take after SIGTERM, in seconds.",
    ),
    Setting(
        "get_door",
        kinds.SWITCH,
        "on",
        "Whether GET may send mail; its parameters stand in the logs of every proxy.",
    ),
    Setting(
        "tls_certificate",
        kinds.FILE,
        None,
        "PEM file with the certificate and its chain: the service then speaks HTTPS.",
        "TLS and proxies",
    ),
    Setting("tls_key", kinds.FILE, None, "PEM file with the certificate's key.", "TLS and proxies"),
    Setting(
        "trusted_proxies",
        kinds.NETWORKS,
        "",
        "Whose X-Forwarded-For is believed; nobody's by default.",
        "TLS and proxies",
    ),
    Setting(
        "per_address_minute",
        kinds.count(1_000_000),
        "0",
        "Requests of one address in a minute; an IPv6 address counts as its /64 network.",
        "Limits",
    ),
    Setting(
        "per_recipient_hour",
        kinds.count(1_000_000),
        "30",
        "Mails of an app to one recipient in an hour through /api/mail/send, unless the app says"
        " otherwise.",
        "Limits",
    ),
    Setting(
        "log_format",
        kinds.one_of("auto", "json", "text"),
        "auto",
        "How events are written to stderr: auto is text on a terminal, else a JSON object a line.",
        "Log",
    ),
    Setting(
        "log_level",
        kinds.one_of("debug", "info", "warning", "error"),
        "info",
        "The least important event that is written.",
        "Log",
    ),
    Setting(
        "ses.region",
        kinds.REGION,
        None,
        "Region of the account that the danbee door awssessender sends through.",
        "Amazon SES",
    ),
    Setting(
        "ses.access_key_id",
        kinds.TEXT,
        None,
        "The account's access key ID.",
        "Amazon SES",
        is_shown=False,
    ),
    Setting(
        "ses.secret",
        kinds.TEXT,
        None,
        "The account's secret access key; the SMTP password is derived from it.",
        "Amazon SES",
        is_secret=True,
        is_shown=False,
    ),
    Setting(
        "ses.senders",
        kinds.SENDERS,
        "",
        "Verified senders: addresses, or @domain for all of a domain.",
        "Amazon SES",
    ),
    Setting(
        "ses.shared_sender",
        kinds.ADDRESS,
        None,
        "A verified address that every app may send from.",
        "Amazon SES",
    ),
)

PRESET_SETTINGS = (
    Setting(
        "presets.NAME.host", kinds.HOST, None, "Where the preset's server is reached.", "Presets"
    ),
    Setting("presets.NAME.port", kinds.PORT, None, "Its port there.", "Presets"),
    Setting(
        "presets.NAME.security",
        kinds.one_of("tls", "starttls", "none"),
        None,
        "How the connection is protected there; by default as at the preset's first port.",
        "Presets",
    ),
    Setting(
        "presets.NAME.cafile",
        kinds.FILE,
        None,
        "PEM file of the authorities to trust instead of the system's.",
        "Presets",
    ),
    Setting(
        "presets.NAME.verify",
        kinds.SWITCH,
        "on",
        "Whether its certificate is checked.",
        "Presets",
    ),
)
"""NAME is that of a preset; these have no flag."""

OTHER_VARIABLES = {
    CONFIG_VARIABLE: "the settings file, where `--config` does not name it",
    "POSTROAD_DEBUG": "`1`: show the traceback of a defect in Postroad",
    "POSTROAD_KEY": "left alone: an API key, where a client keeps it",
}
"""Variables that begin like settings and are none."""

# Kubernetes gives these to every pod when a service is called "postroad".
NOT_OURS = re.compile(
    r"POSTROAD_(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z0-9_]+)?"
    r"|PORT(?:_[0-9]+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?)"
)

_BY_NAME = {setting.name: setting for setting in (*SETTINGS, *PRESET_SETTINGS)}
_PRESET_VARIABLE = re.compile(
    r"POSTROAD_PRESETS_([A-Z0-9]+(?:_[A-Z0-9]+)*)_("
    + "|".join(setting.name.rpartition(".")[2].upper() for setting in PRESET_SETTINGS)
    + ")"
)
_NAMES_OF_VARIABLES = {setting.variable: setting.name for setting in SETTINGS} | {
    f"{setting.variable}_FILE": setting.key for setting in SETTINGS if setting.is_secret
}


def setting_called(name: str) -> tuple[Setting, str] | None:
    """Return a setting and its own name for one that may end in _file; None when there is none.

    name: "listen", "ses.secret_file", "presets.naver.port".
    """
    table, _, rest = name.partition(".")
    if table == "presets":
        preset, _, leaf = rest.rpartition(".")
        found = _BY_NAME.get(f"presets.NAME.{leaf}")
        return (found, name) if found and PRESET_NAME.fullmatch(preset) else None
    if (found := _BY_NAME.get(name)) is not None:
        return found, name
    own = name.removesuffix("_file")
    found = _BY_NAME.get(own)
    return (found, own) if found is not None and found.is_secret else None


def name_of_variable(variable: str) -> str | None:
    """Return the name of the setting that an environment variable carries, None for none."""
    if match := _PRESET_VARIABLE.fullmatch(variable):
        return f"presets.{match[1].lower().replace('_', '-')}.{match[2].lower()}"
    return _NAMES_OF_VARIABLES.get(variable)
