"""Known replies and hints as values, and the choice of the one that fits a reply best."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from postroad.errors import Phase, Reason
from postroad.providers.language import Words


@dataclass(frozen=True, slots=True)
class Heard:
    """What a server said, ready to be compared.

    code:     the reply code; when it was not shown, its class times 100, or 0.
    enhanced: the enhanced status code such as "5.7.1", or "".
    text:     lower case, runs of white space as one space, bounded.
    """

    code: int
    enhanced: str
    text: str
    phase: Phase | None
    is_code_known: bool = True


@dataclass(frozen=True, slots=True)
class KnownReply:
    """One known reply with its cause and remedy; what is empty matches everything.

    texts:     lower-case parts of the reply's text; any one of them is enough.
    temporary: overrides the rule that 4yz is temporary and 5yz is not.
    auth:      the reply speaks about the login itself.
    later:     the remedy when 4.x.y says that it may pass; None: the common one, then `remedy`.
    """

    cause: Words
    remedy: Words
    codes: tuple[int, ...] = ()
    enhanced: str = ""
    texts: tuple[str, ...] = ()
    phases: tuple[Phase, ...] = ()
    temporary: bool | None = None
    auth: bool = False
    later: Words | None = None

    def fit(self, heard: Heard) -> tuple[int, bool, bool, bool] | None:
        """Return how closely this fits, text before enhanced code before code; None if not."""
        says_more = bool(self.enhanced or self.texts)
        if self.codes and not (heard.code in self.codes if heard.is_code_known else says_more):
            return None
        if self.enhanced and heard.enhanced != self.enhanced:
            return None
        if self.phases and heard.phase is not None and heard.phase not in self.phases:
            return None
        length = max((len(part) for part in self.texts if part in heard.text), default=0)
        if self.texts and not length:
            return None
        at_phase = bool(self.phases) and heard.phase is not None
        return length, bool(self.enhanced), bool(self.codes), at_phase


@dataclass(frozen=True, slots=True)
class ReasonHint:
    """What to do about a failure no reply explains; `port` limits it to that port."""

    reason: Reason
    cause: Words
    remedy: Words
    port: int | None = None


def best_match(known: Iterable[KnownReply], heard: Heard) -> KnownReply | None:
    """Return the known reply that fits best, the first of equals, or None."""
    best: KnownReply | None = None
    best_fit: tuple[int, bool, bool, bool] | None = None
    for candidate in known:
        fit = candidate.fit(heard)
        if fit is not None and (best_fit is None or fit > best_fit):
            best, best_fit = candidate, fit
    return best
