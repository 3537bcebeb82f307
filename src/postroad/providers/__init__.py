"""Presets of mail providers, and what their replies and other failures mean.

Nothing is read from disk before a preset or an explanation is asked for.
"""

from __future__ import annotations

from postroad.providers.catalogue import preset, preset_at, preset_names
from postroad.providers.explainer import Explanation, Source, explain, explain_reason
from postroad.providers.known import KnownReply, ReasonHint
from postroad.providers.language import LANGUAGES, Language, Words, language_of
from postroad.providers.preset import (
    Endpoint,
    FromRule,
    Limits,
    Preset,
    Security,
    Step,
    UserForm,
    UserName,
)
from postroad.providers.ses import ses_smtp_password

__all__ = [
    "LANGUAGES",
    "Endpoint",
    "Explanation",
    "FromRule",
    "KnownReply",
    "Language",
    "Limits",
    "Preset",
    "ReasonHint",
    "Security",
    "Source",
    "Step",
    "UserForm",
    "UserName",
    "Words",
    "explain",
    "explain_reason",
    "language_of",
    "preset",
    "preset_at",
    "preset_names",
    "ses_smtp_password",
]
