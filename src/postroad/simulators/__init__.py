"""SMTP servers for tests and first steps: five that behave like providers, one that is hostile.

    with simulate("office365") as server:
        … send to server.host, server.port, trusting server.cafile …
        mail = server.wait_for_message()

They listen on loopback and need the extra `postroad[simulators]`.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from postroad.errors import SettingsError

if TYPE_CHECKING:
    from postroad.simulators.misbehaviour.script import Script
    from postroad.simulators.misbehaviour.server import HostileSimulator
    from postroad.simulators.recording import Received, Transcript
    from postroad.simulators.server import Simulator
    from postroad.simulators.serving import serve

NAMES = ("naver", "qq", "gmail", "office365", "greylist", "hostile")

__all__ = [
    "NAMES",
    "HostileSimulator",
    "Received",
    "Script",
    "Simulator",
    "Transcript",
    "hostile",
    "serve",
    "simulate",
]

_HOME = {
    "HostileSimulator": "misbehaviour.server",
    "Received": "recording",
    "Script": "misbehaviour.script",
    "Simulator": "server",
    "Transcript": "recording",
    "serve": "serving",
}


def simulate(name: str, **options: Any) -> Simulator:
    """The simulator of that name, to be used with `with`.

    options: for a provider: host, port (0: any), username, password, token, security, certificate
             ("good", "other-name", "expired", "self-signed", "untrusted"), basic_auth,
             max_connections, per_minute, daily, slow_s, clock, keep, on_message, on_end;
             for "hostile": `behaviours`, a list of names, and what `hostile` takes.
    raises:  SettingsError for an unknown name, a port that is taken, or a missing extra.
    """
    if name not in NAMES:
        raise SettingsError(f"no such simulator: {name}. There are: {', '.join(NAMES)}")
    if name == "hostile":
        behaviours = options.pop("behaviours", ())
        return hostile(*behaviours, **options)
    _require_extra()
    from postroad.simulators.server import simulate_provider

    return simulate_provider(name, **options)


def hostile(*behaviours: str | Script, **options: Any) -> HostileSimulator:
    """The server that misbehaves as named; `misbehaviour.server.hostile` says what it takes."""
    _require_extra()
    from postroad.simulators.misbehaviour.server import hostile as make

    return make(*behaviours, **options)


def _require_extra() -> None:
    missing = [package for package in ("aiosmtpd", "trustme") if find_spec(package) is None]
    if missing:
        raise SettingsError(
            f"the simulators need {' and '.join(missing)}: pip install 'postroad[simulators]'"
        )


def __getattr__(name: str) -> object:
    if name in _HOME:
        from importlib import import_module

        return getattr(import_module(f"postroad.simulators.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
