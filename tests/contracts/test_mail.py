"""The port `Mail`: messages come in whole or not at all, and are seen by their own app only."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from tests.contracts.mail_stores import (
    APP,
    CONTENT,
    MINUTE,
    NOW,
    OTHER,
    Runner,
    Stores,
    entry,
    held,
    intake,
    message,
    settlement,
)

from postroad.delivery.messages import Attempt, Envelope, Intake, Lease, NewMessage, WindowStart
from postroad.delivery.states import State
from postroad.errors import StorageError
from postroad.tenancy.limits import Standing

LEASE = Lease("here", NOW + MINUTE)
WINDOW = WindowStart("session:1", NOW + MINUTE)


def test_a_message_is_read_back_as_it_came_in(run: Runner) -> None:
    given = message(
        "bo@b.example",
        "유나@예.example",
        envelope=Envelope(
            "ann@a.example", ("bo@b.example", "유나@xn--vw4b.example"), True, is_transparent=True
        ),
        door="danbee-naver",
        relay_id="r1",
        is_kept_out_of_retry=True,
    )

    async def scenario(stores: Stores) -> None:
        await stores.put(given)
        found = await stores.get(given)

        for name in ("id", "app_id", "door", "message_id", "from_", "subject", "envelope"):
            assert getattr(found, name) == getattr(given, name)
        assert (found.created_at, found.expires_at) == (given.created_at, given.expires_at)
        assert (found.relay_id, found.is_kept_out_of_retry) == ("r1", True)
        assert found.size_octets == len(CONTENT)
        assert [(each.position, each.address, each.path) for each in found.recipients] == [
            (0, "bo@b.example", "bo@b.example"),
            (1, "유나@예.example", "유나@xn--vw4b.example"),
        ]
        assert {(each.code, each.enhanced, each.text) for each in found.recipients} == {(0, "", "")}
        assert {each.updated_at for each in found.recipients} == {NOW}
        assert await stores.mail.content(APP, given.id) == CONTENT
        assert await stores.mail.find_app(given.id) == APP

    run(scenario)


def test_a_message_sent_at_once_comes_in_with_its_first_attempt_begun(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        given = message(relay_id="r1")
        await stores.mail.accept(
            replace(intake(given, lease=LEASE), attempt_id="attempt-1"), now=NOW
        )
        found = await stores.get(given)

        assert await stores.states(given) == [State.SENDING]
        assert (found.attempts, found.due) == (1, None)
        assert await stores.mail.attempts(APP, given.id) == [
            Attempt("attempt-1", given.id, 1, NOW, None, "r1", None, "", "", "")
        ]

    run(scenario)


def test_an_attempt_that_comes_without_an_id_is_given_one(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        given = await stores.put(message())

        (attempt,) = await stores.mail.attempts(APP, given.id)

        assert attempt.id

    run(scenario)


def test_a_queued_message_is_due_when_it_was_made(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        given = await stores.put(message(state=State.QUEUED))
        found = await stores.get(given)

        assert await stores.states(given) == [State.QUEUED]
        assert (found.attempts, found.due) == (0, NOW)
        assert await stores.mail.attempts(APP, given.id) == []

    run(scenario)


def test_a_captured_message_goes_nowhere(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        given = await stores.put(message(state=State.CAPTURED))
        found = await stores.get(given)

        assert await stores.states(given) == [State.CAPTURED]
        assert (found.attempts, found.due) == (0, None)
        assert await stores.queue.next_due() is None
        assert await stores.mail.content(APP, given.id) == CONTENT

    run(scenario)


def test_some_recipients_are_captured_while_the_others_go(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        given = message("a@a.example", "b@b.example", "c@c.example", captured=frozenset({0, 2}))
        await stores.put(given)

        assert await stores.states(given) == [State.CAPTURED, State.SENDING, State.CAPTURED]
        assert await stores.queue.settle(claim := held(given), settlement(claim, State.ACCEPTED))
        assert await stores.states(given) == [State.CAPTURED, State.ACCEPTED, State.CAPTURED]

    run(scenario)


def test_a_message_whose_recipients_are_all_captured_goes_nowhere(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        given = await stores.put(message(state=State.QUEUED, captured=frozenset({0})))

        assert await stores.states(given) == [State.CAPTURED]
        assert await stores.queue.next_due() is None

    run(scenario)


@pytest.mark.parametrize(
    ("content", "is_smaller"),
    [
        (b"", False),
        (b"x" * 8191, False),
        (b"x" * 8192, True),
        (random.Random(1).randbytes(100_000), False),
        (b"mail " * 200_000, True),
    ],
    ids=["nothing", "short", "long", "compressed-already", "very-long"],
)
def test_content_comes_back_octet_for_octet(run: Runner, content: bytes, is_smaller: bool) -> None:
    async def scenario(stores: Stores) -> None:
        given = await stores.put(message(state=State.QUEUED, content=content))
        kept = (await stores.database.read("SELECT length(octets) FROM content"))[0][0]
        (claim,) = await stores.claim()

        assert await stores.mail.content(APP, given.id) == content
        assert claim.content == content
        assert (await stores.get(given)).size_octets == len(content)
        assert (kept < len(content) / 10) if is_smaller else (kept == len(content))

    run(scenario)


def test_another_app_sees_nothing_of_a_message(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        given = await stores.put(message())

        assert await stores.mail.message(OTHER, given.id) is None
        assert await stores.mail.content(OTHER, given.id) is None
        assert await stores.mail.attempts(OTHER, given.id) == []

    run(scenario)


def test_of_an_unknown_message_there_is_nothing(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        assert await stores.mail.message(APP, "none") is None
        assert await stores.mail.content(APP, "none") is None
        assert await stores.mail.attempts(APP, "none") == []
        assert await stores.mail.find_app("none") is None

    run(scenario)


def test_content_that_was_erased_is_none(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        given = await stores.put(message(state=State.CAPTURED))
        await stores.database.execute("DELETE FROM content")

        assert await stores.mail.content(APP, given.id) is None
        assert (await stores.get(given)).size_octets == len(CONTENT)

    run(scenario)


def test_a_request_without_a_message_is_only_logged(run: Runner) -> None:
    refused = entry(reason="签名校验失败", account="13800138000")

    async def scenario(stores: Stores) -> None:
        await stores.mail.log(refused)

        assert await stores.logged() == [refused]

    run(scenario)


def test_a_message_that_could_not_be_built_starts_its_window_and_is_logged(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        unbuilt = intake(None, windows=(WINDOW,), status="failed", reason="no such charset")

        assert await stores.mail.accept(unbuilt, now=NOW) is None
        assert await stores.logged() == [unbuilt.log]
        again = intake(None, windows=(WINDOW,), status="failed", reason="no such charset")
        assert await stores.mail.accept(again, now=NOW) == WINDOW.until

    run(scenario)


@pytest.mark.parametrize(
    "wrong",
    [
        intake(message()),
        intake(message(state=State.QUEUED), lease=LEASE),
        intake(message(state=State.CAPTURED), lease=LEASE),
        intake(None, lease=LEASE),
        intake(message(state=State.ACCEPTED)),
        intake(message(recipients=(), envelope=Envelope("", ())), lease=LEASE),
        intake(message(envelope=Envelope("", ())), lease=LEASE),
        intake(message(captured=frozenset({1})), lease=LEASE),
        replace(intake(message(app_id=OTHER), lease=LEASE), log=entry(APP)),
    ],
    ids=[
        *("no-lease", "lease-of-queued", "lease-of-captured", "lease-of-nothing", "accepted"),
        *("no-recipients", "no-paths", "captured-nobody", "another-app"),
    ],
)
def test_an_intake_whose_parts_do_not_fit_is_refused(run: Runner, wrong: Intake) -> None:
    async def scenario(stores: Stores) -> None:
        with pytest.raises(ValueError, match=r"\w"):
            await stores.mail.accept(wrong, now=NOW)

        assert await stores.logged() == []
        assert await stores.database.read("SELECT count(*) FROM message") == [(0,)]

    run(scenario)


def test_mail_of_an_unknown_app_is_not_stored_in_part(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        stranger = intake(message(app_id="9999999999"), lease=LEASE, windows=(WINDOW,))

        with pytest.raises(StorageError):
            await stores.mail.accept(stranger, now=NOW)

        for table in ("message", "content", "recipient", "queue", "attempt", "send_log"):
            assert await stores.database.read(f"SELECT count(*) FROM {table}") == [(0,)]
        assert await stores.database.read("SELECT count(*) FROM session_window") == [(0,)]

    run(scenario)


# Windows.


def windowed(*windows: WindowStart, app_id: str = APP) -> tuple[NewMessage, Intake]:
    stored = message(state=State.CAPTURED, app_id=app_id)
    return stored, intake(stored, windows=windows)


def test_while_a_window_is_open_only_the_refusal_is_kept(run: Runner) -> None:
    _, first = windowed(WINDOW)
    second_message, second = windowed(WindowStart(WINDOW.key, NOW + 3 * MINUTE))

    async def scenario(stores: Stores) -> None:
        await stores.mail.accept(first, now=NOW)
        answer = await stores.mail.accept(second, now=NOW + MINUTE / 2)

        assert answer == WINDOW.until
        assert await stores.mail.find_app(second_message.id) is None
        assert [each.id for each in await stores.logged()] == [first.log.id, second.log.id]

    run(scenario)


def test_a_blocked_request_does_not_prolong_the_window(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        await stores.mail.accept(windowed(WINDOW)[1], now=NOW)
        late = WindowStart(WINDOW.key, NOW + 9 * MINUTE)
        await stores.mail.accept(windowed(late)[1], now=NOW + MINUTE / 2)

        assert await stores.mail.accept(windowed(late)[1], now=WINDOW.until) is None

    run(scenario)


def test_a_window_is_over_at_its_end_and_no_microsecond_before(run: Runner) -> None:
    moment = timedelta(microseconds=1)

    async def scenario(stores: Stores) -> list[datetime | Standing | None]:
        await stores.mail.accept(windowed(WINDOW)[1], now=NOW)
        later = WindowStart(WINDOW.key, NOW + 2 * MINUTE)
        return [
            await stores.mail.accept(windowed(later)[1], now=WINDOW.until - moment),
            await stores.mail.accept(windowed(later)[1], now=WINDOW.until),
            await stores.mail.accept(windowed(later)[1], now=WINDOW.until),
        ]

    assert run(scenario) == [WINDOW.until, None, NOW + 2 * MINUTE]


@pytest.mark.parametrize("is_turned", [False, True])
def test_of_several_open_windows_the_last_to_pass_counts(run: Runner, is_turned: bool) -> None:
    session = WindowStart("session:1", NOW + MINUTE)
    user = WindowStart("user:1", NOW + 2 * MINUTE)
    both = (user, session) if is_turned else (session, user)

    async def scenario(stores: Stores) -> list[datetime | Standing | None]:
        await stores.mail.accept(windowed(session)[1], now=NOW)
        await stores.mail.accept(windowed(user)[1], now=NOW)
        return [
            await stores.mail.accept(windowed(*both)[1], now=NOW),
            await stores.mail.accept(windowed(*both)[1], now=session.until),
            await stores.mail.accept(windowed(*both)[1], now=user.until),
        ]

    assert run(scenario) == [user.until, user.until, None]


def test_one_open_window_of_two_blocks_and_does_not_start_the_other(run: Runner) -> None:
    user = WindowStart("user:1", NOW + 5 * MINUTE)

    async def scenario(stores: Stores) -> list[datetime | Standing | None]:
        await stores.mail.accept(windowed(WINDOW)[1], now=NOW)
        return [
            await stores.mail.accept(windowed(WINDOW, user)[1], now=NOW),
            await stores.mail.accept(windowed(user)[1], now=NOW),
        ]

    assert run(scenario) == [WINDOW.until, None]


def test_another_app_has_windows_of_its_own(run: Runner) -> None:
    async def scenario(stores: Stores) -> list[datetime | Standing | None]:
        return [
            await stores.mail.accept(windowed(WINDOW)[1], now=NOW),
            await stores.mail.accept(windowed(WINDOW, app_id=OTHER)[1], now=NOW),
        ]

    assert run(scenario) == [None, None]


def test_of_two_requests_at_the_same_moment_one_is_blocked(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        for number in range(20):
            window = WindowStart(f"session:{number}", NOW + MINUTE)
            answers = await asyncio.gather(
                *(stores.mail.accept(windowed(window)[1], now=NOW) for _ in range(5))
            )

            assert sorted(map(str, answers)) == [str(NOW + MINUTE)] * 4 + ["None"]
        assert await stores.database.read("SELECT count(*) FROM message") == [(20,)]

    run(scenario)


def test_a_window_outlives_the_process(run: Runner) -> None:
    async def first(stores: Stores) -> datetime | Standing | None:
        return await stores.mail.accept(windowed(WINDOW)[1], now=NOW)

    async def second(stores: Stores) -> datetime | Standing | None:
        return await stores.mail.accept(windowed(WINDOW)[1], now=NOW + MINUTE / 2)

    assert run(first) is None
    assert run(second) == WINDOW.until


def test_windows_that_have_passed_are_forgotten(run: Runner) -> None:
    async def scenario(stores: Stores) -> int:
        for number in range(1000):
            now = NOW + number * timedelta(seconds=1)
            window = WindowStart(f"session:{number}", now + MINUTE)
            await stores.mail.accept(intake(None, windows=(window,)), now=now)
        kept: int = (await stores.database.read("SELECT count(*) FROM session_window"))[0][0]
        return kept

    assert run(scenario) < 60 + 64 + 1
