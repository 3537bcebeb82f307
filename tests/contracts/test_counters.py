"""Limits: what counts, counts once, in every process, and only while the window lasts."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from tests.contracts.counting import (
    LIMITS,
    MOST,
    in_a_day,
    stored,
    stored_by_processes,
    to_recipient,
)
from tests.contracts.mail_stores import (
    APP,
    MINUTE,
    NOW,
    OTHER,
    Runner,
    Stores,
    intake,
    message,
)
from tests.contracts.test_mail_plans import scans, traced

from postroad.delivery.messages import Intake, Lease, WindowStart
from postroad.delivery.states import State
from postroad.errors import StorageError
from postroad.storage.counters import FORGET_EVERY, CounterStore
from postroad.tenancy.limits import CLOCKS_APART, Kind, Limit, Standing

HOUR = timedelta(hours=1)
TICK = timedelta(microseconds=1)


def counted(*limits: Limit, app_id: str = APP, windows: tuple[WindowStart, ...] = ()) -> Intake:
    """Return the intake of a message that counts for limits."""
    given = message(state=State.CAPTURED, app_id=app_id)
    return replace(intake(given), limits=limits, windows=windows)


async def counters(stores: Stores) -> list[tuple[str, str, int]]:
    rows = await stores.database.read(
        "SELECT app_id, key, count FROM quota_counter WHERE count > 0 ORDER BY app_id, key"
    )
    return [(str(app_id), str(key), int(count)) for app_id, key, count in rows]


async def messages(stores: Stores) -> int:
    return int((await stores.database.read("SELECT count(*) FROM message"))[0][0])


# Messages: by the shorter way that one limit takes, and by the longer one of several.


def test_a_message_is_told_what_is_left_and_one_too_many_only_logged(run: Runner) -> None:
    limit = to_recipient(2)

    async def scenario(stores: Stores) -> None:
        answers = [await stores.mail.accept(counted(limit), now=NOW) for _ in range(3)]

        assert answers == [
            Standing(Kind.RECIPIENT, 2, 1, 3_600),
            Standing(Kind.RECIPIENT, 2, 0, 3_600),
            Standing(Kind.RECIPIENT, 2, 0, 3_600, is_over=True),
        ]
        assert await messages(stores) == 2
        assert await counters(stores) == [(APP, limit.key, 2)]
        assert [(each.status, each.reason) for each in await stores.logged()] == [
            ("captured", ""),
            ("captured", ""),
            ("refused", "over_limit: recipient"),
        ]
        assert (await stores.logged())[-1].message_id is None

    run(scenario)


def test_of_several_limits_the_tightest_is_told_and_the_first_reached_refuses(run: Runner) -> None:
    day, recipient = in_a_day(2), to_recipient(9)

    async def scenario(stores: Stores) -> None:
        answers = [await stores.mail.accept(counted(day, recipient), now=NOW) for _ in range(3)]

        assert answers == [
            Standing(Kind.DAY, 2, 1, 3_600),
            Standing(Kind.DAY, 2, 0, 3_600),
            Standing(Kind.DAY, 2, 0, 3_600, is_over=True),
        ]
        assert await counters(stores) == [(APP, "day", 2), (APP, recipient.key, 2)]
        assert (await stores.logged())[-1].reason == "over_limit: day"

    run(scenario)


def test_what_one_limit_refuses_counts_for_no_other(run: Runner) -> None:
    day, recipient = in_a_day(9), to_recipient(1)

    async def scenario(stores: Stores) -> None:
        await stores.mail.accept(counted(day, recipient), now=NOW)
        for _ in range(3):
            answer = await stores.mail.accept(counted(day, recipient), now=NOW)
            assert isinstance(answer, Standing)
            assert (answer.kind, answer.is_over) == (Kind.RECIPIENT, True)

        assert await counters(stores) == [(APP, "day", 1), (APP, recipient.key, 1)]

    run(scenario)


@pytest.mark.parametrize("limits", [(to_recipient(1),), (in_a_day(9), to_recipient(1))])
def test_a_window_is_over_at_its_end_and_no_microsecond_before(
    run: Runner, limits: tuple[Limit, ...]
) -> None:
    later = tuple(replace(each, until=NOW + 2 * HOUR) for each in limits)

    async def scenario(stores: Stores) -> list[tuple[bool, int]]:
        await stores.mail.accept(counted(*limits), now=NOW)
        found = []
        for now in (NOW + HOUR - TICK, NOW + HOUR, NOW + HOUR, NOW + 2 * HOUR - TICK):
            answer = await stores.mail.accept(counted(*later), now=now)
            assert isinstance(answer, Standing)
            found.append((answer.is_over, answer.seconds))
        return found

    assert run(scenario) == [(True, 1), (False, 3_600), (True, 3_600), (True, 1)]


@pytest.mark.parametrize("limits", [(to_recipient(1),), (in_a_day(9), to_recipient(1))])
def test_a_window_that_a_clock_ahead_has_begun_keeps_nobody_waiting(
    run: Runner, limits: tuple[Limit, ...]
) -> None:
    ahead = tuple(replace(each, until=NOW + 50 * HOUR) for each in limits)

    async def scenario(stores: Stores) -> None:
        await stores.mail.accept(counted(*ahead), now=NOW + 49 * HOUR)
        answers = [await stores.mail.accept(counted(*limits), now=NOW) for _ in range(2)]

        told = [(each.is_over, each.seconds) for each in answers if isinstance(each, Standing)]
        assert told == [(False, 3_600), (True, 3_600)]

    run(scenario)


def test_a_window_that_a_clock_ahead_has_begun_is_not_gone_on_with(run: Runner) -> None:
    limit = to_recipient(3)
    ahead = replace(limit, until=NOW + 50 * HOUR)

    async def scenario(stores: Stores) -> None:
        await stores.mail.accept(counted(ahead), now=NOW + 49 * HOUR)

        assert await stores.mail.accept(counted(limit), now=NOW) == Standing(
            Kind.RECIPIENT, 3, 2, 3_600
        )

    run(scenario)


@pytest.mark.parametrize("limits", [(to_recipient(1),), (in_a_day(9), to_recipient(1))])
def test_clocks_that_differ_a_little_share_a_window(run: Runner, limits: tuple[Limit, ...]) -> None:
    ahead = tuple(replace(each, until=each.until + CLOCKS_APART) for each in limits)

    async def scenario(stores: Stores) -> None:
        await stores.mail.accept(counted(*ahead), now=NOW + CLOCKS_APART)
        answer = await stores.mail.accept(counted(*limits), now=NOW)

        assert isinstance(answer, Standing)
        assert answer.is_over

    run(scenario)


def test_a_limit_that_is_lowered_holds_at_once_and_one_that_is_raised_too(run: Runner) -> None:
    async def scenario(stores: Stores) -> list[bool]:
        found = []
        for most in (5, 5, 5, 2, 4, 4):
            answer = await stores.mail.accept(counted(to_recipient(most)), now=NOW)
            assert isinstance(answer, Standing)
            found.append(answer.is_over)
        return found

    assert run(scenario) == [False, False, False, True, False, True]


def test_another_app_and_another_recipient_have_counters_of_their_own(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        for limit in (
            to_recipient(1),
            to_recipient(1, "eve@b.example"),
            to_recipient(1, app_id=OTHER),
        ):
            answer = await stores.mail.accept(counted(limit, app_id=limit.app_id), now=NOW)
            assert isinstance(answer, Standing)
            assert not answer.is_over

        assert len(await counters(stores)) == 3

    run(scenario)


def test_every_recipient_of_a_message_counts_or_none(run: Runner) -> None:
    ann, bo = to_recipient(2, "ann@a.example"), to_recipient(1)

    async def scenario(stores: Stores) -> None:
        both = message("ann@a.example", "bo@b.example", state=State.CAPTURED)
        await stores.mail.accept(replace(intake(both), limits=(ann, bo)), now=NOW)
        again = message("ann@a.example", "bo@b.example", state=State.CAPTURED)
        answer = await stores.mail.accept(replace(intake(again), limits=(ann, bo)), now=NOW)

        assert isinstance(answer, Standing)
        assert answer.is_over
        assert await counters(stores) == [(APP, ann.key, 1), (APP, bo.key, 1)]

    run(scenario)


def test_a_message_sent_at_once_counts_and_its_attempt_has_begun(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        given = message()
        lease = Lease("here", NOW + MINUTE)
        answer = await stores.mail.accept(
            replace(intake(given, lease=lease), limits=(to_recipient(1),)), now=NOW
        )

        assert answer == Standing(Kind.RECIPIENT, 1, 0, 3_600)
        assert await stores.states(given) == [State.SENDING]
        assert len(await stores.mail.attempts(APP, given.id)) == 1

    run(scenario)


def test_behind_a_shut_window_nothing_counts_and_over_a_limit_no_window_opens(run: Runner) -> None:
    window = WindowStart("session:1", NOW + MINUTE)

    async def scenario(stores: Stores) -> None:
        opened = counted(to_recipient(2), windows=(window,))
        await stores.mail.accept(opened, now=NOW)
        shut = await stores.mail.accept(counted(to_recipient(2), windows=(window,)), now=NOW)
        assert (await stores.logged())[-1].reason == "too_soon: 60 s"
        assert shut == window.until
        assert await counters(stores) == [(APP, to_recipient().key, 1)]

        other = WindowStart("session:2", NOW + MINUTE)
        over = await stores.mail.accept(counted(to_recipient(1), windows=(other,)), now=NOW)
        assert isinstance(over, Standing)
        assert over.is_over
        free = await stores.mail.accept(counted(to_recipient(2), windows=(other,)), now=NOW)
        assert isinstance(free, Standing)
        assert not free.is_over

    run(scenario)


def test_without_a_message_nothing_counts(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        unbuilt = replace(intake(None, status="failed"), limits=(to_recipient(1),))

        assert await stores.mail.accept(unbuilt, now=NOW) is None
        assert await counters(stores) == []

    run(scenario)


@pytest.mark.parametrize("limits", LIMITS.values(), ids=LIMITS)
def test_mail_that_cannot_be_stored_counts_for_nothing(
    run: Runner, limits: tuple[Limit, ...]
) -> None:
    theirs = tuple(replace(each, app_id="9999999999") for each in limits)

    async def scenario(stores: Stores) -> None:
        with pytest.raises(StorageError):
            await stores.mail.accept(counted(*theirs, app_id="9999999999"), now=NOW)

        assert await counters(stores) == []

    run(scenario)


@pytest.mark.parametrize("limits", LIMITS.values(), ids=LIMITS)
def test_of_sixty_four_at_once_as_many_are_stored_as_may_be(
    run: Runner, limits: tuple[Limit, ...]
) -> None:
    async def scenario(stores: Stores) -> None:
        assert await stored(stores.mail, limits, 64) == MOST
        assert await messages(stores) == MOST
        assert {count for *_, count in await counters(stores)} == {MOST}

    run(scenario)


@pytest.mark.parametrize("limits", LIMITS)
def test_processes_on_one_database_share_a_limit(run: Runner, limits: str) -> None:
    async def nothing(_: Stores) -> None:
        """Make the apps."""

    async def books(stores: Stores) -> tuple[int, set[int]]:
        return await messages(stores), {count for *_, count in await counters(stores)}

    run(nothing)
    shares = stored_by_processes(run.place, limits, processes=2, times=32)

    assert sum(shares) == MOST
    assert run(books) == (MOST, {MOST})


def test_counters_whose_windows_have_passed_are_forgotten(run: Runner) -> None:
    second = timedelta(seconds=1)

    async def scenario(stores: Stores) -> int:
        for number in range(5 * FORGET_EVERY):
            now = NOW + number * second
            limit = replace(to_recipient(9, f"{number}@b.example"), until=now + MINUTE)
            await stores.mail.accept(counted(limit), now=now)
        return len(await counters(stores))

    assert run(scenario) <= 60 + FORGET_EVERY


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_counting_scans_no_table(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        statements = await traced(stores)
        for _ in range(FORGET_EVERY + 1):
            await stores.mail.accept(counted(to_recipient(3)), now=NOW)
        await stores.mail.accept(counted(in_a_day(), to_recipient(1)), now=NOW)
        count = CounterStore(stores.database).count
        for _ in range(FORGET_EVERY + 1):
            await count(Limit(Kind.ADDRESS, "", "address:192.0.2.1", 3, NOW + MINUTE), now=NOW)

        about = [each for each in statements if "quota_counter" in each and "temp." not in each]
        assert any("DELETE" in each for each in about)
        assert any("count - 1" in each for each in about)
        assert await scans(stores, about) == {}

    run(scenario)


# Requests, which are counted before anything else is done for them.


def test_requests_count_up_to_the_limit_and_again_in_the_next_window(run: Runner) -> None:
    limit = Limit(Kind.ADDRESS, "", "address:192.0.2.1", 2, NOW + MINUTE)
    later = replace(limit, until=NOW + 2 * MINUTE)

    async def scenario(stores: Stores) -> None:
        count = CounterStore(stores.database).count

        assert [await count(limit, now=NOW) for _ in range(3)] == [
            Standing(Kind.ADDRESS, 2, 1, 60),
            Standing(Kind.ADDRESS, 2, 0, 60),
            Standing(Kind.ADDRESS, 2, 0, 60, is_over=True),
        ]
        assert (await count(later, now=limit.until)).remaining == 1
        assert await counters(stores) == [("", limit.key, 1)]

    run(scenario)


def test_requests_do_not_wait_for_a_clock_that_was_ahead(run: Runner) -> None:
    limit = Limit(Kind.ADDRESS, "", "address:192.0.2.1", 1, NOW + MINUTE)
    ahead = replace(limit, until=NOW + 50 * HOUR)

    async def scenario(stores: Stores) -> None:
        count = CounterStore(stores.database).count
        await count(ahead, now=ahead.until - MINUTE)

        assert [(await count(limit, now=NOW)).is_over for _ in range(2)] == [False, True]

    run(scenario)


def test_of_sixty_four_requests_at_once_as_many_pass_as_may(run: Runner) -> None:
    limit = Limit(Kind.KEY, APP, "key:1", MOST, NOW + MINUTE)

    async def scenario(stores: Stores) -> None:
        store = CounterStore(stores.database)
        found = await asyncio.gather(*(store.count(limit, now=NOW) for _ in range(64)))

        passed = [each.remaining for each in found if not each.is_over]
        assert sorted(passed) == [*range(MOST)]

    run(scenario)


def test_counters_of_requests_are_forgotten_when_their_minute_has_passed(run: Runner) -> None:
    async def scenario(stores: Stores) -> int:
        store = CounterStore(stores.database)
        now: datetime = NOW
        for number in range(5 * FORGET_EVERY):
            now = NOW + number * timedelta(seconds=1)
            await store.count(
                Limit(Kind.ADDRESS, "", f"address:{number}", 1, now + MINUTE), now=now
            )
        return len(await counters(stores))

    assert run(scenario) <= 60 + FORGET_EVERY
