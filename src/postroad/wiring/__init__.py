"""The only place that picks adapters: the service, and what a command works with.

Each is imported when it is asked for: a command needs neither HTTP server nor metrics.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from postroad.wiring.commands import Installation, installation, migrated
    from postroad.wiring.serving import Running, serve

__all__ = ["Installation", "Running", "installation", "migrated", "serve"]

_HOME = {
    "Installation": "commands",
    "installation": "commands",
    "migrated": "commands",
    "Running": "serving",
    "serve": "serving",
}


def __getattr__(name: str) -> object:
    if name in _HOME:
        return getattr(import_module(f"postroad.wiring.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
