"""Whether what is kept can work: every app with its relays, looked at without connecting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from postroad.delivery import routing
from postroad.operations.administration.desk import Desk
from postroad.operations.administration.fields import listed
from postroad.operations.administration.relays import needs_leave
from postroad.tenancy.records import App, AppState, Mode, RelayAccount, Route


class Verdict(StrEnum):
    """How bad a finding is."""

    FINE = "fine"
    WARNING = "warning"  # it works, and should be looked at all the same
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one subject, as a sentence."""

    subject: str
    verdict: Verdict
    sentence: str


async def examine(desk: Desk) -> list[Finding]:
    """Return what is to be said of relays and apps; nothing is probed."""
    shared = await desk.directory.relays(None).list()
    apps = await desk.directory.apps.list()
    relays = [*shared]
    of_apps: list[Finding] = []
    for app in apps:
        own = await desk.directory.relays(app.id).list()
        routes = await desk.directory.routes(app.id).list()
        relays += own
        of_apps += _of_app(app, [*own, *shared], routes)
    complete = sum(not relay.username or relay.has_secret for relay in relays)
    return [
        Finding("relays", Verdict.FINE, _complete(complete, len(relays))),
        *(finding for relay in relays for finding in _of_relay(relay)),
        *(of_apps or [Finding("apps", Verdict.FINE, _set_up(len(apps)))]),
    ]


def _of_relay(relay: RelayAccount) -> list[Finding]:
    subject = f"relay {relay.name}"
    if not relay.is_enabled:
        return [Finding(subject, Verdict.FINE, "it is disabled: no mail leaves by it")]
    found = []
    if relay.username and not relay.has_secret:
        found.append(
            Finding(subject, Verdict.WRONG, f"the password of {relay.username} is missing: give it")
        )
    if relay.paused:
        found.append(Finding(subject, Verdict.WARNING, f"it is paused: {relay.paused}"))
    if needs_leave(relay):
        said = f"the password of {relay.username} crosses the network to {relay.host} in the clear"
        verdict = Verdict.WARNING if relay.allow_clear_auth else Verdict.WRONG
        found.append(Finding(subject, verdict, said))
    elif not relay.verify and relay.security != "none":
        said = "it accepts any certificate: anybody on the way can read the mail and the password"
        found.append(Finding(subject, Verdict.WARNING, said))
    return found


def _of_app(app: App, relays: Sequence[RelayAccount], routes: Sequence[Route]) -> list[Finding]:
    subject = f"app {app.name}"
    if app.mode is Mode.CAPTURE or app.state is not AppState.NORMAL:
        return []
    chosen = routing.choose(relays, routes, app.from_)
    if not chosen:
        return [_without_relay(app, relays, routes)]
    found = []
    # As mail is sent: by the first that tells whom it comes from.
    used = next((each for each in chosen if routing.sender_of(app, each) is not None), None)
    if used is None:
        said = f"it has no From, and no account of {_names(chosen)} is an address: give it --from"
        found.append(Finding(subject, Verdict.WRONG, said))
    elif app.from_ is not None and (why := routing.check_sender(app.from_, used)):
        found.append(Finding(subject, Verdict.WRONG, f"{why} (relay {used.name})"))
    if app.mode is Mode.ALLOW_LIST and not app.allow_list:
        said = "its allow-list is empty, so that every mail is captured"
        found.append(Finding(subject, Verdict.WARNING, said))
    return found


def _names(relays: tuple[RelayAccount, ...]) -> str:
    return f"relay {listed(relay.name for relay in relays)}"


def _without_relay(app: App, relays: Sequence[RelayAccount], routes: Sequence[Route]) -> Finding:
    """Return what keeps each relay that would carry an app's mail from it."""
    mended = [replace(each, is_enabled=True, paused="", has_secret=True) for each in relays]
    wanted = [each.id for each in routing.choose(mended, routes, app.from_)]
    subject, begins = f"app {app.name}", f"it is {app.mode}, and its nobase callers get 407: "
    if not wanted:
        said = f"{begins}it has no relay yet; `postroad relay create NAME --app {app.id}` makes one"
        return Finding(subject, Verdict.WARNING, said)
    reasons = [_idle(each) for id_ in wanted for each in relays if each.id == id_]
    return Finding(subject, Verdict.WRONG, f"{begins}{', '.join(reasons)}")


def _idle(relay: RelayAccount) -> str:
    """Return why a relay is not used."""
    if not relay.is_enabled:
        return f"relay {relay.name} is disabled"
    if relay.paused:
        return f"relay {relay.name} is paused ({relay.paused})"
    return f"relay {relay.name} has no password"


def _complete(complete: int, number: int) -> str:
    if not number:
        return "there are none"
    of = "" if complete == number else f" of {number:,}"
    are = "relay is" if number == 1 else "relays are"
    return f"{complete:,}{of} {are} complete (nothing was connected; `postroad relay check` does)"


def _set_up(number: int) -> str:
    return {0: "there are none", 1: "1 app is set up"}.get(number, f"{number:,} apps are set up")
