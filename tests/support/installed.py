"""Which programs this machine has for the tests, and the reason to skip those it has not."""

from __future__ import annotations

import os
import pwd
import shutil
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]

_PLACES = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"])
_UNPACKED = CHECKOUT / ".check" / "debian"

EXIM = _UNPACKED / "exim4-daemon-light" / "usr" / "sbin" / "exim4"


def found(name: str) -> str:
    """Return the path of the program `name`, "" when this machine has none."""
    return shutil.which(name, path=_PLACES) or ""


def has_user(name: str) -> bool:
    """Whether this machine has a user `name`."""
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def is_root() -> bool:
    """Whether a server that changes users can be started."""
    return os.geteuid() == 0


def needs(**conditions: bool) -> pytest.MarkDecorator:
    """Skip what follows unless every condition holds; the others are named as missing."""
    lacking = [name.replace("_", " ") for name, holds in conditions.items() if not holds]
    reason = f"missing: {', '.join(lacking)} (scripts/install-test-needs)"
    return pytest.mark.skipif(bool(lacking), reason=reason)
