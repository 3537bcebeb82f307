"""The JsN-compatible runner: a config file, a script and `send_email`; docs/reference/runner.md."""

from __future__ import annotations

from postroad.scripting.runner import (
    ENDED,
    INTERRUPTED,
    MAX_OUTPUT_OCTETS,
    MAX_SENDS,
    MEMORY_OCTETS,
    THREW,
    TIMEOUT_S,
    UNUSABLE,
    run,
)

__all__ = [
    "ENDED",
    "INTERRUPTED",
    "MAX_OUTPUT_OCTETS",
    "MAX_SENDS",
    "MEMORY_OCTETS",
    "THREW",
    "TIMEOUT_S",
    "UNUSABLE",
    "run",
]
