"""The library's check of a relay, as the operations ask for it."""

from __future__ import annotations

from postroad.frontdoor import checking
from postroad.message import Address
from postroad.operations.management.probing import Certificate, Checked, Step
from postroad.transport.relay import Relay


def check(
    relay: Relay, *, from_: Address | None, to: Address | None, timeout: float, lang: str
) -> Checked:
    """Return what a check of the relay found; it blocks, `timeout` seconds at most."""
    report = checking.check(relay, from_=from_, to=to, timeout=timeout, lang=lang)
    result, shown = report.result, report.certificate
    return Checked(
        is_ok=bool(report),
        code=result.code,
        error=result.error,
        hint=result.hint,
        phase=result.phase,
        steps=[
            Step(
                each.phase,
                each.ok,
                None if each.ok is None else round(each.seconds * 1_000, 1),
                each.detail,
            )
            for each in report.steps
        ],
        certificate=Certificate(shown.subject, shown.issuer, shown.expires) if shown else None,
        extensions=report.extensions.keywords,
        transcript=result.transcript,
    )
