"""Renders docs/reference/presets.md from the presets themselves.

Run it after a change of the data:  python -m tests.providers.render_presets --write
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from postroad.providers import FromRule, preset, preset_names

if TYPE_CHECKING:
    from postroad.providers import Endpoint, Preset

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "presets.md"

_INTRO = """\
# Presets

A preset fills in host, port and security, knows what the provider wants as user name and
password, and explains the provider's replies. `postroad presets NAME` shows the set-up steps in
your language. Written by `python -m tests.providers.render_presets --write`; a test compares this
page with the data in `src/postroad/providers/data/`.

The first port is the default; `security="starttls"` or `"tls"` picks another.

| preset | provider | host | port | user name | password | From | limits |
|---|---|---|---|---|---|---|---|
"""

_NOTES = """
**From** `account`: only the account's own address. `verified`: the account's address and others
that are verified or allowed at the provider.

**Limits** are those the provider publishes for everybody; a plan or an organisation may set others.

- `ses` needs a region: `Relay.preset("ses", region="us-east-1", …)`. From an IAM secret access key,
  `postroad.providers.ses_smtp_password(secret_access_key, region)` derives the SMTP password.
- `gmail` works over SMTP with an app password or with OAuth 2 (XOAUTH2), whatever older
  instructions say.
- `outlook` takes OAuth 2 tokens only, and `office365` is dropping passwords too.
- `sendgrid` and `resend` have one user name for everybody, which the preset fills in.
- `postmark` has no port 465: a connection there hangs.
"""


def render() -> str:
    """Return the whole page."""
    rows = "".join(_row(preset(name)) for name in preset_names())
    scopes = "".join(
        f"| `{name}` | `{preset(name).oauth_scope}` |\n"
        for name in preset_names()
        if preset(name).oauth_scope
    )
    return f"{_INTRO}{rows}{_NOTES}\n## OAuth 2 scopes\n\n| preset | scope |\n|---|---|\n{scopes}"


def _row(shown: Preset) -> str:
    hosts = dict.fromkeys(f"`{endpoint.host}`" for endpoint in shown.endpoints)
    cells = (
        f"`{shown.name}`",
        shown.title.en,
        ", ".join(hosts),
        ", ".join(_port(endpoint) for endpoint in shown.endpoints),
        f"{shown.user.label.en} (`{shown.user.example}`)",
        shown.secret.en,
        f"`{FromRule(shown.from_rule)}`",
        shown.limits.note.en.rstrip(".") if shown.limits.note else "",
    )
    return f"| {' | '.join(cells)} |\n"


def _port(endpoint: Endpoint) -> str:
    return f"{endpoint.port} {'TLS' if endpoint.security == 'tls' else 'STARTTLS'}"


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(render(), encoding="utf-8")
    else:
        sys.stdout.write(render())
