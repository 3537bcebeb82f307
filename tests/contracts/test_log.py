"""The port `SendLog`: every request, with what became of its message."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.contracts.mail_stores import (
    APP,
    NOW,
    OTHER,
    Runner,
    Stores,
    entry,
    held,
    message,
    settlement,
)

from postroad.delivery.messages import LogEntry
from postroad.delivery.states import FINAL, State


async def write(stores: Stores, *entries: LogEntry) -> None:
    for each in entries:
        await stores.mail.log(each)


def test_entries_come_back_as_they_were_written_the_oldest_first(run: Runner) -> None:
    given = [
        entry(
            title="标题 한글 \N{GRINNING FACE}", recipient=" Bo@B.example ", account="13800138000"
        ),
        entry(OTHER, ip="2001:db8::1", door="danbee-gmail", reason="邮箱格式错误!"),
        entry("", status="failed"),
    ]

    async def scenario(stores: Stores) -> None:
        await write(stores, *given)

        assert await stores.logged() == given

    run(scenario)


def test_of_many_the_newest_come_and_after_one_the_next(run: Runner) -> None:
    given = [entry() for _ in range(7)]

    async def scenario(stores: Stores) -> None:
        await write(stores, *given)

        assert await stores.logged(3) == given[4:]
        assert await stores.logged(3, after=given[1].id) == given[2:5]
        assert await stores.logged(3, after=given[5].id) == given[6:]
        assert await stores.logged(3, after=given[6].id) == []
        assert await stores.logged(3, after="") == given[:3]

    run(scenario)


def test_who_follows_the_log_misses_nothing_that_was_stored_late(run: Runner) -> None:
    early, late = entry(), entry()

    async def scenario(stores: Stores) -> None:
        await write(stores, late)
        first = await stores.logged()
        await write(stores, early)

        assert first == [late]
        assert await stores.logged(after=late.id) == [early]

    run(scenario)


def test_after_an_entry_that_is_gone_the_log_goes_on_where_it_was(run: Runner) -> None:
    given = [entry() for _ in range(3)]
    gone = entry()
    rest = [entry() for _ in range(2)]

    async def scenario(stores: Stores) -> None:
        await write(stores, *given, *rest)

        assert await stores.logged(after=gone.id) == rest

    run(scenario)


@pytest.mark.parametrize("app_id", [None, APP, OTHER, "none"])
@pytest.mark.parametrize("to", [None, "a@a.example", "A@a.example"])
@pytest.mark.parametrize("status", [None, "refused", "failed", "sent"])
@pytest.mark.parametrize("after", [None, 3])
def test_only_what_is_asked_for_comes(
    run: Runner, app_id: str | None, to: str | None, status: str | None, after: int | None
) -> None:
    given = [
        entry(each_app, recipient=recipient, status=each_status)
        for each_status in ("refused", "failed")
        for recipient in ("a@a.example", "b@b.example")
        for each_app in (APP, OTHER)
    ]

    async def scenario(stores: Stores) -> None:
        await write(stores, *given)
        which = {"app_id": app_id, "to": to, "status": status}
        which |= {"after": None if after is None else given[after].id}
        asked: dict[str, Any] = {name: value for name, value in which.items() if value is not None}

        assert await stores.logged(**asked) == [
            each
            for number, each in enumerate(given)
            if app_id in {None, each.app_id}
            and to in {None, each.recipient}
            and status in {None, each.status}
            and (after is None or number > after)
        ]

    run(scenario)


ACCEPTED, CAPTURED, BOUNCED = State.ACCEPTED, State.CAPTURED, State.BOUNCED


@pytest.mark.parametrize(
    ("states", "status"),
    [
        ((ACCEPTED, ACCEPTED), "sent"),
        ((CAPTURED, CAPTURED), "captured"),
        ((ACCEPTED, CAPTURED), "sent"),
        ((State.SCHEDULED, ACCEPTED), "queued"),
        ((State.QUEUED, BOUNCED), "queued"),
        ((State.DEFERRED, State.IN_DOUBT), "queued"),
        ((State.IN_DOUBT, State.HELD), "in_doubt"),
        ((State.HELD, BOUNCED), "held"),
        ((ACCEPTED, BOUNCED), "failed"),
        ((CAPTURED, State.EXPIRED), "failed"),
        *(((state, state), "failed") for state in sorted(FINAL - {ACCEPTED, CAPTURED})),
    ],
)
def test_an_entry_has_the_status_of_its_message(
    run: Runner, states: tuple[State, State], status: str
) -> None:
    async def scenario(stores: Stores) -> None:
        given = await stores.put(message("a@a.example", "b@b.example"))
        (before,) = await stores.logged()
        claim = held(given)
        await stores.queue.settle(claim, settlement(claim, *states, due=NOW))
        (after,) = await stores.logged()

        assert before.status == "sending"
        assert after.status == status
        assert await stores.logged(status=status) == [after]
        assert await stores.logged(status="sending") == []
        assert await stores.logged(app_id=APP, to=after.recipient, status=status) == [after]

    run(scenario)


@pytest.mark.parametrize(
    ("written", "error", "reason"),
    [
        ("", "AUTH was refused: 535 no", "AUTH was refused: 535 no"),
        ("", "", "550 2.0.0 said of b@b.example"),
        ("邮箱格式错误!", "AUTH was refused: 535 no", "邮箱格式错误!"),
    ],
    ids=["of-the-attempt", "of-the-reply", "as-it-was-answered"],
)
def test_a_failed_message_has_its_reason_in_the_log(
    run: Runner, written: str, error: str, reason: str
) -> None:
    async def scenario(stores: Stores) -> None:
        to = ("a@a.example", "b@b.example", "c@c.example")
        given = await stores.put(message(*to), reason=written)
        first = held(given)
        states = (ACCEPTED, State.DEFERRED, State.DEFERRED)
        await stores.queue.settle(first, settlement(first, *states, due=NOW, error="not now"))
        (last,) = await stores.claim()
        await stores.queue.settle(last, settlement(last, BOUNCED, BOUNCED, error=error))
        (found,) = await stores.logged()

        assert (found.status, found.reason) == ("failed", reason)

    run(scenario)


def test_a_message_says_why_it_waits_until_it_went(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        given = await stores.put(message(state=State.QUEUED))
        (first,) = await stores.claim()
        await stores.queue.settle(first, settlement(first, State.DEFERRED, due=NOW, error="later"))
        (waiting,) = await stores.logged()
        (second,) = await stores.claim()
        await stores.queue.settle(second, settlement(second, ACCEPTED))
        (sent,) = await stores.logged()

        assert (waiting.status, waiting.reason) == ("queued", "later")
        assert (sent.status, sent.reason) == ("sent", "")
        assert sent.message_id == given.id

    run(scenario)


def test_the_entry_of_a_message_that_was_erased_stays_as_it_was_written(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        await stores.put(message(state=CAPTURED), status="captured")
        (before,) = await stores.logged()
        await stores.database.execute("DELETE FROM message")

        assert await stores.logged() == [before]
        assert await stores.database.read("SELECT count(*) FROM recipient") == [(0,)]

    run(scenario)


def test_an_id_of_another_app_tells_nothing(run: Runner) -> None:
    mine, other = entry(APP), entry(OTHER)

    async def scenario(stores: Stores) -> None:
        await write(stores, other, mine, replace(other, id=entry().id))

        assert await stores.logged(app_id=APP, after=other.id) == [mine]

    run(scenario)
