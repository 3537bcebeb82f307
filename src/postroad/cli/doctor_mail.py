"""What `postroad doctor` says of mail under way: what waits, who failed last, whether it moves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from postroad.delivery.states import State
from postroad.errors import Code

if TYPE_CHECKING:
    from postroad.delivery.messages import Attempt
    from postroad.operations.administration.examination import Finding
    from postroad.wiring import Installation

_LATELY: Final = 500  # of the newest messages, whose attempts are looked at
_LISTED: Final = 10_000  # messages of a state, for the oldest
_WAITING: Final = (State.QUEUED, State.SCHEDULED, State.DEFERRED, State.SENDING)
_LOGIN: Final = frozenset({Code.CONNECT, Code.TLS, Code.AUTH})
_FOR_A_PERSON: Final = {
    State.IN_DOUBT: ("in doubt", "in doubt: mail may have arrived or not"),
    State.HELD: ("held", "held for a person to decide"),
}


async def examine_mail(found: Installation) -> list[Finding]:
    """Return what is to be said of the server, of mail that has not ended, and of relays."""
    from postroad.operations.administration.examination import Finding, Verdict

    number = await found.servers()
    server = server_of(found.folder.lock) if number is None else _several(number)
    findings = [Finding("server", Verdict.FINE, server or "none is running")]
    numbers = {State(state): n for state, n in (await found.core.queue.open_recipients()).items()}
    findings += [
        for_a_person(state, numbers[state], await _oldest(found, state))
        for state in _FOR_A_PERSON
        if numbers.get(state)
    ]
    number = sum(numbers.get(state, 0) for state in _WAITING)
    if number:
        times = [await _oldest(found, state) for state in _WAITING if numbers.get(state)]
        oldest = min((at for at in times if at is not None), default=None)
        findings.append(waiting(number, oldest, is_served=server is not None))
    if not sum(numbers.values()):
        findings.append(Finding("mail", Verdict.FINE, "none waits, is held or is in doubt"))
    findings += _failing(await _last_attempts(found), await _names(found))
    return findings


def for_a_person(state: State, number: int, oldest: datetime | None) -> Finding:
    """Return what is to be said of recipients that somebody has to decide about."""
    from postroad.operations.administration.examination import Finding, Verdict

    subject, what = _FOR_A_PERSON[state]
    said = f"{_recipients(number)} {what}{_since(oldest)}; `postroad message list --state {state}`"
    return Finding(subject, Verdict.WARNING, said)


def waiting(number: int, oldest: datetime | None, *, is_served: bool) -> Finding:
    """Return what is to be said of recipients that are still tried."""
    from postroad.operations.administration.examination import Finding, Verdict

    said = f"{_recipients(number)} waiting to be tried{_since(oldest)}"
    if is_served:
        return Finding("waiting", Verdict.FINE, said)
    return Finding("waiting", Verdict.WARNING, f"{said}, and no server is running that tries them")


def server_of(lock: Path) -> str | None:
    """Return that a server holds the lock of its data folder, None when none does."""
    import fcntl

    try:
        with lock.open("rb") as file:
            try:
                # Given back at once: a server that starts now waits for it for a second.
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                number = file.read(32).decode("ascii", "replace").strip()
                return f"one is running{f' (process {number})' if number.isdecimal() else ''}"
    except OSError:
        return None  # no server has been here
    return None


def _several(number: int) -> str | None:
    """Return that servers are connected to the database, None when none is."""
    return f"{'one is' if number == 1 else f'{number} are'} connected" if number else None


async def _oldest(found: Installation, state: State) -> datetime | None:
    """Return when the oldest message with a recipient in that state came in."""
    from postroad.operations.ports import MessageFilter

    listed = await found.messages.page(MessageFilter(state=state), before=None, limit=_LISTED)
    return listed[-1].created_at if listed else None


async def _last_attempts(found: Installation) -> dict[str, Attempt]:
    """Return the last attempt of each relay that has ended, among those at the newest messages."""
    from postroad.operations.ports import MessageFilter

    last: dict[str, Attempt] = {}
    for message in await found.messages.page(MessageFilter(), before=None, limit=_LATELY):
        for attempt in await found.mail.attempts(message.app_id, message.id):
            known = last.get(attempt.relay_id or "")
            if attempt.relay_id is None or attempt.code is None:
                continue
            if known is None or attempt.started_at > known.started_at:
                last[attempt.relay_id] = attempt
    return last


async def _names(found: Installation) -> dict[str, str]:
    """Return the names of the relays that are enabled, by id."""
    owners = [None, *(app.id for app in await found.directory.apps.list())]
    return {
        relay.id: relay.name
        for owner in owners
        for relay in await found.directory.relays(owner).list()
        if relay.is_enabled
    }


def _failing(last: Mapping[str, Attempt], names: Mapping[str, str]) -> Iterator[Finding]:
    """Yield the relays that could not be reached or logged in to when they were used last."""
    from postroad.cli.records import moment
    from postroad.operations.administration.examination import Finding, Verdict

    for relay_id, name in names.items():
        attempt = last.get(relay_id)
        if attempt is None or attempt.code not in _LOGIN:
            continue
        why = attempt.error or attempt.code.word
        said = f"its last attempt, at {moment(attempt.started_at)} UTC, failed: {why}; "
        said += f"`postroad relay check {relay_id}` tries it"
        yield Finding(f"relay {name}", Verdict.WARNING, said)


def _recipients(number: int) -> str:
    return "1 recipient" if number == 1 else f"{number:,} recipients"


def _since(oldest: datetime | None) -> str:
    from postroad.cli.records import moment

    return f", the oldest since {moment(oldest)} UTC" if oldest else ""
